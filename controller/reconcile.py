"""The controller's loop: what changed -> decisions -> writes, while this replica leads."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from controller.admission import Loaded, configuration_kinds, load
from controller.binding import Binding, service_of
from controller.bindings import BindingStore
from controller.decision import Assign, Decision, Refuse
from controller.inbox import Inbox
from controller.metrics import State
from controller.patches import status_patch
from controller.plan import Planner, precedence
from controller.request import Request, read_request
from controller.reservations import ReservedAddress
from controller.statuses import Outcome
from controller.writer import StatusWriter, Tell, Write
from ferrite.conditions import rfc3339
from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import ADDRESS_BINDINGS, ADDRESS_RESERVATIONS, NAMESPACES, SERVICES, AnyKind
from ferrite.kube.watch import NOT_FOUND, Store
from ferrite.kube.world import World
from ferrite.kube.writes import ConfigurationReport
from ferrite.objects import Service
from ferrite.run.latest import Latest

T = TypeVar("T")
log = logging.getLogger(__name__)

RESYNC_SECONDS = 300.0
CATCH_UP_SECONDS = 5.0
LOOK_SECONDS = 0.05
PART = 500
"""Services decided on without a break: about 20 ms."""


class Follower:
    """Reads the world, leading or not: keeps the configuration; in a term, tells which Services changed."""

    def __init__(self, world: World, namespace: str, lb_class: str | None, state: State) -> None:
        self.world, self.lb_class = world, lb_class
        self._namespace, self._state = namespace, state
        self._bindings = ADDRESS_BINDINGS.within(namespace)
        self._kinds: tuple[AnyKind, ...] = (
            *configuration_kinds(namespace),
            NAMESPACES,
            ADDRESS_RESERVATIONS,
        )
        self.inbox = Inbox()
        self.report: Latest[ConfigurationReport] = Latest()
        self.loaded: Loaded | None = None

    async def follow(self) -> NoReturn:
        """Do so forever."""
        while True:
            changes = await self.world.changed(within=RESYNC_SECONDS)
            if changes.first or any(changes.of(kind) for kind in self._kinds):
                self.reload()
            if self._state.leading:  # a term begins with every Service, whatever was noted before it
                self.inbox.add(*(changes.of(SERVICES) if changes else self.world.objects(SERVICES)))
                self.inbox.add(*map(service_of, changes.of(self._bindings)))

    def reload(self) -> None:
        """Read the configuration as the world shows it now."""
        before = self.loaded
        self.loaded = load(self.world, self._namespace, before)
        self._state.loaded = True
        self._state.stale = any(problem.fatal for problem in self.loaded.problems)
        if before is None or before.problems != self.loaded.problems:
            for problem in self.loaded.problems:
                log.warning(
                    "configuration problem",
                    extra={"object": problem.name, "kind": problem.kind, "error": problem.text},
                )
            self.report.set(ConfigurationReport.of(self.loaded.problems))


class Term:
    """One term of leadership: its plan is rebuilt from the status of Services, and from AddressBindings."""

    def __init__(self, follower: Follower, writer: StatusWriter, bindings: BindingStore, tell: Tell) -> None:
        self._world, self._inbox, self._lb_class = follower.world, follower.inbox, follower.lb_class
        self._writer, self._bindings, self._tell = writer, bindings, tell
        self._loaded: Loaded | None = None
        self._patient: dict[str, Write] = {}  # writes that wait for the end of the turn
        self._reserved: tuple[int, dict[str, tuple[ReservedAddress, ...]]] = (-1, {})
        self.planner = Planner()

    @property
    def _services(self) -> Mapping[str, Service]:
        return self._world.objects(SERVICES)

    async def turn(self, keys: Iterable[str], loaded: Loaded) -> int:
        """Decide and have written; returns how many Services were decided on.

        Many are taken in parts, in the order of precedence, so that the Lease is renewed meanwhile; holders
        of all parts are claimed before anything is given.
        """
        now = time.time()
        if self._configure(loaded, now):
            keys = {*keys, *self._services, *(binding.key for binding in self._bindings.all())}
        due, decided = list(keys), 0
        if len(due) > PART:  # else the plan itself sorts and claims
            due = await self._claimed(due)
        async for part in _parts(due):
            decided += self._take(part, now)
        for write in self._patient.values():
            self._writer.put(write)
        self._patient.clear()
        self._tell.flush(idle=not self._writer.busy)
        return decided

    async def _claimed(self, keys: list[str]) -> list[str]:
        """The keys in the order of their turns, the gone first; who holds addresses is claimed by then."""
        requests: list[Request] = []
        async for part in _parts(keys):
            requests += filter(None, map(self._find, part))
        requests.sort(key=precedence)
        async for found in _parts(requests):
            self.planner.claim(found)
        here = [request.key for request in requests]
        return [*set(keys).difference(here), *here]

    def _take(self, keys: Iterable[str], now: float) -> int:
        requests: dict[str, Request] = {}
        gone: list[str] = []
        for key in filter(self._is_settled, keys):
            if self._bindings.lost(key):
                self.planner.free(key)
            if key not in self._services:
                self._tell.forget(key)
                gone.append(key)
            elif request := self._find(key):
                requests[key] = request
        decisions = self._decide(requests, gone, now)
        for decision in decisions:
            try:
                self._effect(decision, now)
            except Exception:
                log.exception("not written", extra={"service": decision.key})
        for key in gone:
            self._remember(key, now)
        return len(decisions)

    def outcome(self) -> Outcome:
        """What came of the last turn, for the status of pools and reservations."""
        planner, loaded = self.planner, self._loaded
        if self._reserved[0] != planner.reserved_changes:
            self._reserved = (planner.reserved_changes, planner.reserved())
        pools, faults = (loaded.offers.pools, loaded.faults) if loaded else ({}, {})
        return Outcome(pools, planner.usage(), planner.kept(), self._reserved[1], faults)

    def _configure(self, loaded: Loaded, now: float) -> bool:
        """Let the plan decide by `loaded`; whether every Service is to be decided on."""
        before, self._loaded = self._loaded, loaded
        if before is None or before.reservations != loaded.reservations:
            self.planner.reserve(loaded.reservations)
        if before is not None and before.revision == loaded.revision:
            self.planner.refresh(loaded.offers)
            return False
        self.planner.configure(loaded.offers)
        if before is None:
            self.planner.restore(self._bindings.all(), now)
        return True

    def _is_settled(self, key: str) -> bool:
        service = self._services.get(key)
        return self._writer.settled(key, service.metadata.resource_version if service else None)

    def _decide(self, requests: dict[str, Request], gone: list[str], now: float) -> tuple[Decision, ...]:
        def find(key: str) -> Request | None:
            return requests.get(key) or self._find(key)

        try:
            return self.planner.turn((*requests, *gone), find, now)
        except Exception:
            log.exception("turn failed, trying each Service alone", extra={"services": len(requests)})
        self.planner.claim(requests.values())  # holders first, here too
        decisions: list[Decision] = []
        for key in (*gone, *requests):
            try:
                decisions.extend(self.planner.turn([key], find, now))
            except Exception:
                log.exception("no decision", extra={"service": key})
        return tuple(decisions)

    def _find(self, key: str) -> Request | None:
        service = self._services.get(key)
        if service is None or not self._is_settled(key):
            return None
        try:
            return read_request(service, self._lb_class)
        except Exception:
            log.exception("service not understood", extra={"service": key})
            return None

    def _effect(self, decision: Decision, now: float) -> None:
        key, service = decision.key, self._services[decision.key]
        body = status_patch(decision, service, rfc3339(now))
        match decision:
            case Assign(addresses=addresses, pool=pool):
                words = ",".join(map(str, addresses))
                log.info("address assigned", extra={"service": key, "address": words, "pool": pool})
            case Refuse(why=why):
                log.debug("not served", extra={"service": key, "reason": why.reason.value, "why": why.text})
            case _:
                pass
        binding = self._memory(key)
        self._wake_for(binding, now)
        self._patient.pop(key, None)
        if body is None and binding == self._bindings.stored(key):
            self._tell.tell(service, decision.notes)
            return
        write = Write(key, binding, service, body, decision.notes)
        if write.is_urgent:
            self._writer.put(write)
        else:
            self._patient[key] = write

    def _remember(self, key: str, now: float) -> None:
        """Write down, or strike out, what is kept for a Service that is gone."""
        binding = self._memory(key)
        if binding != self._bindings.stored(key):
            self._writer.put(Write(key, binding))
        else:
            self._writer.forget(key)
        self._wake_for(binding, now)

    def _memory(self, key: str) -> Binding | None:
        """What is to be remembered of a Service; a pool that does not count now lets nothing be forgotten."""
        binding, stored = self.planner.binding(key), self._bindings.stored(key)
        broken = self._loaded.offers.broken if self._loaded else ()
        return stored if binding is None and stored and stored.pool in broken else binding

    def _wake_for(self, binding: Binding | None, now: float) -> None:
        if binding and binding.until is not None:
            self._inbox.add_later(binding.key, max(0.0, binding.until - now))


async def _parts(items: list[T]) -> AsyncIterator[list[T]]:
    """So many at once that nothing else waits long for its turn; one part without any where none is."""
    for start in range(0, max(1, len(items)), PART):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + PART]


async def caught_up(cluster: Cluster, world: World) -> None:
    """Wait until the watch shows every object as new as the API server had it when this was called.

    Another replica may have assigned addresses a moment ago that are still on their way to us, and the pools
    that it did so by.
    """
    for store in world.stores:
        await _caught_up_with(cluster, store)


async def _caught_up_with(cluster: Cluster, store: Store[Any]) -> None:
    while True:
        try:
            newest = await cluster.newest(store.kind)
        except ClusterError as error:
            if store.kind.optional and error.status == NOT_FOUND:
                return
            raise
        for _ in range(int(CATCH_UP_SECONDS / LOOK_SECONDS)):
            if store.synced and store.shows(newest):
                return
            await asyncio.sleep(LOOK_SECONDS)

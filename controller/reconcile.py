"""The controller's loop: what changed -> decisions -> writes, while this replica leads."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NoReturn

from controller.admission import Loaded, configuration_kinds, load, same_offers
from controller.decision import Assign, Decision, Refuse
from controller.inbox import Inbox
from controller.metrics import State
from controller.patches import status_patch
from controller.plan import Planner
from controller.request import Request, read_request
from controller.writer import StatusWriter, Tell, Write
from ferrite.config.parse import NOTHING
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import NAMESPACES, SERVICES, AnyKind
from ferrite.kube.world import Changes, World
from ferrite.kube.writes import ConfigurationReport
from ferrite.objects import Service
from ferrite.run.latest import Latest

log = logging.getLogger(__name__)

RESYNC_SECONDS = 300.0
CATCH_UP_SECONDS = 5.0
LOOK_SECONDS = 0.05


class Follower:
    """Reads the world, leading or not: keeps the configuration, and puts changed Services into the inbox."""

    def __init__(self, world: World, namespace: str, state: State) -> None:
        self._world, self._namespace, self._state = world, namespace, state
        self._kinds: tuple[AnyKind, ...] = (*configuration_kinds(namespace), NAMESPACES)
        self.inbox = Inbox()
        self.report: Latest[ConfigurationReport] = Latest()
        self.loaded: Loaded | None = None

    async def follow(self) -> NoReturn:
        """Do so forever."""
        while True:
            changes = await self._world.changed(within=RESYNC_SECONDS)
            whole = self._configure(changes) or not changes
            if self._state.leading:  # a term begins with every Service, whatever was noted before it
                self.inbox.add(*(self._world.objects(SERVICES) if whole else changes.of(SERVICES)))

    def _configure(self, changes: Changes) -> bool:
        """Read the configuration anew if it changed; whether that can matter to a Service."""
        if not changes.first and not any(changes.of(kind) for kind in self._kinds):
            return False
        before = self.loaded
        self.loaded = load(self._world, self._namespace, before.memory if before else NOTHING)
        self._state.loaded = True
        self._state.stale = any(problem.fatal for problem in self.loaded.problems)
        if before is None or before.problems != self.loaded.problems:
            for problem in self.loaded.problems:
                log.warning(
                    "configuration problem",
                    extra={"object": problem.name, "kind": problem.kind, "error": problem.text},
                )
            self.report.set(ConfigurationReport.of(self.loaded.problems))
        if before and same_offers(before.offers, self.loaded.offers):
            self.loaded = replace(self.loaded, offers=before.offers)
            return False
        return True


class Term:
    """One term of leadership: its plan is rebuilt from the status of all Services."""

    def __init__(self, world: World, writer: StatusWriter, tell: Tell, lb_class: str | None) -> None:
        self._world, self._writer, self._tell, self._lb_class = world, writer, tell, lb_class
        self._loaded: Loaded | None = None
        self.planner = Planner()

    @property
    def _services(self) -> Mapping[str, Service]:
        return self._world.objects(SERVICES)

    def turn(self, keys: Iterable[str], loaded: Loaded) -> int:
        """Decide and have written; returns how many Services were decided on."""
        if self._loaded is None or self._loaded.offers is not loaded.offers:
            self.planner.configure(loaded.offers)
            keys = {*keys, *self._services}
        self._loaded = loaded
        requests: dict[str, Request] = {}
        gone: list[str] = []
        for key in filter(self._is_settled, keys):
            if key not in self._services:
                self._tell.forget(key)
                gone.append(key)
            elif request := self._find(key):
                requests[key] = request
        decisions = self._decide(requests, gone)
        for decision in decisions:
            self._effect(decision)
        self._tell.flush(idle=not self._writer.busy)
        return len(decisions)

    def _is_settled(self, key: str) -> bool:
        service = self._services.get(key)
        return self._writer.settled(key, service.metadata.resource_version if service else None)

    def _decide(self, requests: dict[str, Request], gone: list[str]) -> tuple[Decision, ...]:
        def find(key: str) -> Request | None:
            return requests.get(key) or self._find(key)

        try:
            return self.planner.turn((*requests, *gone), find)
        except Exception:
            log.exception("turn failed, trying each Service alone", extra={"services": len(requests)})
        self.planner.claim(requests.values())  # holders first, here too
        decisions: list[Decision] = []
        for key in (*gone, *requests):
            try:
                decisions.extend(self.planner.turn([key], find))
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

    def _effect(self, decision: Decision) -> None:
        service = self._services[decision.key]
        body = status_patch(decision, service.metadata.resource_version)
        match decision:
            case Assign(addresses=addresses, pool=pool):
                words = ",".join(map(str, addresses))
                log.info("address assigned", extra={"service": decision.key, "address": words, "pool": pool})
            case Refuse(why=why):
                log.debug(
                    "not served", extra={"service": decision.key, "reason": why.reason.value, "why": why.text}
                )
            case _:
                pass
        if body is None:
            self._tell.tell(service, decision.notes)
        else:
            self._writer.put(Write(service, body, decision.notes))


async def caught_up(cluster: Cluster, world: World) -> None:
    """Wait until the watch shows every Service as new as the API server had it when this was called.

    Another replica may have assigned addresses a moment ago that are still on their way to us.
    """
    while True:
        listed, _ = await cluster.list(SERVICES)
        newest = max((_number(service.metadata.resource_version) for service in listed), default=0)
        for _ in range(int(CATCH_UP_SECONDS / LOOK_SECONDS)):
            # Changes come in the order of versions: who was shown a later one was shown them all.
            if _number(world.version(SERVICES)) >= newest:
                return
            await asyncio.sleep(LOOK_SECONDS)


def _number(version: str) -> int:
    """A resource version as every API server that stores in etcd has them: the number of the change."""
    return int(version) if version.isdigit() else 0

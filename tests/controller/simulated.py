"""A small API server, and a leader that decides and writes as the controller does, step by step.

Every step that can fail on its own in a cluster is a call of its own here: the watch of a kind shows news,
a turn is taken, a write is done, is refused, is done without an answer or is done late, a leader dies.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import msgspec

from controller.admission import same_offers
from controller.binding import Binding
from controller.choice import Offers, make_offers
from controller.decision import Assign, Clear, Decision, Keep, Leave, Refuse
from controller.patches import moves_addresses, pool_status, status_patch
from controller.plan import Planner
from controller.request import Request, read_request
from ferrite.conditions import rfc3339
from ferrite.config.pools import with_removal
from ferrite.model import Pool, Reservation
from ferrite.net import IPAddress, parse_address
from ferrite.objects import ALLOCATED_FROM_POOL, Custom, Service
from tests.fakes.patching import merged

SERVICES, POOLS, NAMESPACES = "services", "pools", "namespaces"
RESERVATIONS, BINDINGS = "reservations", "bindings"
KINDS = (SERVICES, POOLS, NAMESPACES, RESERVATIONS, BINDINGS)


@dataclass(frozen=True)
class StoredService:
    document: dict[str, Any]
    service: Service

    @property
    def version(self) -> str:
        return self.service.metadata.resource_version

    @property
    def addresses(self) -> tuple[IPAddress, ...]:
        return tuple(parse_address(each.ip) for each in self.service.status.load_balancer.ingress)

    @property
    def pool(self) -> str | None:
        return self.service.metadata.annotations.get(ALLOCATED_FROM_POOL)

    @property
    def request(self) -> Request:
        return read_request(self.service, None)


@dataclass(frozen=True)
class StoredPool:
    """An IPAddressPool; `pool` is what its spec says, `uid` tells it from one of that name before it."""

    pool: Pool
    uid: int
    generation: int = 1
    status: dict[str, Any] = field(default_factory=dict)
    deleting: bool = False
    finalizer: bool = False
    version: int = 0

    @property
    def item(self) -> Custom:
        metadata = {"name": self.pool.name, "generation": self.generation}
        if self.deleting:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return msgspec.convert({"metadata": metadata, "spec": {}, "status": self.status}, Custom)


@dataclass(frozen=True)
class StoredBinding:
    binding: Binding
    version: str


Kinds = dict[str, dict[str, Any]]


class ConflictError(Exception):
    """The object is newer than the write."""


class Api:
    """The objects, each kind in a dict that is replaced and never changed."""

    def __init__(self) -> None:
        self.kinds: Kinds = {kind: {} for kind in KINDS}
        self.now = 1_000_000.0
        self.versions = count(1)
        self.writes = 0  # of the controller
        self.words = 0  # those of them that only tell a Service's owner something else

    def put(self, kind: str, key: str, value: Any) -> None:
        self.kinds[kind] = {**self.kinds[kind], key: value}

    def remove(self, kind: str, key: str) -> None:
        self.kinds[kind] = {name: value for name, value in self.kinds[kind].items() if name != key}

    def put_service(self, key: str, document: dict[str, Any]) -> None:
        version = str(next(self.versions))
        document = merged(document, {"metadata": {"resourceVersion": version}})
        self.put(SERVICES, key, StoredService(document, msgspec.convert(document, Service)))

    def patch_service(self, key: str, body: dict[str, Any]) -> None:
        stored = self.kinds[SERVICES][key]
        if body["metadata"]["resourceVersion"] != stored.version:
            raise ConflictError
        self.writes += 1
        self.words += not moves_addresses(body)
        self.put_service(key, merged(stored.document, body))

    def put_pool(self, stored: StoredPool) -> None:
        stored = replace(stored, version=next(self.versions))
        if stored.deleting and not stored.finalizer:
            self.remove(POOLS, stored.pool.name)
        else:
            self.put(POOLS, stored.pool.name, stored)

    def write_binding(self, key: str, binding: Binding | None, version: str) -> str:
        stored = self.kinds[BINDINGS].get(key)
        if binding is None and stored is None:
            return ""
        if (stored.version if stored else "") != version:
            raise ConflictError
        self.writes += 1
        if binding is None:
            self.remove(BINDINGS, key)
            return ""
        answer = str(next(self.versions))
        self.put(BINDINGS, key, StoredBinding(binding, answer))
        return answer


@dataclass(frozen=True, eq=False)
class Write:
    """What a leader is about to write of one Service, and the world that it decided on."""

    key: str
    binding: Binding | None
    stored: StoredService | None
    body: dict[str, Any] | None
    view: Kinds

    @property
    def version(self) -> str | None:
        return self.stored.version if self.stored else None


@dataclass(frozen=True)
class Turn:
    """A turn for those who judge it: the world that was shown, who was to have what before, and decisions."""

    view: Kinds
    now: float
    before: dict[str, tuple[IPAddress, ...]]
    after: dict[str, tuple[IPAddress, ...]]
    decided_before: dict[str, tuple[IPAddress, ...]]
    decisions: tuple[Decision, ...]


class Leader:
    """One term: a fresh plan, a view of the API server that may lag kind by kind, and writes under way."""

    def __init__(self, api: Api) -> None:
        self.api, self.planner = api, Planner()
        self.view: Kinds = dict(api.kinds)
        self.lagging: set[str] = set()
        self.pending: list[Write] = []
        self.adrift: list[Callable[[], object]] = []  # writes that nobody waits for any more
        self.wanted: dict[str, tuple[IPAddress, ...]] = {}
        self.written: dict[str, str] = {}
        self.bindings: dict[str, tuple[Binding | None, str]] = {}  # written, until the watch shows it
        self.had: set[str] = set()
        self.later: list[tuple[float, str]] = []
        self.inbox: set[str] = set()
        self.offers, self.uids = self._load(None, {})
        self.revision, self.configured = 1, 0
        self.reservations: tuple[Reservation, ...] | None = None
        self.outcome: tuple[Any, Any, Any] = ({}, {}, {})

    # What it sees

    def deliver(self) -> None:
        """The watch shows what is new of the kinds that do not lag."""
        for kind in set(KINDS) - self.lagging:
            old, new = self.view[kind], self.api.kinds[kind]
            changed = {key for key in {*old, *new} if old.get(key) is not new.get(key)}
            if kind in (SERVICES, BINDINGS):
                self.inbox |= changed
        if BINDINGS not in self.lagging:
            self.bindings.clear()  # the watch shows at least what was written
        self.view |= {kind: self.api.kinds[kind] for kind in KINDS if kind not in self.lagging}
        before, (self.offers, self.uids) = self.offers, self._load(self.offers, self.uids)
        self.revision += not same_offers(before, self.offers)

    def _load(self, before: Offers | None, uids: dict[str, int]) -> tuple[Offers, dict[str, int]]:
        pools = []
        for name, stored in sorted(self.view[POOLS].items()):
            old = before.pools.get(name) if before and uids.get(name) == stored.uid else None
            pools.append(with_removal(stored.pool, stored.item, old))
        known = bool(pools) or (before is not None and before.known)
        offers = make_offers(pools, self.view[NAMESPACES], known=known)
        return offers, {name: stored.uid for name, stored in self.view[POOLS].items()}

    def _settled(self, key: str) -> bool:
        if any(write.key == key for write in self.pending):
            return False
        shown = self.view[SERVICES].get(key)
        if shown and self.written.get(key) == shown.version:
            return False
        self.written.pop(key, None)
        return True

    def _stored(self, key: str) -> Binding | None:
        shown = self.view[BINDINGS].get(key)
        if key in self.bindings:
            binding, version = self.bindings[key]
            if version != (shown.version if shown else ""):
                return binding
            del self.bindings[key]
        return shown.binding if shown else None

    def _all_bindings(self) -> Iterator[Binding]:
        for key, stored in self.view[BINDINGS].items():
            self.had.add(key)
            yield stored.binding

    # What it decides

    def turn(self) -> Turn:
        self.deliver()
        now = self.api.now
        keys = self.inbox | {key for due, key in self.later if due <= now}
        self.inbox, self.later = set(), [each for each in self.later if each[0] > now]
        before, decided_before = self.effective(), dict(self.wanted)
        if self._configure(now):
            keys |= {*self.view[SERVICES], *self.view[BINDINGS]}
        gone = []
        for key in sorted(filter(self._settled, keys)):
            if key in self.had and self._stored(key) is None:
                self.planner.free(key)
            if key not in self.view[SERVICES]:
                gone.append(key)
        ready = [key for key in sorted(keys) if key in self.view[SERVICES] and self._settled(key)]
        decisions = self.planner.turn((*ready, *gone), self._find, now)
        for decision in decisions:
            self._effect(decision)
        for key in gone:
            self._remember(key)
        self.outcome = (self.offers.pools, self.planner.usage(), self.planner.kept())
        return Turn(dict(self.view), now, before, self.effective(), decided_before, decisions)

    def effective(self) -> dict[str, tuple[IPAddress, ...]]:
        """Who is to have which addresses: as decided in this term, else as the status says."""
        here = self.view[SERVICES]
        return {key: self.wanted.get(key, stored.addresses) for key, stored in here.items()}

    def _configure(self, now: float) -> bool:
        reservations = tuple(self.view[RESERVATIONS].values())
        if reservations != self.reservations:
            self.planner.reserve(reservations)
            self.reservations = reservations
        if self.configured == self.revision:
            self.planner.refresh(self.offers)
            return False
        self.planner.configure(self.offers)
        if not self.configured:
            self.planner.restore(self._all_bindings(), now)
        self.configured = self.revision
        return True

    def _find(self, key: str) -> Request | None:
        stored = self.view[SERVICES].get(key)
        return stored.request if stored and self._settled(key) else None

    def _effect(self, decision: Decision) -> None:
        key, stored = decision.key, self.view[SERVICES][decision.key]
        match decision:
            case Assign(addresses=addresses) | Keep(addresses=addresses):
                self.wanted[key] = addresses
            case Clear() | Refuse(clear=True):
                self.wanted[key] = ()
            case Refuse(verdict=verdict) if not verdict.holds:
                self.wanted[key] = ()
            case Leave():
                self.wanted.pop(key, None)
        body = status_patch(decision, stored.service, rfc3339(self.api.now))
        binding = self.planner.binding(key)
        self._wake_for(binding)
        if body is not None or binding != self._stored(key):
            self.pending.append(Write(key, binding, stored, body, dict(self.view)))

    def _remember(self, key: str) -> None:
        self.wanted.pop(key, None)
        binding = self.planner.binding(key)
        if binding != self._stored(key):
            self.pending.append(Write(key, binding, None, None, dict(self.view)))
        self._wake_for(binding)

    def _wake_for(self, binding: Binding | None) -> None:
        if binding and binding.until is not None:
            self.later.append((binding.until, binding.key))

    # What it writes

    def perform(
        self, write: Write, fault: str = "", at: int = 0, judge: Callable[[Write], None] = id
    ) -> None:
        """Do a write of `pending`.

        Args:
            write: the one.
            fault: "undone", "unanswered" or "late"; empty when nothing is wrong.
            at: the step that goes wrong: 0 writes the binding, 1 the status.
            judge: is called when the status is written.
        """
        try:
            done = self._steps(write, fault, at, judge)
        except ConflictError:
            done = False
        self.pending.remove(write)
        if not done:
            self.later.append((self.api.now + 1, write.key))
        elif write.body and write.version:
            self.written[write.key] = write.version
        self.deliver()
        shown = self.view[SERVICES].get(write.key)
        if (shown.version if shown else None) != write.version:
            self.inbox.add(write.key)

    def _steps(self, write: Write, fault: str, at: int, judge: Callable[[Write], None]) -> bool:
        if self._stored(write.key) != write.binding:
            key, binding, version = write.key, write.binding, self._version(write.key)
            try:
                if not self._do(
                    lambda: self.api.write_binding(key, binding, version), fault if at == 0 else ""
                ):
                    return False
            except ConflictError:
                self.bindings.pop(key, None)
                raise
            stored = self.api.kinds[BINDINGS].get(key)
            self.bindings[key] = (binding, stored.version if stored and binding else "")
            (self.had.discard if binding is None else self.had.add)(key)
        return write.body is None or self._do(lambda: patch(self.api, write, judge), fault if at == 1 else "")

    def _version(self, key: str) -> str:
        if key in self.bindings:
            return self.bindings[key][1]
        shown = self.view[BINDINGS].get(key)
        return shown.version if shown else ""

    def _do(self, act: Callable[[], object], fault: str) -> bool:
        if fault == "late":
            self.adrift.append(act)
        if fault in ("", "unanswered"):
            act()
        return not fault

    # Status of pools

    def write_pools(self) -> None:
        """Write the status and the finalizer of pools, as they were to be after the last turn."""
        for wanted in tuple(self._pool_writes()):
            present = self.api.kinds[POOLS].get(wanted.pool.name)
            if present and present.version == wanted.version:
                self.api.writes += 1
                self.api.put_pool(wanted)

    def _pool_writes(self) -> Iterable[StoredPool]:
        pools, usage, kept = self.outcome
        for name, stored in self.view[POOLS].items():
            pool = pools.get(name)
            finalizer = bool(pool and pool.removal)
            if pool and pool.removal and stored.deleting:
                used = any(each.in_use for each in usage[name].values()) or bool(kept.get(name))
                finalizer = stored.finalizer and (used or not pool.deleting)
            if finalizer != stored.finalizer:
                yield replace(stored, finalizer=finalizer)
            elif pool:
                status = merged(stored.status, pool_status(pool, usage[name], kept.get(name, ())))
                if status != stored.status:
                    yield replace(stored, status=status)


def patch(api: Api, write: Write, judge: Callable[[Write], None]) -> None:
    """Write a status, and have it judged."""
    if write.key in api.kinds[SERVICES]:
        api.patch_service(write.key, write.body or {})
        judge(write)

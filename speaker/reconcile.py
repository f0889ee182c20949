"""The speaker's loop: what changed in the cluster or among the members becomes announcements and routes."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeVar

from ferrite.config.parse import NOTHING, ConfigObjects, parse
from ferrite.kube.kinds import (
    BFD_PROFILES,
    BGP_ADVERTISEMENTS,
    BGP_PEERS,
    COMMUNITIES,
    ENDPOINT_SLICES,
    IP_ADDRESS_POOLS,
    L2_ADVERTISEMENTS,
    NODES,
    SECRETS,
    SERVICES,
    Kind,
)
from ferrite.kube.world import Changes, World
from ferrite.kube.writes import Events
from ferrite.model import Problem, Snapshot
from ferrite.net import IPAddress, NodeName
from ferrite.objects import Custom, Service
from speaker.announce import Announce
from speaker.picture import Decision, DecisionChange, Picture

T = TypeVar("T")
log = logging.getLogger(__name__)

AGAIN_SECONDS = 5.0
"""After a turn that failed in part, everything is taken over again, no more often than this."""
RESYNC_SECONDS = 30.0
"""Everything is applied again that often, which heals what somebody else took away."""

CONFIG_KINDS: tuple[Kind[Custom], ...] = (
    IP_ADDRESS_POOLS,
    L2_ADVERTISEMENTS,
    BGP_ADVERTISEMENTS,
    BGP_PEERS,
    BFD_PROFILES,
    COMMUNITIES,
)


def watched_kinds(namespace: str) -> tuple[Kind[Any], ...]:
    """The kinds that a speaker watches; custom resources and Secrets only in its own namespace."""
    own = tuple(kind.within(namespace) for kind in CONFIG_KINDS)
    return (SERVICES, ENDPOINT_SLICES, NODES, SECRETS.within(namespace), *own)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a turn decided, for those who act on it.

    Attributes:
        announced: addresses to answer for at layer 2, each with its interfaces (None: all).
        decisions: on each Service.
        problems: of the configuration.
    """

    snapshot: Snapshot
    announced: Mapping[IPAddress, frozenset[str] | None] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Reconciler:
    """Owns the picture; one turn brings it up to date and decides."""

    def __init__(self, world: World, picture: Picture, events: Events, namespace: str) -> None:
        self.world = world
        self.picture = picture
        self.events = events
        self.namespace = namespace
        self.problems: tuple[Problem, ...] = ()
        self.memory = NOTHING
        self.outcome: Outcome | None = None
        self.turns = self.errors = 0
        self.missed = False

    def whole(self, changes: Changes) -> Changes:
        """`changes`, and every object that is there or was: nothing that a failed turn missed is left out."""
        self.missed = False
        known = {SERVICES: self.picture.services.keys(), ENDPOINT_SLICES: self.picture.known_slices()}
        keys = {
            store.kind: changes.of(store.kind) | store.objects.keys() | known.get(store.kind, set())
            for store in self.world.stores
        }
        return Changes(first=True, keys=keys)

    def turn(self, changes: Changes, live_nodes: frozenset[NodeName] | None) -> Outcome:
        """Take over what changed and decide again where it matters.

        Args:
            changes: of the watched objects; none is a resync.
            live_nodes: as membership sees them; None counts every Node as alive.

        Returns:
            The very outcome of the turn before, when nothing in `changes` matters.
        """
        self.turns += 1
        nodes, problems = self._take_nodes(changes), self.problems
        everything = self._guarded("configuration", partial(self._take_config, changes, nodes), False) | nodes
        live = frozenset(self.picture.nodes) if live_nodes is None else live_nodes
        if live != self.picture.live_nodes:
            log.info("live nodes changed", extra={"live_nodes": sorted(live)})
            self.picture.live_nodes, everything = live, True
        touched = self._take_services(changes)
        whole = self.outcome is None or self.missed or changes.first or not changes
        if whole or everything or touched or problems != self.problems:
            self._tell(self._decide(self.picture.known_services() if everything else touched))
            self.outcome = self._outcome()
        return self.outcome or self._outcome()

    def _outcome(self) -> Outcome:
        return Outcome(
            self.picture.snapshot(), self.picture.announced(), dict(self.picture.decisions), self.problems
        )

    def _take_nodes(self, changes: Changes) -> bool:
        return bool(changes.of(NODES)) and self.picture.take_nodes(self.world.objects(NODES))

    def _take_services(self, changes: Changes) -> set[str]:
        slices = self.world.objects(ENDPOINT_SLICES)
        touched = self.picture.take_slices(changes.of(ENDPOINT_SLICES), slices)
        services = self.world.objects(SERVICES)
        changed: set[str] = set()
        for key in touched | changes.of(SERVICES):
            changed |= self._guarded(key, partial(self.picture.take_services, (key,), services), set())
        return changed

    def _decide(self, keys: Iterable[str]) -> dict[str, DecisionChange]:
        changed: dict[str, DecisionChange] = {}
        candidates = self.picture.candidates()
        for key in keys:
            decide = partial(self.picture.decide, (key,), candidates)
            changed |= self._guarded(key, decide, dict[str, DecisionChange]())
        return changed

    def _guarded(self, key: str, step: Callable[[], T], otherwise: T) -> T:
        """The result of `step`; an object that meets a bug of ours must not take the others with it."""
        try:
            return step()
        except Exception:
            self.errors, self.missed = self.errors + 1, True
            log.exception("object skipped", extra={"object": key})
            return otherwise

    def _take_config(self, changes: Changes, nodes: bool) -> bool:
        """Read the configuration anew if an object changed, or `nodes` did; whether it is another one now."""
        own = [kind.within(self.namespace) for kind in CONFIG_KINDS]
        inputs: list[Kind[Any]] = [*own, SECRETS.within(self.namespace)]
        if not changes.first and not nodes and not any(changes.of(kind) for kind in inputs):
            return False
        pools, l2, bgp, peers, profiles, communities = (self.world.objects(kind).values() for kind in own)
        me = self.picture.nodes.get(self.picture.rules.me)
        config, self.problems, self.memory = parse(
            ConfigObjects(
                pools=pools,
                l2_advertisements=l2,
                bgp_advertisements=bgp,
                peers=peers,
                bfd_profiles=profiles,
                communities=communities,
                secrets={
                    secret.metadata.name: secret
                    for secret in self.world.objects(SECRETS.within(self.namespace)).values()
                },
                node_labels=me.labels if me is not None else {},
            ),
            self.memory,
        )
        changed = config != self.picture.config
        self.picture.config = config
        return changed

    def _tell(self, changed: Mapping[str, DecisionChange]) -> None:
        """Log what changed, and tell the Service's users who answers now."""
        for key, (before, after) in changed.items():
            if isinstance(after, Announce):
                log.info(
                    "service announced",
                    extra={
                        "service": key,
                        "addresses": [str(a) for a in after.addresses],
                        "protocol": "layer2",
                    },
                )
                service = self.world.objects(SERVICES).get(key)
                tell_announced(self.events, service, self.picture.rules.me, "layer2")
            elif isinstance(before, Announce):
                reason = after.reason.value if after is not None else "serviceDeleted"
                tell_withdrawn(self.events, self.world.objects(SERVICES).get(key), key, reason, "layer2")


def tell_withdrawn(events: Events, service: Service | None, key: str, reason: str, protocol: str) -> None:
    """Log it; when this node announces the Service again, that is news to its users."""
    log.info("service withdrawn", extra={"service": key, "reason": reason, "protocol": protocol})
    if service is not None:
        events.outdate(service, SERVICES)


def tell_announced(events: Events, service: Service | None, me: NodeName, protocol: str) -> None:
    """Tell the users of a Service which node announces it now; a Service that is gone has none."""
    if service is not None:
        text = f'announcing from node "{me}" with protocol "{protocol}"'
        events.record(service, SERVICES, "Normal", "nodeAssigned", text)


async def keep_decisions(
    reconciler: Reconciler,
    live_nodes: Callable[[], frozenset[NodeName] | None],
    act: Callable[[Outcome], None],
) -> NoReturn:
    """Decide whenever something changed, forever; a burst is one turn."""
    again_at = 0.0
    while True:
        changes = await reconciler.world.changed(
            within=AGAIN_SECONDS if reconciler.missed else RESYNC_SECONDS
        )
        now = asyncio.get_running_loop().time()
        if reconciler.missed and now >= again_at:
            changes, again_at = reconciler.whole(changes), now + AGAIN_SECONDS
        try:
            act(reconciler.turn(changes, live_nodes()))
        except Exception:
            # A bug of ours must not end what was decided before; everything is taken over again soon.
            reconciler.errors, reconciler.missed = reconciler.errors + 1, True
            log.exception("turn failed")

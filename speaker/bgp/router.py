"""What the speaker asks of a BGP engine, and the difference between what is wanted and what is there."""

from collections.abc import AsyncIterator, Mapping, Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ferrite.net import Prefix
from speaker.bgp.peers import Bfd, GlobalSettings, PeerSettings, Timers
from speaker.bgp.routes import Route


class SessionState(Enum):
    """States of a BGP session (RFC 4271 section 8.2.2), in its words."""

    IDLE = "Idle"
    CONNECT = "Connect"
    ACTIVE = "Active"
    OPEN_SENT = "OpenSent"
    OPEN_CONFIRM = "OpenConfirm"
    ESTABLISHED = "Established"


@dataclass(frozen=True, slots=True)
class Messages:
    """BGP messages of one direction since the peer was added."""

    opens: int = 0
    notifications: int = 0
    updates: int = 0
    keepalives: int = 0
    route_refreshes: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class BfdState:
    """A BFD session as the engine counts it."""

    up: bool = False
    downs: int = 0
    packets_sent: int = 0
    packets_received: int = 0


@dataclass(frozen=True, slots=True)
class PeerState:
    """How a session is.

    Attributes:
        neighbor: the peer's address or interface, with its port as `address:port` in metrics.
        last_error: why it went down last, or never came up; "" while nothing is known.
        flaps: how often it left Established, since this speaker runs.
        announced: prefixes sent to the peer and not withdrawn.
        received: prefixes the peer sent; none is used.
        bfd: None without a BFD profile.
    """

    name: str
    neighbor: str
    session: SessionState = SessionState.IDLE
    peer_asn: int = 0
    last_error: str = ""
    flaps: int = 0
    announced: int = 0
    received: int = 0
    sent_messages: Messages = Messages()
    received_messages: Messages = Messages()
    bfd: BfdState | None = None


@dataclass(frozen=True, slots=True)
class PresentPeer:
    """A peer as the engine has it; `fingerprint` is of the session it was added with."""

    fingerprint: str
    address: str
    interface: str
    timers: Timers
    bfd: Bfd | None


@dataclass(frozen=True, slots=True)
class RouterState:
    """What the engine has; `engine` is None before it was told who it is.

    Attributes:
        tables: peer name to the number of its own routing table.
        routes: peer name to prefix to route; only tables that are there.
        guarded: whether received routes are refused already.
    """

    engine: GlobalSettings | None = None
    tables: Mapping[str, int] = field(default_factory=dict)
    peers: Mapping[str, PresentPeer] = field(default_factory=dict)
    routes: Mapping[str, Mapping[Prefix, Route]] = field(default_factory=dict)
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the engine should have; peers and routes belong together by the peer's name."""

    engine: GlobalSettings | None = None
    peers: tuple[PeerSettings, ...] = ()
    routes: Mapping[str, Mapping[Prefix, Route]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference, in the order it is applied.

    Attributes:
        remove_peers: sessions to end, by peer name; those to be added anew included.
        remove_tables: tables of peers that are gone; their routes go with them.
        start: what to tell an engine that knows nothing yet.
        guard: refuse received routes, before any peer is there.
        add_tables: table numbers of new peers.
        set_routes, withdraw: by table.
        add_peers: after their routes, so that nothing is missing at the router.
        update_peers: timers and BFD, which reset nothing.
    """

    remove_peers: Mapping[str, PresentPeer] = field(default_factory=dict)
    remove_tables: tuple[str, ...] = ()
    start: GlobalSettings | None = None
    guard: bool = False
    add_tables: Mapping[str, int] = field(default_factory=dict)
    set_routes: Mapping[str, Mapping[Prefix, Route]] = field(default_factory=dict)
    withdraw: Mapping[str, tuple[Prefix, ...]] = field(default_factory=dict)
    add_peers: tuple[PeerSettings, ...] = ()
    update_peers: tuple[PeerSettings, ...] = ()

    def __bool__(self) -> bool:
        return self != Changes()

    @property
    def route_count(self) -> int:
        """Routes set and withdrawn, over all peers."""
        changed = sum(len(routes) for routes in self.set_routes.values())
        return changed + sum(len(prefixes) for prefixes in self.withdraw.values())


class Router(Protocol):
    """A BGP engine. One task calls it; every call has a time limit and raises RouterError."""

    async def state(self) -> RouterState:
        """Read what the engine has."""
        ...

    async def apply(self, changes: Changes) -> Mapping[str, str]:
        """Apply a difference, in its order; returns by peer name why a peer was refused."""
        ...

    async def sessions(self) -> tuple[PeerState, ...]:
        """Read how the sessions are."""
        ...

    def watch(self) -> AsyncIterator[None]:
        """Yield when connected and at each change of a session; RouterError when the engine is gone."""
        ...


def changes(want: Wanted, have: RouterState) -> Changes:
    """The difference that makes `have` into `want`; empty when they are equal.

    An engine that runs under another AS number or router ID keeps both: they can only be told once.
    """
    wanted = {peer.name: peer for peer in want.peers}
    anew = {name for name, peer in have.peers.items() if not _same_session(wanted.get(name), peer)}
    routes = {name: want.routes.get(name, {}) for name in wanted}
    return Changes(
        remove_peers={name: have.peers[name] for name in sorted(anew)},
        remove_tables=tuple(sorted(have.tables.keys() - wanted.keys())),
        start=want.engine if have.engine is None else None,
        guard=want.engine is not None and not have.guarded,
        add_tables=_numbered(wanted.keys() - have.tables.keys(), have),
        set_routes=_non_empty(
            {name: _different(routes[name], have.routes.get(name, {})) for name in sorted(wanted)}
        ),
        withdraw=_non_empty_prefixes(
            {name: tuple(have.routes.get(name, {}).keys() - routes[name].keys()) for name in sorted(wanted)}
        ),
        add_peers=tuple(peer for peer in want.peers if peer.name in anew or peer.name not in have.peers),
        update_peers=tuple(
            peer
            for peer in want.peers
            if peer.name in have.peers
            and peer.name not in anew
            and _softly_differs(peer, have.peers[peer.name])
        ),
    )


def after(have: RouterState, done: Changes) -> RouterState:
    """What the engine has when `done` was applied, as far as it keeps its word."""
    if done.start is not None:
        have = RouterState(done.start)
    gone_tables = set(done.remove_tables)
    tables = {name: number for name, number in have.tables.items() if name not in gone_tables}
    tables.update(done.add_tables)
    peers = {name: peer for name, peer in have.peers.items() if name not in done.remove_peers}
    peers.update({peer.name: present(peer) for peer in (*done.add_peers, *done.update_peers)})
    routes = {name: dict(have.routes.get(name, {})) for name in tables}
    for name, prefixes in done.withdraw.items():
        for prefix in prefixes:
            routes[name].pop(prefix, None)
    for name, changed in done.set_routes.items():
        routes[name].update(changed)
    return RouterState(have.engine, tables, peers, routes, have.guarded or done.guard)


def present(peer: PeerSettings) -> PresentPeer:
    """A wanted peer as the engine has it afterwards."""
    session = peer.session
    return PresentPeer(session.fingerprint, session.address, session.interface, peer.timers, peer.bfd)


def _same_session(wanted: PeerSettings | None, present: PresentPeer) -> bool:
    return wanted is not None and wanted.session.fingerprint == present.fingerprint


def _softly_differs(wanted: PeerSettings, present: PresentPeer) -> bool:
    return wanted.timers != present.timers or wanted.bfd != present.bfd


def _numbered(names: AbstractSet[str], have: RouterState) -> dict[str, int]:
    """The lowest free numbers from 1, so that the order of names decides and nothing moves.

    The number of a table that goes is not free yet: the engine may refuse to remove it.
    """
    taken = set(have.tables.values())
    free = (number for number in range(1, len(taken) + len(names) + 1) if number not in taken)
    return dict(zip(sorted(names), free, strict=False))


def _different(want: Mapping[Prefix, Route], have: Mapping[Prefix, Route]) -> dict[Prefix, Route]:
    return {prefix: route for prefix, route in want.items() if have.get(prefix) != route}


def _non_empty(tables: dict[str, dict[Prefix, Route]]) -> dict[str, dict[Prefix, Route]]:
    return {name: routes for name, routes in tables.items() if routes}


def _non_empty_prefixes(tables: dict[str, tuple[Prefix, ...]]) -> dict[str, tuple[Prefix, ...]]:
    return {name: prefixes for name, prefixes in tables.items() if prefixes}

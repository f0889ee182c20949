"""Which sessions the engine should have, with every default written out: pure, from the configuration."""

from binascii import crc32
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import IPv4Address

from ferrite.model import BFDProfile, Config, DynamicASN, NodeView, Peer, Problem
from ferrite.net import Family, IPAddress
from ferrite.selectors import admits
from speaker.bgp.families import carries, mixed, next_hop_for

HOLD_SECONDS = 90
CONNECT_SECONDS = 5
IDLE_AFTER_RESET_SECONDS = 2
RESTART_SECONDS = 120
DEFERRAL_SECONDS = 5
MULTIHOP_TTL = 255
BFD_INTERVAL_MS = 300
BFD_MULTIPLIER = 3


@dataclass(frozen=True, slots=True)
class Timers:
    """What the engine changes without a reset; a new hold time counts from the next session. In seconds."""

    hold: int = HOLD_SECONDS
    keepalive: int = HOLD_SECONDS // 3
    connect: int = CONNECT_SECONDS
    idle_after_reset: int = IDLE_AFTER_RESET_SECONDS


@dataclass(frozen=True, slots=True)
class Bfd:
    """BFD timers (RFC 5880) in milliseconds; the engine changes them without a reset."""

    receive_ms: int = BFD_INTERVAL_MS
    transmit_ms: int = BFD_INTERVAL_MS
    multiplier: int = BFD_MULTIPLIER


@dataclass(frozen=True, slots=True)
class Session:
    """What a session is made of: a change of any of these resets it.

    Attributes:
        peer_asn: 0 accepts any.
        local_asn: what the peer sees.
        multihop_ttl: 0 is off.
        bind_interface: the Linux VRF's device; "" is none.
    """

    address: str = ""
    interface: str = ""
    peer_asn: int = 0
    local_asn: int = 0
    source_address: str = ""
    port: int = 179
    password: str = field(default="", repr=False)
    multihop_ttl: int = 0
    graceful_restart: bool = False
    bind_interface: str = ""
    families: tuple[Family, ...] = (Family.IPV4,)

    @property
    def fingerprint(self) -> str:
        """Equal for equal sessions; kept in the engine, which does not give all fields back."""
        values = [self.address, self.interface, self.peer_asn, self.local_asn, self.source_address, self.port]
        values += [self.password, self.multihop_ttl, self.graceful_restart, self.bind_interface]
        return sha256(repr([*values, [family.value for family in self.families]]).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """One peer as the engine should have it; `name` is the BGPPeer's."""

    name: str
    session: Session
    timers: Timers = Timers()
    bfd: Bfd | None = None


@dataclass(frozen=True, slots=True)
class GlobalSettings:
    """The engine itself; it listens nowhere."""

    asn: int
    router_id: str


@dataclass(frozen=True, slots=True)
class WantedPeers:
    """The decision on sessions; `engine` is None when this node has no peer."""

    engine: GlobalSettings | None = None
    peers: tuple[PeerSettings, ...] = ()
    problems: tuple[Problem, ...] = ()


def wanted_peers(config: Config, node: NodeView) -> WantedPeers:
    """Decide which sessions `node` has, and say which fields have no effect."""
    mine = [peer for peer in config.peers if admits(peer.node_selectors, node.labels)]
    if not mine:
        return WantedPeers()
    engine = GlobalSettings(mine[0].my_asn, router_id(mine, node))
    settings = tuple(_settings(peer) for peer in mine)
    return WantedPeers(engine, settings, tuple(problem for peer in mine for problem in _problems(peer, node)))


def router_id(peers: list[Peer], node: NodeView) -> str:
    """The one router ID: as a peer says, else the node's IPv4 address, else a checksum of its name.

    The checksum is MetalLB's: CRC-32 (IEEE), least byte first.
    """
    for peer in peers:
        if peer.router_id:
            return peer.router_id
    for address in node.addresses:
        if address.version == 4:
            return str(address)
    return str(IPv4Address(crc32(node.name.encode()).to_bytes(4, "little")))


def _settings(peer: Peer) -> PeerSettings:
    hold, local_asn = peer.hold_seconds or HOLD_SECONDS, peer.local_asn or peer.my_asn
    keepalive = peer.keepalive_seconds or max(hold // 3, 1)
    session = Session(
        address=_text(peer.address),
        interface=peer.interface or "",
        peer_asn=local_asn if peer.dynamic_asn is DynamicASN.INTERNAL else peer.peer_asn or 0,
        local_asn=local_asn,
        source_address=_text(peer.source_address),
        port=peer.port,
        password=peer.password or "",
        multihop_ttl=MULTIHOP_TTL if peer.ebgp_multihop else 0,
        graceful_restart=peer.graceful_restart,
        bind_interface=peer.vrf or "",
        families=tuple(family for family in Family if carries(peer, family)),
    )
    timers = Timers(hold, keepalive, peer.connect_seconds or CONNECT_SECONDS)
    return PeerSettings(peer.name, session, timers, _bfd(peer.bfd))


def _text(address: IPAddress | None) -> str:
    return "" if address is None else str(address)


def _bfd(profile: BFDProfile | None) -> Bfd | None:
    if profile is None:
        return None
    return Bfd(
        receive_ms=profile.receive_interval_ms or BFD_INTERVAL_MS,
        transmit_ms=profile.transmit_interval_ms or BFD_INTERVAL_MS,
        multiplier=profile.detect_multiplier or BFD_MULTIPLIER,
    )


def _problems(peer: Peer, node: NodeView) -> list[Problem]:
    """What GoBGP cannot do of it, field by field; the peer counts all the same."""
    texts = []
    if peer.hold_seconds == 0:
        texts.append(
            f"holdTime 0s has no effect: GoBGP cannot switch the timer off, {HOLD_SECONDS} s is used"
        )
    if peer.bfd is not None:
        texts += [
            f"bfdProfile {peer.bfd.name}: {name} has no effect with GoBGP" for name in peer.bfd.unsupported
        ]
    if mixed(peer, Family.IPV6) and carries(peer, Family.IPV6) and not next_hop_for(peer, Family.IPV6, node):
        texts.append(
            f"dualStackAddressFamily has no effect: node {node.name} has no IPv6 address to be the next hop"
        )
    if peer.dynamic_asn is DynamicASN.EXTERNAL:
        texts.append(
            "dynamicASN external is not enforced: GoBGP accepts a peer of any AS,"
            f" our own {peer.local_asn or peer.my_asn} included"
        )
    if peer.dynamic_asn is not None and peer.ebgp_multihop:
        texts.append("ebgpMultiHop has no effect together with dynamicASN")
    return [Problem("BGPPeer", peer.name, f"peer {peer.name}: {text}", fatal=False) for text in texts]

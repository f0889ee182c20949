"""Frozen values: what custom resources and core objects mean, as every decision uses them.

Nothing here reads an object or does I/O: `ferrite/config.py` and `ferrite/views.py` make these values,
decisions take them, and whoever needs a change makes a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from ferrite.net import AddressRange, Family, IPAddress, NodeName, family_of


class Operator(Enum):
    """Operators of a label selector requirement, in Kubernetes' words."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label; `values` are sorted, empty for Exists and DoesNotExist."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that must all hold; none of them: matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class ServiceAllocation:
    """Which Services may use a pool.

    A Service must match both kinds of restriction that are there. A kind that is there but matches nothing
    admits nothing.

    Attributes:
        priority: lower is preferred, from 1; 0 comes after all others.
        namespaces: namespaces by name.
        namespace_selectors: on the labels of namespaces, any of them; added to `namespaces`.
        service_selectors: on the labels of Services, any of them.
    """

    priority: int = 0
    namespaces: frozenset[str] = frozenset()
    namespace_selectors: tuple[LabelSelector, ...] = ()
    service_selectors: tuple[LabelSelector, ...] = ()

    @property
    def by_namespace(self) -> bool:
        """Whether the pool is restricted to namespaces."""
        return bool(self.namespaces or self.namespace_selectors)


@dataclass(frozen=True, slots=True)
class QuotaLimit:
    """Most addresses of a pool for each namespace whose labels match."""

    selector: LabelSelector
    limit: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Most addresses of a pool that a namespace may hold.

    Attributes:
        default: for namespaces that no entry of `limits` selects; None is no limit.
        limits: the first that matches counts.
    """

    default: int | None = None
    limits: tuple[QuotaLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Removal:
    """What becomes of addresses in use that a pool with `onRemoval: Keep` does not offer any more: they stay.

    Attributes:
        generation: of the object that the pool was read from.
        kept: those addresses, as the object's status has them.
        settled: whether that status is of this generation; until then an address that was offered before
            may be one of them.
        deleting: the object is being deleted: all addresses in use are kept, and nothing new is taken.
    """

    generation: int = 0
    kept: tuple[AddressRange, ...] = ()
    settled: bool = True
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses one IPAddressPool offers, in the order they are tried.

    Attributes:
        sticky_seconds: how long an address is kept for a Service that was deleted; 0 frees it at once.
        removal: with `onRemoval: Keep`; None lets addresses go that are not offered any more.
    """

    name: str
    ranges: tuple[AddressRange, ...]
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    auto_assign: bool = True
    avoid_buggy_ips: bool = False
    allocation: ServiceAllocation | None = None
    sticky_seconds: float = 0.0
    quota: Quota | None = None
    removal: Removal | None = None

    @property
    def deleting(self) -> bool:
        """Whether nothing new may be taken because the pool goes."""
        return self.removal is not None and self.removal.deleting


@dataclass(frozen=True, slots=True)
class Reservation:
    """Addresses of a pool that only Services of one namespace get.

    Attributes:
        key: of the AddressReservation, "namespace/name".
        services: pattern of Service names, with `*` and `?`; empty matches all.
    """

    key: str
    pool: str
    addresses: tuple[IPAddress, ...]
    services: str = ""

    @property
    def namespace(self) -> str:
        """The namespace whose Services they are for."""
        return self.key.partition("/")[0]

    def admits(self, service: str) -> bool:
        """Whether the Service "namespace/name" may have them."""
        namespace, _, name = service.partition("/")
        return namespace == self.namespace and (not self.services or fnmatchcase(name, self.services))


@dataclass(frozen=True, slots=True)
class NodePreference:
    """A weight, 1 to 100, for nodes whose labels match."""

    weight: int
    selector: LabelSelector


@dataclass(frozen=True, slots=True)
class Scope:
    """What an advertisement applies to; each empty selector tuple means: to all.

    `pools` are the names that the object lists or selects, resolved; unknown names are left out.
    """

    pools: frozenset[str]
    node_selectors: tuple[LabelSelector, ...] = ()
    service_selectors: tuple[LabelSelector, ...] = ()


@dataclass(frozen=True, slots=True)
class L2Advertisement:
    """Addresses of `scope.pools` are answered by ARP and NDP; no interfaces means all."""

    name: str
    scope: Scope
    interfaces: tuple[str, ...] = ()
    preferences: tuple[NodePreference, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Community:
    """A standard (RFC 1997) or large (RFC 8092) community.

    Attributes:
        parts: two 16-bit numbers, or three 32-bit numbers.
    """

    parts: tuple[int, ...]

    @property
    def is_large(self) -> bool:
        """Whether it is a large community."""
        return len(self.parts) == 3

    def __str__(self) -> str:
        return ("large:" if self.is_large else "") + ":".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class BGPAdvertisement:
    """Addresses of `scope.pools` are announced as routes.

    Attributes:
        aggregation_length: prefix length of the IPv4 route, 1 to 32.
        aggregation_length_v6: prefix length of the IPv6 route, 1 to 128.
        local_pref: for iBGP peers; 0 is not set.
        communities: ascending, without duplicates.
        peers: names of peers; empty means all.
    """

    name: str
    scope: Scope
    aggregation_length: int = 32
    aggregation_length_v6: int = 128
    local_pref: int = 0
    communities: tuple[Community, ...] = ()
    peers: frozenset[str] = frozenset()


class DynamicASN(Enum):
    """Which autonomous systems a peer may come from when its number is not given."""

    INTERNAL = "internal"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class BFDProfile:
    """BFD timers (RFC 5880); None leaves the engine's default.

    Attributes:
        receive_interval_ms: least interval between received packets, 10 to 60000 milliseconds.
        transmit_interval_ms: least interval between sent packets, 10 to 60000 milliseconds.
        detect_multiplier: packets that may be lost, 2 to 255.
        unsupported: fields of the object that GoBGP has no counterpart for, as spelled in the object.
    """

    name: str
    receive_interval_ms: int | None = None
    transmit_interval_ms: int | None = None
    detect_multiplier: int | None = None
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """A BGP router to have a session with.

    Attributes:
        my_asn: our autonomous system, 1 to 4294967295.
        peer_asn: theirs; None when `dynamic_asn` says which kind is accepted.
        local_asn: the number shown to this peer instead of `my_asn`.
        address: theirs; None for an unnumbered session on `interface`.
        port: TCP, 1 to 65535.
        hold_seconds: 0 or from 3; None leaves the engine's default (RFC 4271 section 4.2).
        keepalive_seconds: at most `hold_seconds`; None leaves the engine's default.
        connect_seconds: between attempts; None leaves the engine's default.
        password: for TCP MD5 (RFC 2385); left out of `repr`, so that no log shows it.
    """

    name: str
    my_asn: int
    peer_asn: int | None = None
    dynamic_asn: DynamicASN | None = None
    local_asn: int | None = None
    address: IPAddress | None = None
    interface: str | None = None
    source_address: IPAddress | None = None
    port: int = 179
    hold_seconds: int | None = None
    keepalive_seconds: int | None = None
    connect_seconds: int | None = None
    router_id: str | None = None
    node_selectors: tuple[LabelSelector, ...] = ()
    password: str | None = field(default=None, repr=False)
    bfd: BFDProfile | None = None
    graceful_restart: bool = False
    ebgp_multihop: bool = False
    vrf: str | None = None
    dual_stack: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the custom resources say, in the order of their names."""

    pools: tuple[Pool, ...] = ()
    l2_advertisements: tuple[L2Advertisement, ...] = ()
    bgp_advertisements: tuple[BGPAdvertisement, ...] = ()
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why one object does not count, or counts in part.

    Attributes:
        kind: of the object, as in its manifest.
        name: of the object.
        text: field, value and what is wrong, in MetalLB's words where those exist.
        fatal: False when the object counts although a part of it has no effect.
    """

    kind: str
    name: str
    text: str
    fatal: bool = True


@dataclass(frozen=True, slots=True)
class ServiceView:
    """What the speaker reads of a Service and of its EndpointSlices.

    Attributes:
        key: "namespace/name".
        addresses: those assigned, in the order of the status; empty when there is none or one is not an IP.
        assigned: our controller says that it gave them, whichever pool it names: a renamed pool makes no gap.
        local_only: `externalTrafficPolicy: Local`.
        sharing_key_present: whether an allow-shared-ip annotation is there, even an empty one.
        has_endpoints: whether an endpoint that can serve is there, on any node.
        serving_nodes: nodes that have one.
    """

    key: str
    is_load_balancer: bool
    addresses: tuple[IPAddress, ...] = ()
    assigned: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    local_only: bool = False
    sharing_key_present: bool = False
    has_endpoints: bool = False
    serving_nodes: frozenset[NodeName] = frozenset()


@dataclass(frozen=True, slots=True)
class NodeView:
    """What the speaker reads of a Node.

    Attributes:
        addresses: InternalIP addresses, in the order of the status.
        network_unavailable: the condition NetworkUnavailable is True.
        excluded: has the label `node.kubernetes.io/exclude-from-external-load-balancers`.
    """

    name: NodeName
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    addresses: tuple[IPAddress, ...] = ()
    network_unavailable: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the world, as a speaker decides on it.

    Attributes:
        services: by key.
        nodes: by name.
        live_nodes: nodes whose speaker is alive, as membership sees it.
    """

    config: Config
    services: Mapping[str, ServiceView]
    nodes: Mapping[NodeName, NodeView]
    live_nodes: frozenset[NodeName]


def families(addresses: tuple[IPAddress, ...]) -> tuple[Family, ...]:
    """The family of each address, in order."""
    return tuple(family_of(address) for address in addresses)

"""Which routes go to which peer, and why a Service has none: pure, from one snapshot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations

from ferrite.model import BGPAdvertisement, Community, NodeView, Peer, Pool, ServiceView, Snapshot
from ferrite.net import Family, IPAddress, NodeName, Prefix, family_of, masked
from ferrite.selectors import admits
from ferrite.views import pool_of
from speaker.bgp.families import carries, mixed, next_hop_for


class Silence(Enum):
    """Why a Service is not announced; the values are MetalLB's words, where it has that reason."""

    NOT_LOAD_BALANCER = "notLoadBalancer"
    NO_ADDRESS = "noIPAllocated"
    NOT_ASSIGNED = "notAssigned"
    NO_POOL = "ipNotAllowed"
    NOT_OWNER = "notOwner"
    NO_MATCHING_ADVERTISEMENT = "noMatchingAdvertisement"
    CONFLICTING_ADVERTISEMENTS = "conflictingAdvertisements"
    NODE_NETWORK_UNAVAILABLE = "nodeNetworkUnavailable"
    NODE_EXCLUDED = "nodeLabeledExcludeBalancers"
    NO_LOCAL_ENDPOINTS = "noLocalEndpoints"
    NO_ENDPOINTS = "noEndpoints"


@dataclass(frozen=True, slots=True)
class Route:
    """What a route says, beside its prefix.

    Attributes:
        communities: ascending, without duplicates.
        local_pref: for iBGP peers; 0 is not set.
        next_hop: None lets the engine give its own address of the session.
    """

    communities: tuple[Community, ...] = ()
    local_pref: int = 0
    next_hop: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class WantedRoutes:
    """The decision over all Services.

    Attributes:
        routes: peer name to prefix to route; every peer of the node is there, even without routes.
        announced: Service key to the names of the peers its routes go to, sorted.
        silent: Service key to why it is announced to nobody.
    """

    routes: Mapping[str, Mapping[Prefix, Route]] = field(default_factory=dict)
    announced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: Mapping[str, Silence] = field(default_factory=dict)


def wanted_routes(snapshot: Snapshot, me: NodeName) -> WantedRoutes:
    """Decide which routes node `me` sends to each of its peers."""
    node = snapshot.nodes.get(me, NodeView(me))
    peers = tuple(peer for peer in snapshot.config.peers if admits(peer.node_selectors, node.labels))
    routes: dict[str, dict[Prefix, Route]] = {peer.name: {} for peer in peers}
    announced: dict[str, tuple[str, ...]] = {}
    silent: dict[str, Silence] = {}
    by_pool: dict[str, tuple[BGPAdvertisement, ...]] = {}
    for key in sorted(snapshot.services):
        service = snapshot.services[key]
        found = service_advertisements(service, snapshot, node, by_pool)
        if isinstance(found, Silence):
            silent[key] = found
            continue
        reached = {
            peer.name for peer in peers if _add(routes[peer.name], _routes_of(service, found, peer, node))
        }
        if reached:
            announced[key] = tuple(sorted(reached))
    return WantedRoutes(routes, announced, silent)


def service_advertisements(
    service: ServiceView,
    snapshot: Snapshot,
    node: NodeView,
    by_pool: dict[str, tuple[BGPAdvertisement, ...]] | None = None,
) -> tuple[BGPAdvertisement, ...] | Silence:
    """The advertisements that apply to a Service on `node`, or why there is none; the first "no" wins.

    `by_pool` keeps what was found for a pool, for callers that ask for many Services.
    """
    if not service.is_load_balancer:
        return Silence.NOT_LOAD_BALANCER
    if not service.addresses:
        return Silence.NO_ADDRESS
    if not service.assigned:
        return Silence.NOT_ASSIGNED
    pool = pool_of(snapshot.config.pools, service.addresses)
    if pool is None:
        return Silence.NO_POOL
    kept = by_pool if by_pool is not None else {}
    if pool.name not in kept:
        kept[pool.name] = _of_pool(pool, snapshot, node)
    matching = tuple(ad for ad in kept[pool.name] if admits(ad.scope.service_selectors, service.labels))
    if not matching:
        return Silence.NO_MATCHING_ADVERTISEMENT if kept[pool.name] else Silence.NOT_OWNER
    if _conflict(matching, service.addresses):
        return Silence.CONFLICTING_ADVERTISEMENTS
    return _hindrance(service, node) or matching


def _of_pool(pool: Pool, snapshot: Snapshot, node: NodeView) -> tuple[BGPAdvertisement, ...]:
    return tuple(
        ad
        for ad in snapshot.config.bgp_advertisements
        if pool.name in ad.scope.pools and admits(ad.scope.node_selectors, node.labels)
    )


def _hindrance(service: ServiceView, node: NodeView) -> Silence | None:
    if node.network_unavailable:
        return Silence.NODE_NETWORK_UNAVAILABLE
    if node.excluded:
        return Silence.NODE_EXCLUDED
    if service.local_only:
        return None if node.name in service.serving_nodes else Silence.NO_LOCAL_ENDPOINTS
    return None if service.has_endpoints else Silence.NO_ENDPOINTS


def _conflict(advertisements: tuple[BGPAdvertisement, ...], addresses: tuple[IPAddress, ...]) -> bool:
    """Whether one route to one peer would get two values of LOCAL_PREF."""
    families = {family_of(address) for address in addresses}
    return any(
        one.local_pref != other.local_pref
        and (not one.peers or not other.peers or bool(one.peers & other.peers))
        and any(_length(one, family) == _length(other, family) for family in families)
        for one, other in combinations(advertisements, 2)
    )


def _length(advertisement: BGPAdvertisement, family: Family) -> int:
    if family is Family.IPV4:
        return advertisement.aggregation_length
    return advertisement.aggregation_length_v6


def _routes_of(
    service: ServiceView, advertisements: tuple[BGPAdvertisement, ...], peer: Peer, node: NodeView
) -> Iterator[tuple[Prefix, Route]]:
    """The routes of one Service to one peer; a prefix may come more than once."""
    for address in service.addresses:
        family = family_of(address)
        if not carries(peer, family):
            continue
        next_hop = next_hop_for(peer, family, node)
        if next_hop is None and mixed(peer, family):
            continue
        for ad in advertisements:
            if not ad.peers or peer.name in ad.peers:
                route = Route(ad.communities, ad.local_pref, next_hop)
                yield masked(address, _length(ad, family)), route


def _add(routes: dict[Prefix, Route], more: Iterator[tuple[Prefix, Route]]) -> bool:
    """Join routes into those of a peer: communities of the same prefix add up, the highest preference wins.

    Returns whether there was any.
    """
    found = False
    for prefix, route in more:
        found, before = True, routes.get(prefix)
        if before is not None and before != route:
            communities = tuple(sorted({*before.communities, *route.communities}))
            route = Route(communities, max(before.local_pref, route.local_pref), route.next_hop)
        routes[prefix] = route
    return found

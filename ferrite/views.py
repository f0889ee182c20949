"""Core objects to the views that a speaker decides on; pure."""

from collections.abc import Iterable

from ferrite.model import NodeView, Pool, ServiceView
from ferrite.net import IPAddress, NodeName, parse_address
from ferrite.objects import (
    ALLOCATED_FROM_POOL,
    ALLOW_SHARED_IP,
    EXCLUDE_LABEL,
    EndpointSlice,
    Node,
    Service,
    annotation,
    serves,
)

NETWORK_UNAVAILABLE = "NetworkUnavailable"


def service_view(service: Service, slices: Iterable[EndpointSlice], lb_class: str = "") -> ServiceView:
    """What a speaker needs of a Service.

    Args:
        service: as last seen.
        slices: its EndpointSlices.
        lb_class: the load balancer class that Ferrite serves; "" serves Services without one.
    """
    serving = [
        endpoint
        for part in slices
        for endpoint in part.endpoints or ()
        if endpoint.addresses and serves(endpoint)
    ]
    spec = service.spec
    return ServiceView(
        key=service.key,
        is_load_balancer=spec.type == "LoadBalancer" and (spec.load_balancer_class or "") == lb_class,
        addresses=_ingress(service),
        assigned=ALLOCATED_FROM_POOL in service.metadata.annotations,
        labels=service.metadata.labels,
        local_only=spec.external_traffic_policy == "Local",
        sharing_key_present=annotation(service.metadata, ALLOW_SHARED_IP) is not None,
        has_endpoints=bool(serving),
        serving_nodes=frozenset(
            NodeName(endpoint.node_name) for endpoint in serving if endpoint.node_name is not None
        ),
    )


def node_view(node: Node, *, ignore_exclude_label: bool = False) -> NodeView:
    """What a speaker needs of a Node; with `ignore_exclude_label` that label has no effect."""
    return NodeView(
        name=NodeName(node.metadata.name),
        labels=node.metadata.labels,
        addresses=tuple(
            address
            for entry in node.status.addresses
            if entry.type == "InternalIP"
            for address in _parsed(entry.address)
        ),
        network_unavailable=any(
            condition.type == NETWORK_UNAVAILABLE and condition.status == "True"
            for condition in node.status.conditions
        ),
        excluded=not ignore_exclude_label and EXCLUDE_LABEL in node.metadata.labels,
    )


def pool_of(pools: Iterable[Pool], addresses: Iterable[IPAddress]) -> Pool | None:
    """The pool that offers all of the addresses, or keeps them; None when there is none."""
    wanted, offering = tuple(addresses), tuple(pools)
    if not wanted:
        return None
    for holds in (_offers, _offers_or_keeps):
        for pool in offering:
            if all(holds(pool, address) for address in wanted):
                return pool
    return None


def _offers(pool: Pool, address: IPAddress) -> bool:
    return any(address in addresses for addresses in pool.ranges)


def _offers_or_keeps(pool: Pool, address: IPAddress) -> bool:
    kept = pool.removal.kept if pool.removal else ()
    return _offers(pool, address) or any(address in addresses for addresses in kept)


def _ingress(service: Service) -> tuple[IPAddress, ...]:
    """The assigned addresses; none when an entry is a host name or no address, as MetalLB has it."""
    addresses: list[IPAddress] = []
    for entry in service.status.load_balancer.ingress:
        parsed = _parsed(entry.ip)
        if not parsed:
            return ()
        addresses.extend(parsed)
    return tuple(addresses)


def _parsed(text: str) -> tuple[IPAddress, ...]:
    try:
        return (parse_address(text),)
    except ValueError:
        return ()

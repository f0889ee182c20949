"""What the CLI reads of a cluster, in as few lists as it can."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import (
    BGP_ADVERTISEMENTS,
    CONFIGURATION_STATES,
    IP_ADDRESS_POOLS,
    L2_ADVERTISEMENTS,
    METALLB,
    SERVICE_BGP_STATUSES,
    SERVICE_L2_STATUSES,
    SERVICES,
    Kind,
)
from ferrite.objects import Custom, Object, Service, Struct

O = TypeVar("O", bound=Object)  # noqa: E741 - T of objects that are listed

LOAD_BALANCER = "LoadBalancer"
NOT_FOUND = 404


class Regarding(Struct, frozen=True, kw_only=True):
    """`involvedObject` of an Event."""

    namespace: str = ""
    name: str = ""
    uid: str = ""


class Event(Object, frozen=True, kw_only=True):
    """core/v1 Event: what it tells, of which object; times are RFC 3339."""

    involved_object: Regarding = Regarding()
    type: str = "Normal"
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None


class ConfigMap(Object, frozen=True, kw_only=True):
    """core/v1 ConfigMap: its texts."""

    data: dict[str, str] = msgspec.field(default_factory=dict)


CONFIG_MAPS = Kind("", "v1", "configmaps", "ConfigMap", ConfigMap)
SERVICE_EVENTS = Kind("", "v1", "events", "Event", Event, field_selector="involvedObject.kind=Service")


@dataclass(frozen=True, slots=True)
class Reading:
    """The objects as they were read; each list by itself, so they may be seconds apart.

    Attributes:
        services: of type LoadBalancer, in all namespaces.
        advertisements: how many L2Advertisements and BGPAdvertisements there are.
        events: of Services; only read when one of them needs an explanation.
    """

    namespace: str
    pools: tuple[Custom, ...] = ()
    services: tuple[Service, ...] = ()
    layer2: tuple[Custom, ...] = ()
    bgp: tuple[Custom, ...] = ()
    states: tuple[Custom, ...] = ()
    advertisements: int = 0
    events: tuple[Event, ...] = ()


async def read(cluster: Cluster, namespace: str) -> Reading:
    """Read everything but Events.

    Raises:
        ClusterError: a list failed; status 404 when the custom resources are not installed.
    """

    def own(kind: Kind[Custom]) -> asyncio.Task[tuple[Custom, ...]]:
        return tasks.create_task(_listed(cluster, kind.within(namespace)), name=f"list {kind}")

    try:
        async with asyncio.TaskGroup() as tasks:
            pools, states = own(IP_ADDRESS_POOLS), own(CONFIGURATION_STATES)
            layer2, bgp = own(SERVICE_L2_STATUSES), own(SERVICE_BGP_STATUSES)
            l2_advertisements, bgp_advertisements = own(L2_ADVERTISEMENTS), own(BGP_ADVERTISEMENTS)
            services = tasks.create_task(_listed(cluster, SERVICES), name="list services")
    except ExceptionGroup as group:
        raise _first_of(group) from None
    return Reading(
        namespace=namespace,
        pools=pools.result(),
        services=tuple(found for found in services.result() if found.spec.type == LOAD_BALANCER),
        layer2=layer2.result(),
        bgp=bgp.result(),
        states=states.result(),
        advertisements=len(l2_advertisements.result()) + len(bgp_advertisements.result()),
    )


async def read_events(cluster: Cluster) -> tuple[Event, ...]:
    """The Events of all Services.

    Raises:
        ClusterError: the list failed.
    """
    return await _listed(cluster, SERVICE_EVENTS)


async def read_config_map(cluster: Cluster, namespace: str, name: str) -> ConfigMap:
    """One ConfigMap.

    Raises:
        ClusterError: it is not there (status 404), or the API server did not answer or refused.
    """
    try:
        return await cluster.get(CONFIG_MAPS, f"{namespace}/{name}")
    except ClusterError as error:
        if error.status == NOT_FOUND:
            text = f"there is no ConfigMap {namespace}/{name}; see kubectl get configmaps -n {namespace}"
            raise ClusterError(text, status=NOT_FOUND, reason=error.reason) from None
        raise


async def _listed(cluster: Cluster, kind: Kind[O]) -> tuple[O, ...]:
    try:
        found, _ = await cluster.list(kind)
    except ClusterError as error:
        if error.status == NOT_FOUND and kind.group == METALLB:
            text = f"the cluster has no {kind}; install Ferrite, or: kubectl apply -f crds/"
            raise ClusterError(text, status=NOT_FOUND, reason=error.reason) from None
        raise
    return found


def _first_of(group: ExceptionGroup[Exception]) -> Exception:
    """The one error to tell: those of the cluster have one cause; anything else is a bug, told as it is."""
    _, bugs = group.split(ClusterError)
    return group.exceptions[0] if bugs is None else bugs

"""What `kubectl ferrite status` tells, from what was read; pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cli.reading import Event, Reading
from controller.tenant import Reason
from ferrite.objects import ALLOCATED_FROM_POOL, OBJECTS_ACCEPTED, Custom, Service, Struct

Status = Mapping[str, Any]
"""`status` of a custom resource."""
CONTROLLER = "controller"
INVALID = "Invalid"
UNKNOWN = "Unknown"
_SUMMARY_PREFIX = "configuration error: "


class PoolRow(Struct, frozen=True, kw_only=True):
    """One pool; counts are None until the controller wrote them, 9223372036854775807 is that many or more."""

    name: str
    addresses: tuple[str, ...]
    used_ipv4: int | None
    free_ipv4: int | None
    used_ipv6: int | None
    free_ipv6: int | None


class Announcer(Struct, frozen=True, kw_only=True):
    """A node that announces a Service; `through` are interfaces (none: all of them) or peers."""

    node: str
    through: tuple[str, ...]


class ServiceRow(Struct, frozen=True, kw_only=True):
    """One Service of type LoadBalancer; `why` says what it lacks, empty when nothing."""

    service: str
    addresses: tuple[str, ...]
    pool: str | None
    layer2: tuple[Announcer, ...]
    bgp: tuple[Announcer, ...]
    why: str


class DaemonRow(Struct, frozen=True, kw_only=True):
    """What one daemon makes of the configuration: Valid, Invalid or Unknown."""

    name: str
    result: str
    problems: tuple[str, ...]


class Report(Struct, frozen=True, kw_only=True):
    """Everything, in the order of names; `-o json` prints it as it is."""

    namespace: str
    pools: tuple[PoolRow, ...]
    services: tuple[ServiceRow, ...]
    daemons: tuple[DaemonRow, ...]


def report_of(reading: Reading) -> Report:
    """The report on everything that was read."""
    daemons = tuple(_daemon(state) for state in _by_name(reading.states))
    layer2 = _announcers(reading.layer2, _interfaces)
    bgp = _announcers(reading.bgp, _peers)
    services = tuple(
        _service(service, reading, daemons, (layer2.get(service.key, ()), bgp.get(service.key, ())))
        for service in sorted(reading.services, key=lambda service: service.key)
    )
    pools = tuple(_pool(pool) for pool in _by_name(reading.pools))
    return Report(namespace=reading.namespace, pools=pools, services=services, daemons=daemons)


def _by_name(items: Iterable[Custom]) -> list[Custom]:
    return sorted(items, key=lambda item: item.metadata.name)


def _pool(pool: Custom) -> PoolRow:
    status = pool.status
    return PoolRow(
        name=pool.metadata.name,
        addresses=_strings(pool.spec.get("addresses")),
        used_ipv4=_count(status, "assignedIPv4"),
        free_ipv4=_count(status, "availableIPv4"),
        used_ipv6=_count(status, "assignedIPv6"),
        free_ipv6=_count(status, "availableIPv6"),
    )


def _count(status: Status, name: str) -> int | None:
    value = status.get(name)
    return value if isinstance(value, int) else None


def _daemon(state: Custom) -> DaemonRow:
    conditions = state.status.get("conditions") or ()
    named = (each.get("message") for each in conditions if each.get("type") == OBJECTS_ACCEPTED)
    summary = next(named, None) or str(state.status.get("errorSummary") or "")
    lines = (line.removeprefix(_SUMMARY_PREFIX) for line in summary.splitlines())
    return DaemonRow(
        name=state.metadata.name,
        result=str(state.status.get("result") or UNKNOWN),
        problems=tuple(line for line in lines if line.strip()),
    )


def _announcers(
    statuses: Iterable[Custom], through: Callable[[Status], tuple[str, ...]]
) -> dict[str, tuple[Announcer, ...]]:
    """Announcing nodes by Service key; an object without its status yet tells nothing."""
    found: dict[str, list[Announcer]] = {}
    for item in statuses:
        status = item.status
        if status.get("node"):
            key = f"{status.get('serviceNamespace')}/{status.get('serviceName')}"
            found.setdefault(key, []).append(Announcer(node=str(status["node"]), through=through(status)))
    return {key: tuple(sorted(nodes, key=lambda each: each.node)) for key, nodes in found.items()}


def _interfaces(status: Status) -> tuple[str, ...]:
    return tuple(str(each.get("name")) for each in status.get("interfaces") or ())


def _peers(status: Status) -> tuple[str, ...]:
    return _strings(status.get("peers"))


def _strings(value: Iterable[object] | None) -> tuple[str, ...]:
    return tuple(str(each) for each in value or ())


def _service(
    service: Service,
    reading: Reading,
    daemons: tuple[DaemonRow, ...],
    announcers: tuple[tuple[Announcer, ...], tuple[Announcer, ...]],
) -> ServiceRow:
    layer2, bgp = announcers
    return ServiceRow(
        service=service.key,
        addresses=addresses_of(service),
        pool=service.metadata.annotations.get(ALLOCATED_FROM_POOL),
        layer2=layer2,
        bgp=bgp,
        why=why(service, reading, daemons, announced=bool(layer2 or bgp)),
    )


def addresses_of(service: Service) -> tuple[str, ...]:
    """What is in `status.loadBalancer.ingress`: addresses, or host names of another implementation."""
    return tuple(entry.ip or entry.hostname for entry in service.status.load_balancer.ingress)


def needs_explaining(reading: Reading) -> bool:
    """Whether a Service lacks an address or a node that announces it, so that Events can tell why."""
    report = report_of(reading)
    return any(row.why for row in report.services)


def why(service: Service, reading: Reading, daemons: tuple[DaemonRow, ...], *, announced: bool) -> str:
    """What a Service lacks and the best reason that the cluster shows; empty when it lacks nothing."""
    if not addresses_of(service):
        return f"no address: {_why_no_address(service, reading, daemons)}"
    if announced:
        return ""
    return f"not announced: {_why_not_announced(service, reading, daemons)}"


def _why_no_address(service: Service, reading: Reading, daemons: tuple[DaemonRow, ...]) -> str:
    warnings = [event for event in _told(service, reading.events) if event.type == "Warning"]
    if warnings:
        return f"{warnings[-1].reason}: {warnings[-1].message}"
    if service.spec.load_balancer_class:
        return f"left to whoever serves loadBalancerClass {service.spec.load_balancer_class!r}"
    if not reading.pools:
        return f"there is no IPAddressPool in namespace {reading.namespace}"
    controller = [daemon for daemon in daemons if daemon.name == CONTROLLER]
    if not controller:
        return f"no controller has reported in namespace {reading.namespace}; is it running?"
    return _problem(controller) or "the controller has not decided yet"


def _why_not_announced(service: Service, reading: Reading, daemons: tuple[DaemonRow, ...]) -> str:
    if ALLOCATED_FROM_POOL not in service.metadata.annotations:
        return f"its address is not from a pool in namespace {reading.namespace}"
    events = _told(service, reading.events)
    if events and events[-1].type == "Warning":
        return f"{events[-1].reason}: {events[-1].message}"
    if not reading.advertisements:
        return f"there is no L2Advertisement and no BGPAdvertisement in namespace {reading.namespace}"
    speakers = [daemon for daemon in daemons if daemon.name != CONTROLLER]
    if not speakers:
        return f"no speaker has reported in namespace {reading.namespace}; is one running?"
    return (
        _problem(speakers) or "has it ready endpoints, and does an advertisement select its pool and a node?"
    )


def _problem(daemons: Iterable[DaemonRow]) -> str:
    """The first problem that one of these daemons reports."""
    return next((problem for daemon in daemons for problem in daemon.problems), "")


def _told(service: Service, events: Iterable[Event]) -> list[Event]:
    """What was told of this Service, oldest first; a namesake that was deleted before is another one.

    Times are whole seconds: among equals a warning comes first, for it may have been mended at once.
    """
    about = service.metadata
    mine = [
        event
        for event in events
        if (event.involved_object.namespace, event.involved_object.name) == (about.namespace, about.name)
        and event.involved_object.uid in ("", about.uid)
        and event.reason != Reason.DEPRECATED_ANNOTATION.value
    ]
    return sorted(mine, key=lambda event: (event.last_timestamp or "", event.type != "Warning"))

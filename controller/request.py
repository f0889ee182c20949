"""What a Service asks of the controller, read once from the object.

The rest of the controller decides on `Request` alone and never looks at the Service again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from controller.tenant import Port, Sharing, quoted
from ferrite.model import families as families_of
from ferrite.net import Family, IPAddress, family_of, parse_address
from ferrite.objects import (
    ADDRESS_ASSIGNED,
    ADDRESS_POOL,
    ALLOCATED_FROM_POOL,
    ALLOW_SHARED_IP,
    LEGACY_ANNOTATION_PREFIX,
    LOAD_BALANCER_IPS,
    Service,
    annotation,
)


class Standing(Enum):
    """Whether a Service is this controller's to serve; the values are reasons in logs and in `explain`."""

    OURS = "Ours"
    NOT_LOAD_BALANCER = "notLoadBalancer"
    OTHER_CLASS = "OtherLoadBalancerClass"


class FamilyPolicy(Enum):
    """`spec.ipFamilyPolicy`."""

    SINGLE = "SingleStack"
    PREFER_DUAL = "PreferDualStack"
    REQUIRE_DUAL = "RequireDualStack"


@dataclass(frozen=True, slots=True)
class Request:
    """What one Service asks for, and what its status says that it has.

    Attributes:
        key: "namespace/name".
        uid: of the object.
        families: of its cluster IPs, the primary one first; empty while it has none.
        families_fault: why its families cannot be told.
        addresses_fault: why its requested addresses cannot be read.
        addresses: those requested, in the order written; empty leaves the choice to us.
        pool: the pool requested.
        held: addresses in its status, in their order.
        held_pool: the pool that the controller's annotation names; None when the annotation is not there.
        exact: whether the status lists `held` and nothing else (no host names, no text that is no address).
        occupied: whether the status lists anything.
        deprecated: annotation keys of MetalLB's old prefix.
        created: creationTimestamp, for telling the older of two claims.
        judged: whether the status has our condition.
    """

    key: str
    namespace: str
    standing: Standing
    families: tuple[Family, ...] = ()
    cluster_ips: tuple[str, ...] = ()
    policy: FamilyPolicy = FamilyPolicy.SINGLE
    families_fault: str | None = None
    addresses_fault: str | None = None
    addresses: tuple[IPAddress, ...] = ()
    pool: str | None = None
    sharing: Sharing = field(default_factory=Sharing)
    ports: frozenset[Port] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    held: tuple[IPAddress, ...] = ()
    held_pool: str | None = None
    exact: bool = True
    occupied: bool = False
    deprecated: tuple[str, ...] = ()
    created: str = ""
    uid: str = ""
    judged: bool = False


def read_request(service: Service, lb_class: str | None) -> Request:
    """Read what `service` asks for.

    Args:
        service: the object as the API server sent it.
        lb_class: the class this controller serves; None serves the Services without a class.
    """
    metadata, spec = service.metadata, service.spec
    families, families_fault = _families(service)
    addresses, addresses_fault = _requested(service)
    held = tuple(_held(service))
    ingress = service.status.load_balancer.ingress
    return Request(
        key=service.key,
        namespace=metadata.namespace,
        standing=_standing(service, lb_class),
        families=families,
        cluster_ips=spec.cluster_ips,
        policy=FamilyPolicy(spec.ip_family_policy or FamilyPolicy.SINGLE.value),
        families_fault=families_fault,
        addresses_fault=addresses_fault,
        addresses=addresses,
        pool=annotation(metadata, ADDRESS_POOL) or None,
        sharing=Sharing(annotation(metadata, ALLOW_SHARED_IP) or "", _backend(service)),
        ports=frozenset(Port(port.protocol, port.port) for port in spec.ports),
        labels=metadata.labels,
        held=held,
        held_pool=metadata.annotations.get(ALLOCATED_FROM_POOL),
        exact=len(held) == len(ingress),
        occupied=bool(ingress),
        deprecated=tuple(sorted(key for key in metadata.annotations if key.startswith(LEGACY_PREFIX))),
        created=metadata.creation_timestamp,
        uid=metadata.uid,
        judged=any(condition.type == ADDRESS_ASSIGNED for condition in service.status.conditions),
    )


LEGACY_PREFIX = LEGACY_ANNOTATION_PREFIX.rstrip("/")


def _standing(service: Service, lb_class: str | None) -> Standing:
    if service.spec.type != "LoadBalancer":
        return Standing.NOT_LOAD_BALANCER
    # A Service that has no class and one of class "" are told apart: only the first is everybody's.
    return Standing.OURS if service.spec.load_balancer_class == lb_class else Standing.OTHER_CLASS


def _backend(service: Service) -> str:
    if service.spec.external_traffic_policy != "Local":
        return ""
    if not service.spec.selector:  # its endpoints are made by hand: nobody else is known to have the same
        return f"Local {service.key}"
    labels = ",".join(f"{name}={value}" for name, value in sorted(service.spec.selector.items()))
    return f"Local {service.metadata.namespace} {labels}"


def _held(service: Service) -> Iterable[IPAddress]:
    for entry in service.status.load_balancer.ingress:
        try:
            if entry.ip:
                yield parse_address(entry.ip)
        except ValueError:
            continue


def _families(service: Service) -> tuple[tuple[Family, ...], str | None]:
    spec = service.spec
    texts = spec.cluster_ips or ((spec.cluster_ip,) if spec.cluster_ip else ())
    try:
        found = tuple(dict.fromkeys(family_of(parse_address(text)) for text in texts))
    except ValueError as error:
        text = f"Failed to retrieve ClusterIPs IPFamily for {quoted(texts)} {spec.cluster_ip}: {error}"
        return (), text
    first = spec.ip_families[0] if spec.ip_families else Family.IPV4.value
    return tuple(sorted(found, key=lambda family: family.value != first)), None


def _requested(service: Service) -> tuple[tuple[IPAddress, ...], str | None]:
    listed = annotation(service.metadata, LOAD_BALANCER_IPS) or ""
    single = service.spec.load_balancer_ip
    if listed and single:
        return (), "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"
    try:
        if single:
            return (parse_address(single),), None
        addresses = tuple(parse_address(text) for text in listed.split(",")) if listed else ()
    except ValueError:
        if single:
            return (), f'invalid spec.loadBalancerIP "{single}"'
        return (), f'invalid metallb.io/loadBalancerIPs: "{listed}"'
    fault = mixed_fault(addresses)
    return ((), fault) if fault else (addresses, None)


def mixed_fault(addresses: tuple[IPAddress, ...]) -> str | None:
    """Why these cannot be the addresses of one Service: more than two, or two of one family."""
    if len(addresses) > 2:
        return f"IPFamilyForAddresses: Invalid ips length {len(addresses)} {quoted(addresses)}"
    if len(set(families_of(addresses))) != len(addresses):
        return f"IPFamilyForAddresses: Same address family {quoted(addresses)}"
    return None

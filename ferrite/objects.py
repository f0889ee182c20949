"""The few fields that Ferrite reads from Kubernetes objects, decoded straight from JSON.

Fields that are not listed are skipped while decoding and never stored (`managedFields` among them). Custom
resources keep `spec` and `status` as plain dicts: `ferrite/config` checks those with the models of `crds/`.
"""

from typing import Any

import msgspec

ANNOTATION_PREFIX = "metallb.io/"
LEGACY_ANNOTATION_PREFIX = "metallb.universe.tf/"
ADDRESS_POOL = "address-pool"
LOAD_BALANCER_IPS = "loadBalancerIPs"
ALLOW_SHARED_IP = "allow-shared-ip"
ALLOCATED_FROM_POOL = "metallb.io/ip-allocated-from-pool"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
OBJECTS_ACCEPTED = "ferrite.io/ObjectsAccepted"
"""Condition of a ConfigurationState that names each object which does not count."""
ADDRESS_ASSIGNED = "ferrite.io/AddressAssigned"
"""Condition of a Service that says which address it has, or why it has none."""
IN_USE_FINALIZER = "ferrite.io/addresses-in-use"
"""Stops the deletion of an IPAddressPool with `onRemoval: Keep` while its addresses are in use."""
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"


class Struct(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A JSON object of the Kubernetes API; names are camelCase there.

    No object of JSON holds itself: left out of the garbage collector, 10,000 Services decode in a third of
    the time.
    """


class OwnerReference(Struct, frozen=True, kw_only=True):
    """`metadata.ownerReferences[]`."""

    api_version: str
    kind: str
    name: str
    uid: str


class Metadata(Struct, frozen=True, kw_only=True):
    """`metadata` of every object."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()


class Object(Struct, frozen=True, kw_only=True):
    """Any object: what a reflector needs of it."""

    metadata: Metadata

    @property
    def key(self) -> str:
        """`namespace/name`, or the name where the kind has no namespace."""
        return (
            f"{self.metadata.namespace}/{self.metadata.name}"
            if self.metadata.namespace
            else self.metadata.name
        )


class ServicePort(Struct, frozen=True, kw_only=True):
    """`spec.ports[]` of a Service."""

    port: int
    protocol: str = "TCP"


class ServiceSpec(Struct, frozen=True, kw_only=True):
    """`spec` of a Service."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = msgspec.field(default=(), name="clusterIPs")
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str | None = None
    load_balancer_class: str | None = None
    load_balancer_ip: str = msgspec.field(default="", name="loadBalancerIP")
    external_traffic_policy: str = "Cluster"
    selector: dict[str, str] | None = None
    ports: tuple[ServicePort, ...] = ()


class Ingress(Struct, frozen=True, kw_only=True):
    """`status.loadBalancer.ingress[]`."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None


class LoadBalancerStatus(Struct, frozen=True, kw_only=True):
    """`status.loadBalancer`."""

    ingress: tuple[Ingress, ...] = ()


class Condition(Struct, frozen=True, kw_only=True):
    """`status.conditions[]`, metav1.Condition."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    observed_generation: int = 0


class ServiceStatus(Struct, frozen=True, kw_only=True):
    """`status` of a Service."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: tuple[Condition, ...] = ()


class Service(Object, frozen=True, kw_only=True):
    """core/v1 Service."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(Struct, frozen=True, kw_only=True):
    """`endpoints[].conditions`; None means unknown, which counts as ready (discovery.k8s.io/v1)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class SliceEndpoint(Struct, frozen=True, kw_only=True):
    """`endpoints[]` of an EndpointSlice."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None


class EndpointSlice(Object, frozen=True, kw_only=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    address_type: str = "IPv4"
    endpoints: tuple[SliceEndpoint, ...] | None = None


class NodeAddress(Struct, frozen=True, kw_only=True):
    """`status.addresses[]` of a Node."""

    type: str
    address: str


class NodeStatus(Struct, frozen=True, kw_only=True):
    """`status` of a Node."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Node(Object, frozen=True, kw_only=True):
    """core/v1 Node."""

    status: NodeStatus = NodeStatus()


class Namespace(Object, frozen=True, kw_only=True):
    """core/v1 Namespace: its labels."""


class Pod(Object, frozen=True, kw_only=True):
    """core/v1 Pod: its identity, for owner references."""


class Secret(Object, frozen=True, kw_only=True):
    """core/v1 Secret; `data` values are base64."""

    type: str = ""
    data: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Secret({self.key!r})"


class LeaseSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`spec` of a Lease; times are RFC 3339 with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Object, frozen=True, kw_only=True):
    """coordination.k8s.io/v1 Lease."""

    spec: LeaseSpec = LeaseSpec()


class Custom(Object, frozen=True, kw_only=True):
    """An object of a custom resource."""

    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


def annotation(metadata: Metadata, name: str) -> str | None:
    """The value of `metallb.io/<name>`, else of its legacy spelling; the stable key wins even when empty."""
    stable = metadata.annotations.get(ANNOTATION_PREFIX + name)
    return stable if stable is not None else metadata.annotations.get(LEGACY_ANNOTATION_PREFIX + name)


def serves(endpoint: SliceEndpoint) -> bool:
    """Whether an endpoint can serve: ready (or unknown), or serving while it terminates."""
    conditions = endpoint.conditions
    return conditions.ready is not False or bool(conditions.serving)

"""Kinds: where an object lives in the API and what it is decoded into."""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import msgspec

from ferrite.objects import (
    Custom,
    EndpointSlice,
    Lease,
    Namespace,
    Node,
    Object,
    Pod,
    Secret,
    Service,
    Struct,
)

T = TypeVar("T", bound=Struct)


class ReviewedUser(Struct, frozen=True, kw_only=True):
    """`status.user` of a TokenReview: whom the token belongs to."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class TokenReviewStatus(Struct, frozen=True, kw_only=True):
    """`status` of a TokenReview."""

    authenticated: bool = False
    user: ReviewedUser = ReviewedUser()


class TokenReview(Struct, frozen=True, kw_only=True):
    """authentication.k8s.io/v1 TokenReview; it is never stored and has no name."""

    status: TokenReviewStatus = TokenReviewStatus()


class SubjectAccessReviewStatus(Struct, frozen=True, kw_only=True):
    """`status` of a SubjectAccessReview."""

    allowed: bool = False


class SubjectAccessReview(Struct, frozen=True, kw_only=True):
    """authorization.k8s.io/v1 SubjectAccessReview; it is never stored and has no name."""

    status: SubjectAccessReviewStatus = SubjectAccessReviewStatus()


class Event(Object, frozen=True, kw_only=True):
    """core/v1 Event: its name, as the answer to a write."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of objects, or the part of it that selectors leave.

    Attributes:
        group: empty for the core group.
        type: the struct that objects are decoded into.
        namespace: only this namespace; None is all of them.
        label_selector: as the API takes it (`a=b,c in (d,e)`); empty selects everything.
        field_selector: likewise (`metadata.name=x`).
        optional: where the cluster does not know the kind, it has no such objects.
    """

    group: str
    version: str
    plural: str
    kind: str
    type: builtins.type[T]
    namespaced: bool = True
    namespace: str | None = None
    label_selector: str = ""
    field_selector: str = ""
    optional: bool = False

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects: `group/version`, or the version in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def within(self, namespace: str) -> "Kind[T]":
        """The objects of one namespace."""
        return replace(self, namespace=namespace)

    def labelled(self, selector: str) -> "Kind[T]":
        """The objects that match a label selector."""
        return replace(self, label_selector=selector)

    def selected(self, selector: str) -> "Kind[T]":
        """The objects that match a field selector."""
        return replace(self, field_selector=selector)

    def path(self, key: str | None = None, subresource: str = "") -> str:
        """The URL path of the collection, of the object `key`, or of one of its subresources.

        `key` is `namespace/name`; the name alone where the kind has no namespace or is narrowed to one.

        Raises:
            ValueError: `key` has no namespace and needs one, or has one and must not.
        """
        if key is None:
            return self.collection(self.namespace)
        namespace, _, name = key.rpartition("/")
        if bool(namespace) and not self.namespaced:
            raise ValueError(f"{self.kind} {key!r} has no namespace")
        if self.namespaced and not (namespace or self.namespace):
            raise ValueError(f"{self.kind} {key!r} lacks its namespace")
        path = f"{self.collection(namespace or self.namespace)}/{name}"
        return f"{path}/{subresource}" if subresource else path

    def collection(self, namespace: str | None) -> str:
        """The URL path of the objects in `namespace`, or in all of them."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{base}/namespaces/{namespace}/{self.plural}" if namespace else f"{base}/{self.plural}"

    def selectors(self) -> dict[str, str]:
        """The query parameters of its selectors."""
        chosen = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in chosen.items() if value}

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


AnyKind = Kind[Any]
METALLB, FERRITE = "metallb.io", "ferrite.io"

SERVICES = Kind("", "v1", "services", "Service", Service)
NODES = Kind("", "v1", "nodes", "Node", Node, namespaced=False)
NAMESPACES = Kind("", "v1", "namespaces", "Namespace", Namespace, namespaced=False)
SECRETS = Kind("", "v1", "secrets", "Secret", Secret)
PODS = Kind("", "v1", "pods", "Pod", Pod)
EVENTS = Kind("", "v1", "events", "Event", Event)
ENDPOINT_SLICES = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", EndpointSlice)
DEPLOYMENTS = Kind("apps", "v1", "deployments", "Deployment", Object)
LEASES = Kind("coordination.k8s.io", "v1", "leases", "Lease", Lease)

IP_ADDRESS_POOLS = Kind(METALLB, "v1beta1", "ipaddresspools", "IPAddressPool", Custom)
L2_ADVERTISEMENTS = Kind(METALLB, "v1beta1", "l2advertisements", "L2Advertisement", Custom)
BGP_ADVERTISEMENTS = Kind(METALLB, "v1beta1", "bgpadvertisements", "BGPAdvertisement", Custom)
BGP_PEERS = Kind(METALLB, "v1beta2", "bgppeers", "BGPPeer", Custom)
BFD_PROFILES = Kind(METALLB, "v1beta1", "bfdprofiles", "BFDProfile", Custom)
COMMUNITIES = Kind(METALLB, "v1beta1", "communities", "Community", Custom)
SERVICE_L2_STATUSES = Kind(METALLB, "v1beta1", "servicel2statuses", "ServiceL2Status", Custom)
SERVICE_BGP_STATUSES = Kind(METALLB, "v1beta1", "servicebgpstatuses", "ServiceBGPStatus", Custom)
CONFIGURATION_STATES = Kind(METALLB, "v1beta1", "configurationstates", "ConfigurationState", Custom)
ADDRESS_RESERVATIONS = Kind(
    FERRITE, "v1alpha1", "addressreservations", "AddressReservation", Custom, optional=True
)
ADDRESS_BINDINGS = Kind(FERRITE, "v1alpha1", "addressbindings", "AddressBinding", Custom, optional=True)

TOKEN_REVIEWS = Kind(
    "authentication.k8s.io", "v1", "tokenreviews", "TokenReview", TokenReview, namespaced=False
)
SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io",
    "v1",
    "subjectaccessreviews",
    "SubjectAccessReview",
    SubjectAccessReview,
    namespaced=False,
)

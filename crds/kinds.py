"""The table of kinds: names, versions, models and printer columns of every custom resource."""

from dataclasses import dataclass

from pydantic import BaseModel

from crds.advertisement import BGPAdvertisementSpec, CommunitySpec, L2AdvertisementSpec
from crds.meta import FERRITE_GROUP, GROUP
from crds.peer import DEPRECATION_WARNING, BFDProfileSpec, BGPPeerSpec, BGPPeerV1Beta1Spec
from crds.pool import IPAddressPoolSpec, IPAddressPoolStatus
from crds.reservation import AddressBindingSpec, AddressReservationSpec, AddressReservationStatus
from crds.status import (
    ConfigurationStateStatus,
    EmptySpec,
    EmptyStatus,
    ServiceBGPStatusStatus,
    ServiceL2StatusStatus,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column; `priority` above 0 shows with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One served version of a kind; the first of a kind's versions that is not deprecated is stored.

    A kind whose `spec` or `status` is None does not have that part.
    """

    name: str
    spec: type[BaseModel] | None
    status: type[BaseModel] | None
    deprecation: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One custom resource."""

    name: str
    plural: str
    description: str
    versions: tuple[Version, ...]
    columns: tuple[Column, ...] = ()
    spec_required: bool = False
    group: str = GROUP


_POOL_COLUMNS = (
    Column("IPAddressPools", ".spec.ipAddressPools"),
    Column("IPAddressPool Selectors", ".spec.ipAddressPoolSelectors"),
)
_NODE_SELECTORS = Column("Node Selectors", ".spec.nodeSelectors", priority=10)
_SERVICE = (
    Column("Service Name", ".status.serviceName"),
    Column("Service Namespace", ".status.serviceNamespace"),
)


def _v1beta1(spec: type[BaseModel] | None, status: type[BaseModel] = EmptyStatus) -> tuple[Version, ...]:
    return (Version("v1beta1", spec, status),)


KINDS: tuple[Kind, ...] = (
    Kind(
        name="IPAddressPool",
        plural="ipaddresspools",
        description="Addresses that Services of type LoadBalancer may be given.",
        versions=_v1beta1(IPAddressPoolSpec, IPAddressPoolStatus),
        columns=(
            Column("Auto Assign", ".spec.autoAssign", "boolean"),
            Column("Avoid Buggy IPs", ".spec.avoidBuggyIPs", "boolean"),
            Column("Addresses", ".spec.addresses"),
        ),
        spec_required=True,
    ),
    Kind(
        name="BGPPeer",
        plural="bgppeers",
        description="A router that nodes hold a BGP session with.",
        versions=(
            Version("v1beta1", BGPPeerV1Beta1Spec, EmptyStatus, DEPRECATION_WARNING),
            Version("v1beta2", BGPPeerSpec, EmptyStatus),
        ),
        columns=(
            Column("Address", ".spec.peerAddress"),
            Column("ASN", ".spec.peerASN"),
            Column("BFD Profile", ".spec.bfdProfile"),
            Column("Multi Hops", ".spec.ebgpMultiHop"),
        ),
    ),
    Kind(
        name="BFDProfile",
        plural="bfdprofiles",
        description="How fast the loss of a BGP peer is noticed; named by BGPPeers.",
        versions=_v1beta1(BFDProfileSpec),
        columns=(
            Column("Passive Mode", ".spec.passiveMode", "boolean"),
            Column("Transmit Interval", ".spec.transmitInterval", "integer"),
            Column("Receive Interval", ".spec.receiveInterval", "integer"),
            Column("Multiplier", ".spec.detectMultiplier", "integer"),
        ),
    ),
    Kind(
        name="BGPAdvertisement",
        plural="bgpadvertisements",
        description="Announces the addresses of pools to BGP peers as routes.",
        versions=_v1beta1(BGPAdvertisementSpec),
        columns=(*_POOL_COLUMNS, Column("Peers", ".spec.peers"), _NODE_SELECTORS),
    ),
    Kind(
        name="L2Advertisement",
        plural="l2advertisements",
        description="Answers ARP and NDP for the addresses of pools.",
        versions=_v1beta1(L2AdvertisementSpec),
        columns=(*_POOL_COLUMNS, Column("Interfaces", ".spec.interfaces"), _NODE_SELECTORS),
    ),
    Kind(
        name="Community",
        plural="communities",
        description="Names for BGP communities, for use in BGPAdvertisements.",
        versions=_v1beta1(CommunitySpec),
    ),
    Kind(
        name="ServiceL2Status",
        plural="servicel2statuses",
        description="Which node answers ARP and NDP for a Service. Written by the speakers.",
        versions=_v1beta1(EmptySpec, ServiceL2StatusStatus),
        columns=(Column("Allocated Node", ".status.node"), *_SERVICE),
    ),
    Kind(
        name="ServiceBGPStatus",
        plural="servicebgpstatuses",
        description="Which peers get the routes of a Service from a node. Written by the speakers.",
        versions=_v1beta1(EmptySpec, ServiceBGPStatusStatus),
        columns=(Column("Node", ".status.node"), *_SERVICE),
    ),
    Kind(
        name="ConfigurationState",
        plural="configurationstates",
        description="Whether one component could use the configuration. Written by each of them.",
        versions=_v1beta1(None, ConfigurationStateStatus),
        columns=(
            Column("Result", ".status.result"),
            Column("ErrorSummary", ".status.errorSummary"),
            Column("Age", ".metadata.creationTimestamp", "date"),
        ),
    ),
    Kind(
        name="AddressReservation",
        plural="addressreservations",
        description=(
            "Holds addresses of a pool for Services of its own namespace, whether they use them or not. Of "
            "two reservations for an address the older counts; an address that another Service has already "
            "stays with it until that Service goes."
        ),
        versions=(Version("v1alpha1", AddressReservationSpec, AddressReservationStatus),),
        columns=(
            Column("Pool", ".spec.pool"),
            Column("Addresses", ".spec.addresses"),
            Column("Services", ".spec.services"),
            Column("Reserved", '.status.conditions[?(@.type=="Reserved")].status'),
        ),
        spec_required=True,
        group=FERRITE_GROUP,
    ),
    Kind(
        name="AddressBinding",
        plural="addressbindings",
        description=(
            "Which addresses a Service has, or had before it was deleted, of a pool with stickyFor. Written "
            "by the controller, which gives the Service the same addresses again."
        ),
        versions=(Version("v1alpha1", AddressBindingSpec, None),),
        columns=(
            Column("Service", ".spec.service"),
            Column("Pool", ".spec.pool"),
            Column("Addresses", ".spec.addresses"),
            Column("Until", ".spec.until"),
        ),
        spec_required=True,
        group=FERRITE_GROUP,
    ),
)

"""Words that a request, the ledger and the plan share: who wants an address, with whom, and what is told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Reason(Enum):
    """Why something happened or did not: the `reason` of Events, spelled as MetalLB's users know them."""

    IP_ALLOCATED = "IPAllocated"
    CLEAR_ASSIGNMENT = "ClearAssignment"
    ADDITIONAL_ASSIGN_FAILED = "AdditionalAssignFailed"
    ALLOCATION_FAILED = "AllocationFailed"
    LOAD_BALANCER_FAILED = "LoadBalancerFailed"
    NOT_ENOUGH_CLUSTER_IPS = "not enough clusterips"
    NO_CLUSTER_IPS = "NoClusterIPs"
    HELD_FAMILIES = "nolbIPsIPFamily"
    CLUSTER_FAMILIES = "noclusterIPsIPFamily"
    DEPRECATED_ANNOTATION = "deprecatedAnnotation"

    @property
    def is_warning(self) -> bool:
        """Whether the Event's type is Warning."""
        return self not in _NORMAL


_NORMAL = frozenset({Reason.IP_ALLOCATED, Reason.CLEAR_ASSIGNMENT, Reason.ADDITIONAL_ASSIGN_FAILED})


class Cause(Enum):
    """Why a Service has an address or has none: the `reason` of its condition, from a stable list.

    docs/pools.md explains each to users.
    """

    ASSIGNED = "Assigned"
    ONE_FAMILY_ASSIGNED = "OneFamilyAssigned"
    INVALID_REQUEST = "InvalidRequest"
    NO_CLUSTER_IPS = "NoClusterIPs"
    NOT_ENOUGH_CLUSTER_IPS = "NotEnoughClusterIPs"
    FAMILY_MISMATCH = "FamilyMismatch"
    UNKNOWN_POOL = "UnknownPool"
    POOL_NOT_ALLOWED = "PoolNotAllowed"
    POOL_BEING_DELETED = "PoolBeingDeleted"
    ADDRESS_NOT_IN_POOL = "AddressNotInPool"
    ADDRESS_IN_USE = "AddressInUse"
    ADDRESS_RESERVED = "AddressReserved"
    ADDRESS_KEPT = "AddressKept"
    NO_ADDRESS_FREE = "NoAddressFree"
    QUOTA_EXCEEDED = "QuotaExceeded"


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell the Service's owner."""

    reason: Reason
    text: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """With whom an address may be shared.

    Attributes:
        key: the allow-shared-ip annotation; empty shares with nobody.
        backend: names the pods where `externalTrafficPolicy: Local`, since sharers need endpoints on the same
            nodes; empty under the policy Cluster, where every node will do.
    """

    key: str = ""
    backend: str = ""

    def admits(self, other: "Sharing") -> bool:
        """Whether two Services may have the same address, their ports apart."""
        return bool(self.key) and self == other


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A port that a Service serves on its addresses."""

    protocol: str
    number: int

    def __str__(self) -> str:
        return f"{self.protocol}/{self.number}"


class Hold(Enum):
    """Why a tenant holds an address."""

    USED = "in use"
    LEAVING = "leaving"
    """Taken away, but the status may still list it: the write may fail."""
    KEPT = "kept"
    """For a Service that was deleted, should it come back."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A Service as the ledger sees it.

    Attributes:
        key: "namespace/name".
        ports: those it serves on every address it holds.
        hold: what it holds for; a Service may be there under each of these, and is never in its own way.
        uid: of the object; a Service that was deleted and created again is another one.
    """

    key: str
    sharing: Sharing = field(default_factory=Sharing)
    ports: frozenset[Port] = frozenset()
    hold: Hold = Hold.USED
    uid: str = ""

    @property
    def namespace(self) -> str:
        """Of the Service."""
        return self.key.partition("/")[0]


def quoted(values: Iterable[object]) -> str:
    """A list as MetalLB prints it: `["a" "b"]`."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"

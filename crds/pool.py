"""IPAddressPool: addresses that Services may be given."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crds.cel import address_entry_rules, sticky_rules
from crds.meta import SET, LabelSelectorSpec, Resource, Selectors, crd_default, rules

ENTRY_LENGTH = 96
"""Longest entry of `addresses`: two IPv6 addresses of 39 characters, a dash, and room for spaces."""
MOST_ENTRIES = 1024
MOST_LIMITS = 64
INT32_MAX = 2**31 - 1

AddressEntry = Annotated[str, Field(max_length=ENTRY_LENGTH, json_schema_extra=rules(*address_entry_rules()))]


class ServiceAllocationSpec(Resource):
    """Which Services may use the pool, and how eagerly.

    A Service must match the namespace part and the Service part where they are given.
    """

    priority: int = Field(
        default=0,
        description="Order among pools that a Service may use: lower first, 0 (unset) last.",
        json_schema_extra={"format": "int64"},
    )
    namespaces: list[str] = Field(
        default_factory=list,
        description="Names of the namespaces whose Services may use the pool.",
        json_schema_extra=SET,
    )
    namespace_selectors: Selectors = Field(
        default_factory=list,
        description="Labels of namespaces, any of which must match; added to namespaces.",
    )
    service_selectors: Selectors = Field(
        default_factory=list, description="Labels of Services, any of which must match."
    )


class OnRemoval(StrEnum):
    """What becomes of addresses in use that a pool does not offer any more."""

    REASSIGN = "Reassign"
    KEEP = "Keep"


class QuotaLimitSpec(Resource):
    """A limit for the namespaces that match."""

    namespace_selector: LabelSelectorSpec = Field(description="Labels of the namespaces that it is for.")
    limit: int = Field(
        ge=0,
        le=INT32_MAX,
        description="Most addresses that each of these namespaces may hold.",
        json_schema_extra={"format": "int32"},
    )


class QuotaSpec(Resource):
    """How many addresses of the pool each namespace may hold: in use, reserved for it, or kept for it."""

    default: int | None = Field(
        default=None,
        ge=0,
        le=INT32_MAX,
        description="Most addresses of a namespace that no entry of limits selects. Without it, no limit.",
        json_schema_extra={"format": "int32"},
    )
    limits: list[QuotaLimitSpec] = Field(
        default_factory=list,
        max_length=MOST_LIMITS,
        description="Limits of certain namespaces; the first that matches counts.",
    )


class IPAddressPoolSpec(Resource):
    """The addresses of a pool and who may use them."""

    addresses: list[AddressEntry] = Field(
        min_length=1,
        max_length=MOST_ENTRIES,
        description=(
            "Prefixes (192.0.2.0/24, 2001:db8::/112) and ranges (192.0.2.10-192.0.2.20), of either family. "
            "One address needs its length: 192.0.2.7/32."
        ),
    )
    auto_assign: bool = Field(
        default=True,
        description="Whether Services that ask for no pool and no address may get one of these.",
        json_schema_extra=crd_default(True),
    )
    avoid_buggy_ips: bool = Field(
        default=False,
        alias="avoidBuggyIPs",
        description="Leave out IPv4 addresses ending in .0 or .255, which some devices take for broadcasts.",
        json_schema_extra=crd_default(False),
    )
    service_allocation: ServiceAllocationSpec | None = Field(
        default=None, description="Which Services may use the pool. Without it, all."
    )
    sticky_for: str | None = Field(
        default=None,
        max_length=64,
        description=(
            "How long an address is kept for a Service that was deleted, in hours, minutes and seconds such "
            "as 24h or 1h30m: created again under the same namespace and name, it gets the address back. "
            "Until then nobody else gets it. Without stickyFor, addresses are free at once."
        ),
        json_schema_extra=rules(*sticky_rules()),
    )
    quota: QuotaSpec | None = Field(
        default=None,
        description=(
            "How many addresses of the pool a namespace may hold: in use, reserved by its "
            "AddressReservations, or kept for its deleted Services. Who has more keeps what it has. Without "
            "it, no limit."
        ),
    )
    on_removal: OnRemoval | None = Field(
        default=None,
        description=(
            "What becomes of addresses in use when the pool is deleted or does not list them any more. "
            "Reassign (which is so without it): their Services get others. Keep: they stay until their "
            "Services go, and nothing new is taken; status.kept lists them."
        ),
    )


class IPAddressPoolStatus(Resource):
    """How full the pool is; written by the controller. An address that Services share counts once."""

    assigned_ipv4: int = Field(
        alias="assignedIPv4",
        description="IPv4 addresses in use.",
        json_schema_extra={"format": "int64"},
    )
    assigned_ipv6: int = Field(
        alias="assignedIPv6",
        description="IPv6 addresses in use.",
        json_schema_extra={"format": "int64"},
    )
    available_ipv4: int = Field(
        alias="availableIPv4",
        description=(
            "IPv4 addresses that are free: neither in use nor reserved nor kept for a deleted Service."
        ),
        json_schema_extra={"format": "int64"},
    )
    available_ipv6: int = Field(
        alias="availableIPv6",
        description="IPv6 addresses that are free; 9223372036854775807 stands for that many or more.",
        json_schema_extra={"format": "int64"},
    )
    kept: list[str] = Field(
        default_factory=list,
        description=(
            "Addresses and ranges in use that the pool does not offer any more, kept because of onRemoval."
        ),
    )
    observed_generation: int | None = Field(
        default=None,
        description="metadata.generation that kept was made for.",
        json_schema_extra={"format": "int64"},
    )

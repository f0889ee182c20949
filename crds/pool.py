"""IPAddressPool: addresses that Services may be given."""

from typing import Annotated

from pydantic import Field

from crds.cel import address_entry_rules
from crds.meta import SET, Resource, Selectors, crd_default, rules

ENTRY_LENGTH = 96
"""Longest entry of `addresses`: two IPv6 addresses of 39 characters, a dash, and room for spaces."""
MOST_ENTRIES = 1024

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
        description="IPv4 addresses that are free.",
        json_schema_extra={"format": "int64"},
    )
    available_ipv6: int = Field(
        alias="availableIPv6",
        description="IPv6 addresses that are free; 9223372036854775807 stands for that many or more.",
        json_schema_extra={"format": "int64"},
    )

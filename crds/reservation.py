"""AddressReservation and AddressBinding: addresses that wait for a Service."""

from typing import Annotated

from pydantic import Field

from crds.cel import reserved_address_rules
from crds.meta import SET, ConditionStatus, Resource, rules

ADDRESS_LENGTH = 45
"""Longest address: IPv6 with an IPv4 address in it."""
MOST_ADDRESSES = 256

SingleAddress = Annotated[
    str, Field(max_length=ADDRESS_LENGTH, json_schema_extra=rules(*reserved_address_rules()))
]


class AddressReservationSpec(Resource):
    """Addresses of a pool that only Services of this namespace get."""

    pool: str = Field(min_length=1, max_length=253, description="Name of the IPAddressPool.")
    addresses: list[SingleAddress] = Field(
        min_length=1,
        max_length=MOST_ADDRESSES,
        description="The addresses, such as 192.0.2.7 or 2001:db8::7; of one family or of both.",
        json_schema_extra=SET,
    )
    services: str = Field(
        default="",
        max_length=63,
        description=(
            "Names of the Services that may have them, with * for any text and ? for one character. Without "
            "it, all Services of the namespace."
        ),
        pattern=r"^[-a-z0-9*?]*$",
    )


class ReservedAddressStatus(Resource):
    """One reserved address, and who uses it."""

    address: str = Field(description="The address.")
    services: list[str] = Field(
        default_factory=list, description="Services that use it, namespace/name; absent while none does."
    )
    problem: str = Field(default="", description="Why the address is not reserved; absent when it is.")


class AddressReservationStatus(Resource):
    """Who uses what; written by the controller."""

    addresses: list[ReservedAddressStatus] = Field(
        default_factory=list,
        description="Every address of the reservation.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["address"]},
    )
    conditions: list[ConditionStatus] = Field(
        default_factory=list,
        description="Reserved is True when all of its addresses are reserved.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


class BoundPortSpec(Resource):
    """A port that the Service serves."""

    protocol: str = Field(description="TCP, UDP or SCTP.", max_length=16)
    port: int = Field(ge=1, le=65535, description="The port.", json_schema_extra={"format": "int32"})


class AddressBindingSpec(Resource):
    """Addresses that a Service has, or had."""

    service: str = Field(description="The Service, namespace/name.", max_length=317)
    pool: str = Field(description="Name of the IPAddressPool.", max_length=253)
    addresses: list[str] = Field(
        min_length=1, max_length=2, description="The addresses, one per family, in the order of the status."
    )
    sharing_key: str = Field(default="", description="The allow-shared-ip annotation of the Service.")
    backend: str = Field(
        default="", description="Which pods it needs where externalTrafficPolicy is Local; for sharing."
    )
    ports: list[BoundPortSpec] = Field(  # as many as a Service may have: no limit
        default_factory=list, description="The ports of the Service; for sharing."
    )
    until: str | None = Field(
        default=None,
        description="When the addresses become free, RFC 3339; absent while the Service exists.",
        json_schema_extra={"format": "date-time"},
    )

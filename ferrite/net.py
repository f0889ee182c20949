"""Addresses, prefixes, ranges and families: the words every other module uses for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import NewType

IPAddress = IPv4Address | IPv6Address
Prefix = IPv4Network | IPv6Network
NodeName = NewType("NodeName", str)

LARGEST_COUNT = 2**63 - 1
"""Counts of addresses saturate here: status fields and metrics are signed 64-bit numbers."""


class Family(Enum):
    """An address family; the value is Kubernetes' word for it (`Service.spec.ipFamilies`)."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"

    @property
    def bits(self) -> int:
        """Length of an address in bits: 32 or 128."""
        return 32 if self is Family.IPV4 else 128


def family_of(value: IPAddress | Prefix) -> Family:
    """The family of an address or of a prefix."""
    return Family.IPV4 if value.version == 4 else Family.IPV6


def address_at(family: Family, number: int) -> IPAddress:
    """The address of `family` whose integer value is `number`."""
    return IPv4Address(number) if family is Family.IPV4 else IPv6Address(number)


@dataclass(frozen=True, slots=True, order=True)
class AddressRange:
    """Addresses from `first` to `last`, both included, as integers of one family."""

    first: int
    last: int
    family: Family

    def __contains__(self, address: IPAddress) -> bool:
        return family_of(address) is self.family and self.first <= int(address) <= self.last

    def __str__(self) -> str:
        first, last = address_at(self.family, self.first), address_at(self.family, self.last)
        return f"{first}-{last}"

    @property
    def shortest(self) -> str:
        """As people write it: one address alone, else the range."""
        return str(address_at(self.family, self.first)) if self.size == 1 else str(self)

    @property
    def size(self) -> int:
        """Number of addresses, not saturated: up to 2**128."""
        return self.last - self.first + 1

    def overlaps(self, other: "AddressRange") -> bool:
        """Whether the two share an address."""
        return self.family is other.family and self.first <= other.last and other.first <= self.last

    def prefixes(self) -> Iterator[Prefix]:
        """The fewest prefixes that hold exactly these addresses, ascending."""
        if self.family is Family.IPV4:
            yield from summarize_address_range(IPv4Address(self.first), IPv4Address(self.last))
        else:
            yield from summarize_address_range(IPv6Address(self.first), IPv6Address(self.last))


def parse_address(text: str) -> IPAddress:
    """Read one IP address; a zone (`fe80::1%eth0`) is not part of one.

    Raises:
        ValueError: `text` is no address.
    """
    try:
        address = ip_address(text.strip())
    except ValueError:
        raise ValueError(f"invalid IP address {text!r}") from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(f"invalid IP address {text!r}: a zone is not allowed")
    return address


def parse_range(text: str) -> AddressRange:
    """Read an entry of `IPAddressPool.spec.addresses`: `first-last`, or a prefix whose host bits are cut off.

    The complaints are MetalLB's (compatibility contract, semantic validation).

    Raises:
        ValueError: it is neither, mixes families, or ends before it starts.
    """
    if "-" not in text:
        return _range_of_prefix(text)
    start, end = (part.strip() for part in text.split("-", 1))
    first = _bound(text, "start", start)
    last = _bound(text, "end", end)
    if family_of(first) is not family_of(last):
        raise ValueError(
            f'invalid IP range "{text}": start IP "{first}" and end IP "{last}" differ in family'
        )
    if int(first) > int(last):
        raise ValueError(f'invalid IP range "{text}": start IP "{first}" is after the end IP "{last}"')
    return AddressRange(int(first), int(last), family_of(first))


def parse_reach(text: str) -> AddressRange:
    """Read what `AddressRange.__str__` prints, or one address alone.

    Raises:
        ValueError: it is neither.
    """
    if "-" in text:
        return parse_range(text)
    address = parse_address(text)
    return AddressRange(int(address), int(address), family_of(address))


def reaches(addresses: Iterable[IPAddress]) -> Iterator[AddressRange]:
    """The fewest ranges that hold exactly these addresses, ascending, IPv4 first."""
    first: IPAddress | None = None
    last: IPAddress | None = None
    for address in sorted(set(addresses), key=lambda one: (one.version, int(one))):
        if (
            last is not None
            and first is not None
            and (address.version, int(address)) != (last.version, int(last) + 1)
        ):
            yield AddressRange(int(first), int(last), family_of(first))
            first = None
        first, last = first if first is not None else address, address
    if first is not None and last is not None:
        yield AddressRange(int(first), int(last), family_of(first))


def _range_of_prefix(text: str) -> AddressRange:
    try:
        if (
            not text.strip().partition("/")[2].isdecimal()
        ):  # Python takes a mask, too: 192.0.2.0/255.255.255.0
            raise ValueError
        prefix = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f'invalid CIDR "{text}"') from None
    return AddressRange(int(prefix.network_address), int(prefix.broadcast_address), family_of(prefix))


def _bound(text: str, which: str, bound: str) -> IPAddress:
    try:
        return parse_address(bound)
    except ValueError:
        raise ValueError(f'invalid IP range "{text}": invalid {which} IP "{bound}"') from None


def masked(address: IPAddress, length: int) -> Prefix:
    """The prefix of `length` bits that holds `address`.

    Raises:
        ValueError: `length` is longer than an address of that family.
    """
    if address.version == 4:
        return IPv4Network((int(address), length), strict=False)
    return IPv6Network((int(address), length), strict=False)


def is_buggy(address: IPAddress) -> bool:
    """Whether `avoidBuggyIPs` leaves it out: IPv4 ending in .0 or .255."""
    return address.version == 4 and (int(address) & 0xFF) in (0x00, 0xFF)


def buggy_count(addresses: AddressRange) -> int:
    """How many addresses of a range `avoidBuggyIPs` leaves out, by arithmetic."""
    if addresses.family is Family.IPV6:
        return 0
    return sum(_ending_in(addresses, low) for low in (0x00, 0xFF))


def _ending_in(addresses: AddressRange, low: int) -> int:
    return (addresses.last - low) // 256 - (addresses.first - 1 - low) // 256

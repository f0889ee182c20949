"""ARP and NDP on Ethernet: hostile bytes in, frozen values or a reason out; ready bytes to send.

Nothing here raises, whatever the bytes. Addresses stay packed (4 or 16 bytes, a MAC 6): a table keyed by
the packed target needs no conversion for each packet.
"""

import struct
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

BROADCAST = b"\xff" * 6
ALL_NODES = IPv6Address("ff02::1").packed
ALL_NODES_MAC = b"\x33\x33" + ALL_NODES[12:]

ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD

ARP_LENGTH = 42
"""Ethernet header and ARP for IPv4 on Ethernet (RFC 826); what follows is padding."""

ICMPV6 = 58
SOLICITATION = 135
HOP_LIMIT = 255

_ICMP_START = 54
_SOLICITATION_LENGTH = 24
_ARP_KIND = b"\x08\x06\x00\x01\x08\x00\x06\x04"
_REQUEST = b"\x00\x01"
_REPLY = b"\x00\x02"
_SOURCE_LINK_LAYER = 1
_TARGET_LINK_LAYER = b"\x02\x01"
_SOLICITED_FLAG = 0x40000000
_OVERRIDE_FLAG = 0x20000000
_SOLICITED_NODE = IPv6Address("ff02::1:ff00:0").packed[:13]


class Malformed(Enum):
    """Why bytes are not a request that anyone could answer; the values label metrics."""

    TRUNCATED = "truncated"
    NOT_ARP = "notARP"
    NOT_ETHERNET_IPV4 = "notEthernetIPv4"
    NOT_REQUEST = "notRequest"
    BAD_SENDER = "badSender"
    NOT_SOLICITATION = "notSolicitation"
    BAD_HOP_LIMIT = "badHopLimit"
    BAD_CHECKSUM = "badChecksum"
    BAD_OPTION = "badOption"
    NO_SOURCE_LINK_LAYER = "noSourceLL"


@dataclass(frozen=True, slots=True)
class ArpRequest:
    """Who asks for `target` (RFC 826); `destination` is where the Ethernet frame went."""

    destination: bytes
    sender_mac: bytes
    sender: bytes
    target: bytes


@dataclass(frozen=True, slots=True)
class Solicitation:
    """A neighbor solicitation (RFC 4861 section 4.3).

    Attributes:
        destination: where the Ethernet frame went.
        sender_mac: from the source link-layer option; from the frame when a unicast probe has none.
        sender: IPv6 source, never unspecified.
        group: IPv6 destination: the target itself, or its solicited-node group.
    """

    destination: bytes
    sender_mac: bytes
    sender: bytes
    group: bytes
    target: bytes


def parse_arp(frame: bytes) -> ArpRequest | Malformed:
    """Read an Ethernet frame as an ARP request for an IPv4 address."""
    if len(frame) < ARP_LENGTH:
        return Malformed.TRUNCATED
    if frame[12:14] != _ARP_KIND[:2]:
        return Malformed.NOT_ARP
    if frame[12:20] != _ARP_KIND:
        return Malformed.NOT_ETHERNET_IPV4
    if frame[20:22] != _REQUEST:
        return Malformed.NOT_REQUEST
    sender_mac = frame[22:28]
    if not _is_station(sender_mac):
        return Malformed.BAD_SENDER
    return ArpRequest(frame[0:6], sender_mac, frame[28:32], frame[38:42])


def parse_solicitation(frame: bytes) -> Solicitation | Malformed:
    """Read an Ethernet frame as a neighbor solicitation, valid by RFC 4861 section 7.1.1.

    Extension headers are not looked into: no neighbor sends them here.
    """
    if len(frame) < _ICMP_START + _SOLICITATION_LENGTH:
        return Malformed.TRUNCATED
    if frame[12:14] != b"\x86\xdd" or frame[14] >> 4 != 6 or frame[20] != ICMPV6:
        return Malformed.NOT_SOLICITATION
    if frame[_ICMP_START] != SOLICITATION or frame[_ICMP_START + 1] != 0:
        return Malformed.NOT_SOLICITATION
    if frame[21] != HOP_LIMIT:
        return Malformed.BAD_HOP_LIMIT
    length = int.from_bytes(frame[18:20])
    message = frame[_ICMP_START : _ICMP_START + length]
    if length < _SOLICITATION_LENGTH or len(message) < length:
        return Malformed.TRUNCATED
    if checksum(_pseudo_header(frame[22:38], frame[38:54], length) + message) != 0:
        return Malformed.BAD_CHECKSUM
    return _solicitation(frame, message)


def _solicitation(frame: bytes, message: bytes) -> Solicitation | Malformed:
    sender, group, target = frame[22:38], frame[38:54], message[8:24]
    if target[0] == 0xFF or sender[0] == 0xFF:
        return Malformed.BAD_SENDER
    if not any(sender):  # duplicate address detection: never answered
        return Malformed.NO_SOURCE_LINK_LAYER
    sender_mac = _source_link_layer(message[_SOLICITATION_LENGTH:])
    if sender_mac is None and group == target:
        sender_mac = frame[6:12]  # a unicast probe may leave the option out (RFC 4861 section 7.2.2)
    if sender_mac is None:
        return Malformed.NO_SOURCE_LINK_LAYER
    if isinstance(sender_mac, Malformed):
        return sender_mac
    if not _is_station(sender_mac):
        return Malformed.BAD_SENDER
    return Solicitation(frame[0:6], sender_mac, sender, group, target)


def _source_link_layer(options: bytes) -> bytes | Malformed | None:
    """The MAC of the first source link-layer option; None when there is none."""
    at = 0
    found: bytes | None = None
    while at < len(options):
        if at + 2 > len(options):
            return Malformed.BAD_OPTION
        kind, size = options[at], options[at + 1] * 8
        if size == 0 or at + size > len(options):
            return Malformed.BAD_OPTION
        if kind == _SOURCE_LINK_LAYER and found is None:
            if size != 8:
                return Malformed.BAD_OPTION
            found = options[at + 2 : at + 8]
        at += size
    return found


def _is_station(mac: bytes) -> bool:
    """Whether a MAC can be one machine's: answering a group would multiply what a liar sends."""
    return not mac[0] & 1 and any(mac)


class ArpTemplate:
    """Replies of one address on one link, ready but for who asks."""

    __slots__ = ("_head",)

    def __init__(self, mac: bytes, address: IPv4Address) -> None:
        self._head = mac + _ARP_KIND + _REPLY + mac + address.packed

    def reply(self, request: ArpRequest) -> bytes:
        """The frame that answers `request`, unicast to the sender it names."""
        asker = request.sender_mac
        return asker + self._head + asker + request.sender


class NeighborTemplate:
    """Advertisements of one address on one link, ready but for who asks."""

    __slots__ = ("_body", "_ethernet", "_head", "_sum")

    def __init__(self, mac: bytes, link_local: IPv6Address, address: IPv6Address) -> None:
        self._ethernet = mac + b"\x86\xdd"
        self._head = struct.pack("!IHBB", 6 << 28, 32, ICMPV6, HOP_LIMIT) + link_local.packed
        self._body = address.packed + _TARGET_LINK_LAYER + mac
        self._sum = _sum(link_local.packed + struct.pack("!II", 32, ICMPV6) + b"\x88\x00" + self._body)

    def reply(self, request: Solicitation) -> bytes:
        """The solicited advertisement, without override, to the one who asked."""
        return self._frame(request.sender_mac, request.sender, _SOLICITED_FLAG)

    def unsolicited(self) -> bytes:
        """The advertisement to all nodes that overrides what they have cached."""
        return self._frame(ALL_NODES_MAC, ALL_NODES, _OVERRIDE_FLAG)

    def _frame(self, mac: bytes, to: bytes, flags: int) -> bytes:
        total = self._sum + _sum(to) + (flags >> 16)
        icmp = struct.pack("!HHI", 0x8800, _fold(total), flags)
        return b"".join((mac, self._ethernet, self._head, to, icmp, self._body))


def gratuitous_arp(mac: bytes, address: IPv4Address) -> tuple[bytes, bytes]:
    """A request and a reply, both broadcast, that tell every machine where `address` is (RFC 5944 4.6)."""
    tail = mac + address.packed + BROADCAST + address.packed
    head = BROADCAST + mac + _ARP_KIND
    return head + _REQUEST + tail, head + _REPLY + tail


def solicited_node(packed: bytes) -> bytes:
    """The solicited-node multicast group of an IPv6 address, packed (RFC 4291 section 2.7.1)."""
    return _SOLICITED_NODE + packed[13:]


def multicast_mac(group: bytes) -> bytes:
    """The Ethernet address of an IPv6 multicast group (RFC 2464 section 7)."""
    return b"\x33\x33" + group[12:]


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); 0 over data that carries a right one."""
    return _fold(_sum(data))


def _pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    return source + destination + struct.pack("!II", length, ICMPV6)


def _sum(data: bytes) -> int:
    padded = data + b"\x00" if len(data) % 2 else data
    return sum(struct.unpack(f"!{len(padded) // 2}H", padded))


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

"""The few rtnetlink messages that tell of links and their addresses, as frozen values.

Layouts: rtnetlink(7), linux/if_link.h, linux/if_addr.h. Bytes come from the kernel, yet whatever does not
fit is left out rather than raised.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Interface, IPv6Interface

GROUPS = 0x1 | 0x10 | 0x100
"""Multicast groups to bind to: links, IPv4 addresses, IPv6 addresses."""

IFF_UP = 0x1
IFF_BROADCAST = 0x2
IFF_NOARP = 0x80
IFF_LOWER_UP = 0x10000

ARPHRD_ETHER = 1

_NEW_LINK, _DELETED_LINK, _GET_LINK = 16, 17, 18
_NEW_ADDRESS, _DELETED_ADDRESS, _GET_ADDRESS = 20, 21, 22
_ERROR, _DONE = 2, 3
_REQUEST_DUMP = 0x301
_DUMP_INTERRUPTED = 0x10

_IFLA_ADDRESS, _IFLA_NAME, _IFLA_MASTER = 1, 3, 10
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_NOT_USABLE_YET = 0x40 | 0x08  # tentative, duplicate detected

InterfaceAddress = IPv4Interface | IPv6Interface


class Dump(Enum):
    """What to ask the kernel for."""

    LINKS = _GET_LINK
    ADDRESSES = _GET_ADDRESS


class End(Enum):
    """How a dump ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class LinkMessage:
    """A link as the kernel says it is, or that it is gone.

    Attributes:
        mac: empty when the link has none.
        master: index of the bond, bridge or VRF it belongs to; 0 for none.
        type: ARPHRD_*.
    """

    index: int
    name: str
    mac: bytes
    flags: int
    master: int
    type: int
    gone: bool


@dataclass(frozen=True, slots=True)
class AddressMessage:
    """An address of a link, or that it is gone.

    Attributes:
        usable: not waiting for, and not failed in, duplicate address detection.
    """

    index: int
    address: InterfaceAddress
    usable: bool
    gone: bool


Message = LinkMessage | AddressMessage | End


def dump_request(what: Dump, sequence: int) -> bytes:
    """The bytes that ask for everything of one sort."""
    return struct.pack("=IHHIIB3x", 20, what.value, _REQUEST_DUMP, sequence, 0, 0)


def parse(data: bytes) -> Iterator[Message]:
    """Read one datagram from an rtnetlink socket."""
    at = 0
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        if length < 16 or at + length > len(data):
            return
        if flags & _DUMP_INTERRUPTED:
            yield End.INTERRUPTED
        message = _message(kind, data[at + 16 : at + length])
        if message is not None:
            yield message
        at += (length + 3) & ~3


def _message(kind: int, body: bytes) -> Message | None:
    if kind in (_NEW_LINK, _DELETED_LINK):
        return _link(body, gone=kind == _DELETED_LINK)
    if kind in (_NEW_ADDRESS, _DELETED_ADDRESS):
        return _address(body, gone=kind == _DELETED_ADDRESS)
    if kind == _DONE:
        return End.DONE
    return End.ERROR if kind == _ERROR else None


def _link(body: bytes, *, gone: bool) -> LinkMessage | None:
    if (
        len(body) < 16 or body[0] != 0
    ):  # a bridge tells of its ports in its own family, without most attributes
        return None
    hardware, index, flags = struct.unpack_from("=2xHiI", body)
    attributes = dict(_attributes(body[16:]))
    name = attributes.get(_IFLA_NAME, b"").rstrip(b"\0").decode(errors="replace")
    master = attributes.get(_IFLA_MASTER, b"")
    return LinkMessage(
        index=index,
        name=name,
        mac=attributes.get(_IFLA_ADDRESS, b""),
        flags=flags,
        master=struct.unpack("=i", master)[0] if len(master) == 4 else 0,
        type=hardware,
        gone=gone,
    )


def _address(body: bytes, *, gone: bool) -> AddressMessage | None:
    if len(body) < 8:
        return None
    length, short_flags, index = struct.unpack_from("=xBBxi", body)
    attributes = dict(_attributes(body[8:]))
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b"")
    wide = attributes.get(_IFA_FLAGS, b"")
    flags = struct.unpack("=I", wide)[0] if len(wide) == 4 else short_flags
    address = _interface_address(packed, length)
    if address is None:
        return None
    return AddressMessage(index, address, usable=not flags & _NOT_USABLE_YET, gone=gone)


def _interface_address(packed: bytes, length: int) -> InterfaceAddress | None:
    if len(packed) == 4 and length <= 32:
        return IPv4Interface((packed, length))
    if len(packed) == 16 and length <= 128:
        return IPv6Interface((packed, length))
    return None


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3

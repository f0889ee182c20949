"""The sockets of one link: a filter in the kernel lets only ARP requests and neighbor solicitations wake us.

Everything here needs CAP_NET_RAW and no more: packet sockets, and joining multicast groups, which is free.
"""

import ctypes
import logging
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

from speaker.l2.frames import ETHERTYPE_ARP, ETHERTYPE_IPV6, HOP_LIMIT, ICMPV6, SOLICITATION

log = logging.getLogger(__name__)

_SO_ATTACH_FILTER = 26
_GROUPS_PER_SOCKET = 128
"""Memberships that fit into net.core.optmem_max (20 KiB in older kernels) many times over."""

# Classic BPF (linux/filter.h): load from an absolute offset, jump, return.
_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_JUMP_EQUAL, _JUMP_GREATER, _RETURN = 0x15, 0x25, 0x06
_ANCILLARY = 0xFFFFF000  # SKF_AD_OFF
_PACKET_TYPE, _INTERFACE_INDEX = _ANCILLARY + 4, _ANCILLARY + 8
_PACKET_MULTICAST = 2  # above: frames for others, our own, and those of a VLAN that has no link here
_WHOLE = 0x40000

Check = tuple[int, int, int]
"""Load instruction, offset, value it must equal."""

_ARP_CHECKS: tuple[Check, ...] = ((_LOAD_HALF, 20, 1),)
_NDP_CHECKS: tuple[Check, ...] = (
    (_LOAD_BYTE, 20, ICMPV6),
    (_LOAD_BYTE, 54, SOLICITATION),
    (_LOAD_BYTE, 21, HOP_LIMIT),
)


def filter_program(index: int, checks: Iterable[Check]) -> bytes:
    """A filter for frames that arrived for us on link `index` and pass every check.

    A link with VLANs, or a part of a bond, also shows its packet sockets what belongs to the link above: only
    the index tells them apart.
    """
    tests = [(_LOAD_WORD, _INTERFACE_INDEX, index), *checks]
    left = 2 * len(tests) + 1  # instructions from the first comparison to the refusal
    program = [(_LOAD_WORD, 0, 0, _PACKET_TYPE), (_JUMP_GREATER, left, 0, _PACKET_MULTICAST)]
    for load, offset, value in tests:
        left -= 2
        program += [(load, 0, 0, offset), (_JUMP_EQUAL, 0, left, value)]
    program += [(_RETURN, 0, 0, _WHOLE), (_RETURN, 0, 0, 0)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def open_arp(name: str, index: int) -> socket.socket:
    """A socket that receives the ARP requests of one link and sends on it.

    Raises:
        OSError: the link is gone, or CAP_NET_RAW is missing.
    """
    return _open_packet(name, ETHERTYPE_ARP, filter_program(index, _ARP_CHECKS))


def open_ndp(name: str, index: int) -> socket.socket:
    """A socket that receives the neighbor solicitations of one link, unicast ones too, and sends on it.

    Raises:
        OSError: the link is gone, or CAP_NET_RAW is missing.
    """
    return _open_packet(name, ETHERTYPE_IPV6, filter_program(index, _NDP_CHECKS))


def _open_packet(name: str, protocol: int, program: bytes) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        _attach(opened, program)  # before bind: nothing unfiltered ever waits in the socket
        opened.bind((name, protocol))
    except OSError:
        opened.close()
        raise
    return opened


def _attach(target: socket.socket, program: bytes) -> None:
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    target.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


class Groups:
    """Solicited-node groups joined on one link.

    Joined as IPv6 groups, not on the packet socket: only so does the kernel tell switches that snoop MLD.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._sockets: list[tuple[socket.socket, set[bytes]]] = []
        self._refused: set[bytes] = set()

    def keep(self, wanted: frozenset[bytes]) -> None:
        """Join and leave until exactly `wanted`, packed groups, are joined; a refused join is tried again."""
        for opened, joined in self._sockets:
            for group in joined - wanted:
                joined.discard(group)
                with suppress(OSError):  # gone with the link
                    self._membership(opened, socket.IPV6_LEAVE_GROUP, group)
        have = frozenset(group for _, joined in self._sockets for group in joined)
        for group in sorted(wanted - have):
            self._join(group)
        self._refused &= wanted

    def _join(self, group: bytes) -> None:
        try:
            opened, joined = self._roomy()
            self._membership(opened, socket.IPV6_JOIN_GROUP, group)
        except OSError as error:
            if group not in self._refused:
                log.warning("multicast group not joined", extra={"link": self._index, "error": str(error)})
            self._refused.add(group)
            return
        joined.add(group)
        self._refused.discard(group)

    def _roomy(self) -> tuple[socket.socket, set[bytes]]:
        for opened, joined in self._sockets:
            if len(joined) < _GROUPS_PER_SOCKET:
                return opened, joined
        entry = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), set[bytes]())
        self._sockets.append(entry)
        return entry

    def _membership(self, opened: socket.socket, option: int, group: bytes) -> None:
        opened.setsockopt(socket.IPPROTO_IPV6, option, group + struct.pack("@I", self._index))

    def close(self) -> None:
        """Leave all groups."""
        for opened, _ in self._sockets:
            opened.close()
        self._sockets.clear()

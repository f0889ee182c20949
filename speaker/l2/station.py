"""One link as the responder uses it: its sockets, its templates, its groups."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from ferrite.net import IPAddress
from speaker.l2.frames import (
    ArpRequest,
    ArpTemplate,
    Malformed,
    NeighborTemplate,
    Solicitation,
    gratuitous_arp,
    parse_arp,
    parse_solicitation,
)
from speaker.l2.links import Link
from speaker.l2.port import Groups, open_arp, open_ndp

_FRAME_BYTES = 2048

Reader = Callable[["Station", type[IPAddress]], None]


class Station:
    """The responder's hold on one link.

    Attributes:
        link: as the kernel last described it.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self._sockets: dict[type[IPAddress], socket.socket] = {}
        self._groups = Groups(link.index)
        self._arp: dict[bytes, ArpTemplate] = {}
        self._ndp: dict[bytes, NeighborTemplate] = {}

    def changed_identity(self, link: Link) -> bool:
        """Whether neighbors must be told again: a new MAC or link-local, or a carrier that came back."""
        old = self.link
        if (old.mac, old.link_local, old.name) != (link.mac, link.link_local, link.name):
            self._arp.clear()
            self._ndp.clear()
            return True
        return link.carrier and not old.carrier

    def serves(self, packed: bytes) -> bool:
        """Whether addresses of that family are answered for on this link."""
        return (IPv4Address if len(packed) == 4 else IPv6Address) in self._sockets

    def keep_sockets(self, read: Reader) -> None:
        """Open what the link can do now and is not open; close what it can do no more.

        Raises:
            OSError: the link is gone, or CAP_NET_RAW is missing.
        """
        self._keep(IPv4Address, self.link.does_arp, open_arp, read)
        self._keep(IPv6Address, self.link.does_ndp, open_ndp, read)

    def _keep(
        self, kind: type[IPAddress], wanted: bool, opener: Callable[[str, int], socket.socket], read: Reader
    ) -> None:
        if wanted and kind not in self._sockets:
            opened = opener(self.link.name, self.link.index)
            self._sockets[kind] = opened
            asyncio.get_running_loop().add_reader(opened.fileno(), read, self, kind)
        elif not wanted and kind in self._sockets:
            self._close(kind)

    def keep_groups(self, wanted: frozenset[bytes]) -> None:
        """Be in exactly these solicited-node groups, as far as the link does NDP."""
        self._groups.keep(wanted if IPv6Address in self._sockets else frozenset())

    def receive(self, kind: type[IPAddress]) -> bytes | None:
        """The next frame; None when none waits or the link just went down."""
        opened = self._sockets.get(kind)
        try:
            return opened.recv(_FRAME_BYTES) if opened is not None else None
        except OSError:
            return None

    def parse(self, kind: type[IPAddress], frame: bytes) -> ArpRequest | Solicitation | Malformed:
        """Read a frame of that family's socket."""
        return parse_arp(frame) if kind is IPv4Address else parse_solicitation(frame)

    def reply(self, request: ArpRequest | Solicitation) -> int:
        """Answer; how many frames were sent, 0 or 1."""
        if isinstance(request, ArpRequest):
            return self._send(IPv4Address, self._arp_template(request.target).reply(request))
        template = self._ndp_template(request.target)
        return self._send(IPv6Address, template.reply(request)) if template else 0

    def announce(self, address: IPAddress) -> int:
        """Tell every neighbor where `address` is; how many frames were sent."""
        if isinstance(address, IPv4Address):
            return sum(self._send(IPv4Address, frame) for frame in gratuitous_arp(self.link.mac, address))
        template = self._ndp_template(address.packed)
        return self._send(IPv6Address, template.unsolicited()) if template else 0

    def forget(self, packed: bytes) -> None:
        """Drop the template of an address."""
        self._arp.pop(packed, None)
        self._ndp.pop(packed, None)

    def _arp_template(self, packed: bytes) -> ArpTemplate:
        template = self._arp.get(packed)
        if template is None:
            template = self._arp[packed] = ArpTemplate(self.link.mac, IPv4Address(packed))
        return template

    def _ndp_template(self, packed: bytes) -> NeighborTemplate | None:
        template = self._ndp.get(packed)
        source = self.link.link_local
        if template is None and source is not None:
            template = self._ndp[packed] = NeighborTemplate(self.link.mac, source, IPv6Address(packed))
        return template

    def _send(self, kind: type[IPAddress], frame: bytes) -> int:
        opened = self._sockets.get(kind)
        if opened is None:
            return 0
        try:
            return 1 if opened.send(frame) else 0
        except OSError:  # the link is down, gone or full: the next round or request tries again
            return 0

    def _close(self, kind: type[IPAddress]) -> None:
        opened = self._sockets.pop(kind)
        asyncio.get_running_loop().remove_reader(opened.fileno())
        opened.close()

    def close(self) -> None:
        """Close every socket, leave every group."""
        for kind in tuple(self._sockets):
            self._close(kind)
        self._groups.close()

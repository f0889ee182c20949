"""The node's links as the kernel has them now: told of changes at once, read again whole as insurance."""

import asyncio
import logging
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path
from typing import NoReturn

import yaml

from ferrite.errors import ConfigError
from speaker.l2 import netlink
from speaker.l2.netlink import AddressMessage, Dump, End, InterfaceAddress, LinkMessage

log = logging.getLogger(__name__)

EXCLUDES_FILE = Path("/etc/metallb/excludel2.yaml")
EXCLUDES_KEY = "announcedInterfacesToExclude"
DEFAULT_EXCLUDES = (
    *("^docker.*", "^cbr.*", "^dummy.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo$", "^cali.*", "^tunl.*"),
    *("^flannel.*", "^kube-ipvs.*", "^cni.*", "^nodelocaldns.*", "^lxc.*"),
)
"""What the shipped ConfigMap excludes; without the file nothing is excluded."""

RESYNC_SECONDS = 10.0
DUMP_SECONDS = 5.0
RETRY_SECONDS = 0.5
_RECEIVE_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Link:
    """One interface of the node.

    Attributes:
        mac: empty when it has none.
        carrier: the link below is up.
        master: index of the bond, bridge or VRF it belongs to; 0 for none.
        addresses: with their prefix length, those that may be used; sorted.
    """

    index: int
    name: str
    mac: bytes = b""
    flags: int = 0
    master: int = 0
    type: int = netlink.ARPHRD_ETHER
    addresses: tuple[InterfaceAddress, ...] = ()

    @property
    def carrier(self) -> bool:
        """Whether something is connected."""
        return bool(self.flags & netlink.IFF_LOWER_UP)

    @property
    def usable(self) -> bool:
        """Up, not part of another link, Ethernet and with address resolution."""
        up = self.flags & netlink.IFF_UP and not self.flags & netlink.IFF_NOARP
        return bool(up) and not self.master and len(self.mac) == 6 and self.type == netlink.ARPHRD_ETHER

    @property
    def link_local(self) -> IPv6Address | None:
        """The IPv6 link-local address, once duplicate address detection is over."""
        for address in self.addresses:
            if isinstance(address.ip, IPv6Address) and address.ip.is_link_local:
                return address.ip
        return None

    @property
    def does_arp(self) -> bool:
        """Whether announced IPv4 addresses can be answered for here."""
        return self.usable and bool(self.flags & netlink.IFF_BROADCAST)

    @property
    def does_ndp(self) -> bool:
        """Whether announced IPv6 addresses can be answered for here."""
        return self.usable and self.link_local is not None


@dataclass(frozen=True, slots=True)
class LinkTable:
    """The links not excluded, by index; a higher `version` is a later state."""

    version: int = 0
    links: tuple[Link, ...] = ()


def excluder(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test whether a name matches any of `patterns`, anywhere in the name.

    Raises:
        ConfigError: a pattern is no regular expression.
    """
    compiled: list[re.Pattern[str]] = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise ConfigError(f"{EXCLUDES_KEY}: {pattern!r} is no regular expression: {error}") from None
    return lambda name: any(pattern.search(name) for pattern in compiled)


def read_excludes(path: Path = EXCLUDES_FILE) -> tuple[str, ...]:
    """The patterns of the exclude file; none when there is no file.

    Raises:
        ConfigError: the file is unreadable or not of that form.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {error}") from None
    patterns = content.get(EXCLUDES_KEY) if isinstance(content, dict) else 0
    if patterns is None:
        return ()
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        raise ConfigError(f"{path}: {EXCLUDES_KEY} is not a list of texts")
    return tuple(patterns)


class KnownLinks:
    """What the messages of the kernel add up to."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}
        self._addresses: dict[int, set[InterfaceAddress]] = {}

    def note(self, message: netlink.Message) -> None:
        """Take one message into account."""
        if isinstance(message, LinkMessage):
            self._note_link(message)
        elif isinstance(message, AddressMessage):
            addresses = self._addresses.setdefault(message.index, set())
            addresses.discard(message.address)
            if message.usable and not message.gone:
                addresses.add(message.address)

    def _note_link(self, message: LinkMessage) -> None:
        if message.gone:
            self._links.pop(message.index, None)
            self._addresses.pop(message.index, None)
            return
        self._links[message.index] = Link(
            message.index, message.name, message.mac, message.flags, message.master, message.type
        )

    def present(self, excluded: Callable[[str], bool]) -> tuple[Link, ...]:
        """The links whose name is not excluded, by index."""
        return tuple(
            replace(link, addresses=tuple(sorted(self._addresses.get(index, ()), key=_order)))
            for index, link in sorted(self._links.items())
            if not excluded(link.name)
        )


def _order(address: InterfaceAddress) -> tuple[int, int, int]:
    return address.version, int(address.ip), address.network.prefixlen


class Links:
    """Follows the links of this network namespace; any number of readers."""

    def __init__(self, excluded: Callable[[str], bool], resync_seconds: float = RESYNC_SECONDS) -> None:
        self.table = LinkTable()
        self._excluded = excluded
        self._resync_seconds = resync_seconds
        self._known = KnownLinks()
        self._changed = asyncio.Event()

    async def changed(self, after: int, within: float | None = None) -> LinkTable:
        """The first table later than version `after`; the present one after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.table.version <= after:
                    await self._changed.wait()
        except TimeoutError:
            pass
        return self.table

    async def run(self) -> NoReturn:
        """Keep the table true until cancelled."""
        while True:
            try:
                await self._follow()
            except (OSError, TimeoutError) as error:
                log.warning("links not read", extra={"error": str(error), "retry_seconds": RETRY_SECONDS})
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        """Read everything, then follow changes until it is time, or needed, to read everything again."""
        loop = asyncio.get_running_loop()
        with _route_socket(netlink.GROUPS) as changes:
            # A change that comes during the dump waits in `changes` and is applied after it.
            while True:
                self._known = await self._dump()
                self._publish()
                until = loop.time() + self._resync_seconds
                try:
                    async with asyncio.timeout_at(until):
                        while True:
                            self._note(await loop.sock_recv(changes, _RECEIVE_BYTES))
                except TimeoutError:
                    continue

    def _note(self, data: bytes) -> None:
        for message in netlink.parse(data):
            self._known.note(message)
        self._publish()

    def _publish(self) -> None:
        present = self._known.present(self._excluded)
        if present == self.table.links and self.table.version:
            return
        self.table = LinkTable(self.table.version + 1, present)
        self._changed.set()
        self._changed = asyncio.Event()

    async def _dump(self) -> KnownLinks:
        known = KnownLinks()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DUMP_SECONDS):
            with _route_socket(0) as asker:
                for what in Dump:
                    await loop.sock_sendall(asker, netlink.dump_request(what, what.value))
                    while not _noted(known, await loop.sock_recv(asker, _RECEIVE_BYTES)):
                        pass
        return known


def _noted(known: KnownLinks, data: bytes) -> bool:
    """Add a datagram of a dump to `known`; True when it was the last.

    Raises:
        OSError: the kernel refused, or things changed meanwhile.
    """
    done = False
    for message in netlink.parse(data):
        if message is End.DONE:
            done = True
        elif isinstance(message, End):
            raise OSError(f"netlink dump: {message.value}")
        else:
            known.note(message)
    return done


def _route_socket(groups: int) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    opened.bind((0, groups))
    return opened

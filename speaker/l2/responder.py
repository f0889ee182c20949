"""Answers ARP and NDP on the node's links for the addresses it is told to announce."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from ferrite.net import IPAddress
from speaker.l2.answers import Announce, Ignored, why_ignored
from speaker.l2.frames import Malformed, solicited_node
from speaker.l2.gratuitous import REPEAT_SECONDS, Schedule
from speaker.l2.links import Link, Links
from speaker.l2.station import Station

log = logging.getLogger(__name__)

RESYNC_SECONDS = 10.0
"""What failed on a link (a join, a socket) is tried again this often."""

GATE_SECONDS = 0.05
"""Between looks at a closed gate while something is due to be announced."""

_PACKETS_PER_TURN = 32
_ROUNDS_PER_TURN = 64


@dataclass(slots=True)
class Counts:
    """What happened for one address since it is announced; gratuitous ones are counted by frame."""

    requests_received: int = 0
    responses_sent: int = 0
    gratuitous_sent: int = 0


class Responder:
    """Owns the sockets of every link; one event loop calls everything here.

    Attributes:
        refused: requests not answered, by reason.
    """

    def __init__(
        self, links: Links, may_answer: Callable[[], bool], repeat_seconds: float = REPEAT_SECONDS
    ) -> None:
        """Make one that is silent while `may_answer()` is False; it is asked for every packet."""
        self.refused: Counter[Malformed | Ignored] = Counter()
        self._links = links
        self._may_answer = may_answer
        self._announced: dict[bytes, Announce] = {}
        self._addresses: dict[bytes, IPAddress] = {}
        self._counts: dict[bytes, Counts] = {}
        self._stations: dict[int, Station] = {}
        self._schedule: Schedule[tuple[bytes, int]] = Schedule(repeat_seconds)
        self._due = asyncio.Event()

    def present_interfaces(self) -> frozenset[str]:
        """Names of the links that are not excluded, usable or not."""
        return frozenset(link.name for link in self._links.table.links)

    def usable_interfaces(self) -> frozenset[str]:
        """Names of the links on which addresses are answered for."""
        return frozenset(station.link.name for station in self._stations.values())

    def counters(self) -> Mapping[IPAddress, Counts]:
        """Counts of the addresses announced now."""
        return {self._addresses[packed]: counts for packed, counts in self._counts.items()}

    def apply(self, wanted: Mapping[IPAddress, Announce]) -> None:
        """Announce exactly `wanted`: new addresses at once with a burst, gone ones silent at once."""
        before = self._announced
        self._announced = {address.packed: announce for address, announce in wanted.items()}
        self._addresses = {address.packed: address for address in wanted}
        self._counts = {packed: self._counts.get(packed) or Counts() for packed in self._announced}
        for station in self._stations.values():
            self._keep_station(station, before)
        self._due.set()

    def announce_again(self) -> None:
        """Begin the burst of every address anew: neighbors may have learnt of somebody else meanwhile."""
        for station in self._stations.values():
            for packed, announce in self._announced.items():
                if announce.on(station.link.name) and station.serves(packed):
                    self._schedule.start((packed, station.link.index), self._now())
        self._due.set()

    async def run(self) -> NoReturn:
        """Answer until cancelled; closes every socket then."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_stations(), name="l2-links")
                tasks.create_task(self._keep_announcing(), name="l2-gratuitous")
        finally:
            for index in tuple(self._stations):
                self._close(index)
        raise AssertionError("daemon tasks do not return")

    def _keep_station(self, station: Station, before: Mapping[bytes, Announce]) -> None:
        """Bring one link up to what is announced now; `before` is what was announced on it until now."""
        name, index = station.link.name, station.link.index
        for packed in before.keys() - self._announced.keys():
            self._schedule.drop((packed, index))
            station.forget(packed)
        for packed, announce in self._announced.items():
            key = (packed, index)
            if not (announce.on(name) and station.serves(packed)):
                self._schedule.drop(key)
            elif key not in self._schedule:
                self._schedule.start(key, self._now())
        station.keep_groups(
            frozenset(
                solicited_node(packed)
                for packed, announce in self._announced.items()
                if len(packed) == 16 and announce.on(name)
            )
        )

    async def _keep_stations(self) -> NoReturn:
        version = 0
        while True:
            table = await self._links.changed(version, within=RESYNC_SECONDS)
            version = table.version
            usable = {link.index: link for link in table.links if link.does_arp or link.does_ndp}
            for index in self._stations.keys() - usable.keys():
                self._close(index)
            for link in usable.values():
                self._keep_link(link)
            self._due.set()

    def _keep_link(self, link: Link) -> None:
        station = self._stations.get(link.index)
        if station is None:
            station = self._stations[link.index] = Station(link)
            log.info("link answers", extra={"link": link.name})
        elif station.changed_identity(link):
            self._drop_rounds(link.index)  # neighbors must hear of the new MAC, or again after a lost carrier
        station.link = link
        try:
            station.keep_sockets(self._read)
        except OSError as error:
            log.warning("link not opened", extra={"link": link.name, "error": str(error)})
        self._keep_station(station, {})

    def _close(self, index: int) -> None:
        station = self._stations.pop(index)
        self._drop_rounds(index)
        station.close()
        log.info("link no longer answers", extra={"link": station.link.name})

    def _drop_rounds(self, index: int) -> None:
        for packed in self._announced:
            self._schedule.drop((packed, index))

    def _read(self, station: Station, kind: type[IPAddress]) -> None:
        """Answer what waits on one socket; no more than a batch, so that other sockets get their turn."""
        for _ in range(_PACKETS_PER_TURN):
            frame = station.receive(kind)
            if frame is None:
                return
            self._answer(station, kind, frame)

    def _answer(self, station: Station, kind: type[IPAddress], frame: bytes) -> None:
        request = station.parse(kind, frame)
        if isinstance(request, Malformed):
            self.refused[request] += 1
            return
        ignored = why_ignored(request, station.link.name, station.link.mac, self._announced)
        if ignored is None:
            counts = self._counts[request.target]
            counts.requests_received += 1
            if self._may_answer():
                counts.responses_sent += station.reply(request)
                return
            ignored = Ignored.NOT_FRESH
        self.refused[ignored] += 1

    async def _keep_announcing(self) -> NoReturn:
        while True:
            self._due.clear()
            due = self._schedule.next_due()
            wait = None if due is None else due - self._now()
            if wait is None or wait > 0:
                await self._sleep(wait)
            elif not self._may_answer():
                await asyncio.sleep(GATE_SECONDS)
            else:
                self._announce_due()
                await asyncio.sleep(0)  # requests first, when there is a lot to announce

    async def _sleep(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._due.wait()
        except TimeoutError:
            return

    def _announce_due(self) -> None:
        for packed, index in self._schedule.take(self._now(), _ROUNDS_PER_TURN):
            station, address = self._stations.get(index), self._addresses.get(packed)
            if station is not None and address is not None:
                self._counts[packed].gratuitous_sent += station.announce(address)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

"""Heartbeats over UDP between the speakers of all nodes."""

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from ferrite.net import IPAddress, NodeName
from speaker.members.heartbeat import Heartbeat, Unreadable, seal, unseal
from speaker.members.view import Timings, Verdict, View

log = logging.getLogger(__name__)

PORT = 7946
KEY_CHECK_SECONDS = 1.0
KEY_OVERLAP_SECONDS = 300.0
"""How long the key before stays valid: longer than a kubelet takes to bring a Secret to every node."""

BIND_RETRY_SECONDS = 1.0
_DATAGRAMS_PER_TURN = 128
_DATAGRAM_BYTES = 2049
_LEAVE_COPIES = 3
_CLASS_CONTROL = 0xC0  # CS6, network control (RFC 4594)


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """How one speaker takes part.

    Attributes:
        bind: address to receive on; None switches membership off, then every node counts as alive.
        key: asked once a second for the key; empty when there is none now. None switches membership off, too.
    """

    me: NodeName
    bind: IPAddress | None
    key: Callable[[], bytes] | None
    port: int = PORT
    timings: Timings = field(default_factory=Timings)


class Waiting(Enum):
    """What keeps a mesh from working."""

    KEY = "membership key"
    ADDRESS = "membership address"


def clock() -> float:
    """Seconds that also pass while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Keys:
    """The key, and the one before for a while."""

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source = source
        self._keys: tuple[bytes, ...] = ()
        self._changed_at = 0.0

    def read(self, now: float) -> tuple[bytes, ...]:
        """The valid keys, the present one first; empty until there is one. One that goes stays in use."""
        key = self._source()
        if key and key not in self._keys[:1]:
            self._keys = (key, *self._keys[:1])
            self._changed_at = now
        elif now - self._changed_at > KEY_OVERLAP_SECONDS:
            self._keys = self._keys[:1]
        return self._keys


class Mesh:
    """Who is alive; one task reads `changed`, any number of callers ask `fresh`.

    Attributes:
        refused: datagrams not counted, by reason.
        openings: how often `fresh()` was found to have become true.
        waiting_for: what is missing before this can work; None when nothing is.
    """

    def __init__(self, settings: MeshSettings, api_age: Callable[[], float]) -> None:
        """Make a mesh that is not open yet; `api_age()` is seconds since the API server last answered us."""
        self.refused: Counter[Unreadable | Verdict] = Counter()
        self.waiting_for: Waiting | None = None
        self.openings = 0
        self._settings = settings
        self._api_age = api_age
        self._view = View(settings.me, time.time_ns(), settings.timings)
        self._nodes: dict[NodeName, IPAddress | None] = {}
        self._keys: tuple[bytes, ...] = ()
        self._key_reader = Keys(settings.key) if settings.key else None
        self._socket: socket.socket | None = None
        self._seen: tuple[frozenset[NodeName], bool] | None = None
        self._changed = asyncio.Event()

    @property
    def is_on(self) -> bool:
        """Whether speakers watch each other; without, nobody knows who is alive."""
        return self._settings.bind is not None

    @property
    def live_nodes(self) -> frozenset[NodeName]:
        """Nodes whose speaker is alive, this one included."""
        if self._settings.bind is None:
            return frozenset((self._settings.me, *self._nodes))
        return self._view.live(clock())

    def fresh(self) -> bool:
        """Whether this speaker may answer now; asked for every packet."""
        if self._settings.bind is None:
            return True
        return self.waiting_for is None and self._view.fresh(clock(), self._api_age())

    async def changed(self, within: float | None = None) -> frozenset[NodeName]:
        """The live nodes, when they or `fresh()` changed since the last return, or after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()
        return self.live_nodes

    def set_nodes(self, nodes: Mapping[NodeName, tuple[IPAddress, ...]]) -> None:
        """Say which nodes there are, with their InternalIPs; the first of the family we bind to is used."""
        bind = self._settings.bind
        self._nodes = {
            name: next((each for each in addresses if bind and each.version == bind.version), None)
            for name, addresses in nodes.items()
        }
        now = clock()
        if self._view.set_nodes(frozenset(self._nodes), now):
            self._send(self._view.beats(now))
        self._note()

    async def run(self) -> NoReturn:
        """Take part until cancelled, then tell the others that this speaker leaves."""
        if self._settings.bind is None or self._key_reader is None:
            self.waiting_for = None if self._settings.bind is None else Waiting.KEY
            log.warning("membership is off", extra={"missing": "address or key"})
            await asyncio.Event().wait()
        await self._wait_for_key()
        self._socket = await self._open()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket.fileno(), self._read)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_beating(), name="members-beat")
                tasks.create_task(self._keep_key(), name="members-key")
        finally:
            for _ in range(_LEAVE_COPIES):
                self._send(self._view.farewells(clock()))
            loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        raise AssertionError("daemon tasks do not return")

    async def _wait_for_key(self) -> None:
        self._read_key()
        if not self._keys:
            self.waiting_for = Waiting.KEY
            log.warning("membership waits for its key")
        while not self._keys:
            await asyncio.sleep(KEY_CHECK_SECONDS)
            self._read_key()

    async def _open(self) -> socket.socket:
        while True:
            try:
                opened = self._bound()
            except OSError as error:
                self.waiting_for = Waiting.ADDRESS
                log.warning("membership address not bound", extra={"error": str(error)})
                await asyncio.sleep(BIND_RETRY_SECONDS)
            else:
                self.waiting_for = None
                self._note()
                return opened

    def _bound(self) -> socket.socket:
        bind = self._settings.bind
        family, level, option = (
            (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
            if bind and bind.version == 6
            else (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS)
        )
        opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            opened.setsockopt(level, option, _CLASS_CONTROL)
            opened.bind((str(bind), self._settings.port))
        except OSError:
            opened.close()
            raise
        return opened

    async def _keep_beating(self) -> NoReturn:
        timings = self._settings.timings
        beat_at = clock()
        while True:
            now = clock()
            self._view.tick(now)
            if now >= beat_at:
                self._send(self._view.beats(now))
                beat_at = max(beat_at + timings.interval, now + timings.interval / 2)
            self._note()
            loss = self._view.next_loss(now)
            until = beat_at if loss is None else min(beat_at, loss + 0.001)
            await asyncio.sleep(max(until - clock(), 0.001))

    async def _keep_key(self) -> NoReturn:
        while True:
            await asyncio.sleep(KEY_CHECK_SECONDS)
            self._read_key()

    def _read_key(self) -> None:
        if self._key_reader is not None:
            self._keys = self._key_reader.read(clock())

    def _send(self, beats: tuple[Heartbeat, ...]) -> None:
        for beat in beats:
            address = self._nodes.get(beat.destination)
            if address is None or self._socket is None:
                continue
            try:
                self._socket.sendto(seal(beat, self._keys), (str(address), self._settings.port))
            except OSError as error:  # unreachable or full: the next heartbeat tries again
                log.debug("heartbeat not sent", extra={"node": beat.destination, "error": str(error)})

    def _read(self) -> None:
        for _ in range(_DATAGRAMS_PER_TURN):
            try:
                data = self._socket.recv(_DATAGRAM_BYTES) if self._socket is not None else b""
            except OSError:
                break
            self._take(data)
        self._note()

    def _take(self, data: bytes) -> None:
        beat = unseal(data, self._keys)
        if isinstance(beat, Unreadable):
            self.refused[beat] += 1
            return
        now = clock()
        match verdict := self._view.heard(beat, now):
            case Verdict.GREETING:
                self._send((self._view.greeting(beat.sender, now),))
            case Verdict.COUNTED | Verdict.LEFT:
                pass
            case _:
                self.refused[verdict] += 1

    def _note(self) -> None:
        seen = (self.live_nodes, self.fresh())
        if seen == self._seen:
            return
        opens = seen[1] and not (self._seen is not None and self._seen[1])
        self._seen = seen
        self._changed.set()
        if opens:
            self.openings += 1
            # The others give up at once what is ours from now on; the next heartbeat would be late.
            self._send(self._view.beats(clock()))

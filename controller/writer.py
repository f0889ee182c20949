"""Writes decisions to `services/status`: in parallel, on the version decided on, only while leading."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from controller.inbox import Inbox
from controller.metrics import State
from controller.tenant import Note
from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import SERVICES
from ferrite.kube.lease import Leadership
from ferrite.kube.world import World
from ferrite.kube.writes import Events
from ferrite.objects import Service
from ferrite.run.backoff import jittered, longer

log = logging.getLogger(__name__)

WRITERS = 32
WRITE_SECONDS = 10.0
TELL_SECONDS = 2.0
"""Events wait until the addresses are written, but no longer than this."""


@dataclass(frozen=True, slots=True)
class Write:
    """A patch of the status of `service`, and what to tell its owner once it is done."""

    service: Service
    body: dict[str, Any]
    notes: tuple[Note, ...]


class Tell:
    """Tells owners of Services by Events: each sentence once until it changes, after the writes that wait."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._told: dict[str, tuple[Note, ...]] = {}
        self._due: deque[tuple[float, Service, Note]] = deque()

    def tell(self, service: Service, notes: tuple[Note, ...]) -> None:
        """Tell `notes` unless they are what was told last."""
        if self._told.get(service.key, ()) == notes:
            return
        if not notes:
            self.forget(service.key)
            return
        self._told[service.key] = notes
        now = asyncio.get_running_loop().time()
        self._due.extend((now, service, note) for note in notes)

    def forget(self, key: str) -> None:
        """Tell again, whatever comes; or the Service is gone."""
        self._told.pop(key, None)

    def flush(self, idle: bool) -> None:
        """Hand the Events over: all of them when no write waits, else those that waited long enough."""
        now = asyncio.get_running_loop().time()
        while self._due and (idle or now - self._due[0][0] > TELL_SECONDS):
            _, service, note = self._due.popleft()
            kind: Literal["Normal", "Warning"] = "Warning" if note.reason.is_warning else "Normal"
            if not self._events.record(service, SERVICES, kind, note.reason.value, note.text):
                self.forget(service.key)  # given up: what is decided next is told, even if it is the same


class StatusWriter:
    """The writes of one term of leadership."""

    def __init__(
        self, cluster: Cluster, leadership: Leadership, inbox: Inbox, tell: Tell, state: State
    ) -> None:
        self._cluster, self._leadership, self._inbox = cluster, leadership, inbox
        self._tell, self._state = tell, state
        self._queue: asyncio.Queue[Write] = asyncio.Queue()
        self._busy: set[str] = set()
        self._written: dict[str, str] = {}  # key -> version that a write was decided on, and that it replaced
        self._retry: dict[str, float] = {}

    @property
    def busy(self) -> bool:
        """Whether a write waits or is on its way."""
        return bool(self._busy)

    def put(self, write: Write) -> None:
        """Write this soon; the Service must be `settled`."""
        self._busy.add(write.service.key)
        self._queue.put_nowait(write)

    def settled(self, key: str, version: str | None) -> bool:
        """Whether `version` of a Service, None when it is gone, shows all that was written to it.

        If not, its turn comes again: the write's end or the watch puts it into the inbox.
        """
        if key in self._busy:
            return False
        if version is not None and self._written.get(key) == version:
            return False
        self._written.pop(key, None)
        return True

    async def work(self, world: World) -> NoReturn:
        """Write, forever; one of `WRITERS` tasks. `world` tells what the watch shows."""
        while True:
            write = await self._queue.get()
            await self._leadership.acquired()  # without time left: until renewed, or the term ends
            key, version = write.service.key, write.service.metadata.resource_version
            try:
                result = await self._attempt(write)
            finally:
                self._busy.discard(key)
            self._state.writes[result] += 1
            if result == "written":
                self._written[key] = version
                self._retry.pop(key, None)
                self._tell.tell(write.service, write.notes)
            stored = world.objects(SERVICES).get(key)
            if stored is None or stored.metadata.resource_version != version:
                self._inbox.add(key)  # it changed meanwhile, and its turn was put off
            self._tell.flush(idle=not self._busy)

    async def _attempt(self, write: Write) -> str:
        """Write once, and see that another turn comes if it failed; the result, as the metric calls it."""
        key, seconds = write.service.key, min(WRITE_SECONDS, self._leadership.seconds_left())
        try:
            with self._leadership.writing():
                async with asyncio.timeout(seconds):
                    await self._cluster.merge_patch(SERVICES, key, write.body, "status")
        except Conflict:
            self._again(key, None)  # the newer object comes by the watch, and its turn with it: this is a net
            return "conflict"
        except ClusterError as error:
            if error.status == 404:
                return "refused"  # deleted: the watch says so
            log.warning(
                "status not written", extra={"service": key, "error": str(error), "status": error.status}
            )
            self._state.update_errors += 1
            self._again(key, error.retry_after)
            return "refused" if 400 <= error.status < 500 else "failed"
        except TimeoutError:
            log.warning("status not written in time", extra={"service": key, "seconds": round(seconds, 1)})
            self._state.update_errors += 1
            self._again(key, None)
            return "failed"
        return "written"

    def _again(self, key: str, retry_after: float | None) -> None:
        pause = self._retry[key] = longer(self._retry.get(key))
        self._inbox.add_later(key, jittered(max(pause, retry_after or 0.0)))

"""Writes decisions to `services/status`: in parallel, on the version decided on, only while leading.

What is to be remembered of a Service is written down before its address is in its status.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NoReturn

from controller.binding import Binding
from controller.bindings import BindingStore
from controller.inbox import Inbox
from controller.metrics import State
from controller.patches import moves_addresses
from controller.tenant import Note
from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import SERVICES
from ferrite.kube.lease import Leadership
from ferrite.kube.watch import NOT_FOUND
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
    """What is to be written of one Service.

    Attributes:
        key: "namespace/name".
        binding: what is to be remembered of it, whether or not that is new.
        service: as it was decided on; None when it was deleted.
        body: the patch of its status; None when that is as it should be.
        notes: what to tell its owner once all is done.
    """

    key: str
    binding: Binding | None = None
    service: Service | None = None
    body: dict[str, Any] | None = None
    notes: tuple[Note, ...] = ()

    @property
    def version(self) -> str | None:
        """Of the Service; None when it was deleted."""
        return self.service.metadata.resource_version if self.service else None

    @property
    def is_urgent(self) -> bool:
        """Whether traffic depends on it."""
        return self.body is not None and moves_addresses(self.body)


class Tell:
    """Tells owners of Services by Events: each sentence once until it changes, after the writes that wait."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._told: dict[str, tuple[str, tuple[Note, ...]]] = {}  # with the uid of whom it was told
        self._due: deque[tuple[float, Service, Note]] = deque()

    def tell(self, service: Service, notes: tuple[Note, ...]) -> None:
        """Tell `notes` unless they are what was told last."""
        told = (service.metadata.uid, notes)
        if self._told.get(service.key) == told:
            return
        if not notes:
            self.forget(service.key)
            return
        self._told[service.key] = told
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


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a term of leadership writes."""

    cluster: Cluster
    leadership: Leadership
    bindings: BindingStore


class StatusWriter:
    """The writes of one term of leadership."""

    def __init__(self, outlets: Outlets, inbox: Inbox, tell: Tell, state: State) -> None:
        self._cluster, self._leadership, self._bindings = (
            outlets.cluster,
            outlets.leadership,
            outlets.bindings,
        )
        self._inbox, self._tell, self._state = inbox, tell, state
        self._queue: asyncio.PriorityQueue[tuple[bool, int, Write]] = asyncio.PriorityQueue()
        self._numbers = count()  # of equal priority, first come, first served
        self._busy: set[str] = set()
        self._written: dict[str, str] = {}  # key -> version that a write was decided on, and that it replaced
        self._retry: dict[str, float] = {}

    @property
    def busy(self) -> bool:
        """Whether a write waits or is on its way."""
        return bool(self._busy)

    def put(self, write: Write) -> None:
        """Write this soon; the Service must be `settled`."""
        self._busy.add(write.key)
        self._queue.put_nowait((not write.is_urgent, next(self._numbers), write))

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

    def forget(self, key: str) -> None:
        """The Service is gone, and nothing is to be written of it: one of that name starts anew."""
        self._retry.pop(key, None)

    async def work(self, world: World) -> NoReturn:
        """Write, forever; one of `WRITERS` tasks. `world` tells what the watch shows."""
        while True:
            _, _, write = await self._queue.get()
            await self._leadership.acquired()  # without time left: until renewed, or the term ends
            key, version = write.key, write.version
            try:
                result = await self._attempt(write)
            finally:
                self._busy.discard(key)
            self._state.writes[result] += 1
            if result == "written":
                self._retry.pop(key, None)
                if write.service and version:
                    self._tell.tell(write.service, write.notes)
                    if write.body:
                        self._written[key] = version
            stored = world.objects(SERVICES).get(key)
            if (stored.metadata.resource_version if stored else None) != version:
                self._inbox.add(key)  # it changed meanwhile, and its turn was put off
            self._tell.flush(idle=not self._busy)

    async def _attempt(self, write: Write) -> str:
        """Write once, and see that another turn comes if it failed; the result, as the metric calls it."""
        key, seconds = write.key, min(WRITE_SECONDS, self._leadership.seconds_left())
        try:
            with self._leadership.writing():
                async with asyncio.timeout(seconds):
                    return await self._write(write)
        except Conflict:
            self._again(key, None)  # the newer object comes by the watch, and its turn with it: this is a net
            return "conflict"
        except ClusterError as error:
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
        except Exception:
            log.exception("status not written by a bug", extra={"service": key})  # the others go on
            self._state.update_errors += 1
            self._again(key, None)
            return "failed"

    async def _write(self, write: Write) -> str:
        await self._bindings.write(write.key, write.binding)
        if write.body:
            try:
                await self._cluster.merge_patch(SERVICES, write.key, write.body, "status")
            except ClusterError as error:
                if error.status != NOT_FOUND:
                    raise
                return "refused"  # deleted: the watch says so
        return "written"

    def _again(self, key: str, retry_after: float | None) -> None:
        pause = self._retry[key] = longer(self._retry.get(key))
        self._inbox.add_later(key, jittered(max(pause, retry_after or 0.0)))

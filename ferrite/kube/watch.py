"""The reflector: a store of the last objects of one kind, kept equal to the API server's, forever.

List, watch from the list's version, resume from the last event or bookmark; list again only when the version
is too old (410). Deletions that happened while nobody watched are found by comparing with the new list.
"""

import asyncio
import logging
from collections import Counter
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Generic, NoReturn, TypeVar

from ferrite.errors import ClusterError, Gone
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import Kind
from ferrite.kube.wire import EventType, WatchEvent, version_number
from ferrite.objects import Object
from ferrite.run.backoff import jittered, longer

O = TypeVar("O", bound=Object)  # noqa: E741 - T of objects that are listed and watched

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0
LEAST_PAUSE_SECONDS = 1.0
"""An API server that is reached again wakes all reflectors, but each no sooner than this, to twice that."""
STEADY_SECONDS = 5.0
"""A watch that lived that long ends the back-off."""
RELIST_SECONDS = 10 * 3600.0
"""Insurance against an event that was lost without a trace; twice that by chance."""
NOT_FOUND = 404
QUIET_ENDS = ("Ended", "Silent")
"""No news: an API server sends a kind no bookmark before its first change, so an idle watch is silent."""
log = logging.getLogger(__name__)


class Store(Generic[O]):
    """The last objects of one kind by key, and the keys that changed since they were last taken.

    Attributes:
        objects: a live read-only view.
        synced: whether a whole list was read; never false again.
        version: resource version of the last list, event or bookmark; empty before the first list.
        problem: what is wrong now, in words; empty when nothing is.
        lists, watches: how many were begun.
        ends: how watches and lists ended, by cause.
        updates: objects that were added, changed or deleted.
        heard_at: time of the last sign of life, by the event loop's clock; None before the first.
    """

    def __init__(self, kind: Kind[O], touched: asyncio.Event | None = None) -> None:
        self.kind = kind
        self._objects: dict[str, O] = {}
        self._changed: set[str] = set()
        self._touched = touched or asyncio.Event()
        self.objects = MappingProxyType(self._objects)
        self.synced = False
        self.version = ""
        self.problem = ""
        self.lists = self.watches = self.updates = 0
        self.ends: Counter[str] = Counter()
        self.heard_at: float | None = None

    def shows(self, version: str) -> bool:
        """Whether all changes up to a resource version are shown.

        They come in the order of versions: who was shown a later one was shown them all. Every API server
        that stores in etcd has numbers there; anything else counts as shown.
        """
        return version_number(self.version) >= version_number(version)

    def take_changed(self) -> frozenset[str]:
        """The keys that changed since the last call."""
        changed, self._changed = frozenset(self._changed), set()
        return changed

    @property
    def has_changes(self) -> bool:
        """Whether `take_changed` would return any."""
        return bool(self._changed)

    def put(self, found: O) -> None:
        """An object as it is now; the same version again is no change."""
        present = self._objects.get(found.key)
        version = found.metadata.resource_version
        if present is not None and version and present.metadata.resource_version == version:
            return
        self._objects[found.key] = found
        self._mark(found.key)

    def drop(self, key: str) -> None:
        """An object that is gone."""
        if self._objects.pop(key, None) is not None:
            self._mark(key)

    def replace(self, objects: tuple[O, ...], unreadable: frozenset[str]) -> None:
        """A whole list; of an `unreadable` object the last readable state stays."""
        listed = {found.key for found in objects} | unreadable
        for key in [key for key in self._objects if key not in listed]:
            self.drop(key)
        for found in objects:
            self.put(found)
        self.synced = True
        self._touched.set()

    def _mark(self, key: str) -> None:
        self._changed.add(key)
        self.updates += 1
        self._touched.set()


async def keep_store(cluster: Cluster, kind: Kind[O], store: Store[O]) -> NoReturn:
    """Keep `store` equal to the objects of `kind`, forever, whatever the API server does."""
    await _Reflector(cluster, kind, store).run()


class _Reflector(Generic[O]):
    def __init__(self, cluster: Cluster, kind: Kind[O], store: Store[O]) -> None:
        self._cluster = cluster
        self._kind = kind
        self._store = store
        self._version: str | None = None
        self._pause: float | None = None
        self._relist_at = 0.0
        self._now = asyncio.get_running_loop().time

    async def run(self) -> NoReturn:
        while True:
            began, lists = self._now(), self._version is None
            try:
                await (self._list() if lists else self._watch())
                self._recovered()
                quick = not lists and self._now() - began < 1.0
                failed = ClusterError("the watch ended at once", reason="Ended") if quick else None
            except Gone as error:
                self._version = None
                # At once only after a watch that lived: a server that calls each new version too old
                # must not be listed in a loop.
                failed = error if lists or self._now() - began < STEADY_SECONDS else None
                self._store.ends["gone"] += 1
            except ClusterError as error:
                failed = error
                if self._kind.optional and error.status == NOT_FOUND:
                    self._version = None
                    self._store.replace((), frozenset())
            if not lists and self._now() - began >= STEADY_SECONDS:
                self._pause = None
            if failed is not None:
                await self._wait_after(failed)

    async def _list(self) -> None:
        self._store.lists += 1
        page = await self._cluster.listing(self._kind)
        for key, problem in page.unreadable.items():
            self._unreadable(key, problem)
        self._store.replace(page.objects, frozenset(page.unreadable))
        self._version = self._store.version = page.version
        self._relist_at = self._now() + jittered(RELIST_SECONDS)
        self._store.heard_at = self._now()

    async def _watch(self) -> None:
        if self._now() >= self._relist_at:
            self._version = None
            return
        self._store.watches += 1
        assert self._version is not None
        async with aclosing(self._cluster.watch(self._kind, self._version)) as events:
            async for event in events:
                self._store.heard_at = self._now()
                self._take(event)
                self._version = self._store.version = event.version or self._version
                if self._store.problem:
                    self._recovered()
        self._store.ends["ended"] += 1

    def _take(self, event: WatchEvent[O]) -> None:
        if event.object is not None:
            self._store.put(event.object)
        elif event.type is EventType.DELETED:
            self._store.drop(event.key)
        elif event.problem:
            self._unreadable(event.key, event.problem)

    def _unreadable(self, key: str, problem: str) -> None:
        self._store.ends["unreadable object"] += 1
        log.warning("object not readable", extra={"kind": str(self._kind), "object": key, "error": problem})

    async def _wait_after(self, error: ClusterError) -> None:
        if not isinstance(error, Gone):
            self._store.ends[error.reason or str(error.status)] += 1
        self._pause = longer(self._pause, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        wait = max(jittered(self._pause), error.retry_after or 0.0)
        problem = self._described(error)
        is_news = problem != self._store.problem and not isinstance(error, Gone)
        if is_news and error.reason not in QUIET_ENDS:
            log.warning(problem, extra={"kind": str(self._kind), "error": str(error)})
            self._store.problem = problem
        await self._sleep(wait, until_answered=not error.status)

    async def _sleep(self, seconds: float, until_answered: bool) -> None:
        if not until_answered:
            await asyncio.sleep(seconds)
            return
        least = min(seconds, jittered(LEAST_PAUSE_SECONDS))
        await asyncio.sleep(least)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - least):
                await self._cluster.answered()

    def _described(self, error: ClusterError) -> str:
        if error.status == NOT_FOUND:
            return "kind is not installed"
        if error.status:
            return f"API server refused: {error.reason or error.status}"
        return "API server not reached"

    def _recovered(self) -> None:
        if self._store.problem:
            log.info("kind is read again", extra={"kind": str(self._kind)})
            self._store.problem = ""

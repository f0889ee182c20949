"""The watched world: the last objects of several kinds, and which of them changed since one last looked."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar, cast

from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import Kind
from ferrite.kube.watch import Store, keep_store
from ferrite.objects import Object

O = TypeVar("O", bound=Object)  # noqa: E741 - T of objects that are listed and watched


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since the last look.

    Attributes:
        first: this is the first look; `keys` holds every object.
        keys: the keys that were added, changed or deleted; kinds without any are left out.
    """

    first: bool = False
    keys: Mapping[Kind[Any], frozenset[str]] = field(default_factory=dict, hash=False)

    def of(self, kind: Kind[Any]) -> frozenset[str]:
        """The changed keys of one kind."""
        return self.keys.get(kind, frozenset())

    def __bool__(self) -> bool:
        return self.first or bool(self.keys)


class World:
    """Stores of several kinds; one reader waits in `changed`.

    A kind is found by the very value that it was given as: `SECRETS.within(namespace)`, not `SECRETS`.
    """

    def __init__(self, kinds: Iterable[Kind[Any]]) -> None:
        self._touched = asyncio.Event()
        self._stores: dict[Kind[Any], Store[Any]] = {kind: Store(kind, self._touched) for kind in kinds}
        self._seen = self._nudged = False

    def nudge(self) -> None:
        """Let the reader's wait end although no object changed: what it decides with did."""
        self._nudged = True
        self._touched.set()

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """One per kind, for the reflectors and for metrics."""
        return tuple(self._stores.values())

    def objects(self, kind: Kind[O]) -> Mapping[str, O]:
        """The last objects by key: a live read-only view, not to be kept across an `await`.

        Raises:
            KeyError: the kind is not watched.
        """
        return cast(Mapping[str, O], self._stores[kind].objects)

    def shows(self, kind: Kind[Any], version: str) -> bool:
        """Whether all changes of a kind up to a resource version are shown."""
        return self._stores[kind].shows(version)

    @property
    def synced(self) -> bool:
        """Whether every kind was listed; no decision may be made before."""
        return all(store.synced for store in self.stores)

    def waiting_for(self) -> tuple[str, ...]:
        """Plurals of the kinds that were not listed yet."""
        return tuple(store.kind.plural for store in self.stores if not store.synced)

    async def changed(self, within: float | None = None) -> Changes:
        """Wait until every kind is synced and something changed since the last return.

        The first return comes as soon as all are synced, with `first`. After that, `within` seconds without a
        change return empty `Changes`; before it, `within` has no meaning, as nothing may be decided yet.
        """
        while not self.synced:
            self._touched.clear()
            await self._touched.wait()
        if self._seen and not self._has_changes():
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._wait()
        return self._take()

    async def _wait(self) -> None:
        while not self._has_changes():
            self._touched.clear()
            await self._touched.wait()

    def _has_changes(self) -> bool:
        return self._nudged or any(store.has_changes for store in self.stores)

    def _take(self) -> Changes:
        taken = {store.kind: store.take_changed() for store in self.stores if store.has_changes}
        first, self._seen = not self._seen, True
        self._nudged = False
        return Changes(first, taken)


async def keep_world(cluster: Cluster, world: World) -> NoReturn:
    """Keep every kind of `world` equal to the API server's, forever."""
    async with asyncio.TaskGroup() as tasks:
        for store in world.stores:
            tasks.create_task(keep_store(cluster, store.kind, store), name=f"watch {store.kind}")
    raise AssertionError("unreachable: reflectors never return")

"""A queue of keys whose turns can fail or wait each by itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from typing import NoReturn

from ferrite.errors import ClusterError
from ferrite.run.backoff import EARLY_SECONDS, jittered, longer

FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 30.0
log = logging.getLogger(__name__)


class WorkQueue:
    """Each key has at most one waiting and one running turn, and no `add` is lost.

    Attributes:
        retries: turns that failed, in all.
        turns: turns that ended, in all.
        turn_seconds: how long they took, in all.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, float] = {}  # key -> time of its `add`, oldest first
        self._running: dict[str, float] = {}
        self._again: set[str] = set()
        self._later: dict[str, float] = {}
        self._times: list[tuple[float, str]] = []
        self._retry: dict[str, float] = {}
        self._added = asyncio.Event()
        self.retries = self.turns = 0
        self.turn_seconds = 0.0

    def add(self, key: str) -> None:
        """Ask for a turn; no effect if one is waiting; after the present one if one is running."""
        self._later.pop(key, None)
        if key in self._running:
            self._again.add(key)
        else:
            self._waiting.setdefault(key, _now())
            self._added.set()

    def add_later(self, key: str, seconds: float) -> None:
        """Ask for a turn in `seconds`; of two times the earlier one wins."""
        at = _now() + seconds
        if key in self._waiting or key in self._again or self._later.get(key, at + 1) <= at:
            return
        self._later[key] = at
        heappush(self._times, (at, key))
        self._added.set()

    async def next(self) -> str:
        """The key whose turn it is now; end the turn with `succeeded` or `failed`."""
        while True:
            self._due()
            if self._waiting:
                key = next(iter(self._waiting))
                del self._waiting[key]
                self._running[key] = _now()
                return key
            await self._wait()

    def succeeded(self, key: str) -> None:
        """End a turn; the next failure waits briefly again."""
        self._retry.pop(key, None)
        self._end(key)

    def failed(self, key: str, retry_after: float | None = None) -> None:
        """End a turn that must come again: after a growing pause, `retry_after` seconds at least."""
        self.retries += 1
        pause = longer(self._retry.get(key), FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        self._retry[key] = pause
        self._again.discard(key)
        self._end(key)
        self.add_later(key, max(jittered(pause), retry_after or 0.0))

    @property
    def depth(self) -> int:
        """Keys that wait for a worker now."""
        return len(self._waiting)

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest of them has waited."""
        return _now() - next(iter(self._waiting.values())) if self._waiting else 0.0

    def _end(self, key: str) -> None:
        self.turns += 1
        self.turn_seconds += _now() - self._running.pop(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def _due(self) -> None:
        while self._times and self._times[0][0] <= _now() + EARLY_SECONDS:
            at, key = heappop(self._times)
            if self._later.get(key) == at:
                self.add(key)

    async def _wait(self) -> None:
        self._added.clear()
        try:
            async with asyncio.timeout_at(self._times[0][0] if self._times else None):
                await self._added.wait()
        except TimeoutError:
            return


def _now() -> float:
    return asyncio.get_running_loop().time()


async def work(queue: WorkQueue, workers: int, turn: Callable[[str], Awaitable[None]]) -> NoReturn:
    """Run turns forever, up to `workers` at a time; one that raises comes again later."""
    async with asyncio.TaskGroup() as tasks:
        for number in range(workers):
            tasks.create_task(_worker(queue, turn), name=f"worker {number}")
    raise AssertionError("unreachable: workers never return")


async def _worker(queue: WorkQueue, turn: Callable[[str], Awaitable[None]]) -> NoReturn:
    while True:
        key = await queue.next()
        try:
            await turn(key)
        except (ClusterError, TimeoutError) as error:
            log.warning("turn failed", extra={"key": key, "error": str(error)})
            queue.failed(key, getattr(error, "retry_after", None))
        except Exception:
            log.exception("turn failed by a bug", extra={"key": key})
            queue.failed(key)
        else:
            queue.succeeded(key)

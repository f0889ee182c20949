"""Services whose turn it is: many tasks put them in, one takes them out."""

import asyncio
import heapq
from contextlib import suppress

from ferrite.run.backoff import EARLY_SECONDS


class Inbox:
    """A set of keys, with times before which some of them do not count; one reader."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._due_at: dict[str, float] = {}
        self._later: list[tuple[float, str]] = []  # the same in order, and times that an earlier one replaced
        self._rung = False
        self._wake = asyncio.Event()

    def add(self, *keys: str) -> None:
        """It is their turn; without keys, the reader takes a turn all the same."""
        self._keys.update(keys)
        self._rung = True
        self._wake.set()

    def add_later(self, key: str, seconds: float) -> None:
        """It is its turn in `seconds`, sooner if it is added meanwhile; of two times the earlier one wins."""
        at = asyncio.get_running_loop().time() + seconds
        if self._due_at.get(key, at + 1) <= at:
            return
        self._due_at[key] = at
        heapq.heappush(self._later, (at, key))
        if len(self._later) > 2 * len(self._due_at):
            self._later = sorted((at, key) for key, at in self._due_at.items())
        self._wake.set()

    async def take(self) -> frozenset[str]:
        """All keys whose turn it is; waits until something was added or is due."""
        while not self._due():
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._later[0][0] if self._later else None):
                    await self._wake.wait()
        keys, self._keys, self._rung = frozenset(self._keys), set(), False
        return keys

    def _due(self) -> bool:
        now = asyncio.get_running_loop().time()
        while self._later and self._later[0][0] <= now + EARLY_SECONDS:
            at, key = heapq.heappop(self._later)
            if self._due_at.get(key) == at:
                del self._due_at[key]
                self._keys.add(key)
        return self._rung or bool(self._keys)

"""When to announce unasked: a burst at take-over, then at a low rate for as long as the address is held."""

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

BURST_SECONDS = (0.0, 1.1, 2.2, 3.3, 4.4)
"""Rounds after a take-over; the same moments as MetalLB's."""

REPEAT_SECONDS = 60.0
"""Between later rounds, so that a neighbor that missed the burst is wrong for no longer than this."""

Key = TypeVar("Key", bound=Hashable)


class Schedule(Generic[Key]):
    """Due times by key; whoever calls brings the time, in seconds of one clock.

    Attributes:
        repeat_seconds: 0 switches the later rounds off.
    """

    def __init__(self, repeat_seconds: float = REPEAT_SECONDS) -> None:
        self.repeat_seconds = repeat_seconds
        self._heap: list[tuple[float, int, Key]] = []
        self._state: dict[Key, tuple[int, int, float]] = {}
        self._serial = count()

    def __len__(self) -> int:
        return len(self._state)

    def __contains__(self, key: Key) -> bool:
        return key in self._state

    def start(self, key: Key, now: float) -> None:
        """Begin the burst of `key`, again if it runs already."""
        self._push(key, 0, now, now)

    def drop(self, key: Key) -> None:
        """Forget `key`."""
        self._state.pop(key, None)

    def next_due(self) -> float | None:
        """When something is due next; None when nothing ever is."""
        while self._heap and not self._is_current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float, most: int) -> list[Key]:
        """Up to `most` keys that are due, each moved on to its next round.

        Rounds missed while nobody asked are not made up for.
        """
        taken: list[Key] = []
        while len(taken) < most and (due := self.next_due()) is not None and due <= now:
            key = heapq.heappop(self._heap)[2]
            taken.append(key)
            self._advance(key, now)
        return taken

    def _advance(self, key: Key, now: float) -> None:
        _, done, began = self._state[key]
        later = next(
            (at for at in range(done + 1, len(BURST_SECONDS)) if began + BURST_SECONDS[at] > now), None
        )
        if later is not None:
            self._push(key, later, began, began + BURST_SECONDS[later])
        elif self.repeat_seconds > 0:
            self._push(key, len(BURST_SECONDS), began, now + self.repeat_seconds * self._share(key, done))
        else:
            self._state[key] = (-1, len(BURST_SECONDS), began)

    def _share(self, key: Key, done: int) -> float:
        # The first repetition is spread over the period, so that addresses taken together part ways.
        return 1.0 if done == len(BURST_SECONDS) else 0.5 + (hash(key) % 1024) / 2048

    def _push(self, key: Key, number: int, began: float, due: float) -> None:
        serial = next(self._serial)
        self._state[key] = (serial, number, began)
        heapq.heappush(self._heap, (due, serial, key))

    def _is_current(self, entry: tuple[float, int, Key]) -> bool:
        state = self._state.get(entry[2])
        return state is not None and state[0] == entry[1]

"""Free addresses of one range of a pool."""

import heapq

from ferrite.model import Pool
from ferrite.net import AddressRange, address_at, buggy_count, is_buggy


class Span:
    """One range of a pool, with its lowest free address at hand.

    Every address below `next` is taken, is left out as buggy, or waits in `freed`; so the lowest free one is
    the least of `freed`, else the first from `next` on that is not taken. `next` only grows, and passes each
    taken address once: a search costs the logarithm of what was freed, amortised.
    """

    __slots__ = ("_freed", "_next", "_queued", "_taken", "addresses", "pool", "position")

    def __init__(self, pool: Pool, position: int, addresses: AddressRange) -> None:
        self.pool, self.position, self.addresses = pool, position, addresses
        self._taken: set[int] = set()
        self._freed: list[int] = []
        self._queued: set[int] = set()  # what `_freed` holds, so that it holds nothing twice
        self._next = addresses.first

    def take(self, number: int) -> None:
        """Nobody else is to get it."""
        self._taken.add(number)

    def give_back(self, number: int) -> None:
        """It is free again."""
        self._taken.discard(number)
        if number < self._next and number not in self._queued:
            self._queued.add(number)
            heapq.heappush(self._freed, number)

    def first_free(self) -> int | None:
        """The lowest free address; None when there is none."""
        while self._freed and self._freed[0] in self._taken:
            self._queued.discard(heapq.heappop(self._freed))
        if self._freed:
            return self._freed[0]
        while self._next <= self.addresses.last and not self._usable(self._next):
            self._next += 1
        return self._next if self._next <= self.addresses.last else None

    def _usable(self, number: int) -> bool:
        return number not in self._taken and not self.leaves_out(number)

    def leaves_out(self, number: int) -> bool:
        """Whether the pool does not offer this address of the range."""
        return self.pool.avoid_buggy_ips and is_buggy(address_at(self.addresses.family, number))

    @property
    def size(self) -> int:
        """How many addresses the pool offers of the range."""
        left_out = buggy_count(self.addresses) if self.pool.avoid_buggy_ips else 0
        return self.addresses.size - left_out

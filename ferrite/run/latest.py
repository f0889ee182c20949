"""One value that a task writes and another one reads: the last state, never a queue."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One writer, one reader; values that were never read are replaced by the newer one."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._set = asyncio.Event()
        self._ever = False

    def set(self, value: T) -> None:
        """Put a new value and wake the reader; never waits."""
        self._value = value
        self._ever = True
        self._set.set()

    @property
    def value(self) -> T | None:
        """The present value, None before the first."""
        return self._value

    async def changed(self, within: float | None = None) -> T:
        """The value as soon as it was set since the last return.

        After `within` seconds the present value comes again, so that a reader can look whether what it wrote
        is still there. The first value is waited for without limit.
        """
        try:
            async with asyncio.timeout(within if self._ever else None):
                await self._set.wait()
        except TimeoutError:
            pass
        self._set.clear()
        return self._value  # type: ignore[return-value]  # set at least once: `_ever`, or waited for

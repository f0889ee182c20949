"""One value that a task writes and another one reads: the last state, never a queue."""

import asyncio
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One writer, one reader; values that were never read are replaced by the newer one."""

    def __init__(self) -> None:
        self._values: tuple[T, ...] = ()  # none, or the present one: None may be a value
        self._set = asyncio.Event()

    def set(self, value: T) -> None:
        """Put a new value and wake the reader; never waits."""
        self._values = (value,)
        self._set.set()

    def change(self, value: T) -> None:
        """Put `value` if it differs from the present one, as what is published on every turn."""
        if self._values != (value,):
            self.set(value)

    @property
    def value(self) -> T | None:
        """The present value, None before the first."""
        return self._values[0] if self._values else None

    async def changed(self, within: float | None = None) -> T:
        """The value as soon as it was set since the last return.

        After `within` seconds the present value comes again, so that the reader can look whether what it
        wrote is still there. The first value is waited for without limit.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within if self._values else None):
                await self._set.wait()
        self._set.clear()
        return self._values[0]

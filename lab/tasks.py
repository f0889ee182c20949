"""Tasks that end well: one error instead of a group, and signals that cancel instead of kill."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def one_error() -> AsyncIterator[None]:
    """Around a TaskGroup: raise the first error itself, so that callers catch what they know."""
    try:
        yield
    except BaseExceptionGroup as group:
        raise first(group) from None


def first(error: BaseException) -> BaseException:
    """Return the first error inside groups of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def until_signalled(work: Coroutine[Any, Any, T]) -> T:
    """Let Ctrl-C, SIGTERM and SIGHUP cancel the work, so that what was begun is taken away."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task

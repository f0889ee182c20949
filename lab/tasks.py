"""Structured concurrency with one error: what a TaskGroup bundles comes out as its first part."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


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

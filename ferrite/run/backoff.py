"""How long to wait before trying again."""

import random

EARLY_SECONDS = 0.001
"""A timer may fire that early: who then finds nothing due waits again for no time, over and over."""


def longer(retry: float | None, first: float = 0.5, limit: float = 30.0) -> float:
    """The pause in seconds after one more failure: `first`, then double the last one, at most `limit`."""
    return first if retry is None else min(retry * 2, limit)


def jittered(seconds: float) -> float:
    """Between one and two times `seconds`, by chance, so that clients do not come back all at once."""
    return seconds * (1 + random.random())

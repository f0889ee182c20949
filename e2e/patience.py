"""Waiting for a condition, in real time."""

import subprocess
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1


def wait_until(what: str, holds: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Wait for something true, and return it; a failed assertion counts as not yet."""
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            found = holds()
            if found:
                return found
        except (AssertionError, subprocess.SubprocessError) as error:
            last = f"; last error: {error}"
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"timed out after {seconds} s waiting for {what}{last}")

"""Requests from outside while something happens, and how many of them were lost."""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e.site import Site, url

INTERVAL_MS = 20
SETTLE_SECONDS = 1.0
"""After what is watched, so that the last answer is there."""
END_SECONDS = 60.0
PROBER = Path(__file__).with_name("prober.py")


@dataclass(frozen=True, slots=True)
class Lost:
    """What became of the requests to one address.

    Attributes:
        longest_gap_ms: between two answers.
    """

    url: str
    sent: int
    lost: int
    longest_gap_ms: int

    def __str__(self) -> str:
        return f"{self.lost} of {self.sent} requests lost, longest gap {self.longest_gap_ms} ms"


class Watch:
    """The result of a `probing`, complete once its block has ended."""

    def __init__(self) -> None:
        self.results: dict[str, Lost] = {}

    def of(self, address: str) -> Lost:
        """What became of the requests to `address`."""
        return self.results[url(address)]


@contextmanager
def probing(
    site: Site, where: str, addresses: Sequence[str], interval_ms: int = INTERVAL_MS
) -> Iterator[Watch]:
    """Ask the addresses, all of which answer now, from a machine for as long as the block lasts."""
    urls = [url(address) for address in addresses]
    argv = ["python3", "-c", PROBER.read_text(), str(interval_ms), *urls]
    process = subprocess.Popen(
        site.command(where, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    watch = Watch()
    try:
        for _ in urls:
            assert process.stdout is not None
            assert process.stdout.readline(), f"nothing is asked from {where}"
        yield watch
        time.sleep(SETTLE_SECONDS)
        out, _ = process.communicate(timeout=END_SECONDS)
        watch.results = {found["url"]: Lost(**found) for found in json.loads(out)}
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()

"""Asks URLs at a steady rate, each time on a new connection, until standard input ends; then sums up.

Says each URL when it answers for the first time.

It runs on machines outside the cluster by `python3 -c`, so it uses the standard library only.
"""

import asyncio
import json
import sys
import time
from itertools import pairwise
from urllib.parse import urlsplit

ANSWER_SECONDS = 1.0


class Target:
    """One URL and what became of the requests to it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.host, self.port, self.path = parts.hostname or "", parts.port or 80, parts.path or "/"
        self.sent = self.lost = 0
        self.answered: list[float] = []

    async def ask(self) -> None:
        """One request; it is lost when no answer came within `ANSWER_SECONDS`."""
        self.sent += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                good = await self._exchange()
        except (OSError, TimeoutError):
            good = False
        if good:
            self.answered.append(time.monotonic())
            if len(self.answered) == 1:
                sys.stdout.write(f"{self.url}\n")
                sys.stdout.flush()
        else:
            self.lost += 1

    async def _exchange(self) -> bool:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(f"GET {self.path} HTTP/1.0\r\nHost: {self.host}\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()

    def summary(self) -> dict[str, object]:
        """Requests sent and lost, and the longest time between two answers in milliseconds."""
        times = sorted(self.answered)
        gaps = [later - sooner for sooner, later in pairwise(times)]
        return {
            "url": self.url,
            "sent": self.sent,
            "lost": self.lost,
            "longest_gap_ms": round(1000 * max(gaps, default=float(ANSWER_SECONDS))),
        }


async def probe(targets: list[Target], interval: float) -> None:
    """Ask every target each `interval` seconds until standard input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    due = loop.time()
    async with asyncio.TaskGroup() as tasks:
        while not ended.is_set():
            for target in targets:
                tasks.create_task(target.ask())
            due += interval
            await asyncio.sleep(max(due - loop.time(), 0))


def main() -> None:
    """Arguments: the interval in milliseconds, then URLs."""
    targets = [Target(url) for url in sys.argv[2:]]
    asyncio.run(probe(targets, float(sys.argv[1]) / 1000))
    sys.stdout.write(json.dumps([target.summary() for target in targets]))


if __name__ == "__main__":
    main()

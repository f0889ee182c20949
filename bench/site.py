"""What every benchmark measures on: a cluster, its controller, and Services that hold addresses."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.client import Client
from bench.footprint import Meter, metered
from bench.replicas import Replicas
from bench.services import (
    PROBE,
    create_pool,
    create_services,
    delete_services,
    probe,
    say,
    watching,
)
from lab.cluster import Lab

HOLDER = "holder"
PREFIX = "10.200.0.0/18"
"""Addresses for every holder there is, and more: 16,384."""


@dataclass(slots=True)
class Own:
    """A lab of the benchmarks' own, whose controllers they start; nothing in it needs to be taken away."""

    lab: Lab
    replicas: Replicas
    holders: int = 0

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[Meter]:
        """A ready controller inside the block, and what it takes; it gives its Lease back at the end."""
        replica = await self.replicas.start()
        try:
            async with metered(replica.pid) as meter:
                await replica.ready()
                yield meter
        finally:
            await replica.end()


@dataclass(frozen=True, slots=True)
class Site:
    """Where a benchmark runs.

    Attributes:
        namespace: of the pools.
        own: None on a cluster of somebody else, whose controller runs.
    """

    client: Client
    namespace: str
    own: Own | None

    @property
    def laboratory(self) -> Own:
        """For benchmarks that start and end controllers.

        Raises:
            RuntimeError: this is a cluster of somebody else.
        """
        if self.own is None:
            raise RuntimeError("this benchmark starts and ends controllers: it needs a lab of its own")
        return self.own

    @asynccontextmanager
    async def controller(self) -> AsyncIterator[Meter | None]:
        """As that of our own lab; None where somebody else's runs."""
        if self.own is None:
            yield None
            return
        async with self.own.controller() as meter:
            yield meter

    async def fill(self, count: int) -> None:
        """Have `count` Services that hold addresses, and no controller: one gives them and ends."""
        own = self.laboratory
        if own.holders >= count:
            return
        began = time.monotonic()
        async with own.controller() as meter:
            if own.holders == 0:
                await create_pool(self.client, self.namespace, PREFIX)
            async with watching(self.client, HOLDER) as addresses:
                more = range(own.holders, count)
                await create_services(self.client, HOLDER, more)
                await addresses.until(lambda: len(addresses.seen) == len(more))
            took = meter.footprint()
        own.holders = count
        took_words = f"{took.rss_peak_mib:.0f} MiB and {took.cpu_seconds:.1f} s of CPU"
        say(f"{count} holders after {time.monotonic() - began:.0f} s; the controller took {took_words}")

    async def warm(self) -> None:
        """Have one Service served, so that a controller leads and its connections are open."""
        async with watching(self.client, PROBE) as addresses:
            await probe(self.client, addresses, 0)
        await delete_services(self.client, PROBE)

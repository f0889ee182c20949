"""How long one Service waits for its address while 10,000 others have theirs."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.footprint import Footprint
from bench.report import Row, percentile
from bench.services import PROBE, counter, delete_services, probe, watching
from bench.site import Site

HOLDERS = 10_000
COUNT = 200
REST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        p50_seconds, p99_seconds: from the create call to the address, one Service after the other.
        process: of the controller; its CPU is what all of them took.
    """

    holders: int
    services: int
    p50_seconds: float
    p99_seconds: float
    process: Footprint

    @property
    def within_budget(self) -> bool:
        """The design has no budget for it."""
        return True

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        return {**asdict(self), "within_budget": self.within_budget}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        times = f"{1000 * self.p50_seconds:.1f}, {1000 * self.p99_seconds:.1f} ms"
        what = f"one create among {self.holders} holders to its address, p50 and p99 of {self.services}"
        return (Row(what, times), *self.process.rows(f"CPU of {self.services}", budgeted=False))


async def measure(site: Site) -> Result:
    """Measure."""
    await site.fill(HOLDERS)
    waits: list[float] = []
    show = counter("creating one after the other", COUNT)
    async with site.laboratory.controller() as meter:
        await site.warm()
        await asyncio.sleep(REST_SECONDS)
        meter.from_now()
        async with watching(site.client, PROBE) as addresses:
            for number in range(1, COUNT + 1):
                began = time.monotonic()
                waits.append(await probe(site.client, addresses, number) - began)
                show(number)
            await asyncio.sleep(REST_SECONDS)
            process = meter.footprint()
        await delete_services(site.client, PROBE)
    return Result(
        HOLDERS,
        COUNT,
        round(percentile(waits, 0.5), 5),
        round(percentile(waits, 0.99), 5),
        process,
    )

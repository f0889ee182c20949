"""How long a Service waits for its address when 1,000 are created at once."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.client import spread
from bench.footprint import Footprint
from bench.report import Row, percentile
from bench.services import (
    clean,
    counter,
    create_pool,
    create_service,
    service_name,
    spans,
    watching,
)
from bench.site import PREFIX, Site

COUNT = 1000
GROUP = "burst"
BUDGET_SECONDS = 0.5
REST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        create_seconds: from the first create to the answer of the last one.
        last_seconds: from the answer of the last create until every Service had its address.
        p50_seconds, p99_seconds: from a Service's create call to its address.
        process: of the controller; None where it was somebody else's.
    """

    services: int
    create_seconds: float
    last_seconds: float
    p50_seconds: float
    p99_seconds: float
    process: Footprint | None

    @property
    def within_budget(self) -> bool:
        """Whether the last one waits no longer than the design allows, and memory is within its own."""
        fits = self.process is None or self.process.within_budget
        return fits and self.last_seconds <= BUDGET_SECONDS

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"last_seconds": BUDGET_SECONDS}
        return {**asdict(self), "budget": budget, "within_budget": self.within_budget}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        head = (
            f"burst of {self.services} creates, in {self.create_seconds:.1f} s: last address after the last"
        )
        middle = f"{1000 * self.p50_seconds:.0f}, {1000 * self.p99_seconds:.0f} ms"
        return (
            Row(
                head,
                f"{self.last_seconds:.3f} s",
                f"{BUDGET_SECONDS} s",
                self.last_seconds <= BUDGET_SECONDS,
            ),
            Row("  from a create call to its address, p50 and p99", middle),
            *(self.process.rows() if self.process else ()),
        )


async def measure(site: Site, count: int = COUNT) -> Result:
    """Measure; pools in the site's namespace must have no `autoAssign`. What is made is taken away again."""
    client, begun = site.client, dict[str, float]()

    async def create(number: int) -> None:
        begun[service_name(GROUP, number)] = time.monotonic()
        await create_service(client, GROUP, number)

    await clean(client, site.namespace)
    try:
        async with site.controller() as meter:
            await create_pool(client, site.namespace, PREFIX)
            await site.warm()
            async with watching(client, GROUP) as addresses:
                await spread(create, range(count), counter("creating burst Services", count))
                answered = time.monotonic()
                await addresses.until(lambda: len(addresses.seen) == count)
            await asyncio.sleep(REST_SECONDS)
            process = meter.footprint() if meter else None
    finally:
        await clean(client, site.namespace)
    waits = tuple(spans(begun, addresses.seen))
    return Result(
        services=count,
        create_seconds=round(answered - min(begun.values()), 3),
        last_seconds=round(max(0.0, max(addresses.seen.values()) - answered), 3),
        p50_seconds=round(percentile(waits, 0.5), 4),
        p99_seconds=round(percentile(waits, 0.99), 4),
        process=process,
    )

"""How long until 1,000 waiting Services have an address, against the raw rate of status writes."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from bench.client import MERGE_PATCH, Client, spread
from bench.footprint import Footprint
from bench.report import Row
from bench.services import SERVICES, clean, create_pool, create_services, service_name, watching
from bench.site import Site

COUNT = 1000
WAITING, RAW = "waiting", "raw"
PREFIX = "10.200.0.0/20"
SETTLE_SECONDS = 3.0
BUDGET_SECONDS = 2.5
BUDGET_RATIO = 0.8


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        services: how many waited.
        assign_seconds: from the pool's creation to the last Service whose address a watch showed.
        assign_rate: Services a second in that time.
        raw_rate: status patches a second, of as many other Services, by a bare client with 24 in flight.
        ratio: the first rate over the second.
        process: of the controller, which knows twice as many Services; None where it was somebody else's.
    """

    services: int
    assign_seconds: float
    assign_rate: float
    raw_rate: float
    ratio: float
    process: Footprint | None = None

    @property
    def within_budget(self) -> bool:
        """Whether it is as fast, and as small, as the design asks."""
        fits = self.process is None or self.process.within_budget
        return fits and self.assign_seconds <= BUDGET_SECONDS and self.ratio >= BUDGET_RATIO

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"assign_seconds": BUDGET_SECONDS, "ratio": BUDGET_RATIO}
        return {**asdict(self), "budget": budget, "within_budget": self.within_budget}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        head = f"{self.services} waiting Services get a pool"
        in_time = self.assign_seconds <= BUDGET_SECONDS
        floor = f"at least {BUDGET_RATIO:.0%}"
        return (
            Row(head, f"{self.assign_seconds:.2f} s", f"{BUDGET_SECONDS} s", in_time),
            Row("  assigned", f"{self.assign_rate:.0f}/s"),
            Row("  raw status writes", f"{self.raw_rate:.0f}/s"),
            Row("  of the raw rate", f"{self.ratio:.0%}", floor, self.ratio >= BUDGET_RATIO),
            *(self.process.rows() if self.process else ()),
        )


async def measure(site: Site, count: int = COUNT) -> Result:
    """Measure; pools in the site's namespace must have no `autoAssign`. What is made is taken away again."""
    client = site.client
    await clean(client, site.namespace)
    try:
        async with site.controller() as meter:
            await create_services(client, WAITING, range(count))
            await create_services(client, RAW, range(count), "example.com/nobody")
            await asyncio.sleep(SETTLE_SECONDS)
            raw = await _raw_rate(client, count)
            seconds = await _assign_seconds(site, count)
            again = await _raw_rate(client, count)
            await asyncio.sleep(SETTLE_SECONDS)
            process = meter.footprint() if meter else None
    finally:
        await clean(client, site.namespace)
    # The machine's speed wanders within a run: the raw rate is taken on both sides of what it is compared to.
    raw = 2 / (1 / raw + 1 / again)
    rate = count / seconds
    return Result(count, round(seconds, 3), round(rate, 1), round(raw, 1), round(rate / raw, 3), process)


async def _raw_rate(client: Client, count: int) -> float:
    stamp = time.monotonic_ns()

    async def patch(number: int) -> None:
        ingress = [{"ip": f"198.18.{number // 250}.{number % 250 + 1}", "ipMode": "VIP"}]
        body = {
            "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": f"raw-{stamp}"}},
            "status": {"loadBalancer": {"ingress": ingress}},
        }
        path = f"{SERVICES}/{service_name(RAW, number)}/status"
        await client.call("PATCH", path, body, MERGE_PATCH.partition("/")[2])

    started = time.monotonic()
    await spread(patch, range(count))
    return count / (time.monotonic() - started)


async def _assign_seconds(site: Site, count: int) -> float:
    async with watching(site.client, WAITING) as addresses:
        started = time.monotonic()
        await create_pool(site.client, site.namespace, PREFIX)
        await addresses.until(lambda: len(addresses.seen) == count)
        return max(addresses.seen.values()) - started

"""How long until a controller that starts among many holders gives the next address."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from bench.footprint import Footprint, metered, typical
from bench.report import Row, percentile, rounded
from bench.services import PROBE, create_service, delete_services, say, service_name, watching
from bench.site import Site

RUNS = {2000: 5, 10_000: 3}
"""How often, by the number of holders."""
BUDGET_SECONDS = {2000: 2.0}
REST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Start:
    """What was measured with so many holders.

    Attributes:
        seconds: of each run, from the execution of the controller to the address of a Service that waited.
        process: its CPU is what a start takes.
    """

    holders: int
    seconds: tuple[float, ...]
    process: Footprint

    @property
    def worst_seconds(self) -> float:
        """Of the slowest run."""
        return max(self.seconds)

    @property
    def within_budget(self) -> bool:
        """Whether every run was as fast as the design asks, where it asks."""
        return self.worst_seconds <= BUDGET_SECONDS.get(self.holders, float("inf"))


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured."""

    starts: tuple[Start, ...]

    @property
    def within_budget(self) -> bool:
        """Whether every start was."""
        return all(start.within_budget for start in self.starts)

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {str(holders): seconds for holders, seconds in BUDGET_SECONDS.items()}
        return {**asdict(self), "budget_seconds": budget, "within_budget": self.within_budget}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        rows: list[Row] = []
        for start in self.starts:
            allowed = BUDGET_SECONDS.get(start.holders)
            runs = len(start.seconds)
            what = f"start with {start.holders} holders to the next address, p50 and worst of {runs}"
            seconds = f"{percentile(start.seconds, 0.5):.2f}, {start.worst_seconds:.2f} s"
            rows.append(Row(what, seconds, f"{allowed} s" if allowed else "", start.within_budget))
            rows.extend(start.process.rows("CPU of a start", budgeted=False))
        return tuple(rows)


async def measure(site: Site) -> Result:
    """Measure; the controller before was ended by SIGTERM and has given its Lease back: no wait for that."""
    starts: list[Start] = []
    for holders, runs in RUNS.items():
        await site.fill(holders)
        say(f"starting among {holders} holders, {runs} times")
        done = [await _start(site, number) for number in range(runs)]
        seconds = rounded(each for each, _ in done)
        starts.append(Start(holders, seconds, typical([process for _, process in done])))
    return Result(tuple(starts))


async def _start(site: Site, number: int) -> tuple[float, Footprint]:
    async with watching(site.client, PROBE) as addresses:
        await create_service(site.client, PROBE, number)
        replica = await site.laboratory.replicas.start()
        try:
            async with metered(replica.pid) as meter:
                served = await addresses.of(service_name(PROBE, number))
                await asyncio.sleep(REST_SECONDS)
                process = meter.footprint()
        finally:
            await replica.end()
    await delete_services(site.client, PROBE)
    return served - replica.started, process

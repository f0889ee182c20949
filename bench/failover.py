"""How long until the next address when the leader dies, and when it is asked to end."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bench.footprint import Footprint, metered, typical
from bench.replicas import Replica, add_pod, leader
from bench.report import Row, percentile, rounded
from bench.services import PROBE, counter, delete_services, probe, watching
from bench.site import Site

HOLDERS = 2000
ROUNDS = 10
BUDGET_SECONDS = 6.0
REST_SECONDS = 0.5
RENEWAL_SECONDS = 1.0
"""The leader dies at a random moment of that long: how old its last renewal is by then is chance."""
ENDS = {"killed": Replica.kill, "asked to end": Replica.terminate}


@dataclass(frozen=True, slots=True)
class Takeovers:
    """What was measured for one way to end the leader.

    Attributes:
        how: SIGKILL or SIGTERM, in words.
        seconds: of each round, from the signal to the next address.
        process: of those who took over; its CPU is what that takes.
    """

    how: str
    seconds: tuple[float, ...]
    process: Footprint

    @property
    def worst_seconds(self) -> float:
        """Of the slowest round."""
        return max(self.seconds)


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured."""

    holders: int
    takeovers: tuple[Takeovers, ...]

    @property
    def within_budget(self) -> bool:
        """Whether the slowest one was as fast as the design asks."""
        return all(one.worst_seconds <= BUDGET_SECONDS for one in self.takeovers)

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"worst_seconds": BUDGET_SECONDS}
        return {**asdict(self), "budget": budget, "within_budget": self.within_budget}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        rows: list[Row] = []
        for one in self.takeovers:
            what = (
                f"leader {one.how}, {self.holders} holders: next address, p50 and worst of {len(one.seconds)}"
            )
            seconds = f"{percentile(one.seconds, 0.5):.2f}, {one.worst_seconds:.2f} s"
            in_time = one.worst_seconds <= BUDGET_SECONDS
            rows += [
                Row(what, seconds, f"{BUDGET_SECONDS} s", in_time),
                *one.process.rows("CPU of taking over", budgeted=False),
            ]
        return tuple(rows)


async def measure(site: Site) -> Result:
    """Measure: two replicas are ready, the leader goes, a Service is created at once."""
    await site.fill(HOLDERS)
    await add_pod(site.client, site.namespace)
    replicas = site.laboratory.replicas
    pair = {number: await replicas.start(number) for number in (0, 1)}
    try:
        takeovers = [await _takeovers(site, pair, how) for how in ENDS]
    finally:
        await replicas.end()
    return Result(HOLDERS, tuple(takeovers))


async def _takeovers(site: Site, pair: dict[int, Replica], how: str) -> Takeovers:
    done: list[tuple[float, Footprint]] = []
    show = counter(f"rounds of a leader that is {how}", ROUNDS)
    for number in range(1, ROUNDS + 1):
        for replica in pair.values():
            await replica.ready()
        first = await leader(site.client, site.namespace)
        await site.warm()
        await asyncio.sleep(random.uniform(0.0, RENEWAL_SECONDS))
        done.append(await _takeover(site, pair[first], pair[1 - first], ENDS[how]))
        pair[first] = await site.laboratory.replicas.start(first)
        show(number)
    process = typical([process for _, process in done])
    return Takeovers(how, rounded(seconds for seconds, _ in done), process)


async def _takeover(
    site: Site, first: Replica, second: Replica, end: Callable[[Replica], None]
) -> tuple[float, Footprint]:
    async with watching(site.client, PROBE) as addresses, metered(second.pid) as meter:
        ended = time.monotonic()
        end(first)
        served = await probe(site.client, addresses, 1)
        await asyncio.sleep(REST_SECONDS)
        process = meter.footprint()
        await first.ended()
    await delete_services(site.client, PROBE)
    return served - ended, process

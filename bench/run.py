"""Runs benchmarks one after the other on one cluster."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import assign, burst, failover, idle, membership, single, start
from bench.client import connect
from bench.replicas import Replicas
from bench.report import Result, table
from bench.services import say
from bench.site import Own, Site
from lab.cluster import Lab


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One of those there are.

    Attributes:
        summary: for `--help`.
        anywhere: whether it can run on a cluster of somebody else, whose controller it neither ends nor sees.
    """

    summary: str
    measure: Callable[[Site], Awaitable[Result]]
    anywhere: bool = False


BENCHMARKS: Mapping[str, Benchmark] = {
    "assign": Benchmark("1,000 waiting Services get a pool", assign.measure, anywhere=True),
    "burst": Benchmark("1,000 Services are created at once", burst.measure, anywhere=True),
    "failover": Benchmark("the leader is killed, or asked to end", failover.measure),
    "start": Benchmark("a controller starts among 2,000 and 10,000 holders", start.measure),
    "single": Benchmark("one Service more among 10,000 holders", single.measure),
    "idle": Benchmark("nothing happens among 10,000 holders", idle.measure),
}
"""In the order they run: the number of holders only grows."""

SIMULATIONS: Mapping[str, Callable[[], Result]] = {"membership": membership.measure}
"""Run in virtual time, by name only: they need no cluster, and take long."""


async def run_all(
    names: Sequence[str], kubeconfig: Path, namespace: str, lab: Lab | None
) -> dict[str, Result]:
    """Run the named ones in the order of `BENCHMARKS`; `lab` is None on a cluster of somebody else."""
    own = Own(lab, Replicas.of(lab, namespace)) if lab else None
    results: dict[str, Result] = {}
    async with connect(kubeconfig) as client:
        try:
            for name in (name for name in BENCHMARKS if name in names):
                say(f"--- {name}: {BENCHMARKS[name].summary}")
                results[name] = await BENCHMARKS[name].measure(Site(client, namespace, own))
        finally:
            if own:
                await own.replicas.end()
    return results


def table_of(results: Mapping[str, Result]) -> str:
    """One table of all."""
    return table([row for result in results.values() for row in result.rows()])


def write_json(results: Mapping[str, Result], path: Path) -> None:
    """Write one file of all."""
    document = {name: result.document() for name, result in results.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")

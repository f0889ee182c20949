"""Leaders die at any moment, hundreds of times: no address is given twice, none moves, all are served.

Many installations stand side by side, since each fail-over takes the seconds of a real Lease. A run is
repeated, as far as the machine lets it, with the seed that it prints: FERRITE_KILLS_SEED=1234.
"""

import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from churn import Churn
from judge import Judge, read
from pairs import SERVICES, Pair, Watched

from bench.client import connect
from e2e.patience import wait_until
from lab.replicas import Installation, remove_replicas, start_replicas
from lab.tasks import one_error

CRDS = Path(__file__).parents[2] / "crds"
PAIRS, KILLS, STOPS = 10, 20, 2
"""Installations, and how often the leader of each is killed, and stopped."""
LEAST_KILLS = 200
TEST_SECONDS = 900
PROGRESS_SECONDS = 15.0
CLOSING_SECONDS = 0.5


@pytest.fixture
def installations(cluster):
    """Two controllers each, beside whatever else runs; all of it goes afterwards."""
    cluster.kubectl("apply", "-f", str(CRDS))
    made = [Installation(f"kills-{n}", n, f"ferrite.io/kills-{n}") for n in range(PAIRS)]
    try:
        cluster.do(start_replicas(cluster.lab.state, made))
        yield made
    finally:
        cluster.do(remove_replicas(cluster.lab.state, made))


@pytest.mark.timeout(TEST_SECONDS)
def test_leaders_die_and_no_address_is_lost_moved_or_given_twice(cluster, installations, capsys):
    seed = int(os.environ.get("FERRITE_KILLS_SEED") or random.randrange(10**9))
    with capsys.disabled():
        run = cluster.do(closed(fire(cluster.lab, installations, seed)))
    assert run.tally["kills"] >= LEAST_KILLS
    wait_until("what was killed to run again, and nothing else", lambda: restarts(cluster) == run.restarts)


def restarts(cluster):
    """How often each controller of an installation ended, by its unit."""
    return {
        name: count for name, (_, count) in cluster.units().items() if name.startswith("controller-kills-")
    }


class Run:
    """Everything about one run."""

    def __init__(self, lab, client, installations, seed):
        self.tally, self.failovers, self.began = Counter(), [], time.monotonic()
        self.judges = {one.namespace: Judge(one.namespace) for one in installations}
        self.watched = Watched(client, self.judges)
        self.pairs = [self._pair(lab, client, one, f"{seed}-{one.number}") for one in installations]

    def _pair(self, lab, client, one, seed):
        chance, judge = random.Random(seed), self.judges[one.namespace]
        churn = Churn(client, one.namespace, one.number, one.lb_class, judge, chance, self.tally)
        return Pair(lab, one, self.watched, churn, random.Random(f"{seed}-kills"), self.tally, self.failovers)

    @property
    def restarts(self):
        return {
            one.installation.unit(replica): one.restarts[one.installation.unit(replica)]
            for one in self.pairs
            for replica in range(one.installation.replicas)
        }

    async def show_progress(self):
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            say(self.line())

    def line(self):
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self.tally.items()))
        judged = sum(judge.judged for judge in self.judges.values())
        return f"{time.monotonic() - self.began:.0f} s: {judged} versions judged, {counts}"

    def summary(self):
        times = sorted(self.failovers)
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        return f"{self.line()}; fail-over p50 {p50:.1f} s, p99 {p99:.1f} s, longest {times[-1]:.1f} s"


async def fire(lab, installations, seed):
    """Run all pairs at once under their judges; returns what was done."""
    say(f"leader kills: {PAIRS} pairs, seed {seed}")
    async with connect(lab.kubeconfig) as client:
        run = Run(lab, client, installations, seed)
        async with one_error(), asyncio.TaskGroup() as tasks:
            always = [tasks.create_task(run.watched.follow()), tasks.create_task(run.show_progress())]
            async with asyncio.TaskGroup() as pairs:
                for pair in run.pairs:
                    pairs.create_task(pair.run(KILLS, STOPS))
            for task in always:
                task.cancel()
        await nothing_was_missed(client, run.judges)
    say(run.summary())
    return run


async def closed(work):
    """Let connections end before the loop does: those of calls cut short end in the background."""
    try:
        return await work
    finally:
        await asyncio.sleep(CLOSING_SECONDS)


async def nothing_was_missed(client, judges):
    """What the judges hold true is what the API server has."""
    items = (await client.call("GET", SERVICES))["items"]
    there = {f"{item['metadata']['namespace']}/{item['metadata']['name']}": read(item) for item in items}
    assert there == {key: version for judge in judges.values() for key, version in judge.services.items()}


def say(text):
    sys.stderr.write(f"\n{text}")
    sys.stderr.flush()

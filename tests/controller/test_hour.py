"""An hour of an API server that misbehaves: no wrong write, full recovery, no busy loop, no flood of words."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from ferrite.kube.cluster import Cluster
from tests.controller.churn import Churn, Witness, unsettled
from tests.controller.running import controller_on
from tests.fakes.api import FakeApi
from tests.fakes.storm import KINDS, Storm, StormTransport

HOUR = 3600.0
SETTLE = 60.0

@dataclass
class Hour:
    api: FakeApi
    witness: Witness
    churn: Churn
    ways: list[StormTransport]

@asynccontextmanager
async def stormy(replicas: int, *kinds: str, **storm) -> AsyncIterator[Hour]:
    api = FakeApi()
    witness = Witness(api)
    churn = Churn(api, 1)
    ways = [StormTransport(api, Storm(number, kinds, **storm)) for number in range(replicas)]
    async with AsyncExitStack() as running:
        for way in ways:
            running.push_async_callback(way.end)
            await running.enter_async_context(controller_on(Cluster(way)))
        yield Hour(api, witness, churn, ways)

@pytest.mark.timeout(60)
@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids=[*KINDS, "mixed"])
async def test_an_hour(replicas, kinds, caplog) -> None:
    caplog.set_level(logging.INFO)
    async with stormy(replicas, *kinds) as hour:
        await hour.churn.run(HOUR)
        for way in hour.ways: way.storm.over = True
        took = 0
        while unsettled(hour.api) and took < 200:
            await asyncio.sleep(1); took += 1
    print("\n", kinds, replicas, "settled in", took, unsettled(hour.api), "given", hour.witness.given, "wrongs", hour.witness.wrongs[:5], "tresp", [len(w.trespasses) for w in hour.ways])
    for way in hour.ways:
        print("  met", dict(way.storm.met), "calls", len(way.calls))
        per = Counter()
        for at, call in way.calls:
            path = call.path.split("/namespaces/")[-1] if "/services/" not in call.path else "SVC"
            per[int(at // 60), call.method, path, "watch" in call.query] += 1
        worst = {}
        for (m, *rest), n in per.items(): worst[tuple(rest)] = max(worst.get(tuple(rest), 0), n)
        print("  worst", sorted(worst.items(), key=lambda x: -x[1])[:6])
    words = Counter((r.levelname, r.getMessage()) for r in caplog.records)
    print("  lines", sum(words.values()), words.most_common(12))

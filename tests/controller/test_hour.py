"""An hour of an API server that misbehaves: no wrong write, full recovery, no busy loop, no flood of words.

Half of it with two replicas, each with its own way to the API server, and half with one.
"""

import asyncio
import gc
import logging
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from ferrite.kube.cluster import Cluster
from ferrite.kube.lease import Timings
from ferrite.kube.transport import Call
from ferrite.kube.writes import Events
from ferrite.run.backoff import longer
from ferrite.run.logs import SPELL_WARNINGS, Seldom
from tests.controller.churn import Churn, Witness, unsettled
from tests.controller.running import controller_on
from tests.fakes.api import FakeApi
from tests.fakes.storm import KINDS, Storm, StormTransport

HALF_SECONDS = 1800.0
RECOVERY_SECONDS = 60.0
SILENT_SECONDS = 100.0
"""A watch on which nothing comes is given up after 90 s."""
LEASE_CALLS = 60 / (Timings().poll / 2)
"""A minute, of one method: the shortest pause between two turns of a candidate."""
OTHER_CALLS = 60 / longer(None)
"""Likewise for each other path: the first pause of every retry. A watch that fails at once starts with less,
but only after one that lived for 5 s: (f + 1) lists and as many watches in 5 + 0.1 * (2 ** f - 1) s, 92 at
most."""
PHRASES = 7
"""Warnings of an API server that fails: Lease, Services, kinds, statuses, pools, Events, terms."""
KEPT = 200
"""More than live at any time, less than the hour has seen."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids=[*KINDS, "mixed"])
async def test_an_hour(
    kinds: tuple[str, ...], caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    seldom = Seldom(asyncio.get_running_loop().time)
    caplog.handler.addFilter(seldom)  # one handler for all tests
    request.addfinalizer(lambda: caplog.handler.removeFilter(seldom))
    caplog.set_level(logging.WARNING)
    api = FakeApi()
    witness, churn = Witness(api), Churn(api, seed=1)
    ways = [StormTransport(api, Storm(number, kinds)) for number in range(2)]
    async with AsyncExitStack() as running:
        for way in ways:
            running.push_async_callback(way.end)
        await running.enter_async_context(controller_on(Cluster(ways[0])))
        async with controller_on(Cluster(ways[1])):
            await churn.run(HALF_SECONDS)
        await churn.run(HALF_SECONDS)
        grown = list(_grown())
        ways[0].storm.over = True
        await _recovered(api, SILENT_SECONDS + RECOVERY_SECONDS if "watches" in kinds else RECOVERY_SECONDS)
    assert all(way.storm.met[kind] for way in ways for kind in kinds)
    assert witness.given > KEPT
    assert witness.wrongs == []
    assert [way.trespasses for way in ways] == [[], []]
    assert grown == []
    for way in ways:
        assert _too_many(way.calls) == {}
    assert len(caplog.records) < 2 * HALF_SECONDS / 60 * SPELL_WARNINGS * PHRASES


async def _recovered(api: FakeApi, seconds: float) -> None:
    now = asyncio.get_running_loop().time
    limit = now() + seconds
    while unsettled(api) and now() < limit:  # noqa: ASYNC110 - there is no event for what is looked at
        await asyncio.sleep(1)
    assert unsettled(api) == []


def _too_many(calls: list[tuple[float, Call]]) -> dict[tuple[int, str, str], int]:
    """Minutes in which a path was called too often; the further pages of a list count with it."""
    counts = Counter(
        (int(at // 60), call.method, call.path) for at, call in calls if "continue" not in call.query
    )
    return {
        where: count
        for where, count in counts.items()
        if count > (LEASE_CALLS if "/leases" in where[2] else OTHER_CALLS)
    }


def _grown() -> Iterator[str]:
    """What of the daemon holds more than `KEPT` things: an attribute of one of its objects."""
    for found in gc.get_objects():
        kind = type(found)
        if not str(kind.__module__).startswith(("controller.", "ferrite.kube.", "ferrite.run.")):
            continue
        names = {*getattr(found, "__dict__", ()), *getattr(kind, "__slots__", ())}
        for name in names - ({"_told"} if kind is Events else set()):  # has a limit of its own
            kept = getattr(found, name, None)
            size = kept.qsize() if isinstance(kept, asyncio.Queue) else None
            if isinstance(kept, dict | set | list | deque):
                size = len(kept)
            if size is not None and size > KEPT:
                yield f"{kind.__name__}.{name}: {size}"

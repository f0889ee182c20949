"""Statuses by themselves: what is written for one outcome of the plan."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controller.ledger import Usage
from controller.statuses import Outcome, keep_statuses
from ferrite.kube.kinds import ADDRESS_RESERVATIONS, IP_ADDRESS_POOLS
from ferrite.kube.lease import Leadership
from ferrite.kube.world import World, keep_world
from ferrite.model import Pool, Removal
from ferrite.net import Family
from ferrite.run.latest import Latest
from tests.controller.running import add_pool, edit, pool_of
from tests.fakes.api import FakeApi

NAMESPACE, FINALIZER = "metallb-system", "ferrite.io/addresses-in-use"


def outcome(removal: Removal | None = None, used: int = 0) -> Outcome:
    """A plan that uses so many addresses of the pool."""
    usage = {family: Usage(9, used) for family in Family}
    return Outcome({"blue": Pool("blue", (), removal=removal)}, {"blue": usage})


@asynccontextmanager
async def statuses(api: FakeApi, leading: bool = True) -> AsyncIterator[tuple[Latest[Outcome], Leadership]]:
    latest: Latest[Outcome] = Latest()
    leadership = Leadership(asyncio.get_running_loop().time)
    world = World((IP_ADDRESS_POOLS.within(NAMESPACE), ADDRESS_RESERVATIONS))
    if leading:
        leadership.lead_until(10**6)
    loop, cluster = asyncio.get_running_loop(), api.cluster()
    writer = keep_statuses(cluster, world, NAMESPACE, leadership, latest)
    tasks = [loop.create_task(each) for each in (keep_world(cluster, world), writer)]
    try:
        await asyncio.sleep(1)
        yield latest, leadership
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_pool_stays_until_the_plan_knows_that_it_goes() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    metadata = {**pool_of(api, "blue")["metadata"], "finalizers": [FINALIZER]}
    edit(api, IP_ADDRESS_POOLS, f"{NAMESPACE}/blue", metadata=metadata)
    api.remove(IP_ADDRESS_POOLS, f"{NAMESPACE}/blue")
    async with statuses(api) as (latest, _):
        latest.set(outcome(Removal()))  # it may give an address in this moment
        await asyncio.sleep(5)
        assert pool_of(api, "blue")["metadata"]["finalizers"] == [FINALIZER]
        latest.set(outcome(Removal(deleting=True)))
        await asyncio.sleep(5)
        assert f"{NAMESPACE}/blue" not in api.objects(IP_ADDRESS_POOLS)


async def test_a_pool_being_deleted_never_gets_our_finalizer() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    metadata = {**pool_of(api, "blue")["metadata"], "finalizers": ["example.com/theirs"]}
    edit(api, IP_ADDRESS_POOLS, f"{NAMESPACE}/blue", metadata=metadata)
    api.remove(IP_ADDRESS_POOLS, f"{NAMESPACE}/blue")
    async with statuses(api) as (latest, _):
        latest.set(outcome(Removal(deleting=True), used=1))
        await asyncio.sleep(5)
        assert pool_of(api, "blue")["metadata"]["finalizers"] == ["example.com/theirs"]
        assert pool_of(api, "blue")["status"]["assignedIPv4"] == 1


async def test_what_was_written_is_looked_after() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with statuses(api) as (latest, _):
        latest.set(outcome())
        await asyncio.sleep(5)
        edit(api, IP_ADDRESS_POOLS, f"{NAMESPACE}/blue", status={})
        await asyncio.sleep(35)
        assert pool_of(api, "blue")["status"]["availableIPv4"] == 9


async def test_who_does_not_lead_writes_nothing() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with statuses(api, leading=False) as (latest, leadership):
        latest.set(outcome())
        await asyncio.sleep(60)
        assert "status" not in pool_of(api, "blue")
        leadership.lead_until(10**6)
        await asyncio.sleep(5)
        assert "status" in pool_of(api, "blue")


async def test_a_pool_that_the_plan_does_not_know_is_left_alone() -> None:
    api = FakeApi()
    add_pool(api, "new", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    async with statuses(api) as (latest, _):
        latest.set(outcome(Removal()))
        await asyncio.sleep(5)
        assert "status" not in pool_of(api, "new")
        assert "finalizers" not in pool_of(api, "new")["metadata"]

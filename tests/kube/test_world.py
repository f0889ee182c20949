import asyncio

import pytest

from ferrite.kube.kinds import IP_ADDRESS_POOLS, NODES, SERVICES
from ferrite.kube.world import World, keep_world
from tests.fakes.api import FakeApi


async def test_nothing_is_told_before_all_kinds_are_there() -> None:
    api = FakeApi(kinds=(SERVICES,))
    api.seed(SERVICES, "a/b")
    world = World([SERVICES, NODES])
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(keep_world(api.cluster(), world))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await world.changed(within=1)
        assert world.waiting_for() == ("nodes",)
        api.kinds = (SERVICES, NODES)
        first = await world.changed()
        assert first.first
        assert first.of(SERVICES) == {"a/b"}
        assert first.of(NODES) == frozenset()
        assert world.synced
        keeper.cancel()


async def test_a_burst_is_one_turn_and_quiet_time_is_empty(looptime: object) -> None:
    api, world = FakeApi(), World([SERVICES, NODES])
    async with asyncio.TaskGroup() as tasks:
        keeper = tasks.create_task(keep_world(api.cluster(), world))
        assert (await world.changed()).first
        for number in range(50):
            api.seed(SERVICES, f"a/s{number}")
        changes = await world.changed(within=10)
        assert len(changes.of(SERVICES)) == 50
        assert not changes.first
        began = asyncio.get_running_loop().time()
        assert not await world.changed(within=10)
        assert asyncio.get_running_loop().time() - began == pytest.approx(10, abs=0.1)
        keeper.cancel()


async def test_a_narrowed_kind_is_another_kind() -> None:
    world = World([IP_ADDRESS_POOLS.within("metallb-system")])
    assert world.objects(IP_ADDRESS_POOLS.within("metallb-system")) == {}
    with pytest.raises(KeyError):
        world.objects(IP_ADDRESS_POOLS)

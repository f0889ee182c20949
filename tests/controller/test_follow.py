"""What a change in the cluster makes a term decide anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest

from controller.admission import configuration_kinds
from controller.bindings import BindingStore
from controller.metrics import State
from controller.reconcile import Follower, Term
from controller.writer import Outlets, StatusWriter, Tell
from ferrite.kube.kinds import (
    ADDRESS_BINDINGS,
    ADDRESS_RESERVATIONS,
    IP_ADDRESS_POOLS,
    NAMESPACES,
    SERVICES,
    AnyKind,
)
from ferrite.kube.lease import Leadership
from ferrite.kube.world import World
from ferrite.kube.writes import Events
from ferrite.objects import Custom, Namespace, Object
from tests.controller.service_builder import service
from tests.fakes.api import FakeApi

MINE = "mine"
GOLD = {"matchLabels": {"tier": "gold"}}
BY_LABEL = {"serviceAllocation": {"namespaceSelectors": [GOLD]}}
LIMITED = {"quota": {"limits": [{"namespaceSelector": GOLD, "limit": 1}]}}


class Followed:
    """A term that follows a world; nothing is written, everything is decided."""

    def __init__(self) -> None:
        kinds = (SERVICES, NAMESPACES, ADDRESS_RESERVATIONS, ADDRESS_BINDINGS.within(MINE))
        self.world, state = World((*kinds, *configuration_kinds(MINE))), State(leading=True)
        self.stores = {store.kind: store for store in self.world.stores}
        self.follower = Follower(self.world, MINE, None, state)
        cluster = FakeApi().cluster()
        bindings, tell = BindingStore(cluster, self.world, MINE), Tell(Events())
        leadership = Leadership(asyncio.get_running_loop().time)
        writer = StatusWriter(Outlets(cluster, leadership, bindings), self.follower.inbox, tell, state)
        self.term = Term(self.follower, writer, bindings, tell)
        self._version = 0

    def sync(self) -> None:
        for store in self.world.stores:
            store.replace((), frozenset())

    def put(self, kind: AnyKind, found: Object) -> None:
        self._version += 1
        metadata = msgspec.structs.replace(found.metadata, resource_version=str(self._version))
        self.stores[kind].put(msgspec.structs.replace(found, metadata=metadata))

    def pool(self, name: str = "blue", addresses: str = "192.0.2.1/32", **parts: Any) -> None:
        metadata = {"name": name, "namespace": MINE, "uid": name, **parts.pop("metadata", {})}
        status = parts.pop("status", {})
        document = {"metadata": metadata, "spec": {"addresses": [addresses], **parts}, "status": status}
        self.put(IP_ADDRESS_POOLS.within(MINE), msgspec.convert(document, Custom))

    def namespace(self, name: str, **labels: str) -> None:
        self.put(NAMESPACES, msgspec.convert({"metadata": {"name": name, "labels": labels}}, Namespace))

    def holder(self, key: str = "team/web", address: str = "192.0.2.1", name: str = "blue") -> None:
        """A Service whose status is as it should be."""
        condition = {
            "type": "ferrite.io/AddressAssigned",
            "status": "True",
            "reason": "Assigned",
            "message": f"{address} of pool {name}",
        }
        document = msgspec.to_builtins(service(key, held=[address], pool=name))
        document["status"]["conditions"] = [condition]
        self.put(SERVICES, msgspec.convert(document, type(service())))

    async def decided(self) -> int:
        """How many Services are decided on after all that changed."""
        count = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    keys = await self.follower.inbox.take()
                    assert self.follower.loaded is not None
                    count += await self.term.turn(keys, self.follower.loaded)
        return count

    def has(self, key: str) -> list[str]:
        return [str(address) for address in self.term.planner._ledger.held_by(key)]


@asynccontextmanager
async def followed() -> AsyncIterator[Followed]:
    made = Followed()
    made.sync()
    task = asyncio.get_running_loop().create_task(made.follower.follow())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_deletion_and_a_change_of_the_configuration_at_once_free_the_address() -> None:
    async with followed() as made:
        made.pool()
        made.holder()
        await made.decided()
        assert made.has("team/web") == ["192.0.2.1"]
        made.stores[SERVICES].drop("team/web")
        made.pool(autoAssign=True, avoidBuggyIPs=True)
        made.put(SERVICES, service("team/next"))
        await made.decided()
        assert (made.has("team/web"), made.has("team/next")) == ([], ["192.0.2.1"])


async def test_a_deletion_that_no_turn_saw_before_the_configuration_changed_frees_the_address() -> None:
    async with followed() as made:
        made.pool()
        made.holder()
        await made.decided()
        made.stores[SERVICES].drop("team/web")
        await asyncio.sleep(0.1)  # it waits in the inbox
        made.pool(avoidBuggyIPs=True)
        await asyncio.sleep(0.1)
        await made.decided()
        assert made.has("team/web") == []


@pytest.mark.parametrize(
    ("spec", "namespace", "decided"),
    [
        pytest.param({}, "team", 0, id="no-pool-looks-at-labels"),
        pytest.param(BY_LABEL, "team", 2, id="a-pool-selects-namespaces"),
        pytest.param(LIMITED, "team", 2, id="a-quota-selects-namespaces"),
        pytest.param({"quota": {"default": 5}}, "team", 0, id="a-quota-for-all"),
    ],
)
async def test_labels_of_a_namespace_matter_only_where_something_selects_them(
    spec: dict, namespace: str, decided: int
) -> None:
    async with followed() as made:
        made.pool(addresses="192.0.2.1-192.0.2.9", **spec)
        made.namespace("team", tier="gold")
        made.holder()
        made.holder("team/other", "192.0.2.2")
        assert await made.decided() == 2
        made.namespace(namespace, tier="gold", colour="red")
        assert await made.decided() == decided


async def test_a_namespace_whose_labels_change_loses_its_pool() -> None:
    async with followed() as made:
        made.pool(**BY_LABEL)
        made.pool("green", "198.51.100.1/32")
        made.namespace("team", tier="gold")
        made.holder()
        await made.decided()
        assert made.has("team/web") == ["192.0.2.1"]
        made.namespace("team")
        await made.decided()
        assert made.has("team/web") == ["198.51.100.1"]


async def test_labels_learnt_without_a_decision_count_in_the_next_one() -> None:
    async with followed() as made:
        made.pool()
        made.holder()
        await made.decided()
        made.namespace("team", tier="gold")
        assert await made.decided() == 0
        assert made.term.planner._offers.namespaces == {"team": {"tier": "gold"}}


async def test_what_we_write_to_a_pool_decides_nothing_anew() -> None:
    async with followed() as made:
        keep = {"onRemoval": "Keep", "metadata": {"generation": 1}}
        made.pool(**keep)
        made.holder()
        assert await made.decided() == 1
        made.pool(**keep, status={"observedGeneration": 1, "kept": ["192.0.2.7"]})
        assert await made.decided() == 0
        [pool] = made.term.planner._offers.pools.values()
        assert pool.removal is not None
        assert (pool.removal.settled, len(pool.removal.kept)) == (True, 1)


async def test_a_pool_that_begins_to_go_is_decided_by() -> None:
    async with followed() as made:
        made.pool(onRemoval="Keep")
        made.holder()
        assert await made.decided() == 1
        made.pool(onRemoval="Keep", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
        assert await made.decided() == 1
        made.put(SERVICES, service("team/next"))
        await made.decided()
        assert made.has("team/next") == []


async def test_a_reservation_is_heard_of_without_deciding_on_who_holds() -> None:
    async with followed() as made:
        made.pool(addresses="192.0.2.1-192.0.2.9")
        made.holder("team/web", "192.0.2.3")
        assert await made.decided() == 1
        spec = {"pool": "blue", "addresses": ["192.0.2.1"]}
        document = {"metadata": {"name": "vip", "namespace": "prod"}, "spec": spec}
        made.put(ADDRESS_RESERVATIONS, msgspec.convert(document, Custom))
        made.put(SERVICES, service("team/next"))
        assert await made.decided() == 1
        assert made.has("team/next") == ["192.0.2.2"]


async def test_once_a_pool_was_there_its_end_clears_what_was_given() -> None:
    async with followed() as made:
        made.holder()
        await made.decided()
        assert made.has("team/web") == ["192.0.2.1"]  # there never was a pool
        made.pool()
        await made.decided()
        made.stores[IP_ADDRESS_POOLS.within(MINE)].drop(f"{MINE}/blue")
        await made.decided()
        assert made.has("team/web") == []

"""Terms end by a signal, a lost Lease or an API server that hangs: no address is given twice."""

import asyncio

import pytest

from controller.writer import WRITERS
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import IP_ADDRESS_POOLS
from ferrite.kube.transport import Call
from tests.controller.running import add_pool, add_service, controller, controller_on, holder, ingress
from tests.fakes.api import FakeApi, FakeTransport
from tests.fakes.parts import ApiError, Fault

LATE_SECONDS = 1.0


class LateTransport(FakeTransport):
    """Writes of Service status are done a second late, even when the caller has gone."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__(api)
        self.begun = asyncio.Event()
        self.done: set[asyncio.Task[bytes]] = set()

    async def request(self, call: Call) -> bytes:
        if not is_service_write(call):
            return await super().request(call)
        task = asyncio.get_running_loop().create_task(self._late(call))
        self.done.add(task)
        self.begun.set()
        return await asyncio.shield(task)

    async def _late(self, call: Call) -> bytes:
        await asyncio.sleep(LATE_SECONDS)
        return await super().request(call)


def is_service_write(call: Call) -> bool:
    return call.method == "PATCH" and "/services/" in call.path


def is_lease(call: Call) -> bool:
    return "/leases" in call.path


async def test_a_signal_while_a_write_is_under_way_leaves_the_lease_to_expire() -> None:
    api, seconds = FakeApi(), asyncio.get_running_loop().time
    late = LateTransport(api)
    add_pool(api, "blue", "192.0.2.1-192.0.2.1")
    add_service(api, "team/b")
    async with controller_on(Cluster(late)) as first:
        await asyncio.sleep(0.1)
        async with controller(api):
            await late.begun.wait()
            add_service(api, "team/a")
            first.cancel()
            ended = seconds()
            while not ingress(api, "team/a") and seconds() - ended < 10:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert (ingress(api, "team/a"), ingress(api, "team/b")) == ([], ["192.0.2.1"])


async def test_a_signal_while_nothing_is_under_way_gives_the_lease_back_at_once() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    add_service(api, "team/web")
    async with controller(api) as first:
        await asyncio.sleep(5)
        assert holder(api)
        began = asyncio.get_running_loop().time()
        first.cancel()
        await asyncio.wait([first])
        assert asyncio.get_running_loop().time() == began
    assert not holder(api)


async def test_a_term_of_ours_begins_once_no_write_of_the_last_one_can_be_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = FakeApi()
    late = LateTransport(api)
    add_pool(api, "blue", "192.0.2.1-192.0.2.1")
    async with controller_on(Cluster(late)):
        await asyncio.sleep(2.5)
        api.faults.append(Fault(is_lease, times=6))  # lost 3.5 s after the renewal, had again after 4 s
        await asyncio.sleep(2.9)
        add_service(api, "team/b")
        await late.begun.wait()
        add_service(api, "team/a")
        await asyncio.sleep(10)
    assert "leadership lost" in caplog.messages
    assert (ingress(api, "team/a"), ingress(api, "team/b")) == ([], ["192.0.2.1"])


@pytest.mark.parametrize("hangs", [True, False], ids=["hanging", "lost"])
async def test_writes_that_wait_when_the_term_ends_are_put_off_without_a_word(
    hangs: bool, caplog: pytest.LogCaptureFixture
) -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.0/23")
    async with controller(api):
        await asyncio.sleep(5)
        api.faults.append(Fault(is_service_write, stall=True, times=1000))
        api.faults.append(Fault(is_lease, stall=hangs, times=1000))
        for number in range(300):
            add_service(api, f"team/{number}")
        await asyncio.sleep(5)
        assert "leadership lost" in caplog.messages
        said = [text for text in caplog.messages if text.startswith("status not written")]
        assert len(said) <= len(api.calls_of("PATCH", "/services/")) == WRITERS
        api.faults.clear()
        await asyncio.sleep(20)
        assert len({ingress(api, f"team/{number}")[0] for number in range(300)}) == 300


async def test_a_pool_whose_status_is_refused_stops_no_other_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = FakeApi()
    for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "192.0.2.3")):
        add_pool(api, name, f"{address}/32")
    api.faults.append(
        Fault(lambda call: "/a/status" in call.path, ApiError(403, "Forbidden", "no"), times=99)
    )
    api.faults.append(Fault(lambda call: "/b/status" in call.path, stall=True))
    async with controller(api):
        await asyncio.sleep(60)
        pools = api.objects(IP_ADDRESS_POOLS)
    assert ["status" in pools[f"metallb-system/{name}"] for name in "abc"] == [False, True, True]
    said = [vars(record) for record in caplog.records if hasattr(record, "object")]
    errors = {record["object"].partition("/")[2]: record["error"] for record in said}
    assert errors == {"a": "no", "b": errors["b"]}
    assert errors["b"].startswith("no answer within ")

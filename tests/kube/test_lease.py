import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from ferrite.errors import ClusterError, Conflict
from ferrite.kube.kinds import DEPLOYMENTS, LEASES
from ferrite.kube.lease import Leadership, LeaseSettings, keep_lease
from tests.fakes.api import FakeApi
from tests.fakes.parts import ApiError, Fault


class Candidate:
    def __init__(self, api: FakeApi, identity: str, deployment: str = "") -> None:
        loop = asyncio.get_running_loop()
        self.leadership = Leadership(loop.time)
        self.task = loop.create_task(
            keep_lease(
                api.cluster(), self.leadership, LeaseSettings("n/ferrite-controller", identity, deployment)
            )
        )

    @property
    def leading(self) -> bool:
        return self.leadership.leading


@asynccontextmanager
async def candidates(*apis: FakeApi) -> AsyncGenerator[list[Candidate], None]:
    found = []
    for number, api in enumerate(apis):
        found.append(Candidate(api, f"c{number}"))
        await asyncio.sleep(0.3)
    try:
        yield found
    finally:
        for candidate in found:
            candidate.task.cancel()
        await asyncio.wait([candidate.task for candidate in found])


def partitioned(api: FakeApi) -> FakeApi:
    """The same cluster through another network, which can fail by itself."""
    other = FakeApi(store=api.store)
    other.__dict__.update({**api.__dict__, "faults": [], "calls": [], "down": False})
    return other


async def test_one_leads_and_holds_on() -> None:
    api = FakeApi()
    async with candidates(api, api) as (first, second):
        for _ in range(100):
            await asyncio.sleep(0.25)
            assert first.leading
            assert not second.leading
        assert 0 < first.leadership.seconds_left() <= 3.5


async def test_released_it_goes_over_at_once() -> None:
    api = FakeApi()
    async with candidates(api, api) as (first, second):
        first.task.cancel()
        await asyncio.wait([first.task])
        assert not first.leading
        async with asyncio.timeout(1.5):
            await second.leadership.acquired()
        assert api.objects(LEASES)["n/ferrite-controller"]["spec"]["leaseTransitions"] == 1


async def test_cut_off_it_stops_before_the_next_begins_and_that_within_six_seconds() -> None:
    api = FakeApi()
    near = partitioned(api)
    async with candidates(near, api) as (first, second):
        await asyncio.sleep(5)
        near.down = True
        began = asyncio.get_running_loop().time()
        await first.leadership.lost()
        assert not second.leading
        await second.leadership.acquired()
        assert asyncio.get_running_loop().time() - began < 6
        near.down = False
        await asyncio.sleep(5)
        assert (first.leading, second.leading) == (False, True)


async def test_an_api_server_that_hangs_ends_leadership_in_time() -> None:
    api = FakeApi()
    async with candidates(api) as (only,):
        await asyncio.sleep(2)
        api.faults.append(Fault(lambda call: True, stall=True, times=100))
        began = asyncio.get_running_loop().time()
        await only.leadership.lost()
        assert asyncio.get_running_loop().time() - began <= 3.6


async def test_one_lost_answer_is_no_loss_of_leadership() -> None:
    api = FakeApi()
    async with candidates(api) as (only,):
        for error in (ApiError(500, "InternalError", "oops"), ApiError(409, "Conflict", "newer"), None):
            api.faults.append(Fault(lambda call: call.method == "PUT", error))
            for _ in range(20):
                await asyncio.sleep(0.1)
                assert only.leading


@pytest.mark.parametrize("clock_steps", [-3600, 3600])
async def test_the_holder_s_timestamps_are_not_believed(clock_steps: int) -> None:
    api = FakeApi()
    year = 2000 if clock_steps < 0 else 2100
    spec = {
        "holderIdentity": "other",
        "leaseDurationSeconds": 5,
        "renewTime": f"{year}-01-01T00:00:00.000000Z",
    }
    api.seed(LEASES, "n/ferrite-controller", spec=spec)
    async with candidates(api) as (only,):
        await asyncio.sleep(4)
        assert not only.leading
        await asyncio.sleep(2)
        assert only.leading


async def test_the_lease_goes_with_the_deployment_even_while_that_is_being_deleted() -> None:
    api = FakeApi()
    uid = api.seed(DEPLOYMENTS, "n/lb")["metadata"]["uid"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "lb", "uid": uid}
    candidate = Candidate(api, "c0", deployment="lb")
    try:
        await candidate.leadership.acquired()
        assert api.objects(LEASES)["n/ferrite-controller"]["metadata"]["ownerReferences"] == [owner]
        api.remove(DEPLOYMENTS, "n/lb")
        api.remove(LEASES, "n/ferrite-controller")
        await asyncio.sleep(5)
        assert candidate.leading
    finally:
        candidate.task.cancel()
        await asyncio.wait([candidate.task])
    assert api.objects(LEASES)["n/ferrite-controller"]["metadata"]["ownerReferences"] == [owner]


async def test_without_its_deployment_it_leads_all_the_same() -> None:
    api = FakeApi()
    candidate = Candidate(api, "c0", deployment="lb")
    await candidate.leadership.acquired()
    candidate.task.cancel()
    await asyncio.wait([candidate.task])
    assert not api.objects(LEASES)["n/ferrite-controller"]["metadata"].get("ownerReferences")


async def test_a_term_does_not_go_on_over_that_of_another() -> None:
    api = FakeApi()
    async with candidates(api) as (only,):
        await only.leadership.acquired()
        lost = asyncio.get_running_loop().create_task(only.leadership.lost())
        api.seed(LEASES, "n/ferrite-controller", spec={"holderIdentity": "", "leaseTransitions": 2})
        await asyncio.sleep(2)
        assert lost.done()
        assert only.leading


@pytest.mark.parametrize(
    ("end", "doubt"),
    [
        pytest.param(None, False, id="done"),
        pytest.param(Conflict("newer", status=409), False, id="conflict"),
        pytest.param(ClusterError("no", status=403), False, id="refused"),
        pytest.param(ClusterError("etcd is slow", status=504), True, id="504"),
        pytest.param(ClusterError("connection reset"), True, id="reset"),
        pytest.param(TimeoutError(), True, id="no answer"),
        pytest.param(asyncio.CancelledError(), True, id="cancelled"),
    ],
)
async def test_a_write_without_an_answer_is_in_doubt_for_a_while(
    end: BaseException | None, doubt: bool
) -> None:
    leadership = Leadership(asyncio.get_running_loop().time)
    with suppress(BaseException), leadership.writing():
        assert leadership.in_doubt
        if end is not None:
            raise end
    assert leadership.in_doubt is doubt
    began = asyncio.get_running_loop().time()
    await leadership.settled()
    assert not leadership.in_doubt
    assert asyncio.get_running_loop().time() - began == (5 if doubt else 0)


async def test_conflicts_without_end_are_not_met_in_a_loop() -> None:
    api = FakeApi()
    async with candidates(api) as (only,):
        await only.leadership.acquired()
        newer = ApiError(409, "Conflict", "newer")
        api.faults.append(
            Fault(lambda call: call.method == "PUT" and len(api.calls) < 10_000, newer, times=10**6)
        )
        before = len(api.calls)
        await asyncio.sleep(60)
        assert len(api.calls) - before < 60 / 0.25 * 2

import asyncio

from controller.tenant import Note, Reason
from controller.writer import Tell
from ferrite.kube.kinds import CONFIGURATION_STATES, EVENTS, IP_ADDRESS_POOLS, LEASES, SECRETS, SERVICES
from ferrite.kube.writes import EVENT_BURST, EVENT_SECONDS, Events
from ferrite.objects import Metadata, Service
from tests.controller.running import add_pool, add_service, controller, ingress
from tests.fakes.api import FakeApi
from tests.fakes.parts import Fault


def reasons(api: FakeApi, key: str) -> list[str]:
    found = api.objects(EVENTS).values()
    return [event["reason"] for event in found if event["involvedObject"]["name"] == key.split("/")[1]]


async def test_it_assigns_tells_and_counts() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.1"]
        annotations = api.objects(SERVICES)["team/web"]["metadata"]["annotations"]
        assert annotations == {"metallb.io/ip-allocated-from-pool": "blue"}
        assert reasons(api, "team/web") == ["IPAllocated"]
        status = {"assignedIPv4": 1, "assignedIPv6": 0, "availableIPv4": 8, "availableIPv6": 0}
        assert api.objects(IP_ADDRESS_POOLS)["metallb-system/blue"]["status"] == status
        assert api.objects(CONFIGURATION_STATES)["metallb-system/controller"]["status"]["result"] == "Valid"


async def test_an_idle_controller_writes_nothing_but_its_lease() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(10)
        writes = [call for call in api.calls if call.method != "GET" and "leases" not in call.path]
        await asyncio.sleep(100)
        assert [c for c in api.calls if c.method != "GET" and "leases" not in c.path] == writes


async def test_a_waiting_one_is_told_once_and_served_after_a_release() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.1")
    async with controller(api):
        add_service(api, "team/first")
        await asyncio.sleep(5)
        add_service(api, "team/second")
        await asyncio.sleep(400)
        assert ingress(api, "team/second") == []
        assert reasons(api, "team/second") == ["AllocationFailed"]
        api.remove(SERVICES, "team/first")
        await asyncio.sleep(5)
        assert ingress(api, "team/second") == ["192.0.2.1"]


async def test_an_owner_is_told_again_of_what_was_given_up() -> None:
    events, service = Events(), Service(metadata=Metadata(name="web", namespace="team"))
    tell, note = Tell(events), (Note(Reason.ALLOCATION_FAILED, "no address left"),)
    for number in range(EVENT_BURST):
        events.record(service, SERVICES, "Normal", "Filler", str(number))
    for seconds in (0, EVENT_SECONDS, 0):
        await asyncio.sleep(seconds)
        tell.tell(service, note)
        tell.flush(idle=True)
    told = [(await events.next()).body["reason"] for _ in range(EVENT_BURST + 1)]
    assert told.count("AllocationFailed") == 1


async def test_a_restart_moves_nothing() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    for name in ("team/a", "team/b", "team/c"):
        add_service(api, name)
    async with controller(api):
        await asyncio.sleep(5)
    before = {name: ingress(api, name) for name in ("team/b", "team/c")}
    api.remove(SERVICES, "team/a")
    add_service(api, "team/aa")
    async with controller(api):
        await asyncio.sleep(5)
        assert {name: ingress(api, name) for name in before} == before
        assert all(before.values())
        assert ingress(api, "team/aa")
        assert ingress(api, "team/aa") not in before.values()


async def test_of_two_replicas_one_writes() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with controller(api), controller(api):
        for number in range(5):
            add_service(api, f"team/{number}")
        await asyncio.sleep(5)
        assert len({ingress(api, f"team/{number}")[0] for number in range(5)}) == 5
        assert len(api.calls_of("PATCH", "/services/")) == 5


async def test_the_other_replica_goes_on_when_the_leader_ends() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with controller(api):
        async with controller(api) as second:
            await asyncio.sleep(5)
            holder = api.objects(LEASES)["metallb-system/ferrite-controller"]["spec"]["holderIdentity"]
            second.cancel()
            await asyncio.sleep(6)
        add_service(api, "team/web")
        await asyncio.sleep(6)
        assert holder
        assert ingress(api, "team/web") == ["192.0.2.1"]


async def test_a_bad_pool_stops_no_other_and_is_reported() -> None:
    api = FakeApi()
    add_pool(api, "bad", "192.0.2.9-192.0.2.1")
    add_pool(api, "good", "198.51.100.1-198.51.100.1")
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["198.51.100.1"]
        status = api.objects(CONFIGURATION_STATES)["metallb-system/controller"]["status"]
        assert status["result"] == "Invalid"
        assert "bad" in status["errorSummary"]


async def test_a_pool_that_goes_bad_goes_on_serving_until_it_is_deleted() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        add_pool(api, "blue", "192.0.2.9-192.0.2.1")
        add_service(api, "team/next")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.1"]
        assert ingress(api, "team/next") == ["192.0.2.2"]
        status = api.objects(CONFIGURATION_STATES)["metallb-system/controller"]["status"]
        assert status["result"] == "Invalid"
        api.remove(IP_ADDRESS_POOLS, "metallb-system/blue")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ingress(api, "team/next") == []


async def test_another_writer_makes_it_decide_again_not_write_again() -> None:
    api = FakeApi()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        add_service(api, "team/web", type="ClusterIP")
        add_pool(api, "blue", "192.0.2.1-192.0.2.9")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == []


async def test_the_secret_is_made_once() -> None:
    api = FakeApi()
    async with controller(api, "--ml-secret-name", "speakers"):
        await asyncio.sleep(5)
        made = api.objects(SECRETS)["metallb-system/speakers"]
        assert len(made["stringData"]["secretkey"]) == 22
        await asyncio.sleep(1000)
        assert api.objects(SECRETS)["metallb-system/speakers"] == made
        assert not api.calls_of("GET", "/secrets")


async def test_a_service_that_is_made_anew_is_tried_again_as_soon_as_any_other() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    add_service(api, "team/web")
    async with controller(api):
        api.faults.append(Fault(lambda call: "/services/web/status" in call.path, times=7))
        while len(api.calls_of("PATCH", "/services/")) < 6:  # noqa: ASYNC110 - there is no event for that
            await asyncio.sleep(0.1)
        api.remove(SERVICES, "team/web")
        await asyncio.sleep(1)
        add_service(api, "team/web")
        await asyncio.sleep(2)
        assert ingress(api, "team/web") == ["192.0.2.1"]

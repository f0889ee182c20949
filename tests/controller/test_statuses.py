"""What the controller writes to pools and to reservations."""

import asyncio
import json
from typing import Any

import pytest

from ferrite.kube.kinds import ADDRESS_RESERVATIONS, IP_ADDRESS_POOLS, SERVICES
from tests.controller.running import add_pool, add_service, controller, edit, edit_pool, ingress, pool_of
from tests.fakes.api import FakeApi
from tests.fakes.http import body_of
from tests.fakes.parts import ApiError, Fault

FINALIZER = "ferrite.io/addresses-in-use"
POOLS = "/ipaddresspools/"
LONG_AGO = "2020-01-01T00:00:00Z"


def finalizers(api: FakeApi, name: str = "blue") -> list[str]:
    return pool_of(api, name)["metadata"].get("finalizers", [])


def pools(api: FakeApi) -> list[str]:
    return [key.partition("/")[2] for key in api.objects(IP_ADDRESS_POOLS)]


async def test_a_burst_is_at_most_one_write_a_second() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.99")
    async with controller(api):
        await asyncio.sleep(5)
        before = len(api.calls_of("PATCH", POOLS))
        for number in range(50):
            add_service(api, f"team/{number}")
            await asyncio.sleep(0.1)
        assert 3 <= len(api.calls_of("PATCH", POOLS)) - before <= 6
        await asyncio.sleep(5)
        assert pool_of(api, "blue")["status"]["assignedIPv4"] == 50


async def test_a_write_carries_the_version_it_was_decided_on() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    version = pool_of(api, "blue")["metadata"]["resourceVersion"]
    async with controller(api):
        await asyncio.sleep(5)
    [call] = api.calls_of("PATCH", POOLS)
    assert body_of(call)["metadata"] == {"resourceVersion": version}


async def test_a_conflict_is_tried_again_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    conflict = ApiError(409, "Conflict", "the object has been modified")
    api.faults.append(Fault(lambda call: call.method == "PATCH" and POOLS in call.path, conflict, times=2))
    async with controller(api):
        await asyncio.sleep(10)
    assert pool_of(api, "blue")["status"]["availableIPv4"] == 9
    assert len(api.calls_of("PATCH", POOLS)) == 3
    assert "status not written" not in caplog.messages


async def test_what_somebody_else_wrote_into_the_status_is_put_right() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    async with controller(api):
        await asyncio.sleep(5)
        edit(api, IP_ADDRESS_POOLS, "metallb-system/blue", status={})
        await asyncio.sleep(60)
        assert pool_of(api, "blue")["status"]["availableIPv4"] == 9


async def test_what_is_kept_is_listed_with_the_generation_it_is_true_of() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    add_service(api, "team/web", loadBalancerIP="192.0.2.5")
    add_service(api, "team/next", loadBalancerIP="192.0.2.6")
    async with controller(api):
        await asyncio.sleep(5)
        assert "kept" not in pool_of(api, "blue")["status"]
        assert pool_of(api, "blue")["status"]["observedGeneration"] == 1
        edit_pool(api, "blue", addresses=["192.0.2.1-192.0.2.2"])
        await asyncio.sleep(5)
        assert pool_of(api, "blue")["status"]["kept"] == ["192.0.2.5-192.0.2.6"]
        assert pool_of(api, "blue")["status"]["observedGeneration"] == 2
    async with controller(api):
        await asyncio.sleep(10)
        assert (ingress(api, "team/web"), ingress(api, "team/next")) == (["192.0.2.5"], ["192.0.2.6"])
        api.remove(SERVICES, "team/web")
        await asyncio.sleep(5)
        assert pool_of(api, "blue")["status"]["kept"] == ["192.0.2.6"]
        api.remove(SERVICES, "team/next")
        await asyncio.sleep(5)
        assert "kept" not in pool_of(api, "blue")["status"]


async def test_a_shrink_while_no_controller_runs_takes_nothing_away() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    add_service(api, "team/web", loadBalancerIP="192.0.2.5")
    async with controller(api):
        await asyncio.sleep(5)
    edit_pool(api, "blue", addresses=["192.0.2.1-192.0.2.2"])
    async with controller(api):
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.5"]
        assert pool_of(api, "blue")["status"]["kept"] == ["192.0.2.5"]


# The finalizer.


async def test_a_pool_that_keeps_has_our_finalizer_beside_others() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    add_pool(api, "plain", "192.0.3.1-192.0.3.9")
    pool_of(api, "blue")["metadata"]["finalizers"] = ["example.com/theirs"]
    async with controller(api):
        await asyncio.sleep(5)
        assert finalizers(api) == ["example.com/theirs", FINALIZER]
        assert finalizers(api, "plain") == []
        edit_pool(api, "blue", onRemoval=None)
        await asyncio.sleep(5)
        assert finalizers(api) == ["example.com/theirs"]


async def test_a_pool_that_does_not_count_after_a_start_keeps_our_finalizer() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.9-192.0.2.1", onRemoval="Keep")
    pool_of(api, "blue")["metadata"]["finalizers"] = [FINALIZER]
    async with controller(api):
        await asyncio.sleep(5)
        assert finalizers(api) == [FINALIZER]


async def test_a_deleted_pool_goes_at_once_when_nothing_is_in_use() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    async with controller(api):
        await asyncio.sleep(5)
        api.remove(IP_ADDRESS_POOLS, "metallb-system/blue")
        assert pools(api) == ["blue"]
        await asyncio.sleep(5)
        assert pools(api) == []


async def test_a_deleted_pool_stays_until_its_last_service_goes() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(5)
        api.remove(IP_ADDRESS_POOLS, "metallb-system/blue")
        add_service(api, "team/late")
        await asyncio.sleep(60)
        assert (ingress(api, "team/web"), ingress(api, "team/late")) == (["192.0.2.1"], [])
        assert pool_of(api, "blue")["status"]["kept"] == ["192.0.2.1"]
        api.remove(SERVICES, "team/web")
        await asyncio.sleep(5)
        assert pools(api) == []


async def test_a_deleted_pool_whose_service_was_given_in_the_same_moment_stays() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    async with controller(api):
        await asyncio.sleep(5)
        add_service(api, "team/web")
        await asyncio.sleep(0)
        api.remove(IP_ADDRESS_POOLS, "metallb-system/blue")
        await asyncio.sleep(30)
        assert (pools(api) == ["blue"]) is bool(ingress(api, "team/web"))


async def test_keep_switched_off_while_it_is_deleted_lets_the_pool_go() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9", onRemoval="Keep")
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(5)
        api.remove(IP_ADDRESS_POOLS, "metallb-system/blue")
        await asyncio.sleep(5)
        edit_pool(api, "blue", onRemoval=None)
        await asyncio.sleep(10)
        assert pools(api) == []
        assert ingress(api, "team/web") == []


# Reservations.


def reserve(api: FakeApi, key: str, *addresses: str, **parts: Any) -> None:
    api.seed(ADDRESS_RESERVATIONS, key, **{"spec": {"pool": "blue", "addresses": list(addresses)}, **parts})


def status(api: FakeApi, key: str = "team/vip") -> Any:
    return api.objects(ADDRESS_RESERVATIONS)[key]["status"]


def reserved(api: FakeApi, key: str = "team/vip") -> tuple[str, str, str]:
    [condition] = status(api, key)["conditions"]
    return condition["status"], condition["reason"], condition["message"]


async def test_a_reservation_says_who_uses_what() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    reserve(api, "team/vip", "192.0.2.5", "192.0.2.6")
    async with controller(api):
        await asyncio.sleep(5)
        assert status(api)["addresses"] == [{"address": "192.0.2.5"}, {"address": "192.0.2.6"}]
        assert reserved(api) == ("True", "Reserved", "192.0.2.5, 192.0.2.6")
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.5"]
        used = {"address": "192.0.2.5", "services": ["team/web"]}
        assert status(api)["addresses"] == [used, {"address": "192.0.2.6"}]


async def test_a_reservation_says_what_is_in_the_way_until_it_is_not() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    add_service(api, "lab/a", loadBalancerIP="192.0.2.5")
    async with controller(api):
        await asyncio.sleep(5)
        reserve(api, "team/vip", "192.0.2.5")
        await asyncio.sleep(5)
        problem = "192.0.2.5 is in use by lab/a; it is reserved once that ends"
        assert status(api)["addresses"] == [
            {"address": "192.0.2.5", "services": ["lab/a"], "problem": problem}
        ]
        assert reserved(api) == ("False", "NotReserved", problem)
        api.remove(SERVICES, "lab/a")
        await asyncio.sleep(5)
        assert reserved(api) == ("True", "Reserved", "192.0.2.5")


async def test_a_reservation_that_cannot_be_read_says_why_and_stops_no_other() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    reserve(api, "team/bad", "192.0.2.x")
    reserve(api, "team/worse", spec={"addresses": ["192.0.2.4"]})
    reserve(api, "team/vip", "192.0.2.5")
    async with controller(api):
        await asyncio.sleep(5)
        assert reserved(api, "team/bad")[:2] == ("False", "Invalid")
        assert reserved(api, "team/bad")[2] == "spec.addresses: invalid IP address '192.0.2.x'"
        assert reserved(api, "team/worse") == ("False", "Invalid", "spec.pool: Field required")
        assert reserved(api)[0] == "True"


async def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.9")
    old = {
        "type": "Reserved",
        "status": "True",
        "reason": "x",
        "message": "y",
        "lastTransitionTime": LONG_AGO,
    }
    reserve(api, "team/vip", "192.0.2.5", status={"conditions": [old]})
    reserve(api, "team/wrong", "192.0.9.9", status={"conditions": [old]})
    async with controller(api):
        await asyncio.sleep(5)
        assert reserved(api) == ("True", "Reserved", "192.0.2.5")
        assert status(api)["conditions"][0]["lastTransitionTime"] == LONG_AGO
        assert reserved(api, "team/wrong")[0] == "False"
        assert status(api, "team/wrong")["conditions"][0]["lastTransitionTime"] > LONG_AGO
        writes = len(api.calls_of("PATCH", "/addressreservations/"))
        await asyncio.sleep(100)
        assert len(api.calls_of("PATCH", "/addressreservations/")) == writes


async def test_other_conditions_of_a_service_survive_ours() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1-192.0.2.1")
    theirs = {
        "type": "example.com/Checked",
        "status": "True",
        "reason": "Fine",
        "message": "",
        "lastTransitionTime": LONG_AGO,
        "observedGeneration": 3,
    }
    add_service(api, "team/web")
    edit(api, SERVICES, "team/web", status={"loadBalancer": {}, "conditions": [theirs]})
    async with controller(api):
        await asyncio.sleep(5)
        conditions = api.objects(SERVICES)["team/web"]["status"]["conditions"]
        assert conditions[0] == theirs
        assert [each["type"] for each in conditions] == ["example.com/Checked", "ferrite.io/AddressAssigned"]
        spec = api.objects(SERVICES)["team/web"]["spec"]
        edit(api, SERVICES, "team/web", spec={**spec, "type": "ClusterIP"})
        await asyncio.sleep(5)
        assert api.objects(SERVICES)["team/web"]["status"]["conditions"] == [theirs]


async def test_those_who_only_lack_the_condition_do_not_delay_who_waits() -> None:
    api = FakeApi()
    add_pool(api, "blue", "10.0.0.0/16")
    for number in range(1000):
        key = f"team/{number}"
        add_service(api, key)
        found = api.objects(SERVICES)[key]
        address = f"10.0.{1 + number // 250}.{number % 250}"
        found["status"] = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}
        found["metadata"]["annotations"] = {"metallb.io/ip-allocated-from-pool": "blue"}
    add_service(api, "team/waits")
    async with controller(api):
        await asyncio.sleep(5)
    calls = api.calls_of("PATCH", "/services/")
    assert len(calls) == 1001
    assert calls[0].path.endswith("/team/services/waits/status")
    assert all("loadBalancer" not in json.loads(call.body or b"")["status"] for call in calls[1:])

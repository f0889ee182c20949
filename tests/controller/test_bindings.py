"""AddressBindings: what is written down so that a deleted Service gets its addresses back."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from controller.binding import Binding, binding_spec
from crds.reservation import AddressBindingSpec
from ferrite.conditions import from_rfc3339, rfc3339
from ferrite.kube.kinds import ADDRESS_BINDINGS, ADDRESS_RESERVATIONS, SERVICES
from tests.controller.running import add_pool, add_service, controller, edit, edit_pool, ingress
from tests.fakes.api import ALL_KINDS, FakeApi
from tests.fakes.parts import ApiError, Fault

OPTIONAL = (ADDRESS_BINDINGS, ADDRESS_RESERVATIONS)
BINDINGS = "/addressbindings"
STICKY = 120


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time of day go as fast as the event loop's."""
    began = time.time()

    def now() -> float:
        return began + asyncio.get_running_loop().time()

    monkeypatch.setattr("controller.reconcile.time", SimpleNamespace(time=now))


def sticky(addresses: str = "192.0.2.1/32") -> FakeApi:
    api = FakeApi()
    add_pool(api, "blue", addresses, stickyFor="2m")
    return api


def bindings(api: FakeApi) -> dict[str, Any]:
    return {key.partition("/")[2]: found["spec"] for key, found in api.objects(ADDRESS_BINDINGS).items()}


async def test_it_is_written_before_the_address_is_in_the_status() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
    writes = [call for call in api.calls if BINDINGS in call.path or "/services/" in call.path]
    assert [call.method for call in writes if call.method != "GET"] == ["POST", "PATCH"]
    assert bindings(api) == {
        "team.web": {
            "service": "team/web",
            "pool": "blue",
            "addresses": ["192.0.2.1"],
            "ports": [{"protocol": "TCP", "port": 80}],
        }
    }


async def test_without_it_the_address_is_not_written() -> None:
    api = sticky()
    down = ApiError(500, "InternalError", "etcd has gone")
    api.faults.append(Fault(lambda call: call.method == "POST" and BINDINGS in call.path, down, times=10**6))
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(60)
        assert ingress(api, "team/web") == []
        api.faults.clear()
        await asyncio.sleep(60)
        assert ingress(api, "team/web") == ["192.0.2.1"]


async def test_a_pool_that_is_not_sticky_writes_none() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1/32")
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web")
        assert bindings(api) == {}


async def test_a_deletion_gives_it_an_end_and_who_comes_back_takes_it_away() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/web")
        await asyncio.sleep(5)
        assert from_rfc3339(bindings(api)["team.web"]["until"]) >= int(time.time()) + STICKY
        add_service(api, "team/other")
        await asyncio.sleep(STICKY - 60)
        assert ingress(api, "team/other") == []
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.1"]
        assert "until" not in bindings(api)["team.web"]


async def test_it_goes_when_time_is_up_and_who_waits_is_served() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/web")
        add_service(api, "team/other")
        await asyncio.sleep(STICKY + 60)
        assert ingress(api, "team/other") == ["192.0.2.1"]
        assert list(bindings(api)) == ["team.other"]


async def test_a_new_leader_goes_on_keeping() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/web")
        await asyncio.sleep(5)
        until = bindings(api)["team.web"]["until"]
    add_service(api, "team/other")
    async with controller(api):
        await asyncio.sleep(30)
        assert ingress(api, "team/other") == []
        assert bindings(api)["team.web"]["until"] == until
        add_service(api, "team/web")
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.1"]


async def test_a_new_leader_keeps_for_who_went_while_nobody_looked() -> None:
    api = sticky()
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(5)
    api.remove(SERVICES, "team/web")
    add_service(api, "team/other")
    async with controller(api):
        await asyncio.sleep(30)
        assert ingress(api, "team/other") == []
        assert "until" in bindings(api)["team.web"]
        await asyncio.sleep(STICKY + 60)
        assert ingress(api, "team/other") == ["192.0.2.1"]


async def test_a_new_leader_frees_what_ran_out_while_nobody_looked() -> None:
    api = sticky()
    spec = {"service": "team/gone", "pool": "blue", "addresses": ["192.0.2.1"], "until": rfc3339(0)}
    api.seed(ADDRESS_BINDINGS, "metallb-system/team.gone", spec=spec)
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(10)
        assert ingress(api, "team/web") == ["192.0.2.1"]
        assert list(bindings(api)) == ["team.web"]


async def test_a_person_who_deletes_it_frees_the_address_at_once() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/web")
        add_service(api, "team/other")
        await asyncio.sleep(5)
        assert ingress(api, "team/other") == []
        api.remove(ADDRESS_BINDINGS, "metallb-system/team.web")
        await asyncio.sleep(5)
        assert ingress(api, "team/other") == ["192.0.2.1"]
        assert list(bindings(api)) == ["team.other"]


async def test_what_a_person_deletes_of_a_service_that_is_here_is_written_again() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.remove(ADDRESS_BINDINGS, "metallb-system/team.web")
        await asyncio.sleep(5)
        assert list(bindings(api)) == ["team.web"]
        assert ingress(api, "team/web") == ["192.0.2.1"]


async def test_stickiness_switched_off_takes_all_of_them_away() -> None:
    api = sticky("192.0.2.1-192.0.2.2")
    async with controller(api):
        add_service(api, "team/web")
        add_service(api, "team/gone")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/gone")
        await asyncio.sleep(5)
        edit_pool(api, "blue", stickyFor=None)
        await asyncio.sleep(5)
        assert bindings(api) == {}
        edit_pool(api, "blue", stickyFor="2h")
        await asyncio.sleep(5)
        assert list(bindings(api)) == ["team.web"]


async def test_one_that_cannot_be_read_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    api = sticky("192.0.2.1-192.0.2.9")
    until = rfc3339(time.time() + STICKY)
    good = {"service": "team/gone", "pool": "blue", "addresses": ["192.0.2.1"], "until": until}
    for name, spec in (("bad.a", {**good, "addresses": ["x"]}), ("bad.b", {}), ("team.gone", good)):
        api.seed(ADDRESS_BINDINGS, f"metallb-system/{name}", spec=spec)
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(5)
        assert ingress(api, "team/web") == ["192.0.2.2"]
    told = {
        vars(record)["binding"] for record in caplog.records if record.message == "binding not understood"
    }
    assert told == {"bad.a", "bad.b"}


async def test_an_idle_controller_writes_none() -> None:
    api = sticky("192.0.2.1-192.0.2.9")
    async with controller(api):
        add_service(api, "team/web")
        add_service(api, "team/gone")
        await asyncio.sleep(5)
        api.remove(SERVICES, "team/gone")
        await asyncio.sleep(5)
        writes = bindings_written(api)
        assert writes == ["POST", "POST", "PUT"]
        await asyncio.sleep(STICKY - 20)
        assert bindings_written(api) == writes


async def test_a_write_of_the_status_alone_leaves_it() -> None:
    api = sticky()
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        status = api.objects(SERVICES)["team/web"]["status"]
        edit(api, SERVICES, "team/web", status={**status, "conditions": []})
        await asyncio.sleep(5)
        assert api.objects(SERVICES)["team/web"]["status"]["conditions"][0]["reason"] == "Assigned"
        assert bindings_written(api) == ["POST"]


async def test_what_could_not_be_written_at_a_deletion_is_kept_all_the_same() -> None:
    api = FakeApi()
    add_pool(api, "blue", "192.0.2.1/32")
    down = ApiError(500, "InternalError", "etcd has gone")
    async with controller(api):
        add_service(api, "team/web")
        await asyncio.sleep(5)
        api.faults.append(Fault(lambda call: call.method == "POST" and BINDINGS in call.path, down, times=5))
        edit_pool(api, "blue", stickyFor="2m")
        api.remove(SERVICES, "team/web")
        add_service(api, "team/other")
        await asyncio.sleep(STICKY - 60)
        assert ingress(api, "team/other") == []
        assert list(bindings(api)) == ["team.web"]


def bindings_written(api: FakeApi) -> list[str]:
    return [call.method for call in api.calls if BINDINGS in call.path and call.method != "GET"]


async def test_where_the_kinds_are_not_installed_addresses_are_given_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    api = sticky("192.0.2.1-192.0.2.9")
    api.kinds = tuple(kind for kind in ALL_KINDS if kind not in OPTIONAL)
    add_service(api, "team/web")
    async with controller(api):
        await asyncio.sleep(300)
        assert "everything listed" in caplog.messages
        assert ingress(api, "team/web") == ["192.0.2.1"]
        assert caplog.messages.count("kind is not installed") == len(OPTIONAL)

        api.kinds = ALL_KINDS
        spec = {"pool": "blue", "addresses": ["192.0.2.5"]}
        api.seed(ADDRESS_RESERVATIONS, "team/vip", spec=spec)
        await asyncio.sleep(120)  # the reflector looks again after twice 30 s at most
        assert api.objects(ADDRESS_RESERVATIONS)["team/vip"]["status"]["conditions"][0]["status"] == "True"
        add_service(api, "team/later")
        await asyncio.sleep(5)
        assert ingress(api, "team/later") == ["192.0.2.5"]
        assert "team.later" in bindings(api)
        assert caplog.messages.count("kind is not installed") == len(OPTIONAL)
        assert caplog.messages.count("kind is read again") == len(OPTIONAL)


async def test_a_service_of_more_ports_than_anybody_thinks_of_is_served_like_the_others() -> None:
    api = sticky("192.0.2.1-192.0.2.9")
    ports = [{"port": number} for number in range(1, 1500)]
    async with controller(api):
        api.seed(
            SERVICES,
            "team/many",
            spec={"type": "LoadBalancer", "clusterIPs": ["10.96.0.2"], "ports": ports},
            status={"loadBalancer": {}},
        )
        add_service(api, "team/web")
        await asyncio.sleep(10)
        assert sorted(ingress(api, "team/many") + ingress(api, "team/web")) == ["192.0.2.1", "192.0.2.2"]
        assert len(bindings(api)["team.many"]["ports"]) == 1499


async def test_a_bug_with_one_service_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controller.bindings.binding_spec", fails_for("team/bad", binding_spec))
    api = sticky("192.0.2.1-192.0.2.9")
    async with controller(api):
        add_service(api, "team/bad")
        await asyncio.sleep(10)
        add_service(api, "team/web")
        await asyncio.sleep(10)
        assert ingress(api, "team/web")
        assert not ingress(api, "team/bad")


def fails_for(key: str, made: Callable[[Binding, str | None], AddressBindingSpec]) -> Callable[..., Any]:
    def failing(binding: Binding, until: str | None) -> AddressBindingSpec:
        if binding.key == key:
            raise ValueError("one that nobody thought of")
        return made(binding, until)

    return failing

"""ServiceL2Status and ServiceBGPStatus against an API server that keeps state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from ferrite.kube.kinds import PODS, SERVICE_BGP_STATUSES, SERVICE_L2_STATUSES
from ferrite.net import NodeName
from ferrite.run.latest import Latest
from speaker.status import Place, Wanted, keep_statuses, status_name, wanted_statuses
from tests.fakes.api import FakeApi
from tests.fakes.parts import ApiError, Fault

A, B, C = NodeName("node-a"), NodeName("node-b"), NodeName("node-c")
ALL = frozenset({A, B, C})
PLACE = Place("mine", A, "")
WEB = "default/web"
ANSWERING = Wanted(interfaces={WEB: ()}, live_nodes=ALL)


@dataclass
class Writer:
    """A running `keep_statuses` and what it is told."""

    latest: Latest[Wanted]

    async def tell(self, wanted: Wanted) -> None:
        self.latest.set(wanted)
        await asyncio.sleep(5)


@asynccontextmanager
async def writing(api: FakeApi, place: Place = PLACE) -> AsyncIterator[Writer]:
    latest: Latest[Wanted] = Latest()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(keep_statuses(api.cluster(), place, latest))
        try:
            yield Writer(latest)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def layer2(api):
    return [item.get("status") for item in api.objects(SERVICE_L2_STATUSES).values()]


def nodes_of(api, kind=SERVICE_L2_STATUSES):
    return sorted(item["metadata"]["labels"]["metallb.io/node"] for item in api.objects(kind).values())


def writes(api):
    return [call for call in api.calls if call.method != "GET"]


def leave(api, node, service="web"):
    """The object that another node wrote."""
    labels = {
        "metallb.io/node": node,
        "metallb.io/service-name": service,
        "metallb.io/service-namespace": "default",
    }
    status = {"node": node, "serviceName": service, "serviceNamespace": "default"}
    name = status_name("l2", NodeName(node), f"default/{service}")
    api.seed(SERVICE_L2_STATUSES, f"mine/{name}", metadata={"labels": labels}, spec={}, status=status)


def test_statuses_say_node_service_interfaces_and_peers():
    wanted = Wanted({WEB: ("eth0", "eth1")}, {WEB: ("spine", "tor"), "default/quiet": ()})
    l2, bgp = wanted_statuses(PLACE, wanted)
    identity = {"node": A, "serviceName": "web", "serviceNamespace": "default"}
    assert l2 == {WEB: {**identity, "interfaces": [{"name": "eth0"}, {"name": "eth1"}]}}
    assert bgp == {WEB: {**identity, "peers": ["spine", "tor"]}}


def test_a_status_has_a_name_of_its_own():
    triples = [("l2", A, WEB), ("bgp", A, WEB), ("l2", B, WEB), ("l2", A, "default/db")]
    assert len({status_name(*triple) for triple in triples}) == len(triples)
    assert status_name("l2", A, WEB) == status_name("l2", A, WEB)


async def test_it_writes_changes_and_deletes():
    api = FakeApi()
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
        (found,) = api.objects(SERVICE_L2_STATUSES).values()
        assert found["metadata"]["namespace"] == "mine"
        assert found["metadata"]["labels"] == {
            "metallb.io/node": A,
            "metallb.io/service-name": "web",
            "metallb.io/service-namespace": "default",
        }
        assert found["status"]["node"] == A
        await writer.tell(replace(ANSWERING, interfaces={WEB: ("eth1",)}, peers={WEB: ("tor",)}))
        assert layer2(api)[0]["interfaces"] == [{"name": "eth1"}]
        (bgp,) = api.objects(SERVICE_BGP_STATUSES).values()
        assert bgp["status"]["peers"] == ["tor"]
        await writer.tell(Wanted(live_nodes=ALL))
        assert not api.objects(SERVICE_L2_STATUSES)
        assert not api.objects(SERVICE_BGP_STATUSES)


async def test_what_is_right_is_not_written_again():
    api = FakeApi()
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
        before = len(writes(api))
        assert before == 2
        await writer.tell(ANSWERING)
        await asyncio.sleep(3600)
        assert len(writes(api)) == before


async def test_what_somebody_deleted_comes_back():
    api = FakeApi()
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
        (key,) = api.objects(SERVICE_L2_STATUSES)
        api.remove(SERVICE_L2_STATUSES, key)
        await asyncio.sleep(301)
        assert nodes_of(api) == [A]


async def test_objects_of_services_that_are_gone_go_after_a_restart_too():
    api = FakeApi()
    leave(api, A, "old")
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
    assert [status["serviceName"] for status in layer2(api)] == ["web"]


async def test_what_a_dead_node_left_goes_and_the_living_keep_theirs():
    api = FakeApi()
    leave(api, B)
    leave(api, C)
    leave(api, C, "db")
    async with writing(api) as writer:
        await writer.tell(replace(ANSWERING, live_nodes=frozenset({A, B})))
    names = {(status["node"], status["serviceName"]) for status in layer2(api)}
    assert names == {(A, "web"), (B, "web"), (C, "db")}


async def test_what_a_node_left_goes_when_it_dies_later():
    api = FakeApi()
    leave(api, B)
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
        assert nodes_of(api) == [A, B]
        await writer.tell(replace(ANSWERING, live_nodes=frozenset({A, C})))
        assert nodes_of(api) == [A]


async def test_two_nodes_that_answer_for_one_service_leave_each_other_alone():
    api = FakeApi()
    async with writing(api) as one, writing(api, replace(PLACE, node=B)) as other:
        await one.tell(ANSWERING)
        await other.tell(ANSWERING)
        before = len(writes(api))
        await asyncio.sleep(3600)
        assert nodes_of(api) == [A, B]
        assert len(writes(api)) == before


async def test_a_failed_tidying_is_done_again():
    api = FakeApi()
    leave(api, C)
    api.faults.append(Fault(lambda call: call.method == "DELETE", ApiError(500, "InternalError", "no")))
    async with writing(api) as writer:
        await writer.tell(replace(ANSWERING, live_nodes=frozenset({A})))
    assert nodes_of(api) == [A]


async def test_failures_are_tried_again_until_it_holds(caplog):
    api = FakeApi()
    api.faults.append(
        Fault(lambda call: call.method == "PATCH", ApiError(500, "InternalError", "etcd"), times=2)
    )
    async with writing(api) as writer:
        await writer.tell(ANSWERING)
    assert layer2(api)[0]["node"] == A
    assert [record.__dict__["error"] for record in caplog.records] == ["etcd", "etcd"]


async def test_a_silent_api_server_is_named_in_the_log(caplog):
    api = FakeApi()
    api.faults.append(Fault(lambda call: call.method == "POST", stall=True))
    async with writing(api) as writer:
        writer.latest.set(ANSWERING)
        await asyncio.sleep(60)
    assert layer2(api)[0]["node"] == A
    assert all(record.__dict__["error"] for record in caplog.records)


async def test_statuses_belong_to_the_pod_that_is_here_now():
    api, place = FakeApi(), replace(PLACE, pod="speaker-1")
    first = api.seed(PODS, "mine/speaker-1")
    async with writing(api, place) as writer:
        await writer.tell(ANSWERING)
    (owner,) = next(iter(api.objects(SERVICE_L2_STATUSES).values()))["metadata"]["ownerReferences"]
    uid = first["metadata"]["uid"]
    assert owner == {"apiVersion": "v1", "kind": "Pod", "name": "speaker-1", "uid": uid}
    second = api.seed(PODS, "mine/speaker-2")
    async with writing(api, replace(PLACE, pod="speaker-2")) as writer:
        await writer.tell(ANSWERING)
    (found,) = api.objects(SERVICE_L2_STATUSES).values()
    assert [each["uid"] for each in found["metadata"]["ownerReferences"]] == [second["metadata"]["uid"]]
    assert found["status"]["node"] == A


async def test_without_its_pod_a_status_has_no_owner():
    api = FakeApi()
    async with writing(api, replace(PLACE, pod="speaker-1")) as writer:
        await writer.tell(ANSWERING)
    (found,) = api.objects(SERVICE_L2_STATUSES).values()
    assert not found["metadata"].get("ownerReferences")


@pytest.mark.parametrize("failures", [0, 1])
async def test_what_was_left_goes_when_this_node_takes_over_although_nobody_died_now(failures):
    api, alone = FakeApi(), frozenset({A})
    leave(api, C)
    fault = Fault(lambda call: call.method == "PATCH", ApiError(500, "InternalError", "no"), times=failures)
    api.faults.append(fault)
    async with writing(api) as writer:
        await writer.tell(Wanted(live_nodes=alone))
        assert nodes_of(api) == [C]
        await writer.tell(replace(ANSWERING, live_nodes=alone))
        assert nodes_of(api) == [A]


async def test_a_status_waits_until_its_owner_is_known():
    api = FakeApi()
    api.seed(PODS, "mine/speaker-1")
    api.faults.append(Fault(lambda call: "pods" in call.path, ApiError(500, "InternalError", "no")))
    async with writing(api, replace(PLACE, pod="speaker-1")) as writer:
        await writer.tell(ANSWERING)
    (found,) = api.objects(SERVICE_L2_STATUSES).values()
    assert found["metadata"]["ownerReferences"]

import asyncio
import json
from typing import Any

from ferrite.kube.kinds import CONFIGURATION_STATES, EVENTS, PODS, SERVICES
from ferrite.kube.writes import (
    ConfigurationReport,
    ConfigurationStateSettings,
    Events,
    configuration_status,
    keep_configuration_state,
    keep_events,
)
from ferrite.model import Problem
from ferrite.objects import Metadata, Service
from ferrite.run.latest import Latest
from tests.fakes.api import FakeApi
from tests.fakes.parts import ApiError, Fault

SERVICE = Service(metadata=Metadata(name="web", namespace="shop", uid="u1", resource_version="7"))
SETTINGS = ConfigurationStateSettings(
    "n", "controller", "controller", "poolReconcilerValid", "poolReconciler", pod_name="pod-1"
)


async def test_an_event_is_written_once_in_five_minutes() -> None:
    api, events = FakeApi(), Events()
    task = asyncio.get_running_loop().create_task(keep_events(api.cluster(), events, "metallb-controller"))
    for seconds in (0, 1, 200, 301):
        await asyncio.sleep(seconds)
        events.record(SERVICE, SERVICES, "Normal", "IPAllocated", 'Assigned IP ["192.0.2.1"]')
    await asyncio.sleep(1)
    task.cancel()
    written = list(api.objects(EVENTS).values())
    assert len(written) == 2
    assert written[0]["metadata"]["namespace"] == "shop"
    assert written[0]["source"] == {"component": "metallb-controller"}
    assert written[0]["reportingComponent"] == "metallb-controller"
    assert written[0]["involvedObject"]["uid"] == "u1"
    await asyncio.wait([task])


async def test_a_refused_event_is_dropped_and_a_failed_one_tried_again() -> None:
    api, events = FakeApi(), Events()
    api.faults.append(Fault(lambda call: True, ApiError(403, "Forbidden", "terminating")))
    api.faults.append(Fault(lambda call: True, times=2))
    task = asyncio.get_running_loop().create_task(keep_events(api.cluster(), events, "metallb-controller"))
    events.record(SERVICE, SERVICES, "Normal", "First", "refused")
    events.record(SERVICE, SERVICES, "Normal", "Second", "fails twice")
    await asyncio.sleep(30)
    task.cancel()
    await asyncio.wait([task])
    assert [event["reason"] for event in api.objects(EVENTS).values()] == ["Second"]
    assert events.dropped == 1


async def test_own_state_is_created_written_on_change_and_comes_back() -> None:
    api, latest = FakeApi(), Latest[ConfigurationReport]()
    pod = api.seed(PODS, "n/pod-1")
    task = asyncio.get_running_loop().create_task(keep_configuration_state(api.cluster(), latest, SETTINGS))

    async def written() -> dict[str, Any]:
        await asyncio.sleep(8)
        return json.loads(json.dumps(api.objects(CONFIGURATION_STATES)["n/controller"]))

    latest.set(ConfigurationReport())
    first = await written()
    assert first["status"]["result"] == "Valid"
    assert first["metadata"]["labels"] == {"metallb.io/component-type": "controller"}
    assert [owner["uid"] for owner in first["metadata"]["ownerReferences"]] == [pod["metadata"]["uid"]]
    for _ in range(3):
        latest.set(ConfigurationReport())
        assert await written() == first
    assert len(api.calls_of("PATCH")) == 1
    latest.set(ConfigurationReport(("pool x: bad",)))
    second = await written()
    assert (second["status"]["result"], second["status"]["errorSummary"]) == (
        "Invalid",
        "configuration error: pool x: bad",
    )
    api.remove(CONFIGURATION_STATES, "n/controller")
    assert (await written())["status"]["result"] == "Invalid"
    task.cancel()
    await asyncio.wait([task])


def test_the_condition_keeps_its_time_while_its_status_stays() -> None:
    first = configuration_status(ConfigurationReport(("a",)), "c", {}, now="t1")
    second = configuration_status(ConfigurationReport(("b",)), "c", first, now="t2")
    third = configuration_status(ConfigurationReport(), "c", second, now="t3")
    assert [status["conditions"][0]["lastTransitionTime"] for status in (first, second, third)] == [
        "t1",
        "t1",
        "t3",
    ]
    assert third["conditions"][0]["message"] == ""
    assert third["result"] == "Valid"


def test_a_report_keeps_the_compatible_words_and_names_the_objects() -> None:
    problems = (
        Problem("BGPPeer", "tor-a", "peer tor-a referencing non existing bfd profile fast"),
        Problem("BGPAdvertisement", "blue", "invalid community format: x\ninvalid community"),
        Problem("BGPPeer", "tor-b", "echoMode has no effect", fatal=False),
    )
    status = configuration_status(ConfigurationReport.of(problems), "configReconcilerValid", {}, "now")
    assert status["errorSummary"] == (
        "configuration error: invalid community format: x\ninvalid community\n"
        "peer tor-a referencing non existing bfd profile fast"
    )
    assert [(each["type"], each["status"]) for each in status["conditions"]] == [
        ("configReconcilerValid", "False"),
        ("ferrite.io/ObjectsAccepted", "False"),
    ]
    assert status["conditions"][1]["message"] == (
        "BGPAdvertisement blue: invalid community format: x invalid community\n"
        "BGPPeer tor-a: peer tor-a referencing non existing bfd profile fast"
    )

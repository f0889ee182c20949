import asyncio
import json
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry

from ferrite.kube.kinds import CONFIGURATION_STATES, EVENTS, PODS, SERVICES
from ferrite.kube.lease import Leadership
from ferrite.kube.metrics import EventsCollector
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


def recorded(events: Events, *texts: str, service: Service = SERVICE) -> list[bool]:
    return [events.record(service, SERVICES, "Normal", "Reason", text) for text in texts]


async def waiting(events: Events) -> list[str]:
    found = []
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            while True:
                found.append((await events.next()).body["message"])
    return found


async def test_the_return_to_an_earlier_state_is_told() -> None:
    events = Events()
    recorded(events, "served", "waits", "waits", "served", "served", "waits")
    assert await waiting(events) == ["served", "waits", "served", "waits"]


async def test_what_holds_no_more_is_news_when_it_comes_again() -> None:
    events = Events()
    recorded(events, "here")
    events.outdate(SERVICE, SERVICES)
    recorded(events, "here", "here")
    assert await waiting(events) == ["here", "here"]


async def test_an_object_that_flaps_has_25_in_five_minutes_and_stops_no_other() -> None:
    events = Events()
    assert recorded(events, *map(str, range(100))) == [True] * 25 + [False] * 75
    assert events.dropped == 75
    other = Service(metadata=Metadata(name="other", namespace="shop", uid="u2"))
    assert recorded(events, "a", service=other) == [True]
    await asyncio.sleep(299)
    assert recorded(events, "later") == [False]
    await asyncio.sleep(2)
    assert recorded(events, "later") == [True]


async def test_what_finds_no_place_is_counted_and_may_be_told_later() -> None:
    events = Events()
    many = [Service(metadata=Metadata(name=f"s{number}", namespace="n")) for number in range(2001)]
    assert [recorded(events, "x", service=service)[0] for service in many].count(False) == 1
    assert shown(events) == 1
    assert len(await waiting(events)) == 2000
    assert recorded(events, "x", service=many[-1]) == [True]
    assert await waiting(events) == ["x"]


def shown(events: Events) -> float:
    registry = CollectorRegistry()
    registry.register(EventsCollector(events))
    value = registry.get_sample_value("ferrite_events_dropped_total")
    assert value is not None
    return value


async def test_no_more_is_remembered_than_of_10_000_objects() -> None:
    events = Events()
    for number in range(10_001):
        service = Service(metadata=Metadata(name=f"s{number}", namespace="n"))
        recorded(events, "x", service=service)
        if number % 1000 == 0:
            await waiting(events)
    await waiting(events)
    first, second = (Service(metadata=Metadata(name=name, namespace="n")) for name in ("s0", "s1"))
    recorded(events, "x", service=second)
    recorded(events, "x", service=first)
    assert await waiting(events) == ["x"]


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


async def test_own_state_is_not_written_by_one_who_does_not_lead() -> None:
    api, latest = FakeApi(), Latest[ConfigurationReport]()
    leadership = Leadership(asyncio.get_running_loop().time)
    keeping = keep_configuration_state(api.cluster(), latest, SETTINGS, leadership)
    task = asyncio.get_running_loop().create_task(keeping)
    writes = ("POST", "PATCH")
    latest.set(ConfigurationReport())
    await asyncio.sleep(8)
    assert [api.calls_of(method) for method in writes] == [[], []]
    leadership.lead_until(9)
    await asyncio.sleep(2)
    assert [len(api.calls_of(method)) for method in writes] == [1, 1]
    latest.set(ConfigurationReport(("pool x: bad",)))
    await asyncio.sleep(8)
    assert [len(api.calls_of(method)) for method in writes] == [1, 1]
    leadership.lead_until(20)
    await asyncio.sleep(1)
    assert [len(api.calls_of(method)) for method in writes] == [1, 2]
    task.cancel()
    await asyncio.wait([task])


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

"""What `status` says of objects: who announces, and the best reason why not."""

from dataclasses import replace

import msgspec
import pytest

from cli.reading import Event, Reading
from cli.report import Announcer, needs_explaining, report_of
from ferrite.net import LARGEST_COUNT
from ferrite.objects import ALLOCATED_FROM_POOL, Custom, Service

BROKEN = 'parsing address pool blue: invalid CIDR "x"'


def service(name="web", ingress=(), pool="blue", **spec):
    annotations = {ALLOCATED_FROM_POOL: pool} if pool and ingress else {}
    body = {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": annotations},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": list(ingress)}},
    }
    return msgspec.convert(body, Service)


def custom(name, status=None, **spec):
    return msgspec.convert({"metadata": {"name": name}, "spec": spec, "status": status or {}}, Custom)


def state(name="controller", *errors):
    summary = "configuration error: " + "\n".join(errors) if errors else ""
    return custom(name, {"result": "Invalid" if errors else "Valid", "errorSummary": summary})


def announced(node, **parts):
    return custom(f"x-{node}", {"node": node, "serviceName": "web", "serviceNamespace": "default", **parts})


def event(message, at="2026-01-01T00:00:00Z", type_="Warning", reason="AllocationFailed", uid="uid-web"):
    body = {
        "metadata": {"name": "e", "namespace": "default"},
        "involvedObject": {"kind": "Service", "namespace": "default", "name": "web", "uid": uid},
        "type": type_,
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }
    return msgspec.convert(body, Event)


WAITING = service()
HOLDING = service(ingress=[{"ip": "192.0.2.1"}])
SOUND = Reading(
    "mine",
    pools=(custom("blue", addresses=["192.0.2.0/24"]),),
    states=(state(), state("speaker-a")),
    advertisements=1,
)


def why(found, **parts):
    (row,) = report_of(replace(SOUND, services=(found,), **parts)).services
    return row.why


def test_an_announced_service_lacks_nothing():
    reading = replace(
        SOUND,
        services=(HOLDING,),
        layer2=(announced("node-b", interfaces=[{"name": "eth1"}]),),
        bgp=(announced("node-c", peers=["tor"]), announced("node-a", peers=["tor", "spine"])),
    )
    (row,) = report_of(reading).services
    assert row.addresses == ("192.0.2.1",)
    assert row.pool == "blue"
    assert row.layer2 == (Announcer(node="node-b", through=("eth1",)),)
    assert [each.node for each in row.bgp] == ["node-a", "node-c"]
    assert row.bgp[0].through == ("tor", "spine")
    assert row.why == ""
    assert not needs_explaining(reading)


def test_the_status_of_another_service_announces_nothing_here():
    other = announced("node-a")
    status = {**other.status, "serviceNamespace": "elsewhere"}
    assert why(HOLDING, layer2=(msgspec.structs.replace(other, status=status),)).startswith("not announced: ")


def test_a_status_object_that_is_still_empty_announces_nothing():
    assert why(HOLDING, layer2=(custom("l2-1"),)).startswith("not announced: ")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param({"events": (event("no room"),)}, "AllocationFailed: no room", id="event"),
        pytest.param({"pools": ()}, "there is no IPAddressPool in namespace mine", id="no-pool"),
        pytest.param({"states": ()}, "no controller has reported", id="no-controller"),
        pytest.param({"states": (state("speaker-a"),)}, "no controller has reported", id="only-speakers"),
        pytest.param({"states": (state("controller", BROKEN),)}, BROKEN, id="bad-pool"),
        pytest.param({}, "the controller has not decided yet", id="sound"),
    ],
)
def test_why_a_service_has_no_address(parts, expected):
    assert why(WAITING, **parts).startswith(f"no address: {expected}")
    assert needs_explaining(replace(SOUND, services=(WAITING,), **parts))


def test_another_class_is_left_to_others():
    assert why(service(loadBalancerClass="x.io/lb")) == (
        "no address: left to whoever serves loadBalancerClass 'x.io/lb'"
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param(
            {"advertisements": 0}, "there is no L2Advertisement and no BGPAdv", id="no-advertisement"
        ),
        pytest.param({"states": (state(),)}, "no speaker has reported", id="no-speaker"),
        pytest.param({"states": (state(), state("speaker-a", BROKEN))}, BROKEN, id="bad-config"),
        pytest.param({"events": (event("nobody"),)}, "AllocationFailed: nobody", id="event"),
        pytest.param({}, "has it ready endpoints", id="sound"),
    ],
)
def test_why_a_service_is_not_announced(parts, expected):
    assert why(HOLDING, **parts).startswith(f"not announced: {expected}")


def test_the_address_of_another_implementation_is_said_to_be_one():
    foreign = service(ingress=[{"hostname": "lb.example"}], pool=None)
    (row,) = report_of(replace(SOUND, services=(foreign,))).services
    assert row.addresses == ("lb.example",)
    assert row.why == "not announced: its address is not from a pool in namespace mine"


def test_the_last_warning_counts():
    events = (event("second", "2026-01-01T00:00:02Z"), event("first", "2026-01-01T00:00:01Z"))
    assert why(WAITING, events=events).endswith(": second")


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"])
def test_a_warning_that_was_mended_does_not_explain(at):
    mended = event('Assigned IP ["192.0.2.1"]', at, "Normal", "IPAllocated")
    told = why(HOLDING, events=(mended, event("no room")))
    assert told.startswith("not announced: has it ready endpoints")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(event("old", uid="uid-before"), id="deleted-namesake"),
        pytest.param(event("hint", reason="deprecatedAnnotation"), id="only-a-hint"),
    ],
)
def test_events_that_explain_nothing(other):
    assert why(WAITING, events=(other,)).endswith("the controller has not decided yet")


def test_pools_show_counts_once_the_controller_wrote_them():
    counts = {"assignedIPv4": 1, "availableIPv4": 9, "assignedIPv6": 0, "availableIPv6": LARGEST_COUNT}
    reading = replace(SOUND, pools=(custom("red", counts, addresses=["a", "b"]), custom("blue")))
    blue, red = report_of(reading).pools
    assert (blue.name, blue.used_ipv4, blue.free_ipv4) == ("blue", None, None)
    assert (red.used_ipv4, red.free_ipv4, red.used_ipv6, red.free_ipv6) == (1, 9, 0, LARGEST_COUNT)
    assert red.addresses == ("a", "b")


def test_problems_are_one_line_each_without_their_prefix():
    rows = report_of(replace(SOUND, states=(state("speaker-a", "one", "two"), custom("controller")))).daemons
    assert [(row.name, row.result, row.problems) for row in rows] == [
        ("controller", "Unknown", ()),
        ("speaker-a", "Invalid", ("one", "two")),
    ]

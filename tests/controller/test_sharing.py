"""Addresses that several Services share by the annotation allow-shared-ip."""

import msgspec
import pytest

from controller.decision import Keep
from controller.tenant import Cause, Reason
from ferrite.objects import ServicePort
from tests.controller.planned import IPS, SHARE, World, given_to, pool, refused
from tests.controller.service_builder import service

TWO = pool("blue", "192.0.2.1-192.0.2.2")
LOCAL = {"externalTrafficPolicy": "Local"}
APP = {"selector": {"app": "web"}}


def shares(name: str, port: int, key: str = "k", **options):
    wish = options.pop("annotations", {})
    return service(f"team/{name}", annotations={SHARE: key, **wish}, ports=[port], **options)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        pytest.param({}, {}, True, id="same-key"),
        pytest.param({}, {"key": "j"}, False, id="other-key"),
        pytest.param({"key": ""}, {"key": ""}, False, id="an-empty-key-shares-with-nobody"),
        pytest.param(APP, {"selector": {"app": "db"}}, True, id="policy-cluster-whatever-the-pods"),
        pytest.param({**LOCAL, **APP}, {**LOCAL, **APP}, True, id="policy-local-same-pods"),
        pytest.param(
            {**LOCAL, **APP}, {**LOCAL, "selector": {"app": "db"}}, False, id="policy-local-other-pods"
        ),
        pytest.param({**LOCAL, **APP}, APP, False, id="local-and-cluster"),
        pytest.param(LOCAL, LOCAL, False, id="policy-local-without-a-selector"),
    ],
)
def test_who_shares(first: dict, second: dict, together: bool) -> None:
    world = World(TWO)
    assert given_to(world.one(shares("a", 80, **first))) == ["192.0.2.1"]
    assert given_to(world.one(shares("b", 443, **second))) == (["192.0.2.1"] if together else ["192.0.2.2"])


def test_a_port_is_one_services_only_but_protocols_are_told_apart() -> None:
    world = World(TWO)
    world.give(shares("a", 53))
    assert given_to(world.one(shares("b", 53))) == ["192.0.2.2"]
    other = shares("c", 53)
    spec = msgspec.structs.replace(other.spec, ports=(ServicePort(port=53, protocol="UDP"),))
    assert given_to(world.one(msgspec.structs.replace(other, spec=spec))) == ["192.0.2.1"]


def test_the_only_one_may_change_its_key() -> None:
    world = World(TWO)
    world.give(shares("a", 80))
    assert isinstance(world.one(shares("a", 80, "j", held=["192.0.2.1"], pool="blue")), Keep)
    assert given_to(world.one(shares("b", 443, "j"))) == ["192.0.2.1"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"key": "j"}, id="key"),
        pytest.param({"key": ""}, id="no-key"),
        pytest.param(LOCAL, id="policy"),
    ],
)
def test_a_sharer_that_no_longer_fits_moves_and_the_others_stay(changed: dict) -> None:
    world = World(TWO)
    world.give(shares("a", 80), shares("b", 443))
    decision = world.one(shares("b", 443, held=["192.0.2.1"], pool="blue", **changed))
    assert given_to(decision) == ["192.0.2.2"]
    assert [note.reason for note in decision.notes] == [Reason.CLEAR_ASSIGNMENT, Reason.IP_ALLOCATED]
    assert decision.notes[0].text == (
        'current IP for "team/b" not allowed by config, will attempt for new IP assignment: can\'t change '
        'sharing key for "team/b", address also in use by team/a; 192.0.2.1 is held by team/a; a shared '
        "address needs the same allow-shared-ip key"
    )
    assert isinstance(world.turn()["team/a"], Keep)


def test_a_port_that_a_sharer_has_already_moves_who_changed() -> None:
    world = World(TWO)
    world.give(shares("a", 80), shares("b", 443))
    decision = world.one(shares("b", 80, held=["192.0.2.1"], pool="blue"))
    assert given_to(decision) == ["192.0.2.2"]
    assert decision.notes[0].text.endswith(
        'port TCP/80 is already in use on "192.0.2.1"; 192.0.2.1 is held by team/a'
    )


def test_who_waits_to_share_is_served_when_the_port_is_given_up() -> None:
    world = World(TWO)
    world.give(shares("a", 80), shares("b", 443))
    waiting = shares("c", 443, annotations={IPS: "192.0.2.1"})
    text = 'port TCP/443 is already in use on "192.0.2.1"; 192.0.2.1 is held by team/b'
    assert refused(world.one(waiting)) == (Cause.ADDRESS_IN_USE, text)
    decisions = world.show(shares("b", 444, held=["192.0.2.1"], pool="blue"))
    assert given_to(decisions["team/c"]) == ["192.0.2.1"]


def test_several_holders_are_all_named() -> None:
    world = World(TWO)
    world.give(shares("a", 80), shares("b", 443))
    cause, text = refused(world.one(service(annotations={IPS: "192.0.2.1"})))
    assert cause is Cause.ADDRESS_IN_USE
    assert text == (
        'can\'t change sharing key for "team/web", address also in use by team/a,team/b; 192.0.2.1 is held '
        "by team/a,team/b; a shared address needs the same allow-shared-ip key"
    )


def test_the_last_sharer_frees_the_address() -> None:
    world = World(pool("blue", "192.0.2.1/32"))
    world.give(shares("a", 80), shares("b", 443))
    world.show(service())
    assert refused(world.remove("team/a")["team/web"]) == (Cause.NO_ADDRESS_FREE, "no available IPs")
    assert given_to(world.remove("team/b")["team/web"]) == ["192.0.2.1"]

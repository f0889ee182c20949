"""Decisions that were not written, and those who come after."""

from controller.decision import Keep, Refuse
from tests.controller.service_builder import service
from tests.controller.test_plan import ASK_POOL, BLUE, IPS, World, given_to, pool

WRONG = {"annotations": {IPS: "x"}}


def test_a_wrong_request_has_nothing_that_its_status_never_listed() -> None:
    world = World(BLUE)
    assert given_to(world.one(service())) == ["192.0.2.0"]
    decision = world.one(service(version="2", **WRONG))
    assert isinstance(decision, Refuse)
    assert not decision.verdict.holds
    assert given_to(world.one(service("team/other"))) == ["192.0.2.0"]


def test_a_wrong_request_keeps_what_was_decided_and_did_not_arrive() -> None:
    world = World(BLUE, pool("green", "198.18.0.1-198.18.0.1"))
    held = {"held": ["192.0.2.1"], "pool": "blue"}
    assert isinstance(world.one(service(**held)), Keep)
    assert given_to(world.one(service(annotations={ASK_POOL: "green"}, **held))) == ["198.18.0.1"]
    assert given_to(world.one(service(version="2", held=["192.0.2.1"], **WRONG))) == ["198.18.0.1"]

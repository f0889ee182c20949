"""Decisions that were not written, and those who come after."""

from controller.decision import Clear, Keep, Refuse
from controller.tenant import Reason
from tests.controller.planned import (
    ASK_POOL,
    BLUE,
    BOTH,
    DUAL,
    IPS,
    REQUIRE,
    SHARE,
    World,
    given_to,
    pool,
    why,
)
from tests.controller.service_builder import service

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


def test_a_new_leader_gives_nobody_what_a_cluster_ip_service_still_lists() -> None:
    world = World(BLUE)
    shown = world.show(service(), service("team/was", type="ClusterIP", held=["192.0.2.0"], pool="blue"))
    assert shown["team/was"] == Clear("team/was")
    assert given_to(shown["team/web"]) == ["192.0.2.1"]


def test_a_new_leader_gives_nobody_what_is_left_of_a_claim_that_came_too_late() -> None:
    world = World(BOTH)
    other = service("team/old", held=["198.51.100.1", "2001:db8::9"], pool="both", created="1", **DUAL)
    late = service("team/late", held=["198.51.100.1", "2001:db8::1"], pool="both", created="2", **DUAL)
    moving = service("team/moving", held=["203.0.113.1", "2001:db8:f::1"], pool="x", created="0", **DUAL)
    decisions = world.show(other, late, moving)
    assert given_to(decisions["team/moving"]) == ["198.51.100.2", "2001:db8::2"]


def test_who_needs_both_families_does_not_keep_the_one_address_it_asks_for() -> None:
    held = service(held=["198.51.100.1"], pool="both", annotations={IPS: "198.51.100.1"}, **REQUIRE)
    text = 'requested loadBalancer IP(s) ["198.51.100.1"] does not match the ipFamily of the service'
    assert why(World(BOTH).one(held)) == (Reason.ALLOCATION_FAILED, text)


def test_a_shared_address_that_one_sharer_leaves_is_held_back_from_his_ports() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.1"), pool("green", "198.18.0.1-198.18.0.1"))
    share = {SHARE: "k"}
    stays = service("team/stays", held=["192.0.2.1"], pool="blue", annotations=share, ports=[80])
    leaves = service("team/leaves", held=["192.0.2.1"], pool="blue", annotations=share, ports=[443])
    world.show(stays, leaves)
    moved = service(
        "team/leaves", held=["192.0.2.1"], pool="blue", annotations={**share, ASK_POOL: "green"}, ports=[443]
    )
    comes = service("team/comes", annotations=share, ports=[443])
    decisions = world.show(moved, comes)
    assert given_to(decisions["team/leaves"]) == ["198.18.0.1"]
    assert isinstance(decisions["team/comes"], Refuse)
    assert isinstance(world.one(stays), Keep)


def test_who_was_created_again_between_two_turns_does_not_have_what_another_asked_for() -> None:
    world = World(BLUE, pool("manual", "198.18.0.1/32", auto_assign=False))
    assert given_to(world.one(service(uid="1", annotations={IPS: "198.18.0.1"}))) == ["198.18.0.1"]
    assert given_to(world.one(service(uid="2"))) == ["192.0.2.0"]


def test_who_was_created_again_between_two_turns_gets_what_is_kept_for_it() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.9", sticky_seconds=60.0))
    world.show(service("team/first"), service(uid="1"))
    world.remove("team/first")
    assert given_to(world.one(service(uid="2"))) == ["192.0.2.2"]

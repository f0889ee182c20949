"""What changes while running: a Service keeps its address whenever the rules still allow it."""

from dataclasses import replace

import msgspec
import pytest

from controller.decision import Assign, Clear, Keep, Leave, Refuse, Unowned
from controller.tenant import Cause, Reason
from ferrite.model import LabelSelector, Operator, Pool, Requirement, ServiceAllocation
from ferrite.objects import Service
from tests.controller.planned import (
    ASK_POOL,
    DUAL,
    IPS,
    PREFER,
    REQUIRE,
    SHARE,
    World,
    given_to,
    pool,
    refused,
)
from tests.controller.service_builder import service

BOTH = ("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9")
BLUE = pool("blue", *BOTH)
GREEN = pool("green", "198.51.100.1-198.51.100.9", "2001:db8:1::1-2001:db8:1::9")
GOLD = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
V6 = {"cluster_ips": ["fd00::1"], "ipFamilies": ["IPv6"]}


def has(*addresses: str, **options) -> Service:
    return service(held=list(addresses), pool="blue", **options)


def holding(*addresses: str, **options) -> World:
    """A world in which a Service has certain addresses of the pool blue."""
    world = World(BLUE, GREEN)
    assert isinstance(world.one(has(*addresses, **options)), Keep)
    return world


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"labels": {"a": "b"}}, ["192.0.2.5"], id="labels"),
        pytest.param({}, {"ports": [80, 443]}, ["192.0.2.5"], id="ports"),
        pytest.param({}, {"annotations": {SHARE: "k"}}, ["192.0.2.5"], id="sharing-key"),
        pytest.param({}, {"externalTrafficPolicy": "Local"}, ["192.0.2.5"], id="traffic-policy"),
        pytest.param({}, {"annotations": {IPS: "192.0.2.5"}}, ["192.0.2.5"], id="asks-for-what-it-has"),
        pytest.param({}, {"annotations": {ASK_POOL: "blue"}}, ["192.0.2.5"], id="asks-for-its-pool"),
        pytest.param({}, {"annotations": {IPS: "192.0.2.7"}}, ["192.0.2.7"], id="asks-for-another-address"),
        pytest.param({}, {"annotations": {ASK_POOL: "green"}}, ["198.51.100.1"], id="asks-for-another-pool"),
        pytest.param({}, PREFER, ["192.0.2.5", "2001:db8::1"], id="becomes-dual"),
        pytest.param({}, REQUIRE, ["192.0.2.5", "2001:db8::1"], id="must-be-dual"),
        pytest.param({}, V6, ["2001:db8::1"], id="becomes-the-other-family"),
        pytest.param({"annotations": {IPS: "192.0.2.5"}}, {}, ["192.0.2.5"], id="asks-for-nothing-any-more"),
    ],
)
def test_a_change_of_the_service(before: dict, after: dict, expected: list[str]) -> None:
    world = holding("192.0.2.5", **before)
    world.give(has("192.0.2.5", **after))
    assert world.has("team/web") == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(PREFER, ["192.0.2.5", "2001:db8::5"], id="prefers-both"),
        pytest.param({}, ["192.0.2.5"], id="ipv4-only"),
        pytest.param(V6, ["2001:db8::5"], id="ipv6-only"),
        pytest.param(
            {**REQUIRE, "annotations": {IPS: "2001:db8::5,192.0.2.5"}},
            ["192.0.2.5", "2001:db8::5"],
            id="asks-for-both-in-another-order",
        ),
    ],
)
def test_a_change_of_families(after: dict, expected: list[str]) -> None:
    world = holding("192.0.2.5", "2001:db8::5", **REQUIRE)
    world.give(has("192.0.2.5", "2001:db8::5", **after))
    assert world.has("team/web") == expected


def test_who_must_be_dual_now_moves_where_its_pool_cannot_give_the_other_family() -> None:
    world = World(pool("blue", BOTH[0]), GREEN)
    decision = world.one(has("192.0.2.5", **REQUIRE))
    assert given_to(decision) == ["198.51.100.1", "2001:db8:1::1"]


def test_the_type_changes_and_comes_back() -> None:
    world = holding("192.0.2.5")
    assert world.one(has("192.0.2.5", type="ClusterIP")) == Clear("team/web")
    assert world.one(service(type="ClusterIP")) == Leave("team/web", Unowned.NOT_LOAD_BALANCER)
    assert given_to(world.one(service())) == ["192.0.2.1"]


def test_another_type_frees_the_address_once_the_status_is_clear() -> None:
    world = holding("192.0.2.5")
    wish = service("team/b", annotations={IPS: "192.0.2.5"})
    world.show(wish)
    assert list(world.show(has("192.0.2.5", type="ClusterIP"))) == ["team/web", "team/b"]
    assert isinstance(world.turn(["team/b"])["team/b"], Refuse)
    assert given_to(world.show(service(type="ClusterIP"))["team/b"]) == ["192.0.2.5"]


def test_who_was_refused_and_is_no_load_balancer_any_more_loses_our_condition() -> None:
    world = World(BLUE)
    judged = {"type": "ferrite.io/AddressAssigned", "status": "False"}
    assert world.one(conditioned(service(type="ClusterIP"), judged)) == Clear("team/web")
    assert isinstance(world.one(service(type="ClusterIP")), Leave)


def conditioned(shown: Service, condition: dict) -> Service:
    document = msgspec.to_builtins(shown)
    document["status"]["conditions"] = [condition]
    return msgspec.convert(document, Service)


# Pools.


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        pytest.param((pool("blue", "192.0.2.5-192.0.2.6"), GREEN), ["192.0.2.5"], id="shrinks-around-it"),
        pytest.param((pool("blue", "192.0.2.1-192.0.2.4"), GREEN), ["192.0.2.1"], id="shrinks-without-it"),
        pytest.param(
            (pool("blue", "192.0.2.1-192.0.2.4"), pool("half", "192.0.2.5-192.0.2.9")),
            ["192.0.2.5"],
            id="splits",
        ),
        pytest.param((GREEN,), ["198.51.100.1"], id="is-deleted"),
        pytest.param((replace(BLUE, auto_assign=False), GREEN), ["192.0.2.5"], id="gives-nothing-by-itself"),
        pytest.param((BLUE, pool("a-better", "198.18.0.0/24")), ["192.0.2.5"], id="a-better-one-comes"),
        pytest.param(
            (BLUE, pool("vip", "198.18.0.0/24", allocation=ServiceAllocation(1, frozenset({"team"})))),
            ["192.0.2.5"],
            id="one-pinned-to-it-comes",
        ),
        pytest.param(
            (replace(BLUE, allocation=ServiceAllocation(0, frozenset({"lab"}))), GREEN),
            ["198.51.100.1"],
            id="is-for-another-namespace",
        ),
        pytest.param(
            (replace(BLUE, allocation=ServiceAllocation(service_selectors=(GOLD,))), GREEN),
            ["198.51.100.1"],
            id="is-for-other-labels",
        ),
        pytest.param((), [], id="no-pool-is-left"),
    ],
)
def test_a_change_of_the_pools(pools: tuple[Pool, ...], expected: list[str]) -> None:
    world = holding("192.0.2.5")
    world.configure(*pools)
    world.obey(world.turn())
    assert world.has("team/web") == expected


def test_a_split_between_its_two_addresses_takes_both() -> None:
    world = holding("192.0.2.5", "2001:db8::5", **REQUIRE)
    world.configure(pool("blue", BOTH[0]), pool("half", BOTH[1]), GREEN)
    decision = world.turn()["team/web"]
    assert given_to(decision) == ["198.51.100.1", "2001:db8:1::1"]
    assert decision.notes[0].text == (
        'current IP for "team/web" not allowed by config, will attempt for new IP assignment: '
        '["192.0.2.5" "2001:db8::5"] is not allowed in config'
    )


def test_buggy_addresses_left_out_from_now_on_are_taken_away() -> None:
    world = World(pool("blue", "192.0.2.0/24"))
    world.give(has("192.0.2.255"))
    world.configure(pool("blue", "192.0.2.0/24", avoid_buggy_ips=True))
    assert given_to(world.turn()["team/web"]) == ["192.0.2.1"]


def test_the_last_pool_to_go_says_so() -> None:
    world = holding("192.0.2.5")
    world.configure()
    decision = world.turn()["team/web"]
    assert refused(decision) == (Cause.NO_ADDRESS_FREE, "no available IPs")
    assert isinstance(decision, Refuse)
    assert decision.clear
    assert [note.reason for note in decision.notes] == [Reason.CLEAR_ASSIGNMENT, Reason.ALLOCATION_FAILED]


def test_new_labels_of_a_namespace_open_and_close_a_pool() -> None:
    pinned = replace(BLUE, allocation=ServiceAllocation(namespace_selectors=(GOLD,)))
    world = World()
    world.configure(pinned, GREEN, team={"tier": "gold"})
    world.give(service())
    assert world.has("team/web") == ["192.0.2.1"]
    world.configure(pinned, GREEN, team={})
    world.obey(world.turn())
    assert world.has("team/web") == ["198.51.100.1"]
    world.configure(pinned, GREEN, team={"tier": "gold"})
    assert isinstance(world.turn()["team/web"], Keep)


def test_what_is_decided_stays_decided() -> None:
    world = World(BLUE, GREEN)
    world.give(*(service(f"team/{number}", **(DUAL if number % 2 else {})) for number in range(9)))
    assert all(isinstance(decision, Keep) for decision in world.turn().values())
    assert all(isinstance(decision, Keep) for decision in world.restart().values())


# Whose it is.


@pytest.mark.parametrize("changed", [{}, {"annotations": {ASK_POOL: "green"}}, {"annotations": {IPS: "x"}}])
def test_what_another_implementation_wrote_is_never_touched(changed: dict) -> None:
    world = World(BLUE, GREEN)
    foreign = service(held=["203.0.113.7"], **changed)
    for _ in range(2):
        assert world.one(foreign) == Leave("team/web", Unowned.FOREIGN_ADDRESS)
        world.configure(BLUE)


def test_a_name_in_the_status_is_another_implementations() -> None:
    document = msgspec.to_builtins(service())
    document["status"]["loadBalancer"] = {"ingress": [{"hostname": "lb.example"}]}
    assert World(BLUE).one(msgspec.convert(document, Service)) == Leave("team/web", Unowned.FOREIGN_ADDRESS)


def test_an_address_of_our_pools_without_the_mark_is_taken_as_ours() -> None:
    decision = World(BLUE).one(service(held=["192.0.2.5"]))
    assert decision == Assign("team/web", decision.addresses, "blue")
    assert given_to(decision) == ["192.0.2.5"]


def test_a_service_that_leaves_our_class_keeps_what_it_has_and_nobody_gets_it() -> None:
    world = holding("192.0.2.5")
    other = has("192.0.2.5", loadBalancerClass="x")
    assert world.one(other) == Leave("team/web", Unowned.OTHER_CLASS)
    wish = world.one(service("team/b", annotations={IPS: "192.0.2.5"}))
    assert refused(wish)[0] is Cause.ADDRESS_IN_USE


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(has("192.0.2.5"), id="marked-as-ours"),
        pytest.param(service(held=["192.0.2.5"]), id="not-marked"),
    ],
)
def test_where_there_never_was_a_pool_nothing_is_touched(shown: Service) -> None:
    world = World(known=False)
    assert world.one(shown) == Leave("team/web", Unowned.NO_POOL_YET)
    world.configure(BLUE)
    assert given_to(world.one(service("team/b", created="0"))) == ["192.0.2.1"]
    world.obey(world.turn())
    assert world.has("team/web") == ["192.0.2.5"]


def test_where_there_never_was_a_pool_no_mark_is_cleared() -> None:
    unmarked = World(known=False).one(service(type="ClusterIP", pool="blue"))
    assert unmarked == Leave("team/web", Unowned.NOT_LOAD_BALANCER)
    assert World().one(service(type="ClusterIP", pool="blue")) == Clear("team/web")


def test_where_there_never_was_a_pool_who_has_nothing_is_told() -> None:
    decision = World(known=False).one(service())
    assert refused(decision) == (Cause.NO_ADDRESS_FREE, "no available IPs")
    assert isinstance(decision, Refuse)
    assert not decision.clear

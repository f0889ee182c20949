"""Which pools are tried in which order, and which families come of them."""

from itertools import permutations

import pytest

from controller.choice import make_offers
from controller.decision import Assign, Keep
from controller.tenant import Cause
from ferrite.model import LabelSelector, Operator, Pool, Requirement, ServiceAllocation
from tests.controller.planned import (
    ASK_POOL,
    DUAL,
    FULL,
    IPS,
    PREFER,
    REQUIRE,
    World,
    given_to,
    pool,
    refused,
)
from tests.controller.service_builder import service

GOLD = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
TEAM = frozenset({"team"})
FOUR = ("192.0.2.1-192.0.2.9",)
SIX = ("2001:db8::1-2001:db8::9",)
V6_FIRST = {"cluster_ips": ["fd00::1", "10.96.0.1"], "ipFamilies": ["IPv6", "IPv4"]}


def names(*pools: Pool, **options) -> list[str]:
    """The pools that Services asking alike get their addresses of, one after the other."""
    world = World(*pools)
    decisions = [world.one(service(f"team/{number}", **options)) for number in range(len(pools))]
    return [decision.pool for decision in decisions if isinstance(decision, Assign)]


def one(name: str, number: int, **options) -> Pool:
    return pool(name, f"198.18.{number}.1/32", **options)


def pinned(name: str, number: int, priority: int = 0, **by) -> Pool:
    return one(name, number, allocation=ServiceAllocation(priority=priority, **(by or {"namespaces": TEAM})))


def test_priorities_come_in_order_0_last_equal_ones_by_name_then_the_pools_for_all() -> None:
    pools = (
        one("a-plain", 1),
        one("b-plain", 2),
        pinned("c-none", 3),
        pinned("d-none", 4, service_selectors=(GOLD,)),
        pinned("e-nine", 5, 9),
        pinned("f-nine", 6, 9, service_selectors=(GOLD,)),
        pinned("g-one", 7, 1),
    )
    expected = ["g-one", "e-nine", "f-nine", "c-none", "d-none", "a-plain", "b-plain"]
    assert names(*pools, labels={"tier": "gold"}) == expected


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_equal_pools_are_tried_in_the_same_order_whoever_lists_them(order: tuple[int, ...]) -> None:
    pools = [pinned("a", 1), pinned("b", 2), pinned("c", 3)]
    assert [each.name for each in make_offers([pools[at] for at in order], {}).pinned] == ["a", "b", "c"]


def test_a_pool_that_gives_nothing_by_itself_is_only_for_who_asks() -> None:
    hidden = one("hidden", 2, auto_assign=False, allocation=ServiceAllocation(namespaces=TEAM))
    manual = (one("manual", 1, auto_assign=False), hidden)
    assert names(*manual) == []
    world = World(*manual)
    assert given_to(world.one(service(annotations={ASK_POOL: "manual"}))) == ["198.18.1.1"]
    assert given_to(world.one(service("team/b", annotations={IPS: "198.18.2.1"}))) == ["198.18.2.1"]


def test_both_kinds_of_restriction_must_match() -> None:
    both = pinned("both", 1, namespaces=TEAM, service_selectors=(GOLD,))
    assert names(both) == []
    assert names(both, labels={"tier": "gold"}) == ["both"]
    world = World(both)
    assert refused(world.one(service("lab/web", labels={"tier": "gold"}))) == (
        Cause.NO_ADDRESS_FREE,
        "no available IPs",
    )


def test_a_namespace_selector_that_matches_none_admits_none() -> None:
    assert names(pinned("one", 1, namespace_selectors=(GOLD,))) == []


def test_a_full_pool_is_passed_over() -> None:
    assert names(pinned("one", 1), one("three", 3), one("two", 2)) == ["one", "three", "two"]


# Families.


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(DUAL, id="two-cluster-ips-need-two-whatever-the-policy"),
        pytest.param(PREFER, id="prefer"),
        pytest.param(REQUIRE, id="require"),
        pytest.param({**V6_FIRST, "ipFamilyPolicy": "RequireDualStack"}, id="ipv4-is-written-first"),
    ],
)
def test_both_addresses_come_from_one_pool(options: dict) -> None:
    world = World(pool("a", *FOUR), pool("b", *SIX), pool("c", "198.18.0.1/32", "2001:db8:1::1/128"))
    assert given_to(world.one(service(**options))) == ["198.18.0.1", "2001:db8:1::1"]


@pytest.mark.parametrize("policy", ["SingleStack", "PreferDualStack"])
def test_one_cluster_ip_is_one_family_whatever_is_preferred(policy: str) -> None:
    assert given_to(World(pool("a", *FOUR, *SIX)).one(service(ipFamilyPolicy=policy))) == ["192.0.2.1"]


def test_who_requires_both_gets_none_where_no_pool_has_both() -> None:
    world = World(pool("a", *FOUR), pool("b", *SIX))
    assert refused(world.one(service(**REQUIRE))) == (Cause.NO_ADDRESS_FREE, "no available IPs")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(PREFER, ["192.0.2.1"], id="ipv4-is-primary"),
        pytest.param(
            {**V6_FIRST, "ipFamilyPolicy": "PreferDualStack"}, ["2001:db8::1"], id="ipv6-is-primary"
        ),
    ],
)
def test_who_prefers_both_gets_its_primary_family_where_no_pool_has_both(
    options: dict, expected: list[str]
) -> None:
    world = World(pool("b", *SIX), pool("c", *FOUR))
    assert given_to(world.one(service(**options))) == expected


def test_who_prefers_both_takes_the_second_family_where_the_primary_is_nowhere() -> None:
    assert given_to(World(pool("b", *SIX)).one(service(**PREFER))) == ["2001:db8::1"]


@pytest.mark.parametrize("first", ["IPv4", "IPv6"])
def test_a_pool_of_one_family_serves_that_one(first: str) -> None:
    world = World(pool("a", *FOUR), pool("b", *SIX))
    ip = {"IPv4": "10.96.0.1", "IPv6": "fd00::1"}[first]
    expected = {"IPv4": ["192.0.2.1"], "IPv6": ["2001:db8::1"]}[first]
    assert given_to(world.one(service(cluster_ips=[ip], ipFamilies=[first]))) == expected


def test_the_second_address_comes_only_from_the_pool_of_the_first() -> None:
    world = World(pool("a", *FOUR))
    world.give(service(**PREFER))
    world.configure(pool("a", *FOUR), pool("b", *SIX))
    decision = world.turn()["team/web"]
    assert isinstance(decision, Keep)
    assert decision.missing == "no available IPs in pool a for ipv6 IPFamily"


def test_the_second_address_comes_when_it_is_free() -> None:
    world = World(pool("a", *FOUR, "2001:db8::1/128"))
    world.give(service("team/six", cluster_ips=["fd00::1"], ipFamilies=["IPv6"]))
    world.give(service(**PREFER))
    assert world.has("team/web") == ["192.0.2.1"]
    world.turn()
    assert given_to(world.remove("team/six")["team/web"]) == ["192.0.2.1", "2001:db8::1"]


def test_who_prefers_both_and_asks_for_one_address_gets_a_refusal_as_families_differ() -> None:
    world = World(pool("a", *FOUR, *SIX))
    text = 'requested loadBalancer IP(s) ["192.0.2.5"] does not match the ipFamily of the service'
    assert refused(world.one(service(annotations={IPS: "192.0.2.5"}, **PREFER))) == (
        Cause.FAMILY_MISMATCH,
        text,
    )


def test_both_addresses_asked_for_must_be_of_one_pool() -> None:
    world = World(pool("a", *FOUR), pool("b", *SIX))
    text = '["192.0.2.5" "2001:db8::5"] is not allowed in config'
    asked = service(annotations={IPS: "192.0.2.5,2001:db8::5"}, **REQUIRE)
    assert refused(world.one(asked)) == (Cause.ADDRESS_NOT_IN_POOL, text)


def test_an_address_left_out_as_buggy_cannot_be_asked_for() -> None:
    world = World(pool("a", "192.0.2.0/24", avoid_buggy_ips=True))
    text = '["192.0.2.255"] is not allowed in config'
    assert refused(world.one(service(annotations={IPS: "192.0.2.255"}))) == (Cause.ADDRESS_NOT_IN_POOL, text)


def test_who_waits_longest_is_served_first_however_often_all_were_refused() -> None:
    world = World(FULL)
    world.show(service("team/has", held=["192.0.2.1"], pool="blue"))
    for number in (2, 3, 1):
        world.show(service(f"team/{number}", created=f"2026-01-0{number}T00:00:00Z"))
    world.configure(pool("blue", "192.0.2.1-192.0.2.2"))
    assert given_to(world.turn()["team/1"]) == ["192.0.2.2"]
    assert given_to(world.remove("team/has")["team/2"]) == ["192.0.2.1"]

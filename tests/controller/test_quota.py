"""How many addresses of a pool a namespace may have."""

from dataclasses import replace

import pytest

from controller.decision import Keep, Refuse
from controller.tenant import Cause, Reason
from ferrite.model import LabelSelector, Operator, Quota, QuotaLimit, Requirement
from tests.controller.planned import (
    ASK_POOL,
    IPS,
    PREFER,
    REQUIRE,
    SHARE,
    World,
    caused,
    given_to,
    pool,
    refused,
    reservation,
)
from tests.controller.service_builder import service

WIDE = pool("blue", "192.0.2.1-192.0.2.99")
TWO = replace(WIDE, quota=Quota(default=2))
SIX = ("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9")
GOLD = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
ANY = LabelSelector()


def full(*, over: str = "team/a team/b") -> World:
    """A world whose namespace `team` has all that it may."""
    world = World(TWO)
    world.give(*(service(key) for key in over.split()))
    return world


SPENT = "namespace team has 2 of at most 2 addresses of pool blue: 192.0.2.1 (team/a), 192.0.2.2 (team/b)"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({}, f"no available IPs; {SPENT}", id="any"),
        pytest.param(
            {"annotations": {ASK_POOL: "blue"}},
            f"no available IPs in pool blue for ipv4 IPFamily; {SPENT}",
            id="pool-asked",
        ),
        pytest.param({"annotations": {IPS: "192.0.2.50"}}, SPENT, id="address-asked"),
    ],
)
def test_a_refusal_says_the_limit_and_who_uses_it(options: dict, complaint: str) -> None:
    assert refused(full().one(service(**options))) == (Cause.QUOTA_EXCEEDED, complaint)


def test_two_creates_at_the_same_moment_never_exceed_it() -> None:
    world = World(replace(WIDE, quota=Quota(default=1)))
    decisions = world.show(service("team/a"), service("team/b"))
    assert given_to(decisions["team/a"]) == ["192.0.2.1"]
    assert caused(decisions["team/b"]) == (False, Cause.QUOTA_EXCEEDED)


def test_other_namespaces_are_counted_by_themselves() -> None:
    assert given_to(full().one(service("lab/web"))) == ["192.0.2.3"]


def test_a_release_serves_who_waits_for_the_quota() -> None:
    world = full()
    world.show(service())
    assert given_to(world.remove("team/b")["team/web"]) == ["192.0.2.2"]


def test_each_namespace_waits_for_itself() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.3", quota=Quota(default=1)))
    world.give(service("a/one"), service("b/one"), service("c/one"))
    world.show(service("a/two"), service("d/two"))
    decisions = world.remove("b/one")  # a/two, who is asked first, may not have more; d/two may
    assert given_to(decisions["d/two"]) == ["192.0.2.2"]
    assert caused(decisions["a/two"]) == (False, Cause.QUOTA_EXCEEDED)


def test_a_shared_address_counts_once() -> None:
    world = World(replace(WIDE, quota=Quota(default=1)))
    shared = {SHARE: "k"}
    assert given_to(world.one(service("team/a", annotations=shared, ports=[80]))) == ["192.0.2.1"]
    assert given_to(world.one(service("team/b", annotations=shared, ports=[443]))) == ["192.0.2.1"]
    world.remove("team/a")
    assert caused(world.one(service("team/c"))) == (False, Cause.QUOTA_EXCEEDED)
    world.remove("team/b")
    assert given_to(world.one(service("team/c"))) == ["192.0.2.1"]


def test_dual_stack_counts_both() -> None:
    world = World(pool("blue", *SIX, quota=Quota(default=2)))
    assert given_to(world.one(service("team/a", **REQUIRE))) == ["192.0.2.1", "2001:db8::1"]
    cause, text = refused(world.one(service()))
    assert cause is Cause.QUOTA_EXCEEDED
    assert text.endswith(": 192.0.2.1 (team/a), 2001:db8::1 (team/a)")


def test_who_prefers_both_gets_one_where_only_one_is_left_and_the_other_later() -> None:
    world = World(pool("blue", *SIX, quota=Quota(default=2)))
    world.give(service("team/a"))
    world.give(service(**PREFER))
    assert world.has("team/web") == ["192.0.2.2"]
    decision = world.turn(["team/web"])["team/web"]
    missing = (
        "namespace team has 2 of at most 2 addresses of pool blue: 192.0.2.1 (team/a), 192.0.2.2 (team/web)"
    )
    assert isinstance(decision, Keep)
    assert decision.missing == missing
    assert [(note.reason, note.text) for note in decision.notes] == [
        (Reason.ADDITIONAL_ASSIGN_FAILED, f"cannot assign additional IP in PreferDualStack: {missing}")
    ]
    assert caused(decision) == (True, Cause.ONE_FAMILY_ASSIGNED)
    assert given_to(world.remove("team/a")["team/web"]) == ["192.0.2.2", "2001:db8::1"]


def test_a_limit_lowered_below_what_is_used_takes_nothing_away() -> None:
    world = full()
    world.configure(replace(WIDE, quota=Quota(default=1)))
    assert all(isinstance(found, Keep) for found in world.turn().values())
    cause, text = refused(world.one(service()))
    assert cause is Cause.QUOTA_EXCEEDED
    assert "has 2 of at most 1 addresses" in text


def test_who_shares_an_address_takes_no_more() -> None:
    world = full()
    world.give(service("team/a", held=["192.0.2.1"], pool="blue", annotations={SHARE: "k"}))
    world.configure(replace(WIDE, quota=Quota(default=1)))
    sharing = service(annotations={SHARE: "k", IPS: "192.0.2.1"}, ports=[443])
    assert given_to(world.one(sharing)) == ["192.0.2.1"]


def test_who_shares_one_family_takes_only_the_other() -> None:
    world = World(pool("blue", *SIX, quota=Quota(default=2)))
    world.give(service("team/a", annotations={SHARE: "k"}))
    sharing = service(annotations={SHARE: "k"}, **REQUIRE, ports=[443])
    assert given_to(world.one(sharing)) == ["192.0.2.1", "2001:db8::1"]


def test_who_prefers_both_gets_none_where_none_is_left() -> None:
    world = World(pool("blue", *SIX, quota=Quota(default=1)))
    world.give(service("team/a"))
    assert caused(world.one(service(**PREFER))) == (False, Cause.QUOTA_EXCEEDED)


def test_nobody_may_have_any_where_the_limit_is_0() -> None:
    world = World(replace(WIDE, quota=Quota(default=0)))
    text = "no available IPs; namespace team has 0 of at most 0 addresses of pool blue"
    assert refused(world.one(service())) == (Cause.QUOTA_EXCEEDED, text)


def test_who_may_have_no_more_of_one_pool_gets_one_of_the_next() -> None:
    world = World(replace(WIDE, quota=Quota(default=1)), pool("green", "198.51.100.1/32"))
    assert world.give(service("team/a")) == {"team/a": ["192.0.2.1"]}
    assert given_to(world.one(service())) == ["198.51.100.1"]


@pytest.mark.parametrize(
    ("namespace", "limit"),
    [
        pytest.param("gold", 3, id="selected"),
        pytest.param("plain", 1, id="default"),
        pytest.param("unseen", 1, id="unknown-namespace"),
    ],
)
def test_the_first_selector_that_matches_counts_else_the_default(namespace: str, limit: int) -> None:
    world = World()
    quota = Quota(default=1, limits=(QuotaLimit(GOLD, 3), QuotaLimit(GOLD, 5)))
    world.configure(replace(WIDE, quota=quota), gold={"tier": "gold"}, plain={"tier": "x"})
    given = world.give(*(service(f"{namespace}/{number}") for number in range(6)))
    assert len([key for key, has in given.items() if has]) == limit


def test_without_a_default_those_not_selected_are_not_limited() -> None:
    world = World()
    world.configure(replace(WIDE, quota=Quota(limits=(QuotaLimit(GOLD, 0),))), gold={"tier": "gold"})
    assert given_to(world.one(service())) == ["192.0.2.1"]
    assert caused(world.one(service("gold/web"))) == (False, Cause.QUOTA_EXCEEDED)


def test_new_labels_of_a_namespace_change_its_limit() -> None:
    quota = Quota(default=0, limits=(QuotaLimit(GOLD, 1),))
    world = World()
    world.configure(replace(WIDE, quota=quota), team={})
    world.show(service())
    world.configure(replace(WIDE, quota=quota), team={"tier": "gold"})
    assert given_to(world.turn()["team/web"]) == ["192.0.2.1"]


def test_a_reserved_address_counts_before_it_is_used_and_not_twice() -> None:
    world = World(TWO)
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.9", services="web"),))
    world.give(service("team/a"))
    text = (
        "namespace team has 2 of at most 2 addresses of pool blue: 192.0.2.1 (team/a), 192.0.2.9 (not in use)"
    )
    assert refused(world.one(service("team/b"))) == (Cause.QUOTA_EXCEEDED, f"no available IPs; {text}")
    assert given_to(world.one(service())) == ["192.0.2.9"]


def test_a_reservation_counts_after_a_change_of_the_pools_and_not_once_it_is_gone() -> None:
    world = World(replace(TWO, quota=Quota(default=1)))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.9", services="vip"),))
    world.turn()
    world.configure(replace(TWO, quota=Quota(default=1), auto_assign=True))
    assert caused(world.one(service())) == (False, Cause.QUOTA_EXCEEDED)
    world.planner.reserve(())
    assert given_to(world.turn([])["team/web"]) == ["192.0.2.1"]


def test_of_many_holders_five_are_named_by_number() -> None:
    world = World(pool("blue", "192.0.2.8-192.0.2.99", quota=Quota(default=7)))
    world.give(*(service(f"team/{number}") for number in range(7)))
    _, text = refused(world.one(service()))
    assert text.endswith("192.0.2.11 (team/3), 192.0.2.12 (team/4) and 2 more")


def test_holders_are_claimed_whatever_the_quota_says_now() -> None:
    world = World(replace(WIDE, quota=Quota(default=1)))
    decisions = world.show(
        service("team/a", held=["192.0.2.1"], pool="blue"), service("team/b", held=["192.0.2.2"], pool="blue")
    )
    assert all(isinstance(found, Keep) for found in decisions.values())


def test_who_changes_its_address_is_not_in_its_own_way() -> None:
    world = World(replace(WIDE, quota=Quota(default=1)))
    world.give(service())
    moved = service(held=["192.0.2.1"], pool="blue", annotations={IPS: "192.0.2.7"})
    assert given_to(world.one(moved)) == ["192.0.2.7"]


def test_pools_without_a_quota_limit_nobody() -> None:
    world = World(WIDE, pool("green", "198.51.100.1/32", quota=Quota(default=0)))
    given = world.give(*(service(f"team/{number}") for number in range(9)))
    assert len({has[0] for has in given.values()}) == 9


def test_what_is_kept_for_a_service_is_not_in_its_own_way() -> None:
    world = World(pool("both", "192.0.2.1/32", "2001:db8::1/128", quota=Quota(1), sticky_seconds=60.0))
    six = {"cluster_ips": ["fd00::1"], "ipFamilies": ["IPv6"]}
    assert given_to(world.one(service(**six))) == ["2001:db8::1"]
    world.remove("team/web")
    assert isinstance(world.one(service("team/other")), Refuse)
    assert given_to(world.one(service())) == ["192.0.2.1"]

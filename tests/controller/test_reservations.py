"""Addresses that AddressReservations hold for the Services of a namespace."""

from dataclasses import replace

import pytest

from controller.decision import Keep, Leave
from controller.ledger import Ledger
from controller.reservations import ReservedAddress
from controller.tenant import Cause
from ferrite.model import LabelSelector, Operator, Quota, QuotaLimit, Removal, Requirement, ServiceAllocation
from ferrite.net import Family, parse_address
from tests.controller.planned import (
    ASK_POOL,
    BOTH,
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

BLUE = pool("blue", "192.0.2.1-192.0.2.4")
ONE = pool("blue", "192.0.2.1-192.0.2.1")
VIP = reservation("team/vip", "blue", "192.0.2.3")


def reserved(world: World, key: str = "team/vip") -> tuple[ReservedAddress, ...]:
    return world.planner.reserved()[key]


def problems(world: World, key: str = "team/vip") -> list[str]:
    return [entry.problem for entry in reserved(world, key)]


def world_of(*pools, holds=(VIP,)) -> World:
    world = World(*pools)
    world.planner.reserve(tuple(holds))
    world.turn()
    return world


def test_its_namespace_gets_it_first_and_the_pool_after() -> None:
    world = world_of(BLUE)
    assert given_to(world.one(service("team/a"))) == ["192.0.2.3"]
    assert given_to(world.one(service("team/b"))) == ["192.0.2.1"]


def test_nobody_else_gets_it() -> None:
    world = world_of(ONE, holds=[reservation("team/vip", "blue", "192.0.2.1")])
    assert refused(world.one(service("lab/a"))) == (Cause.NO_ADDRESS_FREE, "no available IPs")
    asked = world.one(service("lab/b", annotations={IPS: "192.0.2.1"}))
    assert refused(asked) == (Cause.ADDRESS_RESERVED, "192.0.2.1 is reserved by team/vip")
    assert given_to(world.one(service())) == ["192.0.2.1"]


def test_who_shares_with_those_who_may_does_not_get_in() -> None:
    world = world_of(ONE, holds=[reservation("team/vip", "blue", "192.0.2.1")])
    world.give(service("team/a", annotations={SHARE: "k"}, ports=[80]))
    outsider = service("lab/b", annotations={SHARE: "k", IPS: "192.0.2.1"}, ports=[443])
    assert refused(world.one(outsider)) == (Cause.ADDRESS_RESERVED, "192.0.2.1 is reserved by team/vip")
    assert given_to(world.one(service("team/c", annotations={SHARE: "k"}, ports=[443]))) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("pattern", "name", "admitted"),
    [
        pytest.param("", "web", True, id="no-pattern"),
        pytest.param("web", "web", True, id="name"),
        pytest.param("web", "webs", False, id="other-name"),
        pytest.param("web-*", "web-1", True, id="star"),
        pytest.param("web-?", "web-12", False, id="one-character"),
    ],
)
def test_a_pattern_chooses_among_the_services(pattern: str, name: str, admitted: bool) -> None:
    world = world_of(BLUE, holds=[reservation("team/vip", "blue", "192.0.2.3", services=pattern)])
    assert given_to(world.one(service(f"team/{name}"))) == (["192.0.2.3"] if admitted else ["192.0.2.1"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"annotations": {IPS: "192.0.2.3"}}, ["192.0.2.3"], id="address-asked"),
        pytest.param({"annotations": {IPS: "192.0.2.2"}}, ["192.0.2.2"], id="another-asked"),
        pytest.param({"annotations": {ASK_POOL: "blue"}}, ["192.0.2.3"], id="pool-asked"),
        pytest.param({"annotations": {ASK_POOL: "both"}}, ["198.51.100.1"], id="other-pool-asked"),
    ],
)
def test_what_a_service_asks_for_comes_first(options: dict, expected: list[str]) -> None:
    assert given_to(world_of(BLUE, BOTH).one(service(**options))) == expected


def test_it_may_be_of_a_pool_that_gives_nothing_by_itself() -> None:
    assert given_to(world_of(replace(BLUE, auto_assign=False)).one(service())) == ["192.0.2.3"]


def test_it_is_not_given_where_the_pool_is_not_for_the_service() -> None:
    gold = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
    pinned = replace(BLUE, allocation=ServiceAllocation(service_selectors=(gold,)))
    world = world_of(pinned, pool("green", "198.51.100.1/32"))
    assert given_to(world.one(service())) == ["198.51.100.1"]
    assert given_to(world.one(service("team/b", labels={"tier": "gold"}))) == ["192.0.2.3"]


@pytest.mark.parametrize("policy", [PREFER, REQUIRE])
def test_with_one_family_reserved_the_other_comes_from_the_same_pool(policy: dict) -> None:
    both = pool("zzz", "192.0.2.1-192.0.2.4", "2001:db8:1::1-2001:db8:1::4")
    world = world_of(BOTH, both, holds=[reservation("team/vip", "zzz", "2001:db8:1::3")])
    assert given_to(world.one(service(**policy))) == ["192.0.2.1", "2001:db8:1::3"]


def test_a_service_keeps_what_is_reserved_for_others_now() -> None:
    world = World(BLUE)
    world.give(service("lab/a", annotations={IPS: "192.0.2.3"}))
    world.services["lab/a"] = service("lab/a", held=["192.0.2.3"], pool="blue")
    world.planner.reserve((VIP,))
    assert isinstance(world.turn()["lab/a"], Keep)
    assert reserved(world) == (
        ReservedAddress(
            parse_address("192.0.2.3"),
            ("lab/a",),
            "192.0.2.3 is in use by lab/a; it is reserved once that ends",
        ),
    )
    changes = world.planner.reserved_changes
    world.remove("lab/a")
    assert world.planner.reserved_changes > changes
    assert problems(world) == [""]
    assert given_to(world.one(service("lab/b"))) == ["192.0.2.1"]


def test_its_status_says_who_uses_what() -> None:
    world = world_of(BLUE, holds=[reservation("team/vip", "blue", "192.0.2.3", "192.0.2.4")])
    changes = world.planner.reserved_changes
    world.give(
        service("team/b", annotations={SHARE: "k"}, ports=[443]),
        service(annotations={SHARE: "k"}, ports=[80]),
    )
    assert world.planner.reserved_changes > changes
    assert [(str(entry.address), entry.services) for entry in reserved(world)] == [
        ("192.0.2.3", ("team/b", "team/web")),
        ("192.0.2.4", ()),
    ]


def test_of_two_for_one_address_the_older_counts_until_it_goes() -> None:
    younger = reservation("lab/vip", "blue", "192.0.2.3")
    world = world_of(BLUE, holds=[VIP, younger])
    assert problems(world, "lab/vip") == ["192.0.2.3 is reserved by team/vip, which is older"]
    assert given_to(world.one(service("lab/a"))) == ["192.0.2.1"]
    world.planner.reserve((younger,))
    assert given_to(world.one(service("lab/b"))) == ["192.0.2.3"]


@pytest.mark.parametrize(
    ("pools", "address", "problem"),
    [
        pytest.param((), "192.0.2.3", 'unknown pool "blue"', id="no-pool"),
        pytest.param((BLUE,), "192.0.2.9", "pool blue does not offer 192.0.2.9", id="outside"),
        pytest.param((BLUE, BOTH), "198.51.100.1", "pool blue does not offer 198.51.100.1", id="other-pool"),
        pytest.param(
            (replace(BLUE, removal=Removal(deleting=True)),),
            "192.0.2.3",
            "pool blue is being deleted",
            id="being-deleted",
        ),
        pytest.param(
            (replace(BLUE, allocation=ServiceAllocation(namespaces=frozenset({"prod"}))),),
            "192.0.2.3",
            "pool blue is not for namespace team",
            id="not-for-the-namespace",
        ),
        pytest.param(
            (replace(BLUE, quota=Quota(default=0)),),
            "192.0.2.3",
            "namespace team may have 0 addresses of pool blue at most",
            id="quota",
        ),
    ],
)
def test_what_cannot_be_reserved_says_why(pools: tuple, address: str, problem: str) -> None:
    world = world_of(*pools, holds=[reservation("team/vip", "blue", address)])
    assert problems(world) == [problem]
    world.configure(pool("blue", "192.0.2.3-192.0.2.9"), pool("both", "203.0.113.1/32"))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.3"),))
    world.turn()
    assert problems(world) == [""]


def test_one_that_cannot_be_reserved_does_not_stop_the_others() -> None:
    world = world_of(BLUE, holds=[reservation("team/vip", "blue", "192.0.2.9", "192.0.2.3")])
    assert problems(world) == ["pool blue does not offer 192.0.2.9", ""]
    assert given_to(world.one(service())) == ["192.0.2.3"]


def test_a_quota_holds_for_reservations_too_and_a_release_makes_room() -> None:
    world = World(replace(BLUE, quota=Quota(default=2)))
    world.give(service("team/a"))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.3", "192.0.2.4"),))
    world.turn()
    text = "namespace team may have 2 addresses of pool blue at most"
    assert problems(world) == ["", text]
    assert given_to(world.one(service("lab/a"))) == ["192.0.2.2"]
    world.remove("team/a")
    assert problems(world) == ["", ""]


def test_an_address_in_use_and_reserved_counts_once() -> None:
    world = World(replace(BLUE, quota=Quota(default=1)))
    world.give(service("team/a"))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.1"),))
    world.turn()
    assert problems(world) == [""]
    assert caused(world.one(service("team/b"))) == (False, Cause.QUOTA_EXCEEDED)


def test_two_reservations_share_the_quota_of_their_namespace() -> None:
    quota = Quota(limits=(QuotaLimit(LabelSelector(), 1),))
    second = reservation("team/more", "blue", "192.0.2.4")
    world = world_of(replace(BLUE, quota=quota), holds=[VIP, second])
    assert (problems(world), problems(world, "team/more")) == (
        [""],
        ["namespace team may have 1 addresses of pool blue at most"],
    )


def test_a_reserved_address_is_not_available_but_not_in_use() -> None:
    world = world_of(BLUE)
    assert (world.usage("blue").in_use, world.usage("blue").available) == (0, 3)
    world.give(service())
    assert (world.usage("blue").in_use, world.usage("blue").available) == (1, 3)
    world.remove("team/web")
    world.planner.reserve(())
    world.turn()
    assert (world.usage("blue").in_use, world.usage("blue").available) == (0, 4)


def test_who_waits_gets_it_when_it_is_reserved_no_more_or_for_them() -> None:
    world = world_of(ONE, holds=[reservation("prod/vip", "blue", "192.0.2.1")])
    world.show(service())
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.1"),))
    assert given_to(world.turn([])["team/web"]) == ["192.0.2.1"]
    world.remove("team/web")
    world.show(service("lab/a"))
    world.planner.reserve(())
    assert given_to(world.turn([])["lab/a"]) == ["192.0.2.1"]


def test_who_may_have_it_is_asked_although_another_who_waits_may_not() -> None:
    world = World(ONE)
    world.give(service("x/first"))
    world.show(service("lab/a"), service("team/b"))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.1"),))
    decisions = world.remove("x/first")
    assert caused(decisions["lab/a"]) == (False, Cause.NO_ADDRESS_FREE)
    assert given_to(decisions["team/b"]) == ["192.0.2.1"]


def test_who_waits_for_its_reserved_address_is_asked_although_another_who_waits_failed() -> None:
    world = World(ONE)
    world.give(service("x/first"))
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.1"),))
    world.show(service("lab/a"), service("team/b"))
    assert given_to(world.remove("x/first")["team/b"]) == ["192.0.2.1"]


def test_once_it_is_taken_the_pools_are_tried_as_ever() -> None:
    world = world_of(pool("a", "198.51.100.1/32"), BLUE)
    assert given_to(world.one(service("team/a"))) == ["192.0.2.3"]
    assert given_to(world.one(service("team/b"))) == ["198.51.100.1"]


def test_the_ledger_knows_for_whom_each_address_is() -> None:
    ledger = Ledger([BLUE])
    one, two = parse_address("192.0.2.1"), parse_address("192.0.2.2")
    ledger.reserve({one: VIP, two: reservation("team/x", "blue", "192.0.2.2", services="a")})
    found = {key: set(ledger.reserved_for(key)) for key in ("team/a", "team/b", "lab/a")}
    assert found == {"team/a": {one, two}, "team/b": {one}, "lab/a": set()}


def test_a_pool_that_no_longer_offers_it_ends_it() -> None:
    world = world_of(BLUE)
    world.configure(pool("blue", "192.0.2.1-192.0.2.2"), pool("green", "192.0.2.3-192.0.2.3"))
    world.turn()
    assert problems(world) == ["pool blue does not offer 192.0.2.3"]
    assert given_to(world.one(service("lab/a", annotations={IPS: "192.0.2.3"}))) == ["192.0.2.3"]


def test_both_families_may_be_reserved() -> None:
    world = world_of(BOTH, holds=[reservation("team/vip", "both", "2001:db8::5", "198.51.100.5")])
    assert given_to(world.one(service(**REQUIRE))) == ["198.51.100.5", "2001:db8::5"]
    assert world.planner.usage()["both"][Family.IPV6].in_use == 1


def test_another_implementations_service_is_not_moved_by_one() -> None:
    world = World(BLUE)
    world.show(service("lab/a", loadBalancerClass="theirs", held=["192.0.2.3"]))
    world.planner.reserve((VIP,))
    assert isinstance(world.turn()["lab/a"], Leave)
    assert given_to(world.one(service())) == ["192.0.2.1"]

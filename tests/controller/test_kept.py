"""Pools with `onRemoval: Keep`: what is in use stays, and nothing new is taken."""

from dataclasses import replace

import pytest

from controller.decision import Assign, Clear, Keep
from controller.tenant import Cause
from ferrite.model import Pool, Quota, Removal, ServiceAllocation
from ferrite.net import parse_range
from tests.controller.planned import (
    ASK_POOL,
    DUAL,
    IPS,
    PREFER,
    REQUIRE,
    World,
    caused,
    given_to,
    pool,
    refused,
    reservation,
)
from tests.controller.service_builder import service

WHOLE = pool("blue", "192.0.2.1-192.0.2.9", removal=Removal(generation=1))
GREEN = pool("green", "198.51.100.1-198.51.100.9")
HOLDER = service("team/a", held=["192.0.2.5"], pool="blue")


def shrunk(*kept: str, settled: bool = True, deleting: bool = False, ranges: tuple[str, ...] = ()) -> Pool:
    """What is left of the pool; its status lists `kept`."""
    removal = Removal(2, tuple(map(parse_range, kept)), settled, deleting)
    return pool("blue", *(ranges or ("192.0.2.1-192.0.2.3",)), removal=removal)


DELETING = shrunk(deleting=True, settled=False, ranges=("192.0.2.1-192.0.2.9",))


def kept(world: World, name: str = "blue") -> list[str]:
    return [each.shortest for each in world.planner.kept()[name]]


def held() -> World:
    world = World(WHOLE, GREEN)
    world.show(HOLDER)
    return world


def test_without_keep_an_address_in_use_goes_with_the_range() -> None:
    world = held()
    world.configure(replace(shrunk(), removal=None), GREEN)
    assert given_to(world.turn()["team/a"]) == ["192.0.2.1"]
    assert world.planner.kept() == {}


def test_who_is_decided_on_late_is_listed_at_once_and_keeps_its_address() -> None:
    world = held()
    world.configure(shrunk(settled=False), GREEN)
    world.turn([])  # a write of the Service is on its way
    assert kept(world) == ["192.0.2.5"]
    world.configure(shrunk("192.0.2.5-192.0.2.5"), GREEN)
    assert isinstance(world.turn()["team/a"], Keep)


def test_a_shrunk_pool_keeps_what_is_in_use_and_lists_it() -> None:
    world = held()
    assert kept(world) == []
    world.configure(shrunk(settled=False), GREEN)
    decision = world.turn()["team/a"]
    assert isinstance(decision, Keep)
    assert (decision.pool, decision.notes) == ("blue", ())
    assert kept(world) == ["192.0.2.5"]


def test_what_it_keeps_is_not_given_again() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    asked = world.one(service(annotations={IPS: "192.0.2.5"}))
    assert refused(asked) == (Cause.ADDRESS_NOT_IN_POOL, '["192.0.2.5"] is not allowed in config')
    world.remove("team/a")
    assert kept(world) == []
    assert refused(world.one(service(annotations={IPS: "192.0.2.5"})))[0] is Cause.ADDRESS_NOT_IN_POOL


def test_who_has_it_loses_it_when_it_asks_for_another_pool() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    moved = service("team/a", held=["192.0.2.5"], pool="blue", annotations={ASK_POOL: "green"})
    assert given_to(world.one(moved)) == ["198.51.100.1"]
    assert kept(world) == []


def test_a_new_term_knows_it_from_the_status_of_the_pool() -> None:
    world = held()
    world.configure(shrunk("192.0.2.4-192.0.2.5"), GREEN)
    assert isinstance(world.restart()["team/a"], Keep)
    assert kept(world) == ["192.0.2.5"]


def test_what_the_settled_status_does_not_list_is_not_kept() -> None:
    world = held()
    world.configure(shrunk("192.0.2.6/32"), GREEN)
    assert given_to(world.restart()["team/a"]) == ["192.0.2.1"]


def test_an_address_the_pool_never_had_may_stay_only_until_its_status_is_settled() -> None:
    world = World(shrunk(settled=False), GREEN)
    far = service("team/a", held=["203.0.113.1"], pool="blue")
    assert isinstance(world.one(far), Keep)
    world = World(shrunk(), GREEN)
    assert given_to(world.one(far)) == ["192.0.2.1"]


def test_who_may_not_use_the_pool_any_more_does_not_keep() -> None:
    world = held()
    pinned = ServiceAllocation(namespaces=frozenset({"prod"}))
    world.configure(replace(shrunk("192.0.2.5/32"), allocation=pinned), GREEN)
    assert given_to(world.turn()["team/a"]) == ["198.51.100.1"]


def test_what_another_pool_offers_now_is_that_pools() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), pool("green", "192.0.2.4-192.0.2.9"))
    assert world.turn()["team/a"] == Assign("team/a", world.planner._ledger.held_by("team/a"), "green")
    assert kept(world) == []


def test_a_range_that_comes_back_ends_the_keeping() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    world.configure(WHOLE, GREEN)
    assert isinstance(world.turn()["team/a"], Keep)
    assert kept(world) == []
    assert world.usage("blue").in_use == 1


def test_keep_switched_off_lets_go() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    world.configure(replace(shrunk(), removal=None), GREEN)
    assert given_to(world.turn()["team/a"]) == ["192.0.2.1"]


def test_both_families_stay_when_one_of_them_is_not_offered_any_more() -> None:
    two = ("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9")
    world = World(pool("blue", *two, removal=Removal()), GREEN)
    shown = service("team/a", held=["192.0.2.5", "2001:db8::5"], pool="blue", **REQUIRE)
    world.show(shown)
    world.configure(shrunk("2001:db8::5/128", ranges=two[:1]), GREEN)
    decision = world.turn()["team/a"]
    assert isinstance(decision, Keep)
    assert decision.pool == "blue"
    assert kept(world) == ["2001:db8::5"]


def test_an_address_of_another_pool_does_not_stay_with_a_kept_one() -> None:
    two = ("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9")
    world = World(pool("blue", *two, removal=Removal()))
    world.show(service("team/a", held=["192.0.2.5", "2001:db8::5"], pool="blue", **REQUIRE))
    world.configure(shrunk("192.0.2.5/32"), pool("green", "198.51.100.1/32", two[1]))
    assert given_to(world.turn()["team/a"]) == ["198.51.100.1", "2001:db8::1"]


def test_a_status_that_lost_a_kept_address_gets_it_back() -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    decision = world.one(service("team/a"))
    assert given_to(decision) == ["192.0.2.5"]
    assert decision.pool == "blue"


@pytest.mark.parametrize("how", ["deleted", "other type"])
def test_who_had_a_kept_address_is_forgotten(how: str) -> None:
    world = held()
    world.configure(shrunk("192.0.2.5/32"), GREEN)
    world.turn()
    if how == "deleted":
        world.remove("team/a")
    else:
        world.show(service("team/a", type="ClusterIP"))
    assert given_to(world.one(service("team/a", held=["192.0.2.5"], pool="green"))) == ["192.0.2.1"]


def test_nothing_is_added_to_what_is_only_kept() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.9", removal=Removal()))
    world.show(service("team/a", held=["192.0.2.5"], pool="blue", **PREFER))
    world.configure(shrunk("192.0.2.5/32", ranges=("192.0.2.1/32", "2001:db8::1/128")))
    decision = world.turn()["team/a"]
    assert isinstance(decision, Keep)
    assert [str(address) for address in decision.addresses] == ["192.0.2.5"]


# Being deleted.


def test_a_pool_being_deleted_keeps_all_that_is_in_use() -> None:
    world = held()
    world.configure(DELETING, GREEN)
    assert isinstance(world.turn()["team/a"], Keep)
    assert kept(world) == ["192.0.2.5"]
    world.remove("team/a")
    assert kept(world) == []


def test_a_pool_being_deleted_does_not_make_others_keep() -> None:
    world = World(WHOLE, replace(GREEN, removal=Removal()))
    world.show(HOLDER, service("team/b", held=["198.51.100.1"], pool="green"))
    world.configure(DELETING, replace(GREEN, removal=Removal()))
    world.turn()
    assert (kept(world), kept(world, "green")) == (["192.0.2.5"], [])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"annotations": {ASK_POOL: "blue"}}, "pool blue is being deleted", id="pool-asked"),
        pytest.param({"annotations": {IPS: "192.0.2.2"}}, "pool blue is being deleted", id="address-asked"),
    ],
)
def test_a_pool_being_deleted_gives_nothing_to_who_asks_for_it(options: dict, text: str) -> None:
    assert refused(World(DELETING, GREEN).one(service(**options))) == (Cause.POOL_BEING_DELETED, text)


@pytest.mark.parametrize("allocation", [None, ServiceAllocation(namespaces=frozenset({"team"}))])
def test_a_pool_being_deleted_is_not_searched(allocation: ServiceAllocation | None) -> None:
    world = World(replace(DELETING, allocation=allocation))
    assert refused(world.one(service())) == (Cause.NO_ADDRESS_FREE, "no available IPs")


def test_a_pool_being_deleted_gives_no_reserved_address() -> None:
    world = World(WHOLE, GREEN)
    world.planner.reserve((reservation("team/vip", "blue", "192.0.2.7"),))
    world.turn()
    world.configure(DELETING, GREEN)
    assert given_to(world.one(service())) == ["198.51.100.1"]


def test_a_pool_being_deleted_adds_no_second_family() -> None:
    both = ("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9")
    world = World(shrunk(deleting=True, ranges=both))
    decision = world.one(service("team/a", held=["192.0.2.5"], pool="blue", **PREFER))
    assert isinstance(decision, Keep)
    assert decision.missing == ""


def test_who_changes_its_type_leaves_a_pool_being_deleted() -> None:
    world = held()
    world.configure(DELETING, GREEN)
    world.turn()
    changed = service("team/a", held=["192.0.2.5"], pool="blue", type="ClusterIP")
    assert world.one(changed) == Clear("team/a")
    world.one(service("team/a", type="ClusterIP"))
    assert kept(world) == []
    assert world.planner.services()["blue"] == 0


def test_what_is_kept_of_a_pool_being_deleted_is_each_familys_fewest_ranges() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9", removal=Removal()))
    world.show(
        service("team/a", held=["192.0.2.5", "2001:db8::1"], pool="blue", **DUAL),
        service("team/b", held=["192.0.2.6"], pool="blue"),
        service("team/c", held=["192.0.2.9"], pool="blue"),
    )
    world.configure(
        shrunk(deleting=True, settled=False, ranges=("192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9"))
    )
    world.turn()
    assert kept(world) == ["192.0.2.5-192.0.2.6", "192.0.2.9", "2001:db8::1"]


def test_a_quota_takes_nothing_away_from_who_keeps() -> None:
    world = held()
    world.configure(replace(DELETING, quota=Quota(default=0)), GREEN)
    assert caused(world.turn()["team/a"]) == (True, Cause.ASSIGNED)

"""Addresses that are kept for a Service that was deleted, in pools with `stickyFor`."""

from dataclasses import replace

import pytest

from controller.binding import Binding
from controller.decision import Keep, Leave
from controller.tenant import Cause, Port, Reason, Sharing
from ferrite.model import Pool, Quota, Removal, ServiceAllocation
from ferrite.net import parse_address
from ferrite.objects import Service
from tests.controller.planned import (
    ASK_POOL,
    DUAL,
    IPS,
    SHARE,
    World,
    caused,
    given_to,
    pool,
    refused,
    reservation,
)
from tests.controller.service_builder import service

STICKY = pool("blue", "192.0.2.1-192.0.2.3", sticky_seconds=60.0)
ONE = pool("blue", "192.0.2.1-192.0.2.1", sticky_seconds=60.0)
WEB, OTHER = service(), service("team/other")
ADDRESS = parse_address("192.0.2.1")


def gone(*pools: Pool, shown: Service = WEB) -> World:
    """A world in which a Service had the first address and was deleted."""
    world = World(*pools)
    world.give(shown)
    world.remove(shown.key)
    return world


def bound(until: int | None = None, key: str = "team/web", name: str = "blue") -> Binding:
    return Binding(key, name, (ADDRESS,), Sharing(), frozenset({Port("TCP", 80)}), until)


def test_who_comes_back_has_its_address_and_nobody_else_got_it_meanwhile() -> None:
    world = gone(STICKY)
    assert given_to(world.one(OTHER)) == ["192.0.2.2"]
    decision = world.one(WEB)
    assert given_to(decision) == ["192.0.2.1"]
    assert [(note.reason, note.text) for note in decision.notes] == [
        (Reason.IP_ALLOCATED, 'Assigned IP ["192.0.2.1"]')
    ]


def test_without_stickiness_it_is_free_at_once() -> None:
    world = World(replace(STICKY, sticky_seconds=0.0))
    world.give(WEB)
    assert world.planner.binding("team/web") is None
    world.remove("team/web")
    assert world.planner.binding("team/web") is None
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


def test_a_kept_address_is_refused_by_name() -> None:
    world = gone(STICKY)
    decision = world.one(service("team/other", annotations={IPS: "192.0.2.1"}))
    assert refused(decision) == (Cause.ADDRESS_KEPT, "192.0.2.1 is kept for team/web, which was deleted")


def test_a_kept_address_whose_port_is_asked_for_is_refused_as_kept() -> None:
    world = gone(STICKY, shown=service(annotations={SHARE: "k"}))
    decision = world.one(service("team/other", annotations={SHARE: "k", IPS: "192.0.2.1"}))
    assert refused(decision) == (Cause.ADDRESS_KEPT, "192.0.2.1 is kept for team/web, which was deleted")


def test_a_kept_address_is_shared_as_if_its_service_were_here() -> None:
    world = gone(ONE, shown=service(annotations={SHARE: "k"}))
    assert given_to(world.one(service("team/other", annotations={SHARE: "k"}, ports=[443]))) == ["192.0.2.1"]
    assert given_to(world.one(service(annotations={SHARE: "k"}))) == ["192.0.2.1"]


@pytest.mark.parametrize(("seconds", "served"), [(60, []), (61, ["team/other"])])
def test_it_is_free_for_others_once_time_is_up(seconds: int, served: list[str]) -> None:
    world = gone(ONE)
    assert refused(world.one(OTHER)) == (Cause.NO_ADDRESS_FREE, "no available IPs")
    world.now = seconds
    assert list(world.turn(["team/web"])) == served


def test_who_comes_back_too_late_waits_like_everybody() -> None:
    world = gone(STICKY)
    world.give(service("team/other", annotations={IPS: "192.0.2.2"}))
    world.now = 61
    assert given_to(world.one(WEB)) == ["192.0.2.1"]
    world.remove("team/web")
    world.now = 200
    decisions = world.show(WEB, service("team/a", created="2000-01-01T00:00:00Z"))
    assert given_to(decisions["team/a"]) == ["192.0.2.1"]


def test_who_asks_for_another_address_leaves_the_kept_one() -> None:
    world = gone(STICKY)
    assert given_to(world.one(service(annotations={IPS: "192.0.2.3"}))) == ["192.0.2.3"]
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


def test_who_asks_for_what_cannot_be_had_goes_on_having_it_kept() -> None:
    world = gone(ONE)
    assert refused(world.one(service(annotations={ASK_POOL: "red"}))) == (
        Cause.UNKNOWN_POOL,
        'unknown pool "red"',
    )
    assert caused(world.one(OTHER)) == (False, Cause.NO_ADDRESS_FREE)
    assert world.planner.binding("team/web") == bound(61)


def test_who_comes_back_with_other_families_gets_another_address() -> None:
    both = pool("blue", "192.0.2.1-192.0.2.3", "2001:db8::1-2001:db8::3", sticky_seconds=60.0)
    world = gone(both)
    assert given_to(world.one(service(cluster_ips=["fd00::1"], ipFamilies=["IPv6"]))) == ["2001:db8::1"]


def test_both_addresses_are_kept() -> None:
    both = pool("blue", "192.0.2.1-192.0.2.3", "2001:db8::1-2001:db8::3", sticky_seconds=60.0)
    required = {**DUAL, "ipFamilyPolicy": "RequireDualStack"}
    world = gone(both, shown=service(**required))
    assert given_to(world.one(service("team/other", **required))) == ["192.0.2.2", "2001:db8::2"]
    assert given_to(world.one(service(**required))) == ["192.0.2.1", "2001:db8::1"]


def test_who_comes_back_where_it_may_not_is_told_nothing_of_what_it_never_saw() -> None:
    world = gone(STICKY, pool("green", "198.51.100.1/32"))
    pinned = ServiceAllocation(namespaces=frozenset({"prod"}))
    world.configure(replace(STICKY, allocation=pinned), pool("green", "198.51.100.1/32"))
    decision = world.one(WEB)
    assert given_to(decision) == ["198.51.100.1"]
    assert [note.reason for note in decision.notes] == [Reason.IP_ALLOCATED]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param((replace(ONE, sticky_seconds=0.0),), id="switched-off"),
        pytest.param((), id="pool-deleted"),
        pytest.param((pool("blue", "192.0.2.9-192.0.2.9", sticky_seconds=60.0),), id="pool-moved"),
        pytest.param((replace(ONE, removal=Removal(deleting=True)),), id="pool-being-deleted"),
    ],
)
def test_what_no_pool_keeps_any_more_is_let_go(changed: tuple[Pool, ...]) -> None:
    world = gone(ONE)
    world.configure(*changed)
    assert world.planner.binding("team/web") is None
    world.configure(replace(ONE, sticky_seconds=60.0))
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


def test_a_renamed_pool_goes_on_keeping() -> None:
    world = gone(ONE)
    world.configure(replace(ONE, name="renamed"))
    assert caused(world.one(OTHER)) == (False, Cause.NO_ADDRESS_FREE)
    assert given_to(world.one(WEB)) == ["192.0.2.1"]


def test_what_is_kept_counts_neither_as_in_use_nor_as_available() -> None:
    world = gone(STICKY)
    usage = world.usage("blue")
    assert (usage.in_use, usage.withheld, usage.available) == (0, 1, 2)
    assert world.planner.services() == {"blue": 0}


def test_what_is_remembered_while_it_is_here_has_no_end() -> None:
    world = World(STICKY)
    world.give(WEB)
    assert world.planner.binding("team/web") == bound()
    world.now = 1000.5
    world.remove("team/web")
    assert world.planner.binding("team/web") == bound(1061)
    assert bound().name == "team.web"


def test_what_another_implementation_gave_is_not_kept() -> None:
    world = World(STICKY)
    world.show(service(loadBalancerClass="theirs", held=["192.0.2.1"]))
    assert world.planner.binding("team/web") is None
    world.remove("team/web")
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


def test_a_service_that_is_no_load_balancer_any_more_keeps_nothing() -> None:
    world = World(ONE)
    world.give(WEB)
    world.give(service(type="ClusterIP", held=["192.0.2.1"], pool="blue"))
    world.turn(["team/web"])
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


def test_a_person_may_free_it_at_once() -> None:
    world = gone(ONE)
    world.show(OTHER)
    world.planner.free("team/web")
    assert given_to(world.turn(["team/web"])["team/other"]) == ["192.0.2.1"]


# A new term.


def test_a_new_term_goes_on_keeping_until_the_same_time() -> None:
    world = World(ONE)
    world.now = 50.0
    world.restart(bound(until=61))
    assert caused(world.one(OTHER)) == (False, Cause.NO_ADDRESS_FREE)
    world.now = 61.0
    assert given_to(world.turn(["team/web"])["team/other"]) == ["192.0.2.1"]


def test_the_time_of_who_went_while_nobody_looked_begins_with_the_term() -> None:
    world = World(ONE)
    world.now = 1000.0
    world.restart(bound())
    assert world.planner.binding("team/web") == bound(1061)


def test_who_came_back_while_nobody_looked_gets_it_before_the_older_one_who_waits() -> None:
    world = World(ONE)
    world.services = {WEB.key: WEB, "team/a": service("team/a", created="2000-01-01T00:00:00Z")}
    decisions = world.restart(bound(until=61))
    assert given_to(decisions["team/web"]) == ["192.0.2.1"]
    assert caused(decisions["team/a"]) == (False, Cause.NO_ADDRESS_FREE)


def test_time_that_was_up_while_nobody_looked_frees_it() -> None:
    world = World(ONE)
    world.now = 61.0
    world.services = {OTHER.key: OTHER}
    world.restart(bound(until=61))
    assert given_to(world.turn(["team/web"])["team/other"]) == ["192.0.2.1"]


def test_who_holds_it_now_comes_before_what_is_written_down() -> None:
    world = World(ONE)
    holder = service("team/other", held=["192.0.2.1"], pool="blue")
    world.services = {holder.key: holder}
    assert isinstance(world.restart(bound(until=61))["team/other"], Keep)
    assert world.planner.binding("team/web") is None


def test_who_has_another_address_now_has_nothing_kept() -> None:
    world = World(STICKY)
    world.services = {WEB.key: service(held=["192.0.2.2"], pool="blue", annotations={IPS: "x"})}
    world.restart(bound(until=61))
    assert given_to(world.one(OTHER)) == ["192.0.2.1"]


@pytest.mark.parametrize(
    "pools",
    [
        pytest.param((replace(ONE, sticky_seconds=0.0),), id="switched-off"),
        pytest.param((replace(ONE, removal=Removal(deleting=True)),), id="pool-being-deleted"),
    ],
)
def test_a_new_term_does_not_keep_what_no_pool_keeps(pools: tuple[Pool, ...]) -> None:
    world = World(*pools)
    world.restart(bound(until=61))
    assert world.planner.binding("team/web") is None


# With the other rules.


def test_a_kept_address_counts_against_the_quota_of_its_namespace() -> None:
    world = gone(replace(STICKY, quota=Quota(default=1)))
    assert refused(world.one(OTHER)) == (
        Cause.QUOTA_EXCEEDED,
        "no available IPs; namespace team has 1 of at most 1 addresses of pool blue: 192.0.2.1 (not in use)",
    )
    assert given_to(world.one(WEB)) == ["192.0.2.1"]


def test_a_kept_address_that_was_reserved_for_others_meanwhile_is_still_its_own() -> None:
    world = gone(STICKY)
    world.planner.reserve((reservation("prod/vip", "blue", "192.0.2.1"),))
    assert given_to(world.one(WEB)) == ["192.0.2.1"]


def test_without_any_pool_ever_nothing_is_remembered() -> None:
    world = World(known=False)
    assert isinstance(world.one(service(held=["192.0.2.1"], pool="blue")), Leave)
    assert world.planner.binding("team/web") is None


def test_a_pool_that_does_not_count_at_a_start_forgets_nobody() -> None:
    world = World(broken=["blue"])
    world.restart(bound(until=60))
    assert world.planner.binding("team/web") == bound(until=60)
    world.configure(STICKY)
    assert given_to(world.one(OTHER)) == ["192.0.2.2"]
    assert given_to(world.one(WEB)) == ["192.0.2.1"]


def test_a_pool_that_is_gone_keeps_nothing() -> None:
    world = World()
    world.restart(bound(until=60))
    assert world.planner.binding("team/web") is None

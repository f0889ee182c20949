import pytest

from controller.decision import Assign, Clear, Decision, Keep, Leave, Refuse, Unowned
from controller.tenant import Reason
from ferrite.model import LabelSelector, Operator, Requirement, ServiceAllocation
from ferrite.net import Family
from ferrite.objects import Service
from tests.controller.planned import (
    ASK_POOL,
    BLUE,
    BOTH,
    FULL,
    IPS,
    PREFER,
    REQUIRE,
    SHARE,
    World,
    given_to,
    pool,
    why,
)
from tests.controller.service_builder import service


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, ["192.0.2.0"], id="first-of-the-first-pool"),
        pytest.param({"annotations": {ASK_POOL: "both"}}, ["198.51.100.1"], id="pool-asked"),
        pytest.param(
            {"annotations": {"metallb.universe.tf/address-pool": "both"}}, ["198.51.100.1"], id="old-key"
        ),
        pytest.param({"annotations": {IPS: "192.0.2.2"}}, ["192.0.2.2"], id="address-asked"),
        pytest.param({"loadBalancerIP": "192.0.2.3"}, ["192.0.2.3"], id="loadBalancerIP"),
        pytest.param(PREFER, ["198.51.100.1", "2001:db8::1"], id="prefer-dual-takes-the-pool-with-both"),
        pytest.param(REQUIRE, ["198.51.100.1", "2001:db8::1"], id="require-dual"),
        pytest.param({"cluster_ips": ["fd00::1"], "ipFamilies": ["IPv6"]}, ["2001:db8::1"], id="ipv6"),
        pytest.param(
            {**REQUIRE, "annotations": {IPS: "2001:db8::5, 198.51.100.5"}},
            ["2001:db8::5", "198.51.100.5"],
            id="both-addresses-asked",
        ),
    ],
)
def test_it_gives(options: dict, expected: list[str]) -> None:
    decision = World(BLUE, BOTH).one(service(**options))
    assert given_to(decision) == expected
    assert decision.notes[0].reason is Reason.IP_ALLOCATED
    assert decision.notes[0].text == "Assigned IP [" + " ".join(f'"{ip}"' for ip in expected) + "]"


TAKEN = service("team/other", held=["192.0.2.1"], pool="blue", ports=[443])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param({}, "no available IPs", id="full"),
        pytest.param(
            {"annotations": {ASK_POOL: "blue"}}, "no available IPs in pool blue", id="asked-pool-full"
        ),
        pytest.param({"annotations": {ASK_POOL: "red"}}, 'unknown pool "red"', id="unknown-pool"),
        pytest.param(
            {**REQUIRE, "annotations": {ASK_POOL: "four"}},
            "no available IPs in pool four for dual IPFamily",
            id="pool-of-one-family",
        ),
        pytest.param(
            {"annotations": {IPS: "203.0.113.1"}},
            '["203.0.113.1"] is not allowed in config',
            id="no-pool-has-it",
        ),
        pytest.param(
            {"annotations": {IPS: "192.0.2.1"}},
            'can\'t change sharing key for "team/web", address also in use by team/other; 192.0.2.1 is held '
            "by team/other; a shared address needs the same allow-shared-ip key",
            id="taken",
        ),
        pytest.param(
            {"annotations": {IPS: "2001:db8::1"}},
            'requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service',
            id="other-family",
        ),
        pytest.param(
            {"annotations": {IPS: "203.0.113.9", ASK_POOL: "four"}},
            '["203.0.113.9"] is not allowed in config',
            id="address-and-pool",
        ),
        pytest.param(
            {"annotations": {IPS: "198.18.0.1", ASK_POOL: "blue"}},
            'requested loadBalancer IP(s) ["198.18.0.1"] is not compatible with requested address pool blue',
            id="address-of-another-pool",
        ),
        pytest.param({"annotations": {IPS: "x"}}, 'invalid metallb.io/loadBalancerIPs: "x"', id="no-address"),
        pytest.param({"loadBalancerIP": "y"}, 'invalid spec.loadBalancerIP "y"', id="no-loadBalancerIP"),
        pytest.param(
            {"loadBalancerIP": "192.0.2.1", "annotations": {IPS: "192.0.2.1"}},
            "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP",
            id="asked-twice",
        ),
    ],
)
def test_it_refuses_in_the_known_words(options: dict, complaint: str) -> None:
    world = World(FULL, pool("four", "198.18.0.0/30", auto_assign=False))
    world.show(TAKEN)
    assert why(world.one(service(**options))) == (Reason.ALLOCATION_FAILED, complaint)


def test_a_wrong_request_keeps_what_is_held() -> None:
    decision = World(BLUE).one(service(held=["192.0.2.1"], pool="blue", annotations={IPS: "x"}))
    assert isinstance(decision, Refuse)
    assert not decision.clear
    assert decision.why.reason is Reason.LOAD_BALANCER_FAILED
    assert decision.why.text == 'invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: "x"'


def test_dual_stack_without_two_cluster_addresses() -> None:
    decision = World(BOTH).one(service(ipFamilyPolicy="RequireDualStack"))
    reason = (
        Reason.NOT_ENOUGH_CLUSTER_IPS,
        "Service requires dual stack but not enough clusterips [10.96.0.1]",
    )
    assert why(decision) == reason


def test_holders_come_before_the_waiting() -> None:
    world = World(FULL)
    decisions = world.show(
        service(created="1"), service("team/old", held=["192.0.2.1"], pool="blue", created="2")
    )
    assert isinstance(decisions["team/old"], Keep)
    assert isinstance(decisions["team/web"], Refuse)


def test_a_holder_that_must_move_does_not_take_what_another_holds() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.2"))
    moving = service("team/a", held=["203.0.113.1"], pool="gone", created="1")
    decisions = world.show(moving, service("team/b", held=["192.0.2.1"], pool="blue", created="2"))
    assert given_to(decisions["team/a"]) == ["192.0.2.2"]
    assert isinstance(decisions["team/b"], Keep)


def test_the_older_of_two_claims_stays() -> None:
    world = World(BLUE)
    decisions = world.show(
        service("team/new", held=["192.0.2.1"], pool="blue", created="2026-02-01"),
        service("team/old", held=["192.0.2.1"], pool="blue", created="2026-01-01"),
    )
    assert isinstance(decisions["team/old"], Keep)
    assert given_to(decisions["team/new"]) == ["192.0.2.0"]
    told = decisions["team/new"].notes[0]
    assert told.reason is Reason.CLEAR_ASSIGNMENT
    assert told.text.startswith(
        'current IP for "team/new" not allowed by config, will attempt for new IP assignment: can\'t change'
    )


def test_a_release_serves_who_waits() -> None:
    world = World(FULL)
    world.show(TAKEN, service())
    assert given_to(world.remove("team/other")["team/web"]) == ["192.0.2.1"]


def test_nobody_who_waits_is_asked_again_without_a_release() -> None:
    world = World(FULL)
    world.show(TAKEN, service())
    assert list(world.show(service("team/third"))) == ["team/third"]


def test_a_decided_address_stays_although_the_status_does_not_show_it_yet() -> None:
    world = World(BLUE)
    world.show(service("team/first"), service())
    world.remove("team/first")
    assert given_to(world.one(service(version="2"))) == ["192.0.2.1"]


def test_a_second_address_comes_later_from_the_same_pool() -> None:
    world = World(pool("both", "192.0.2.1-192.0.2.1"))
    first = service(held=["192.0.2.1"], pool="both", **PREFER)
    decision = world.one(first)
    assert isinstance(decision, Keep)
    assert decision.notes[0].reason is Reason.ADDITIONAL_ASSIGN_FAILED
    world.configure(pool("both", "192.0.2.1-192.0.2.1", "2001:db8::1-2001:db8::1"))
    decision = world.turn()["team/web"]
    assert given_to(decision) == ["192.0.2.1", "2001:db8::1"]
    assert decision.notes[0].text == 'Assigned additional IP "2001:db8::1"'


def test_single_stack_cluster_addresses_stay_with_one_family() -> None:
    held = service(held=["198.51.100.1"], pool="both", ipFamilyPolicy="PreferDualStack")
    assert isinstance(World(BOTH).one(held), Keep)


def test_becoming_single_stack_keeps_the_address_of_that_family() -> None:
    held = service(held=["198.51.100.4", "2001:db8::4"], pool="both")
    assert given_to(World(BOTH).one(held)) == ["198.51.100.4"]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(
            service(type="ClusterIP"), Leave("team/web", Unowned.NOT_LOAD_BALANCER), id="never-ours"
        ),
        pytest.param(service(type="ClusterIP", pool="blue"), Clear("team/web"), id="was-ours"),
        pytest.param(
            service(loadBalancerClass="x", held=["192.0.2.1"], pool="blue"),
            Leave("team/web", Unowned.OTHER_CLASS),
            id="other-class",
        ),
        pytest.param(
            service(held=["203.0.113.7"]), Leave("team/web", Unowned.FOREIGN_ADDRESS), id="foreign-address"
        ),
    ],
)
def test_only_what_we_assigned_is_touched(shown: Service, expected: Decision) -> None:
    assert World(BLUE).one(shown) == expected


def test_without_pools_only_our_own_are_cleared() -> None:
    world = World()
    decisions = world.show(service(held=["192.0.2.1"], pool="blue"), service("a/b", held=["203.0.113.7"]))
    assert isinstance(decisions["team/web"], Refuse)
    assert decisions["team/web"].clear
    assert isinstance(decisions["a/b"], Leave)


def test_a_class_serves_only_its_own() -> None:
    world = World(BLUE, lb_class="mine")
    assert given_to(world.one(service(loadBalancerClass="mine"))) == ["192.0.2.0"]
    assert isinstance(world.one(service("a/b")), Leave)


def test_addresses_of_another_class_are_not_given_twice() -> None:
    world = World(FULL)
    world.show(service("a/theirs", loadBalancerClass="x", held=["192.0.2.1"]))
    assert isinstance(world.one(service()), Refuse)


def test_a_broken_pool_takes_nothing_away() -> None:
    world = World(BLUE)
    world.show(service(held=["192.0.2.1"], pool="blue"))
    world.configure(pool("green", "198.18.0.0/30"), broken=["blue"])
    assert isinstance(world.turn()["team/web"], Keep)
    world.configure(pool("green", "198.18.0.0/30"))
    assert given_to(world.turn()["team/web"]) == ["198.18.0.0"]


@pytest.mark.parametrize("wish", [{}, {"annotations": {"metallb.io/address-pool": "blue"}}])
def test_a_broken_pool_takes_nothing_away_where_another_has_taken_in_its_addresses(wish: dict) -> None:
    world = World(pool("green", "192.0.2.0/24"), broken=["blue"])
    assert isinstance(world.one(service(held=["192.0.2.1"], pool="blue", **wish)), Keep)
    assert given_to(world.one(service(name="team/other"))) == ["192.0.2.0"]


def test_a_renamed_pool_changes_the_annotation_only() -> None:
    world = World(pool("renamed", "192.0.2.0/28"))
    decision = world.one(service(held=["192.0.2.1"], pool="blue"))
    assert decision == Assign("team/web", decision.addresses, "renamed")


GOLD = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"name": "prod/web"}, "198.18.1.1", id="namespace"),
        pytest.param({"name": "prod/web", "labels": {"tier": "gold"}}, "198.18.3.1", id="priority"),
        pytest.param({"name": "lab/web"}, "198.18.2.1", id="namespace-selector"),
        pytest.param({"name": "any/web"}, "192.0.2.0", id="nothing-pinned"),
    ],
)
def test_pinned_pools(options: dict, expected: str) -> None:
    world = World()
    world.configure(
        BLUE,
        pool("one", "198.18.1.1-198.18.1.1", allocation=ServiceAllocation(namespaces=frozenset({"prod"}))),
        pool("two", "198.18.2.1-198.18.2.1", allocation=ServiceAllocation(namespace_selectors=(GOLD,))),
        pool("three", "198.18.3.1/32", allocation=ServiceAllocation(priority=5, service_selectors=(GOLD,))),
        pool("unused", "198.18.4.1/32", allocation=ServiceAllocation(priority=1)),
        lab={"tier": "gold"},
        prod={},
    )
    shown = service(**options)
    assert given_to(world.one(shown)) == [expected]
    spilled = world.one(service(f"{shown.metadata.namespace}/x"))
    assert given_to(spilled) != [expected]


def test_a_pinned_pool_refuses_others() -> None:
    world = World(pool("one", "198.18.1.0/30", allocation=ServiceAllocation(namespaces=frozenset({"prod"}))))
    refused = world.one(service(annotations={ASK_POOL: "one"}))
    assert why(refused)[1] == "pool one not compatible for ip assignment"


def test_sharers_get_one_address() -> None:
    world = World(FULL)
    first = world.one(service("a/a", annotations={SHARE: "k"}, ports=[80]))
    second = world.one(service("a/b", annotations={SHARE: "k"}, ports=[443]))
    assert given_to(first) == given_to(second) == ["192.0.2.1"]
    clash = world.one(service(annotations={SHARE: "k", IPS: "192.0.2.1"}, ports=[443]))
    assert why(clash)[1] == 'port TCP/443 is already in use on "192.0.2.1"; 192.0.2.1 is held by a/b'
    assert world.planner.usage()["blue"][Family.IPV4].in_use == 1


def test_an_old_annotation_is_told_when_something_changes() -> None:
    decision = World(BLUE).one(service(annotations={"metallb.universe.tf/address-pool": "blue"}))
    assert decision.notes[-1].reason is Reason.DEPRECATED_ANNOTATION
    assert decision.notes[-1].text == "Service uses deprecated annotation metallb.universe.tf/address-pool"


def test_an_address_is_given_again_only_when_the_status_lost_it() -> None:
    world = World(pool("blue", "192.0.2.1-192.0.2.1"), pool("green", "198.18.0.1-198.18.0.1"))
    world.show(
        service("team/old", held=["192.0.2.1"], pool="blue"),
        service("team/x", annotations={IPS: "198.18.0.1"}),
    )
    moving = service("team/old", held=["192.0.2.1"], pool="blue", annotations={ASK_POOL: "red"})
    decisions = world.show(moving, service())
    assert isinstance(decisions["team/old"], Refuse)
    assert isinstance(decisions["team/web"], Refuse)
    decisions = world.show(service("team/old", annotations={ASK_POOL: "red"}))
    assert given_to(decisions["team/web"]) == ["192.0.2.1"]


def test_what_was_decided_stands_against_a_stale_status() -> None:
    world = World(BLUE, pool("green", "198.18.0.1-198.18.0.9"))
    world.show(service(held=["192.0.2.1"], pool="blue"))
    moving = service(held=["192.0.2.1"], pool="blue", annotations={ASK_POOL: "green"})
    world.show(service("team/a", annotations={ASK_POOL: "green"}))
    assert given_to(world.one(moving)) == ["198.18.0.2"]
    world.remove("team/a")
    assert given_to(world.one(moving)) == ["198.18.0.2"]


def test_a_new_term_gives_to_nobody_what_the_status_of_one_that_asks_no_more_still_lists() -> None:
    old = service("team/old", type="ClusterIP", held=["192.0.2.1"], pool="blue")
    decisions = World(FULL).show(service(), old)
    assert isinstance(decisions["team/old"], Clear)
    assert isinstance(decisions["team/web"], Refuse)

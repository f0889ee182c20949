"""A judge that cannot find fault proves nothing: small histories with one fault each, and fair ones."""

import pytest
from judge import BrokenPromiseError, Judge, Pool, Version, read

LOW = Pool((("10.0.0.0", "10.0.0.7"), ("fd00::", "fd00::7")))
HIGH = Pool((("10.0.0.8", "10.0.0.15"), ("fd00::8", "fd00::f")))
ASKED = Pool((("10.0.1.0", "10.0.1.7"),), auto=False)
POOLS = {"low": LOW, "high": HIGH, "asked": ASKED}
ONE, TWO, UP, ELSEWHERE = "10.0.0.1", "10.0.0.2", "10.0.0.9", "10.9.9.9"
SIX, SIX_UP = "fd00::1", "fd00::9"
BOTH = {"families": (4, 6), "dual": "PreferDualStack"}
KEY = {"sharing": "key"}
HTTP, TLS = frozenset({("TCP", 80)}), frozenset({("TCP", 443)})


class History:
    """Events of one installation, numbered in their order."""

    def __init__(self, pools=POOLS):
        self.judge, self._number = Judge("kills"), 0
        self.judge.expect(pools)

    def see(self, name, *held, kind="MODIFIED", uid="", **asked):
        """A version of a Service; the first of a name is an ADDED one."""
        self._number += 1
        kind = kind if name in self.judge.services else "ADDED"
        asked = {"wants": True, "marked": "low", "ports": HTTP} | asked
        self.judge.see(kind, name, Version(uid=uid or name, number=self._number, held=held, **asked))
        return self

    def pools(self, **pools):
        self.judge.expect({name: pool for name, pool in (POOLS | pools).items() if pool})
        return self


def given_twice(history):
    history.see("a", ONE).see("b").see("b", ONE)


def given_twice_under_other_keys(history):
    history.see("a", ONE, sharing="one").see("b", ONE, sharing="two", ports=TLS)


def given_twice_with_one_port(history):
    history.see("a", ONE, **KEY).see("b", ONE, **KEY)


def given_twice_without_a_key(history):
    history.see("a", ONE).see("b", ONE, ports=TLS)


def given_before_the_other_one_let_go(history):
    history.see("a", ONE).see("b", ONE).see("a", kind="DELETED")


def given_twice_in_one_family_of_two(history):
    history.see("a", ONE, SIX, **BOTH).see("b", TWO, SIX, **BOTH)


def kept_after_its_service_wants_none(history):
    history.see("a", ONE).see("a", ONE, wants=False).see("b", ONE)


def moved(history):
    history.see("a", ONE).see("a", TWO)


def taken_away(history):
    history.see("a", ONE).see("a")


def one_family_taken_away(history):
    history.see("a", ONE, SIX, **BOTH).see("a", ONE, **BOTH)


def moved_though_it_asked_for_that_pool(history):
    history.see("a", ONE, pool="low").see("a", TWO, pool="low")


def moved_while_another_pool_was_edited(history):
    history.see("a", ONE).pools(high=None).see("a", TWO)


def moved_after_its_pool_was_back_and_all_were_served(history):
    history.see("a", ONE).pools(low=None).pools()
    history.judge.forget_old_pools()
    history.see("a", TWO)


def moved_though_its_new_key_allows_it(history):
    history.see("a", ONE).see("a", ONE, **KEY).see("a", TWO, **KEY)


def outside_all_pools(history):
    history.see("a", ELSEWHERE)


def of_a_pool_that_is_gone(history):
    history.pools(low=None)
    history.judge.forget_old_pools()
    history.see("a", ONE)


def of_a_pool_only_for_those_who_ask(history):
    history.see("a", "10.0.1.1")


def of_another_pool_than_it_asks_for(history):
    history.see("a", ONE, pool="high")


def another_than_it_asks_for(history):
    history.see("a", ONE, requested=(TWO,))


def of_two_pools(history):
    history.see("a", ONE, SIX_UP, **BOTH)


def one_of_two_that_it_requires(history):
    history.see("a", ONE, families=(4, 6), dual="RequireDualStack")


def of_a_family_that_it_has_not(history):
    history.see("a", SIX)


def given_to_who_wants_none(history):
    history.see("a", wants=False).see("a", ONE, wants=False)


TWICE = (
    given_twice,
    given_twice_under_other_keys,
    given_twice_with_one_port,
    given_twice_without_a_key,
    given_before_the_other_one_let_go,
    given_twice_in_one_family_of_two,
    kept_after_its_service_wants_none,
)
MOVED = (
    moved,
    taken_away,
    one_family_taken_away,
    moved_though_it_asked_for_that_pool,
    moved_while_another_pool_was_edited,
    moved_after_its_pool_was_back_and_all_were_served,
    moved_though_its_new_key_allows_it,
)
OUTSIDE = (
    outside_all_pools,
    of_a_pool_that_is_gone,
    of_a_pool_only_for_those_who_ask,
    of_another_pool_than_it_asks_for,
    another_than_it_asks_for,
    of_two_pools,
    one_of_two_that_it_requires,
    of_a_family_that_it_has_not,
    given_to_who_wants_none,
)
FAULTS = {"is given twice": TWICE, "that it could keep": MOVED, "that no pool offers it": OUTSIDE}
CASES = [
    pytest.param(story, text, id=story.__name__) for text, stories in FAULTS.items() for story in stories
]


@pytest.mark.parametrize(("story", "text"), CASES)
def test_a_fault_is_found_and_told_with_what_went_before(story, text):
    history = History()
    with pytest.raises(BrokenPromiseError, match=rf"kills: .*{text}.*\n(.*\n)*  ADDED a "):
        story(history)


def shared(history):
    history.see("a", ONE, **KEY).see("b", ONE, ports=TLS, **KEY)


def released_by_a_deletion(history):
    history.see("a", ONE).see("a", ONE, kind="DELETED").see("b", ONE)


def another_of_that_name(history):
    history.see("a", ONE).see("a", ONE, kind="DELETED").see("a", uid="new").see("a", TWO, uid="new")


def released_with_its_type(history):
    history.see("a", ONE).see("a", wants=False).see("b", ONE).see("a").see("a", TWO)


def moved_with_its_pool(history):
    history.see("a", ONE).pools(low=None).see("a").see("a", UP)


def moved_with_its_part_of_the_pool(history):
    history.see("a", ONE).pools(low=Pool((("10.0.0.2", "10.0.0.7"),))).see("a", TWO)


def moved_since_its_two_are_in_two_pools(history):
    history.see("a", ONE, SIX, **BOTH)
    four, six = (Pool((ends,)) for ends in LOW.ranges)
    history.pools(low=four, six=six).see("a", UP, SIX_UP, **BOTH)


def moved_to_the_pool_that_it_asks_for(history):
    history.see("a", ONE).see("a", ONE, pool="asked").see("a", "10.0.1.1", pool="asked")


def moved_to_the_address_that_it_asks_for(history):
    history.see("a", ONE).see("a", ONE, requested=(TWO,)).see("a", TWO, requested=(TWO,))


def kept_in_a_pool_that_it_no_longer_asks_for(history):
    history.see("a", "10.0.1.1", pool="asked").see("a", "10.0.1.1", marked="asked")


def got_a_second_family_and_lost_it_again(history):
    history.see("a", ONE).see("a", ONE, **BOTH).see("a", ONE, SIX, **BOTH)
    history.see("a", ONE, SIX).see("a", ONE)


def moved_for_the_two_that_it_requires(history):
    require = {"families": (4, 6), "dual": "RequireDualStack"}
    history.see("a", ONE).see("a", ONE, **require).see("a", UP, SIX_UP, **require)


FAIR = (
    shared,
    released_by_a_deletion,
    another_of_that_name,
    released_with_its_type,
    moved_with_its_pool,
    moved_with_its_part_of_the_pool,
    moved_since_its_two_are_in_two_pools,
    moved_to_the_pool_that_it_asks_for,
    moved_to_the_address_that_it_asks_for,
    kept_in_a_pool_that_it_no_longer_asks_for,
    got_a_second_family_and_lost_it_again,
    moved_for_the_two_that_it_requires,
)


@pytest.mark.parametrize("story", [pytest.param(story, id=story.__name__) for story in FAIR])
def test_what_is_fair_is_no_fault(story):
    history = History()
    story(history)
    assert history.judge.judged == history._number


@pytest.mark.parametrize(
    ("held", "asked", "lack"),
    [
        pytest.param((), {}, "no address", id="nothing"),
        pytest.param((), {"wants": False}, "wants nothing", id="annotation-left"),
        pytest.param((ONE,), {"marked": "high"}, "names high", id="annotation-of-another-pool"),
        pytest.param((ONE,), BOTH, "has room for 8", id="one-family-while-there-is-room"),
    ],
)
def test_who_is_not_served_is_told(held, asked, lack):
    history = History().see("a", *held, **asked)
    assert lack in history.judge.not_served()["a"]


def test_one_family_will_do_where_its_pool_has_none_of_the_other():
    history = History(POOLS | {"low": Pool((("10.0.0.0", "10.0.0.7"), (SIX, SIX)))})
    history.see("a", TWO, SIX, **BOTH).see("b", ONE, **BOTH)
    assert history.judge.not_served() == {}


def test_an_address_left_behind_by_a_pool_is_told():
    history = History().see("a", ONE)
    assert history.judge.not_served() == {}
    assert "holds" in history.pools(low=None).judge.not_served()["a"]


def test_a_shared_address_counts_once_in_its_pool():
    history = History().see("a", ONE, SIX, **KEY, **BOTH).see("b", ONE, ports=TLS, **KEY).see("c", TWO)
    counts = history.judge.counts()
    assert counts["low"] == {"assignedIPv4": 2, "availableIPv4": 6, "assignedIPv6": 1, "availableIPv6": 7}
    assert counts["asked"] == {"assignedIPv4": 0, "availableIPv4": 8, "assignedIPv6": 0, "availableIPv6": 0}


def test_a_service_is_read_as_the_api_server_sends_it():
    notes = {
        "metallb.io/loadBalancerIPs": "10.0.0.1,fd00:0::1",
        "metallb.io/allow-shared-ip": "key",
        "metallb.io/address-pool": "low",
        "metallb.io/ip-allocated-from-pool": "low",
    }
    service = {
        "metadata": {"uid": "u", "resourceVersion": "7", "annotations": notes},
        "spec": {
            "type": "LoadBalancer",
            "ipFamilies": ["IPv4", "IPv6"],
            "ipFamilyPolicy": "RequireDualStack",
            "ports": [{"port": 53, "protocol": "UDP"}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": ONE}, {"ip": SIX}]}},
    }
    assert read(service) == Version(
        uid="u",
        number=7,
        wants=True,
        families=(4, 6),
        dual="RequireDualStack",
        pool="low",
        requested=(ONE, SIX),
        sharing="key",
        ports=frozenset({("UDP", 53)}),
        held=(ONE, SIX),
        marked="low",
    )

"""Who answers at layer 2, and why the others do not."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ferrite.model import (
    Config,
    L2Advertisement,
    LabelSelector,
    NodePreference,
    NodeView,
    Operator,
    Pool,
    Requirement,
    Scope,
    ServiceView,
    Snapshot,
)
from ferrite.net import parse_range
from speaker.announce import Announce, Silence, StaySilent, l2_decision
from speaker.eligible import Candidates

NODES = ("node-a", "node-b", "node-c")
WINNER = "node-b"  # of 10.0.0.1, by MetalLB's hash
V4, V6 = ip_address("10.0.0.1"), ip_address("2001:db8::2")
SERVICE = ServiceView(
    key="default/web", is_load_balancer=True, addresses=(V4,), assigned=True, has_endpoints=True
)
EVERYWHERE = L2Advertisement("l2", Scope(frozenset({"pool"})))


def having(key, *values):
    return LabelSelector((Requirement(key, Operator.IN, values),))


def moment(*advertisements, nodes=None, live=NODES):
    pool = Pool("pool", (parse_range("10.0.0.0/24"), parse_range("2001:db8::/64")))
    views = nodes or {name: NodeView(name, labels={"kubernetes.io/hostname": name}) for name in NODES}
    config = Config(pools=(pool,), l2_advertisements=advertisements or (EVERYWHERE,))
    return Snapshot(config, {SERVICE.key: SERVICE}, views, frozenset(live))


def answering(service, world):
    return [name for name in NODES if isinstance(l2_decision(service, world, name), Announce)]


def test_exactly_one_node_answers():
    assert answering(SERVICE, moment()) == [WINNER]


def test_each_address_is_elected_by_itself():
    both = replace(SERVICE, addresses=(V4, V6))
    answers = {name: l2_decision(both, moment(), name) for name in NODES}
    announced = [a for d in answers.values() if isinstance(d, Announce) for a in d.addresses]
    assert sorted(map(str, announced)) == sorted(map(str, both.addresses))


def test_a_dead_node_is_followed_by_the_next():
    assert answering(SERVICE, moment(live=("node-a", "node-c"))) == ["node-a"]


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        pytest.param(replace(SERVICE, is_load_balancer=False), Silence.NOT_LOAD_BALANCER, id="type"),
        pytest.param(replace(SERVICE, addresses=()), Silence.NO_ADDRESS, id="no-address"),
        pytest.param(replace(SERVICE, assigned=False), Silence.NOT_ASSIGNED, id="not-assigned"),
        pytest.param(
            replace(SERVICE, addresses=(ip_address("192.0.2.1"),)), Silence.NOT_IN_A_POOL, id="no-pool"
        ),
        pytest.param(replace(SERVICE, has_endpoints=False), Silence.NO_ENDPOINTS, id="no-endpoints"),
    ],
)
def test_a_service_that_nobody_answers_for(service, reason):
    assert l2_decision(service, moment(), WINNER) == StaySilent(reason)


def test_without_an_advertisement_of_the_pool():
    other = L2Advertisement("other", Scope(frozenset({"elsewhere"})))
    assert l2_decision(SERVICE, moment(other), WINNER) == StaySilent(Silence.NO_MATCHING_ADVERTISEMENT)


def test_without_an_advertisement_for_the_service():
    picky = L2Advertisement("l2", Scope(frozenset({"pool"}), service_selectors=(having("app", "db"),)))
    assert l2_decision(SERVICE, moment(picky), WINNER) == StaySilent(Silence.NO_MATCHING_ADVERTISEMENT)
    assert answering(replace(SERVICE, labels={"app": "db"}), moment(picky)) == [WINNER]


def test_a_shared_address_excludes_service_selectors():
    picky = L2Advertisement("l2", Scope(frozenset({"pool"}), service_selectors=(LabelSelector(),)))
    shared = replace(SERVICE, sharing_key_present=True)
    assert l2_decision(shared, moment(picky), WINNER) == StaySilent(Silence.SHARED_WITH_SERVICE_SELECTOR)


def test_only_selected_nodes_answer():
    here = L2Advertisement(
        "l2", Scope(frozenset({"pool"}), node_selectors=(having("kubernetes.io/hostname", "node-c"),))
    )
    assert answering(SERVICE, moment(here)) == ["node-c"]
    assert l2_decision(SERVICE, moment(here), WINNER) == StaySilent(Silence.NO_MATCHING_ADVERTISEMENT)


def test_a_preferred_node_answers():
    preferring = replace(
        EVERYWHERE, preferences=(NodePreference(10, having("kubernetes.io/hostname", "node-c")),)
    )
    assert answering(SERVICE, moment(preferring)) == ["node-c"]


@pytest.mark.parametrize("fault", [{"network_unavailable": True}, {"excluded": True}])
def test_a_node_that_is_out_of_service_answers_nothing(fault):
    nodes = {name: NodeView(name) for name in NODES}
    nodes[WINNER] = NodeView(WINNER, **fault)
    assert answering(SERVICE, moment(nodes=nodes)) == ["node-a"]
    assert WINNER not in Candidates(moment(nodes=nodes)).of(SERVICE, (EVERYWHERE,))


def test_local_traffic_policy_needs_an_endpoint_on_the_node():
    local = replace(SERVICE, local_only=True, serving_nodes=frozenset({"node-c"}))
    assert answering(local, moment()) == ["node-c"]


def test_interfaces_are_those_of_the_advertisements_for_this_node():
    narrow = replace(EVERYWHERE, interfaces=("eth1", "eth0"))
    decision = l2_decision(SERVICE, moment(narrow), WINNER)
    assert decision == Announce((V4,), frozenset({"eth0", "eth1"}))
    wide = moment(narrow, replace(EVERYWHERE, name="wide"))
    assert l2_decision(SERVICE, wide, WINNER) == Announce((V4,), None)

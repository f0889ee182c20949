"""Addresses of pods that have no kubelet."""

import ipaddress

import pytest
from hypothesis import given, strategies as st

from lab.apps import FIRST_POD, LAST_POD, App, endpoint_slice, pod_addresses, pod_index
from lab.state import CLUSTER_CIDRS, MAX_NODES, LabError, State, node_names

NETWORKS = [ipaddress.ip_network(cidr) for cidr in CLUSTER_CIDRS.split(",")]
nodes = st.sampled_from(node_names(MAX_NODES))
indexes = st.integers(min_value=FIRST_POD, max_value=LAST_POD - 1)


@given(node=nodes, index=indexes)
def test_pods_are_in_the_clusters_networks(node, index):
    for address, network in zip(pod_addresses(node, index), NETWORKS, strict=True):
        assert ipaddress.ip_address(address) in network


@given(one=st.tuples(nodes, indexes), other=st.tuples(nodes, indexes))
def test_no_two_pods_share_an_address(one, other):
    shared = set(pod_addresses(*one)) & set(pod_addresses(*other))
    assert bool(shared) is (one == other)


def test_an_app_too_many_is_refused_by_name(tmp_path):
    state = State("x", tmp_path)
    taken = {pod_index(state, f"default.app-{number}") for number in range(FIRST_POD, LAST_POD)}
    assert taken == set(range(FIRST_POD, LAST_POD))
    with pytest.raises(LabError, match=r"app default\.more: all 118 pod addresses"):
        pod_index(state, "default.more")
    assert pod_index(state, "default.app-10") == FIRST_POD


def test_an_app_on_no_node_has_no_endpoints():
    made = endpoint_slice(App("web", "hi", 5000, (), "shop"), 10, "IPv4")
    assert made["endpoints"] == []
    assert made["metadata"]["name"] == "web-v4"
    assert made["metadata"]["namespace"] == "shop"
    assert made["ports"] == [{"name": "", "port": 5000, "protocol": "TCP"}]

"""The election agrees with MetalLB's on who answers, and loses nothing to a loser."""

from ipaddress import ip_address

import pytest
from hypothesis import given, strategies as st

from speaker.elect import elect, rank

node_names = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("address", "order"),
    [
        ("10.0.0.1", {"node-b": "2acae885", "node-a": "dd41591f", "node-c": "f949561f"}),
        ("10.0.0.2", {"node-b": "48a0dc88", "node-c": "c71d9fee", "node-a": "d12599e5"}),
        ("10.20.30.1", {"node-b": "0867af7f", "node-a": "9689afd5"}),
        ("10.20.30.1", {"edge-b": "3e7a4988", "edge-a": "c4464d2e"}),
        ("2001:db8::1", {"node-b": "1aee61dd", "node-a": "3c9f88a7", "node-c": "bb833059"}),
    ],
)
def test_the_order_is_metallbs(address, order):
    nodes = set(order)
    for node, digits in order.items():
        assert elect(ip_address(address), nodes) == node
        assert rank(ip_address(address), node).hex()[:8] == digits
        nodes.discard(node)


def test_nobody_is_elected_from_nobody():
    assert elect(ip_address("10.0.0.1"), set()) is None


def test_a_preferred_node_wins_over_the_order():
    assert elect(ip_address("10.0.0.1"), {"node-a", "node-b"}, {"node-a": 1}) == "node-a"


@given(address=st.ip_addresses(), nodes=st.sets(node_names, min_size=1), data=st.data())
def test_losing_a_loser_moves_nothing(address, nodes, data):
    winner, gone = elect(address, nodes), data.draw(st.sampled_from(sorted(nodes)))
    assert gone == winner or elect(address, nodes - {gone}) == winner

"""Which routes go to which peer, and why not."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ferrite.model import (
    BGPAdvertisement,
    Community,
    Config,
    LabelSelector,
    NodeView,
    Operator,
    Peer,
    Pool,
    Requirement,
    Scope,
    ServiceView,
    Snapshot,
)
from ferrite.net import NodeName, parse_range
from speaker.bgp.routes import Silence, wanted_routes

ME, OTHER = NodeName("me"), NodeName("other")
POOL = Pool("blue", (parse_range("192.0.2.0/24"), parse_range("2001:db8::/64")))
V4 = Peer("four", 64501, peer_asn=64500, address=ip_address("10.0.0.1"))
V6 = Peer("six", 64501, peer_asn=64500, address=ip_address("fd00::1"))
SCOPE = Scope(frozenset({"blue"}))
PLAIN = BGPAdvertisement("plain", SCOPE)
RED = LabelSelector((Requirement("colour", Operator.IN, ("red",)),))
BOTH = (ip_address("192.0.2.7"), ip_address("2001:db8::7"))
SERVICE = ServiceView("d/s", True, BOTH, assigned=True, has_endpoints=True)
NODE = NodeView(ME, addresses=(ip_address("10.0.0.2"), ip_address("fd00::2")))


def snapshot(*, ads=(PLAIN,), peers=(V4, V6), services=(SERVICE,), node=NODE) -> Snapshot:
    config = Config((POOL,), (), tuple(ads), tuple(peers))
    return Snapshot(config, {one.key: one for one in services}, {ME: node}, frozenset({ME}))


def test_each_peer_gets_its_family() -> None:
    found = wanted_routes(snapshot(), ME)
    assert set(found.routes["four"]) == {ip_network("192.0.2.7/32")}
    assert set(found.routes["six"]) == {ip_network("2001:db8::7/128")}
    assert found.announced == {"d/s": ("four", "six")}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"ads": ()}, Silence.NOT_OWNER, id="no-advertisement"),
        pytest.param(
            {"ads": (replace(PLAIN, scope=replace(SCOPE, node_selectors=(RED,))),)},
            Silence.NOT_OWNER,
            id="not-this-node",
        ),
        pytest.param(
            {"ads": (replace(PLAIN, scope=replace(SCOPE, service_selectors=(RED,))),)},
            Silence.NO_MATCHING_ADVERTISEMENT,
            id="not-this-service",
        ),
        pytest.param(
            {"ads": (PLAIN, replace(PLAIN, name="b", local_pref=5))},
            Silence.CONFLICTING_ADVERTISEMENTS,
            id="two-preferences",
        ),
        pytest.param(
            {"node": replace(NODE, network_unavailable=True)},
            Silence.NODE_NETWORK_UNAVAILABLE,
            id="no-network",
        ),
        pytest.param({"node": replace(NODE, excluded=True)}, Silence.NODE_EXCLUDED, id="excluded"),
        pytest.param(
            {"services": (replace(SERVICE, local_only=True, serving_nodes=frozenset({OTHER})),)},
            Silence.NO_LOCAL_ENDPOINTS,
            id="endpoints-elsewhere",
        ),
        pytest.param(
            {"services": (replace(SERVICE, has_endpoints=False),)}, Silence.NO_ENDPOINTS, id="no-endpoint"
        ),
        pytest.param({"services": (replace(SERVICE, addresses=()),)}, Silence.NO_ADDRESS, id="no-address"),
        pytest.param(
            {"services": (replace(SERVICE, assigned=False),)}, Silence.NOT_ASSIGNED, id="not-assigned"
        ),
        pytest.param(
            {"services": (replace(SERVICE, addresses=(ip_address("198.51.100.1"),)),)},
            Silence.NO_POOL,
            id="of-no-pool",
        ),
    ],
)
def test_silence_says_why(changed, reason: Silence) -> None:
    found = wanted_routes(snapshot(**changed), ME)
    assert found.silent == {"d/s": reason}
    assert found.announced == {}
    assert not any(found.routes.values())


def test_preferences_for_other_peers_or_lengths_do_not_conflict() -> None:
    ads = (
        replace(PLAIN, peers=frozenset({"four"}), local_pref=1),
        replace(PLAIN, name="b", peers=frozenset({"six"}), local_pref=2),
        replace(PLAIN, name="c", aggregation_length=24, aggregation_length_v6=64, local_pref=3),
    )
    found = wanted_routes(snapshot(ads=ads), ME)
    assert {str(prefix): route.local_pref for prefix, route in found.routes["four"].items()} == {
        "192.0.2.7/32": 1,
        "192.0.2.0/24": 3,
    }


def test_communities_of_one_prefix_add_up_over_services() -> None:
    one, two = Community((65000, 1)), Community((65000, 2))
    red = {"colour": "red"}
    ads = (
        replace(PLAIN, aggregation_length=24, communities=(two,)),
        replace(
            PLAIN,
            name="b",
            aggregation_length=24,
            communities=(one,),
            scope=replace(SCOPE, service_selectors=(RED,)),
        ),
    )
    other = replace(SERVICE, key="d/t", addresses=(ip_address("192.0.2.8"),), labels=red)
    found = wanted_routes(snapshot(ads=ads, services=(SERVICE, other), peers=(V4,)), ME)
    assert found.routes["four"][ip_network("192.0.2.0/24")].communities == (one, two)


def test_ipv6_over_an_ipv4_session_names_the_node_or_is_left_out() -> None:
    both = replace(V4, dual_stack=True)
    prefix = ip_network("2001:db8::7/128")
    found = wanted_routes(snapshot(peers=(both,)), ME)
    assert found.routes["four"][prefix].next_hop == ip_address("fd00::2")
    only4 = replace(NODE, addresses=(ip_address("10.0.0.2"),))
    assert prefix not in wanted_routes(snapshot(peers=(both,), node=only4), ME).routes["four"]

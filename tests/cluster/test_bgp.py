"""BGP, end to end: routes in the kernel of a real router, from every node, and gone again."""

import json

import pytest
from given import DUAL, Given, bgp, custom, pool, service
from patience import wait_until

from lab.state import address4, address6

POOL = "bgp-test"
ADDRESSES = ("203.0.113.0/27", "fd00:113::/124")
ALIAS = "bgp-test"

pytestmark = pytest.mark.usefixtures("offer")


@pytest.fixture(scope="module")
def offer(given_module, peers):
    community = custom("Community", ALIAS, communities=[{"name": "vpn", "value": "64501:77"}])
    advertisement = bgp(
        POOL, POOL, localPref=150, communities=["vpn", "64501:88", "large:64501:1:2"], peers=["router-4", "router-6"]
    )
    given_module.apply(pool(POOL, *ADDRESSES), community, advertisement)


def nodes4(cluster):
    return {address4(node) for node in cluster.lab.node_names}


def nodes6(cluster):
    return {address6(node) for node in cluster.lab.node_names}


def router(cluster, command):
    return json.loads(cluster.do(cluster.lab.vtysh(command)))


def paths(cluster, address):
    family, length = ("ipv6", 128) if ":" in address else ("ipv4", 32)
    return router(cluster, f"show bgp {family} unicast {address}/{length} json").get("paths", [])


def statuses(cluster, name):
    found = cluster.read("servicebgpstatuses", "-n", cluster.namespace, "-l", f"metallb.io/service-name={name}")
    return {one["status"]["node"]: one["status"]["peers"] for one in found if "status" in one}


def test_both_families_are_routed_over_every_node_and_answer_behind_the_router(ferrite, given):
    given.app("bgp-dual", "hello from bgp")
    given.apply(service("bgp-dual", POOL, **DUAL))
    four, six = wait_until("addresses", lambda: ferrite.address("bgp-dual")).split()

    wait_until("IPv4 routes", lambda: ferrite.hops(four) == nodes4(ferrite))
    wait_until("IPv6 routes", lambda: ferrite.hops(six) == nodes6(ferrite))
    for address in (four, six):
        wait_until(f"{address} to answer", lambda a=address: ferrite.get("remote", a) == "hello from bgp")

    [text] = {one for one in ferrite.events("bgp-dual", "nodeAssigned") if "node-1" in one}
    assert text == 'announcing from node "node-1" with protocol "bgp"'
    given.delete("Service", "bgp-dual")
    wait_until("no IPv4 route", lambda: not ferrite.hops(four))
    wait_until("no IPv6 route", lambda: not ferrite.hops(six))
    wait_until("no status", lambda: not statuses(ferrite, "bgp-dual"))


def test_communities_arrive_and_a_change_of_the_advertisement_too(ferrite, given):
    given.app("bgp-attributes")
    given.apply(service("bgp-attributes", POOL))
    address = wait_until("an address", lambda: ferrite.address("bgp-attributes"))
    wait_until("three paths", lambda: len(paths(ferrite, address)) == len(nodes4(ferrite)))
    for path in paths(ferrite, address):
        assert path["community"]["string"] == "64501:77 64501:88"
        assert path["largeCommunity"]["string"] == "64501:1:2"
        assert path["aspath"]["string"] == "64501"


def test_the_status_names_the_peers_of_every_node(ferrite, given):
    given.app("bgp-status")
    given.apply(service("bgp-status", POOL))
    everyone = dict.fromkeys(ferrite.lab.node_names, ["router-4", "router-6"])
    wait_until("the statuses", lambda: statuses(ferrite, "bgp-status") == everyone)


def test_local_traffic_policy_routes_only_to_nodes_with_endpoints(ferrite, given):
    given.app("bgp-local", nodes=["node-1", "node-3"])
    given.apply(service("bgp-local", POOL, externalTrafficPolicy="Local"))
    address = wait_until("an address", lambda: ferrite.address("bgp-local"))
    wait_until("two hops", lambda: ferrite.hops(address) == {address4("node-1"), address4("node-3")})
    wait_until("an answer", lambda: ferrite.get("remote", address, "/client") == address4("remote"))

    given.app("bgp-local", nodes=["node-2"])
    wait_until("the other hop", lambda: ferrite.hops(address) == {address4("node-2")})
    wait_until("the status", lambda: list(statuses(ferrite, "bgp-local")) == ["node-2"])
    wait_until("its pod", lambda: ferrite.get("remote", address, "/node") == "node-2")


def test_an_aggregate_for_one_peer_from_one_node(ferrite, given):
    chosen = [{"matchLabels": {"kubernetes.io/hostname": "node-2"}}]
    given.apply(
        pool("bgp-aggregate", "203.0.113.32/28"),
        bgp("bgp-aggregate", "bgp-aggregate", aggregationLength=28, peers=["router-4"], nodeSelectors=chosen),
        service("bgp-aggregate", "bgp-aggregate"),
    )
    given.app("bgp-aggregate")
    wait_until("the route", lambda: ferrite.hops("203.0.113.32/28") == {address4("node-2")})
    assert not ferrite.hops("203.0.113.32")  # nothing for the single address
    wait_until("the status", lambda: statuses(ferrite, "bgp-aggregate") == {"node-2": ["router-4"]})
    given.delete("BGPAdvertisement", "bgp-aggregate", ferrite.namespace)
    wait_until("no route", lambda: not ferrite.hops("203.0.113.32/28"))


def test_changes_of_services_reset_no_session(ferrite, given):
    def sessions():
        found = router(ferrite, "show bgp neighbors json")
        return {
            name: (one["connectionsEstablished"], one["connectionsDropped"])
            for name, one in found.items()
            if one["bgpState"] == "Established"
        }

    both = nodes4(ferrite) | nodes6(ferrite)
    wait_until("all sessions", lambda: sessions().keys() == both)
    before = sessions()
    given.apply(*(service(f"bgp-many-{number}", POOL) for number in range(8)))
    for number in range(8):
        given.app(f"bgp-many-{number}", nodes=["node-1"])
    last = wait_until("an address", lambda: ferrite.address("bgp-many-7"))
    wait_until("its route", lambda: ferrite.hops(last) == nodes4(ferrite))
    given.end()
    wait_until("no route", lambda: not ferrite.hops(last))
    assert sessions() == before


def test_local_preference_is_kept_inside_one_as(ferrite, given):
    """Only an internal peer is told the local preference (RFC 4271, 5.1.5): a second router, of our own ASN."""

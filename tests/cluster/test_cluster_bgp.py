"""BGP, end to end: routes in the kernel of a real router, from every node, and gone again."""

import json

import pytest

from e2e.manifests import DUAL, NODE_ASN, bgp, custom, peer, pool, service
from e2e.patience import wait_until
from lab.state import address4, address6
from lab.units import Order, Unit, order

POOL = "bgp-test"
ADDRESSES = ("203.0.113.0/27", "fd00:113::/124")
ALIAS = "bgp-test"

pytestmark = pytest.mark.usefixtures("offer")


@pytest.fixture(scope="module")
def offer(given_module, peers):
    community = custom("Community", ALIAS, communities=[{"name": "vpn", "value": "64501:77"}])
    communities = ["vpn", "64501:88", "large:64501:1:2"]
    advertisement = bgp(POOL, POOL, communities=communities, peers=["router-4", "router-6"])
    given_module.apply(pool(POOL, *ADDRESSES), community, advertisement)


def nodes4(cluster):
    return {address4(node) for node in cluster.lab.node_names}


def nodes6(cluster):
    return {address6(node) for node in cluster.lab.node_names}


def paths(cluster, address):
    family, length = ("ipv6", 128) if ":" in address else ("ipv4", 32)
    return cluster.ask_router(f"show bgp {family} unicast {address}/{length}").get("paths", [])


def statuses(cluster, name):
    found = cluster.read(
        "servicebgpstatuses", "-n", cluster.namespace, "-l", f"metallb.io/service-name={name}"
    )
    return {one["status"]["node"]: one["status"]["peers"] for one in found if "status" in one}


def test_both_families_are_routed_over_every_node_and_answer_behind_the_router(ferrite, given):
    given.app("bgp-dual", "hello from bgp")
    given.apply(service("bgp-dual", POOL, **DUAL))
    four, six = wait_until("addresses", lambda: ferrite.address("bgp-dual")).split()

    wait_until("IPv4 routes", lambda: ferrite.hops(four) == nodes4(ferrite))
    wait_until("IPv6 routes", lambda: ferrite.hops(six) == nodes6(ferrite))
    for address in (four, six):
        wait_until(f"{address} to answer", lambda a=address: ferrite.get("remote", a) == "hello from bgp")

    def told():
        return {one for one in ferrite.events("bgp-dual", "nodeAssigned") if "node-1" in one}

    text = 'announcing from node "node-1" with protocol "bgp"'
    wait_until("the event", lambda: told() == {text})
    given.delete("Service", "bgp-dual")
    wait_until("no IPv4 route", lambda: not ferrite.hops(four))
    wait_until("no IPv6 route", lambda: not ferrite.hops(six))
    wait_until("no status", lambda: not statuses(ferrite, "bgp-dual"))


def test_communities_arrive_with_their_aliases_resolved(ferrite, given):
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
    given.apply(service("bgp-status", POOL, **DUAL))
    everyone = {node: ["router-4", "router-6"] for node in ferrite.lab.node_names}
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
        found = ferrite.ask_router("show bgp neighbors")
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


INTERNAL = """hostname internal
router bgp 64501
 bgp router-id 192.168.1.100
 neighbor nodes peer-group
 neighbor nodes remote-as 64501
 neighbor nodes passive
 bgp listen range 192.168.1.0/24 peer-group nodes
"""


@pytest.fixture
def internal(ferrite):
    """A router of the nodes' own ASN on the client machine; returns a way to ask it."""
    folder = ferrite.lab.state.part("internal")
    vty = ("--vty_socket", str(folder))
    (folder / "bgpd.conf").write_text(INTERNAL)
    argv = ("/usr/lib/frr/bgpd", "-S", "-Z", "-P", "0", "--log", "stdout", *vty)
    argv += ("-f", str(folder / "bgpd.conf"), "-i", str(folder / "bgpd.pid"))
    unit = Unit(name="internal-bgpd", argv=argv, namespace=ferrite.lab.state.namespace("client"))
    ferrite.do(ferrite.lab.start_unit(unit))

    def ask(command):
        done = ferrite.exec("client", "vtysh", *vty, "-c", command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    wait_until("its daemon", lambda: ask("show bgp summary json") is not None)
    yield ask
    ferrite.do(order(ferrite.lab.state.control_socket, Order(verb="forget", name="internal-bgpd")))


def test_an_internal_router_is_told_the_local_preference(ferrite, given, internal):
    """Only a peer of the same ASN hears of it (RFC 4271, 5.1.5)."""

    def preferences(address):
        found = internal(f"show bgp ipv4 unicast {address}/32 json").get("paths", [])
        return [path["locPrf"] for path in found]

    given.apply(
        pool("bgp-internal", "203.0.113.48/28"),
        peer("internal", address4("client"), peerASN=NODE_ASN),
        bgp("bgp-internal", "bgp-internal", localPref=150, peers=["internal"]),
        service("bgp-internal", "bgp-internal"),
    )
    given.app("bgp-internal")
    address = wait_until("an address", lambda: ferrite.address("bgp-internal"))
    wait_until("paths", lambda: preferences(address) == [150] * ferrite.lab.nodes)
    given.apply(bgp("bgp-internal", "bgp-internal", localPref=250, peers=["internal"]))
    wait_until("new paths", lambda: preferences(address) == [250] * ferrite.lab.nodes)
    assert not paths(ferrite, address)  # nothing at the other router

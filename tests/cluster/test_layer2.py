"""Layer 2, end to end: an address of the LAN is given, answered for by one node, and falls silent."""

import pytest

from e2e.manifests import DUAL, layer2, pool, service
from e2e.patience import wait_until
from lab.state import address4

POOL = "l2-test"
FIRST4, FIRST6 = "192.168.1.240", "fd00:30::f0"
ADDRESSES = ("192.168.1.240-192.168.1.242", "fd00:30::f0/124")


@pytest.fixture(scope="module", autouse=True)
def offer(given_module):
    given_module.apply(pool(POOL, *ADDRESSES), layer2(POOL, POOL))


def answers_arp(cluster, address):
    return (
        cluster.exec("client", "arping", "-q", "-f", "-c", "1", "-w", "1", "-I", "eth0", address).returncode
        == 0
    )


def test_a_machine_outside_reaches_the_first_address_of_each_family(ferrite, given):
    given.app("l2-dual", "hello from layer 2")
    given.apply(service("l2-dual", POOL, **DUAL))

    wait_until("addresses", lambda: ferrite.address("l2-dual") == f"{FIRST4} {FIRST6}")
    for address in (FIRST4, FIRST6):
        wait_until(f"{address} to answer", lambda a=address: ferrite.get("client", a) == "hello from layer 2")

    stored = ferrite.read("service", "l2-dual")
    assert stored["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"] == POOL
    assert [one["ipMode"] for one in stored["status"]["loadBalancer"]["ingress"]] == ["VIP", "VIP"]
    text = f'Assigned IP ["{FIRST4}" "{FIRST6}"]'
    wait_until("the event", lambda: ferrite.events("l2-dual", "IPAllocated") == [text])


def test_the_status_names_the_node_that_answers(ferrite, given):
    given.app("l2-status")
    given.apply(service("l2-status", POOL))
    node = wait_until("a status", lambda: ferrite.announcer("l2-status"))

    chosen = ("servicel2statuses", "-n", ferrite.namespace, "-l", "metallb.io/service-name=l2-status")
    [status] = wait_until("a complete status", lambda: ferrite.read(*chosen))
    assert status["status"] == {"node": node, "serviceName": "l2-status", "serviceNamespace": "default"} | (
        {"interfaces": []} if "interfaces" in status["status"] else {}
    )
    assert status["metadata"]["labels"]["metallb.io/node"] == node
    assert status["metadata"]["labels"]["metallb.io/service-namespace"] == "default"
    assert [one["kind"] for one in status["metadata"]["ownerReferences"]] == ["Pod"]

    address = ferrite.address("l2-status")
    wait_until("an answer", lambda: answers_arp(ferrite, address))
    mac = ferrite.exec(node, "cat", "/sys/class/net/eth0/address").stdout.strip()
    found = ferrite.exec("client", "arping", "-c", "2", "-I", "eth0", address).stdout
    assert mac.upper() in found.upper()
    assert "Received 2 response" in found  # one answer each: no second node


def test_the_event_comes_once(ferrite, given):
    given.app("l2-event")
    given.apply(service("l2-event", POOL))
    node = wait_until("a status", lambda: ferrite.announcer("l2-event"))
    text = f'announcing from node "{node}" with protocol "layer2"'
    wait_until("the event", lambda: ferrite.events("l2-event", "nodeAssigned") == [text])

    ferrite.kubectl("annotate", "service", "l2-event", "example.com/touched=yes")
    given.apply(service("l2-later", POOL))
    given.app("l2-later")
    wait_until("a later event", lambda: ferrite.events("l2-later", "nodeAssigned"))
    assert ferrite.events("l2-event", "nodeAssigned") == [text]


def test_local_traffic_policy_answers_only_where_there_is_an_endpoint(ferrite, given):
    given.app("l2-local", nodes=["node-2"])
    given.apply(service("l2-local", POOL, externalTrafficPolicy="Local"))
    wait_until("node-2", lambda: ferrite.announcer("l2-local") == "node-2")
    address = ferrite.address("l2-local")
    wait_until("its pod", lambda: ferrite.get("client", address, "/node") == "node-2")
    assert ferrite.get("client", address, "/client") == address4("client")  # not another node's

    given.app("l2-local", nodes=["node-3"])
    wait_until("node-3", lambda: ferrite.announcer("l2-local") == "node-3")
    wait_until("the other pod", lambda: ferrite.get("client", address, "/node") == "node-3")
    assert ferrite.address("l2-local") == address


def test_a_local_service_without_endpoints_is_answered_by_nobody(ferrite, given):
    given.apply(service("l2-empty", POOL, externalTrafficPolicy="Local"))
    address = wait_until("an address", lambda: ferrite.address("l2-empty"))
    wait_until("whoever had it before to fall silent", lambda: not answers_arp(ferrite, address))
    given.app("l2-empty", nodes=["node-1"])
    wait_until("an answer", lambda: answers_arp(ferrite, address))


def test_a_deleted_service_gives_its_address_back(ferrite, given):
    given.app("l2-gone")
    given.apply(service("l2-gone", POOL, **DUAL))
    four, six = wait_until("addresses", lambda: ferrite.address("l2-gone")).split()
    wait_until("an answer", lambda: answers_arp(ferrite, four))

    given.delete("Service", "l2-gone")
    wait_until("silence", lambda: not answers_arp(ferrite, four))
    wait_until("no status", lambda: ferrite.announcer("l2-gone") == "")
    ferrite.exec("client", "ip", "neigh", "flush", "to", six)
    ferrite.exec("client", "ping", "-c", "1", "-W", "1", six)
    assert "REACHABLE" not in ferrite.exec("client", "ip", "neigh", "show", six).stdout

    pool_read = ("ipaddresspool", POOL, "-n", ferrite.namespace)
    wait_until("all to be free", lambda: ferrite.read(*pool_read)["status"]["assignedIPv4"] == 0)
    given.apply(service("l2-next", POOL))
    wait_until("the same address", lambda: ferrite.address("l2-next") == four)


def test_without_an_advertisement_nobody_answers(ferrite, given):
    given.apply(pool("l2-quiet", "192.168.1.250/32"), service("l2-quiet", "l2-quiet"))
    given.app("l2-quiet")
    address = wait_until("an address", lambda: ferrite.address("l2-quiet"))
    assert not answers_arp(ferrite, address)
    given.apply(
        layer2("l2-quiet", "l2-quiet", nodeSelectors=[{"matchLabels": {"kubernetes.io/hostname": "node-2"}}])
    )
    wait_until("node-2", lambda: ferrite.announcer("l2-quiet") == "node-2")
    wait_until("an answer", lambda: answers_arp(ferrite, address))

"""Addresses that stay: sticky, reserved, within a quota, and of a pool that shrinks and goes."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.manifests import bgp, layer2, pool, service
from e2e.patience import wait_until
from lab.probe import watch
from lab.state import address4

IPS = "metallb.io/loadBalancerIPs"
FIRST, SECOND, THIRD = "192.168.1.234", "192.168.1.235", "192.168.1.236"
ROUTED = "203.0.113.161"
STEADY_SECONDS = 2.0


def waited(cluster, name, status="True"):
    """Wait for the condition as people do."""
    condition = f"condition=ferrite.io/AddressAssigned={status}"
    cluster.kubectl("wait", f"--for={condition}", f"service/{name}", "--timeout=30s")


def verdict(cluster, name):
    conditions = cluster.read("service", name)["status"].get("conditions", ())
    return next(
        (
            (one["status"], one["reason"], one["message"])
            for one in conditions
            if one["type"] == "ferrite.io/AddressAssigned"
        ),
        None,
    )


def read_pool(cluster, name):
    return cluster.read("ipaddresspool", name, "-n", cluster.namespace)


def test_an_address_is_kept_through_a_killed_controller(ferrite, given):
    given.apply(pool("stay-sticky", f"{FIRST}-{SECOND}", stickyFor="1h"), service("stay-a", "stay-sticky"))
    waited(ferrite, "stay-a")
    assert ferrite.address("stay-a") == FIRST
    ferrite.kill("controller")
    given.delete("Service", "stay-a")
    given.apply(service("stay-b", "stay-sticky"))
    waited(ferrite, "stay-b")
    assert ferrite.address("stay-b") == SECOND
    binding = ferrite.read("addressbinding", "default.stay-a", "-n", ferrite.namespace)
    assert binding["spec"]["addresses"] == [FIRST]
    assert "until" in binding["spec"]
    given.apply(service("stay-a", "stay-sticky"))
    waited(ferrite, "stay-a")
    assert ferrite.address("stay-a") == FIRST
    assert verdict(ferrite, "stay-a") == ("True", "Assigned", f"{FIRST} of pool stay-sticky")


def test_a_reservation_as_people_see_it(ferrite, given):
    reserved = {
        "apiVersion": "ferrite.io/v1alpha1",
        "kind": "AddressReservation",
        "metadata": {"name": "stay-vip", "namespace": "default"},
        "spec": {"pool": "stay-reserved", "addresses": [SECOND], "services": "stay-vip-*"},
    }
    given.apply(pool("stay-reserved", f"{FIRST}-{SECOND}"), reserved)
    given.site.kubectl("wait", "--for=condition=Reserved", "addressreservation/stay-vip", "--timeout=30s")
    table = given.site.kubectl("get", "addressreservations").stdout.splitlines()
    assert [line.split() for line in table] == [
        ["NAME", "POOL", "ADDRESSES", "SERVICES", "RESERVED"],
        ["stay-vip", "stay-reserved", f'["{SECOND}"]', "stay-vip-*", "True"],
    ]
    given.apply(service("stay-other", "stay-reserved"), service("stay-vip-1", "stay-reserved"))
    given.apply(service("stay-late", "stay-reserved", {IPS: SECOND}))
    waited(ferrite, "stay-vip-1")
    waited(ferrite, "stay-late", "False")
    assert (ferrite.address("stay-other"), ferrite.address("stay-vip-1")) == (FIRST, SECOND)
    assert verdict(ferrite, "stay-late")[1] in ("AddressInUse", "AddressReserved")
    entry = {"address": SECOND, "services": ["default/stay-vip-1"]}
    wait_until(
        "who uses it",
        lambda: ferrite.read("addressreservation", "stay-vip")["status"]["addresses"] == [entry],
    )
    given.delete("Service", "stay-vip-1")
    text = f"{SECOND} is reserved by default/stay-vip"
    wait_until("the refusal", lambda: verdict(ferrite, "stay-late") == ("False", "AddressReserved", text))


def test_two_creates_at_the_same_moment_stay_within_a_quota(ferrite, given):
    name = "stay-quota"
    given.apply(pool(name, f"{FIRST}-{THIRD}", quota={"default": 1}))
    names = ("stay-one", "stay-two")
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda each: given.apply(service(each, name)), names))
    wait_until("both verdicts", lambda: all(verdict(ferrite, each) for each in names))
    served, refused = sorted(names, key=lambda each: verdict(ferrite, each)[0], reverse=True)
    address = ferrite.address(served)
    assert (address, ferrite.address(refused)) == (FIRST, "")
    text = (
        f"no available IPs in pool {name} for ipv4 IPFamily; namespace default has 1 of at most 1 addresses "
        f"of pool {name}: {address} (default/{served})"
    )
    assert verdict(ferrite, refused) == ("False", "QuotaExceeded", text)
    given.delete("Service", served)
    waited(ferrite, refused)


LAN, ROUTED_POOL = "stay-l2", "stay-bgp"
KEEP = {"onRemoval": "Keep"}


@pytest.fixture
def answering(ferrite, given, peers):
    """A Service at layer 2 and one over BGP that answer, of pools that keep."""
    given.apply(pool(LAN, f"{FIRST}-{SECOND}", **KEEP), layer2(LAN, LAN))
    given.apply(pool(ROUTED_POOL, "203.0.113.160/30", **KEEP), bgp(ROUTED_POOL, ROUTED_POOL))
    for name, address in ((LAN, SECOND), (ROUTED_POOL, ROUTED)):
        given.app(name, name)
        given.apply(service(name, name, {IPS: address}))
    wait_until("an answer on the LAN", lambda: ferrite.get("client", SECOND) == LAN)
    wait_until("an answer behind the router", lambda: ferrite.get("remote", ROUTED) == ROUTED_POOL)
    wait_until("every route", lambda: ferrite.hops(ROUTED) == nodes4(ferrite))


def nodes4(cluster):
    return {address4(node) for node in cluster.lab.node_names}


def steady(cluster):
    """See for a while that the routed address stays routed and answers."""
    end = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < end:
        assert cluster.hops(ROUTED) == nodes4(cluster)
        assert cluster.get("remote", ROUTED) == ROUTED_POOL


def lists(cluster, name, address):
    """Whether the pool's status lists the address, and is of the object as it is."""
    found = read_pool(cluster, name)
    current = found["status"]["observedGeneration"] == found["metadata"]["generation"]
    return current and found["status"].get("kept") == [address]


def test_what_a_pool_keeps_goes_on_answering_until_the_service_goes(ferrite, given, answering):
    def listed():
        return lists(ferrite, LAN, SECOND) and lists(ferrite, ROUTED_POOL, ROUTED)

    def shrink_and_delete():
        given.apply(pool(LAN, f"{FIRST}/32", **KEEP), pool(ROUTED_POOL, "203.0.113.160/32", **KEEP))
        steady(ferrite)
        wait_until("both to be listed", listed)
        ferrite.kubectl("delete", "ipaddresspool", LAN, ROUTED_POOL, "-n", ferrite.namespace, "--wait=false")
        steady(ferrite)
        wait_until("both to be listed again", listed)

    async def act():
        await asyncio.to_thread(shrink_and_delete)

    seen = ferrite.do(watch(ferrite.lab, SECOND, act, moves=False))
    assert seen.longest_gap < 0.5
    assert (ferrite.address(LAN), ferrite.address(ROUTED_POOL)) == (SECOND, ROUTED)
    for name in (LAN, ROUTED_POOL):
        assert "deletionTimestamp" in read_pool(ferrite, name)["metadata"]
        given.delete("Service", name)
    gone = ("ipaddresspool", LAN, ROUTED_POOL, "-n", ferrite.namespace, "--ignore-not-found", "-o", "name")
    wait_until("both pools to go", lambda: not ferrite.kubectl("get", *gone).stdout)
    wait_until("the route to go", lambda: not ferrite.hops(ROUTED))

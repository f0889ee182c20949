"""Layer 2: an address of the LAN, answered for by one node, reached from a machine outside."""

import pytest

from e2e.conftest import Apps, Offer
from e2e.given import Given
from e2e.manifests import service
from e2e.patience import wait_until
from e2e.site import Site


@pytest.mark.parametrize("family", [4, 6])
def test_a_machine_outside_reaches_the_address(
    site: Site, apps: Apps, given: Given, lan: Offer, family: int
) -> None:
    lan.need(family)
    name = f"l2-cluster-{family}"
    apps.run(name, "hello from layer 2")
    given.apply(service(name, lan.pool, selector={"app": name}, ipFamilies=[f"IPv{family}"]))
    address = wait_until("an address", lambda: site.address(name))
    wait_until("an answer", lambda: site.get("client", address) == "hello from layer 2")
    assert wait_until("the status", lambda: site.announcer(name))
    text = f'Assigned IP ["{address}"]'
    wait_until("the event", lambda: site.events(name, "IPAllocated") == [text])


@pytest.mark.parametrize("family", [4, 6])
def test_local_traffic_stays_on_the_node_of_the_pod_and_keeps_the_clients_address(
    site: Site, apps: Apps, given: Given, lan: Offer, nodes: dict[str, dict[int, str]], family: int
) -> None:
    lan.need(family)
    name = f"l2-local-{family}"
    for node in list(nodes)[:2]:
        apps.run(name, nodes=(node,))
        spec = {"selector": {"app": name}, "ipFamilies": [f"IPv{family}"]}
        given.apply(service(name, lan.pool, **spec, externalTrafficPolicy="Local"))
        address = wait_until("an address", lambda: site.address(name))
        wait_until(f"{node} to answer", lambda node=node: site.announcer(name) == node)
        wait_until("its pod", lambda a=address, node=node: site.get("client", a, "/node") == node)
        client = wait_until("its client", lambda a=address: site.get("client", a, "/client"))
        assert client not in {known for every in nodes.values() for known in every.values()}
        assert ":" in client if family == 6 else "." in client


def test_a_dual_stack_service_has_both_from_one_pool(
    site: Site, apps: Apps, given: Given, lan: Offer
) -> None:
    lan.need(4, 6)
    apps.run("l2-dual", "hello twice")
    dual = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}
    given.apply(service("l2-dual", lan.pool, selector={"app": "l2-dual"}, **dual))
    four, six = wait_until("addresses", lambda: site.address("l2-dual")).split()
    for address in (four, six):
        wait_until(f"{address} to answer", lambda a=address: site.get("client", a) == "hello twice")


def test_without_pods_nobody_answers(site: Site, apps: Apps, given: Given, lan: Offer) -> None:
    lan.need(4)
    given.apply(service("l2-empty", lan.pool, selector={"app": "l2-empty"}))
    address = wait_until("an address", lambda: site.address("l2-empty"))
    assert site.announcer("l2-empty") == ""
    apps.run("l2-empty", "now")
    wait_until("an answer", lambda: site.get("client", address) == "now")

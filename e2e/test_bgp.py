"""BGP: routes in the kernel of a router from every node, reached from a machine behind it."""

import pytest

from e2e.conftest import Apps, Offer
from e2e.given import Given
from e2e.manifests import service
from e2e.patience import wait_until
from e2e.site import Site

Nodes = dict[str, dict[int, str]]


@pytest.mark.parametrize("family", [4, 6])
def test_every_node_is_a_next_hop_and_a_machine_behind_the_router_is_answered(
    site: Site, apps: Apps, given: Given, routed: Offer, nodes: Nodes, family: int
) -> None:
    routed.need(family)
    name = f"bgp-cluster-{family}"
    apps.run(name, "hello from bgp")
    given.apply(service(name, routed.pool, selector={"app": name}, ipFamilies=[f"IPv{family}"]))
    address = wait_until("an address", lambda: site.address(name))
    everyone = {addresses[family] for addresses in nodes.values()}
    wait_until("the routes", lambda: everyone <= site.hops(address))
    wait_until("an answer", lambda: site.get("remote", address) == "hello from bgp")
    given.delete("Service", name)
    wait_until("no route", lambda: not site.hops(address))


@pytest.mark.parametrize("family", [4, 6])
def test_local_traffic_is_routed_only_to_nodes_with_a_pod(
    site: Site, apps: Apps, given: Given, routed: Offer, nodes: Nodes, family: int
) -> None:
    routed.need(family)
    name = f"bgp-local-{family}"
    spec = {"selector": {"app": name}, "ipFamilies": [f"IPv{family}"], "externalTrafficPolicy": "Local"}
    for node in list(nodes)[:2]:
        apps.run(name, nodes=(node,))
        given.apply(service(name, routed.pool, **spec))
        address = wait_until("an address", lambda: site.address(name))
        hop = {nodes[node][family]}
        wait_until(f"{node} to be the only hop", lambda a=address, h=hop: site.hops(a) == h)
        wait_until("its pod", lambda a=address, node=node: site.get("remote", a, "/node") == node)
        client = wait_until("its client", lambda a=address: site.get("remote", a, "/client"))
        assert client not in {known for every in nodes.values() for known in every.values()}

"""What a speaker reads of Services, EndpointSlices and Nodes."""

from ipaddress import ip_address

import msgspec
import pytest

from ferrite.model import Pool, Removal
from ferrite.net import parse_range
from ferrite.objects import EndpointSlice, Node, Service
from ferrite.views import node_view, pool_of, service_view


def service(**parts):
    body = {
        "metadata": {"name": "web", "namespace": "default", "annotations": parts.pop("annotations", {})},
        "spec": {"type": "LoadBalancer", **parts.pop("spec", {})},
        "status": {"loadBalancer": {"ingress": parts.pop("ingress", [{"ip": "192.0.2.1"}])}},
    }
    return msgspec.convert(body, Service)


def part(*endpoints):
    return msgspec.convert({"metadata": {"name": "s"}, "endpoints": list(endpoints)}, EndpointSlice)


def endpoint(node="node-1", **conditions):
    return {"addresses": ["10.0.0.1"], "nodeName": node, "conditions": conditions}


@pytest.mark.parametrize(
    ("conditions", "serving"),
    [
        ({}, True),
        ({"ready": True}, True),
        ({"ready": False}, False),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": True}, False),
    ],
)
def test_endpoints_that_can_serve(conditions, serving):
    view = service_view(service(), [part(endpoint(**conditions))])
    assert view.has_endpoints is serving
    assert view.serving_nodes == ({"node-1"} if serving else frozenset())


@pytest.mark.parametrize(
    ("ingress", "addresses"),
    [
        ([], ()),
        ([{"ip": "192.0.2.1", "ipMode": "VIP"}, {"ip": "2001:db8::1"}], ("192.0.2.1", "2001:db8::1")),
        ([{"ip": "192.0.2.1"}, {"hostname": "lb.example"}], ()),
        ([{"ip": "not-one"}], ()),
    ],
)
def test_assigned_addresses(ingress, addresses):
    assert service_view(service(ingress=ingress), []).addresses == tuple(map(ip_address, addresses))


@pytest.mark.parametrize("pool", ["blue", ""])
def test_addresses_are_assigned_while_the_controller_says_from_where(pool):
    assert service_view(service(annotations={"metallb.io/ip-allocated-from-pool": pool}), []).assigned
    assert not service_view(service(annotations={"metallb.io/address-pool": pool}), []).assigned


@pytest.mark.parametrize(
    ("spec", "ours", "expected"),
    [
        ({}, "", True),
        ({"loadBalancerClass": "other/lb"}, "", False),
        ({"loadBalancerClass": "ferrite"}, "ferrite", True),
        ({}, "ferrite", False),
        ({"type": "ClusterIP"}, "", False),
    ],
)
def test_only_services_of_our_class(spec, ours, expected):
    assert service_view(service(spec=spec), [], ours).is_load_balancer is expected


@pytest.mark.parametrize("prefix", ["metallb.io/", "metallb.universe.tf/"])
def test_a_sharing_annotation_counts_even_when_empty(prefix):
    assert service_view(service(annotations={prefix + "allow-shared-ip": ""}), []).sharing_key_present


def test_a_node():
    body = {
        "metadata": {
            "name": "node-1",
            "labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""},
        },
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "node-1"},
                {"type": "InternalIP", "address": "192.0.2.11"},
                {"type": "InternalIP", "address": "broken"},
                {"type": "InternalIP", "address": "2001:db8::b"},
            ],
            "conditions": [{"type": "NetworkUnavailable", "status": "True"}],
        },
    }
    node = msgspec.convert(body, Node)
    view = node_view(node)
    assert view.addresses == (ip_address("192.0.2.11"), ip_address("2001:db8::b"))
    assert (view.network_unavailable, view.excluded) == (True, True)
    assert not node_view(node, ignore_exclude_label=True).excluded


def pool(name, *ranges, kept=None):
    removal = None if kept is None else Removal(kept=tuple(map(parse_range, kept)))
    return Pool(name, tuple(map(parse_range, ranges)), removal=removal)


KEEPS = pool("a-keeps", "192.0.2.0/28", kept=["192.0.2.77/32", "2001:db8::7/128"])
OFFERS = pool("b-offers", "192.0.2.64/26", "2001:db8::/64")


@pytest.mark.parametrize(
    ("addresses", "pools", "expected"),
    [
        pytest.param([], [OFFERS], None, id="no-address"),
        pytest.param(["192.0.2.77"], [OFFERS], "b-offers", id="offered"),
        pytest.param(["192.0.2.77"], [KEEPS], "a-keeps", id="kept"),
        pytest.param(["192.0.2.78"], [KEEPS], None, id="not-kept"),
        pytest.param(
            ["192.0.2.77"], [KEEPS, OFFERS], "b-offers", id="who-offers-it-comes-before-who-keeps-it"
        ),
        pytest.param(["192.0.2.1", "2001:db8::7"], [KEEPS], "a-keeps", id="one-offered-and-one-kept"),
        pytest.param(["192.0.2.1", "2001:db8::8"], [KEEPS, OFFERS], None, id="of-two-pools"),
        pytest.param(["192.0.2.1"], [pool("p", "192.0.2.0/28")], "p", id="a-pool-that-does-not-keep"),
    ],
)
def test_the_pool_of_addresses(addresses, pools, expected):
    found = pool_of(pools, map(ip_address, addresses))
    assert (found.name if found else None) == expected

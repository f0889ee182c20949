"""Objects of a MetalLB release: AddressPools are converted, what Ferrite reads as it is passes through."""

import json

import pytest
from test_convert_config import convert

from cli.convert import converted
from cli.convert_fields import Findings
from cli.convert_input import read

POOL = {"addresses": ["192.0.2.0/28"]}


def item(kind, name="a", spec=None, version="metallb.io/v1beta1", **metadata):
    given = {"name": name, "namespace": "metallb-system", **metadata}
    return {"apiVersion": version, "kind": kind, "metadata": given, "spec": spec or {}}


def convert_objects(*items):
    return convert(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def manifests(*items):
    findings = Findings()
    made = converted(read(json.dumps({"kind": "List", "items": items})), "metallb-system", findings)
    return [each.manifest for each in made], findings.problems


@pytest.mark.parametrize("version", ["metallb.io/v1alpha1", "metallb.io/v1beta1"])
def test_an_address_pool_is_converted_as_a_pool_of_the_config_map(version):
    advertisement = {
        "aggregationLength": 28,
        "aggregationLengthV6": 64,
        "localPref": 7,
        "communities": ["1:2"],
    }
    spec = {"addresses": ["192.0.2.0/28"], "autoAssign": False, "avoidBuggyIPs": True}
    made, notes, problems = convert_objects(
        item("AddressPool", "b", spec | {"protocol": "bgp", "bgpAdvertisements": [advertisement]}, version),
        item("AddressPool", "l", {"protocol": "layer2", "addresses": ["198.51.100.0/28"]}, version),
        item("AddressPool", "old", {"protocol": "arp", "addresses": ["203.0.113.0/28"], "cidr": []}, version),
    )
    assert made == {
        ("IPAddressPool", "b"): spec,
        ("IPAddressPool", "l"): {"addresses": ["198.51.100.0/28"]},
        ("L2Advertisement", "l"): {"ipAddressPools": ["l"]},
        ("BGPAdvertisement", "b"): {"ipAddressPools": ["b"], **advertisement},
    }
    assert problems == ['AddressPool metallb-system/old: protocol "arp" is unknown: want layer2 or bgp']
    assert "AddressPool metallb-system/old: cidr is not a key of this format, left out" in notes


def test_what_ferrite_reads_passes_through_with_one_note():
    specs = {
        ("IPAddressPool", "a"): POOL | {"serviceAllocation": {"namespaces": ["team"]}},
        ("L2Advertisement", "a"): {"interfaces": ["eth0"]},
        ("BFDProfile", "a"): {"receiveInterval": 300},
        ("Community", "a"): {"communities": [{"name": "x", "value": "64500:1"}]},
        ("BGPPeer", "a"): {
            "myASN": 1,
            "peerASN": 1,
            "peerAddress": "192.0.2.1",
            "passwordSecret": {"name": "s"},
        },
        ("BGPAdvertisement", "a"): {"communities": ["x"], "localPref": 5},
    }
    versions = {"BGPPeer": "metallb.io/v1beta2"}
    made, notes, problems = convert_objects(
        *(
            item(kind, name, spec, versions.get(kind, "metallb.io/v1beta1"))
            for (kind, name), spec in specs.items()
        )
    )
    assert (made, problems) == (specs, [])
    assert notes == ["objects of metallb.io need no conversion, they are printed as they are (6)"]


def test_what_the_api_server_has_added_goes():
    labels, annotations = {"zone": "a"}, {"owner": "me"}
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    given = item(
        "IPAddressPool",
        spec=POOL,
        uid="1",
        resourceVersion="2",
        creationTimestamp="2024-01-01T00:00:00Z",
        labels=labels,
        annotations=annotations | applied,
    ) | {"status": {"assignedIPv4": 1}}
    found, _ = manifests(given)
    metadata = {"name": "a", "namespace": "metallb-system", "labels": labels, "annotations": annotations}
    assert found == [item("IPAddressPool", spec=POOL) | {"metadata": metadata}]


def test_an_old_version_stays_that_version():
    peer = {"myASN": 1, "peerASN": 1, "peerAddress": "192.0.2.1", "peerPort": 0}
    ((made,), problems) = manifests(item("BGPPeer", spec=peer))
    assert (made["apiVersion"], made["spec"], problems) == ("metallb.io/v1beta1", peer, [])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (item("IPAddressPool"), "IPAddressPool metallb-system/a: spec.addresses: Field required"),
        (item("IPAddressPool", spec={"addresses": ["x"]}), 'invalid CIDR "x"'),
        (item("IPAddressPool", ""), "metadata.name is missing"),
        (item("BFDProfile", spec={"detectMultiplier": 1}), "spec.detectMultiplier: Input should be greater"),
        (
            item("AddressPool", "good", {"protocol": "layer2", **POOL}),
            "IPAddressPool metallb-system/good has",
        ),
        (item("IPAddressPool", "good", {"addresses": ["198.51.100.0/28"]}), "is a IPAddressPool good, too"),
    ],
)
def test_what_ferrite_cannot_use_is_left_out_and_named(given, problem):
    made, _, problems = convert_objects(
        item("IPAddressPool", "good", {"addresses": ["203.0.113.0/28"]}), given
    )
    assert made == {("IPAddressPool", "good"): {"addresses": ["203.0.113.0/28"]}}
    assert [problem in line for line in problems] == [True]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (
            item("IPAddressPool", "b", POOL | {"color": "red"}),
            "spec.color is not a field of Ferrite's, left out",
        ),
        (
            item("IPAddressPool", "b", POOL | {"serviceAllocation": {"serviceSelectors": [{"x": 1}]}}),
            "spec.serviceAllocation.serviceSelectors[0].x is not a field",
        ),
        (item("MetalLB"), "MetalLB metallb-system/a: metallb.io/v1beta1 MetalLB has no equal in Ferrite"),
        (item("FRRConfiguration", version="frrk8s.metallb.io/v1beta1"), "has no equal in Ferrite, left out"),
        (
            item("ConfigMap", "bgpextras", version="v1"),
            "ConfigMap metallb-system/bgpextras: has no key config",
        ),
    ],
)
def test_what_has_no_equal_is_noted(given, note):
    _, notes, problems = convert_objects(item("IPAddressPool", "a", {"addresses": ["203.0.113.0/28"]}), given)
    assert problems == []
    assert [line for line in notes if note in line], notes


def test_no_password_is_shown():
    peer = {"myASN": 1, "peerASN": 1, "peerAddress": "192.0.2.1", "password": ["hunter2"]}
    _, _, problems = convert_objects(item("BGPPeer", spec=peer, version="metallb.io/v1beta2"))
    assert problems == ["BGPPeer metallb-system/a: spec.password: Input should be a valid string"]


def test_reports_of_the_daemons_are_passed_over():
    reports = (item(kind) for kind in ("ServiceL2Status", "ServiceBGPStatus", "ConfigurationState"))
    made, notes, problems = convert_objects(item("IPAddressPool", spec=POOL), *reports)
    assert (list(made), len(notes), problems) == ([("IPAddressPool", "a")], 1, [])

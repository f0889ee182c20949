"""The CRD manifests: current, and for the API server the same kinds that MetalLB's users know."""

import pytest
from crd_files import CRDS, crd, nodes, version

from crds.__main__ import main, stale_manifests
from crds.generate import manifests

METALLB = [
    "ipaddresspools",
    "bgppeers",
    "bfdprofiles",
    "bgpadvertisements",
    "l2advertisements",
    "communities",
    "servicel2statuses",
    "servicebgpstatuses",
    "configurationstates",
]
FERRITE = ["addressreservations", "addressbindings"]
"""Kinds that MetalLB does not have."""
PLURALS = METALLB + FERRITE
WITHOUT_STATUS = ["addressbindings"]


def test_the_manifests_are_what_the_models_generate():
    assert sorted(stale_manifests(CRDS)) == []


def test_the_folder_holds_these_manifests_only():
    """`kubectl apply -f crds/` takes every manifest of the folder."""
    found = {path.name for path in CRDS.iterdir() if path.suffix in {".yaml", ".yml", ".json"}}
    metallb = {f"metallb.io_{plural}.yaml" for plural in METALLB}
    assert found == set(manifests()) == metallb | {f"ferrite.io_{plural}.yaml" for plural in FERRITE}


def test_writing_then_checking(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().err.count("run make crds") == len(PLURALS)
    assert main(["--out", str(tmp_path)]) == 0
    assert main(["--out", str(tmp_path), "--check"]) == 0


def test_a_check_names_the_manifest_that_differs_and_leaves_it(tmp_path, capsys):
    main(["--out", str(tmp_path)])
    edited = tmp_path / "metallb.io_bgppeers.yaml"
    edited.write_text("edited", encoding="utf-8")
    assert main(["--out", str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().err == f"crds: {edited} is not what the models generate; run make crds\n"
    assert edited.read_text(encoding="utf-8") == "edited"


@pytest.mark.parametrize("plural", PLURALS)
def test_names_and_scope(plural):
    names = crd(plural)["names"]
    assert crd(plural)["group"] == ("ferrite.io" if plural in FERRITE else "metallb.io")
    assert crd(plural)["scope"] == "Namespaced"
    assert names["plural"] == plural
    assert names["singular"] == names["kind"].lower()
    assert names["listKind"] == f"{names['kind']}List"
    assert names.keys() == {"plural", "singular", "kind", "listKind"}, "MetalLB has no short names"


@pytest.mark.parametrize("plural", PLURALS)
def test_every_version_is_served_with_a_status(plural):
    for each in crd(plural)["versions"]:
        assert each["served"] is True
        parts = each["schema"]["openAPIV3Schema"]["properties"].keys()
        assert (each.get("subresources") == {"status": {}}) is ("status" in parts)
        assert ("status" in parts) is (plural not in WITHOUT_STATUS)


def test_only_peers_have_two_versions():
    stored = {
        plural: [(each["name"], each["storage"]) for each in crd(plural)["versions"]] for plural in PLURALS
    }
    assert stored.pop("bgppeers") == [("v1beta1", False), ("v1beta2", True)]
    assert {plural: versions for plural, versions in stored.items() if plural in FERRITE} == {
        plural: [("v1alpha1", True)] for plural in FERRITE
    }
    assert {tuple(stored[plural]) for plural in METALLB if plural in stored} == {(("v1beta1", True),)}


def test_the_old_version_of_peers_warns():
    old, new = version("bgppeers", "v1beta1"), version("bgppeers", "v1beta2")
    assert (old["deprecated"], old["deprecationWarning"]) == (
        True,
        "v1beta1 is deprecated, please use v1beta2",
    )
    assert "deprecated" not in new


@pytest.mark.parametrize("plural", PLURALS)
def test_no_version_needs_a_webhook(plural):
    assert crd(plural)["conversion"].get("webhook") is None
    assert crd(plural)["conversion"]["strategy"] == "None"


def test_the_conversion_webhook_of_metallb_is_taken_away():
    """Only an explicit null makes `kubectl apply` remove a field that another installer wrote."""
    assert crd("bgppeers")["conversion"] == {"strategy": "None", "webhook": None}


_POOLS = [
    ("IPAddressPools", "string", ".spec.ipAddressPools", 0),
    ("IPAddressPool Selectors", "string", ".spec.ipAddressPoolSelectors", 0),
]
_NODES = ("Node Selectors", "string", ".spec.nodeSelectors", 10)
_SERVICE = [
    ("Service Name", "string", ".status.serviceName", 0),
    ("Service Namespace", "string", ".status.serviceNamespace", 0),
]
COLUMNS = {
    "ipaddresspools": [
        ("Auto Assign", "boolean", ".spec.autoAssign", 0),
        ("Avoid Buggy IPs", "boolean", ".spec.avoidBuggyIPs", 0),
        ("Addresses", "string", ".spec.addresses", 0),
    ],
    "bgppeers": [
        ("Address", "string", ".spec.peerAddress", 0),
        ("ASN", "string", ".spec.peerASN", 0),
        ("BFD Profile", "string", ".spec.bfdProfile", 0),
        ("Multi Hops", "string", ".spec.ebgpMultiHop", 0),
    ],
    "bfdprofiles": [
        ("Passive Mode", "boolean", ".spec.passiveMode", 0),
        ("Transmit Interval", "integer", ".spec.transmitInterval", 0),
        ("Receive Interval", "integer", ".spec.receiveInterval", 0),
        ("Multiplier", "integer", ".spec.detectMultiplier", 0),
    ],
    "bgpadvertisements": [*_POOLS, ("Peers", "string", ".spec.peers", 0), _NODES],
    "l2advertisements": [*_POOLS, ("Interfaces", "string", ".spec.interfaces", 0), _NODES],
    "communities": [],
    "servicel2statuses": [("Allocated Node", "string", ".status.node", 0), *_SERVICE],
    "servicebgpstatuses": [("Node", "string", ".status.node", 0), *_SERVICE],
    "configurationstates": [
        ("Result", "string", ".status.result", 0),
        ("ErrorSummary", "string", ".status.errorSummary", 0),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ],
    "addressreservations": [
        ("Pool", "string", ".spec.pool", 0),
        ("Addresses", "string", ".spec.addresses", 0),
        ("Services", "string", ".spec.services", 0),
        ("Reserved", "string", '.status.conditions[?(@.type=="Reserved")].status', 0),
    ],
    "addressbindings": [
        ("Service", "string", ".spec.service", 0),
        ("Pool", "string", ".spec.pool", 0),
        ("Addresses", "string", ".spec.addresses", 0),
        ("Until", "string", ".spec.until", 0),
    ],
}


@pytest.mark.parametrize("plural", PLURALS)
def test_columns(plural):
    for each in crd(plural)["versions"]:
        columns = [
            (column["name"], column["type"], column["jsonPath"], column.get("priority", 0))
            for column in each.get("additionalPrinterColumns", [])
        ]
        assert columns == COLUMNS[plural]


@pytest.mark.parametrize("plural", PLURALS)
def test_every_field_is_explained(plural):
    for each in crd(plural)["versions"]:
        silent = [
            path
            for path, node in nodes(each["schema"]["openAPIV3Schema"])
            if path != "metadata" and not path.endswith("[]") and not node.get("description")
        ]
        assert silent == []

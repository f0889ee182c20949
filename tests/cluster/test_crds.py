"""The CRDs in an API server: they apply cleanly, good objects are taken and bad ones refused by name."""

import json
import re
from pathlib import Path

import address_cases
import crd_cases
import pytest
from address_cases import binding, reservation
from crd_cases import peer, pool

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
KINDS = 11
PEERS = "bgppeers.metallb.io"
DEPRECATED = "Warning: v1beta1 is deprecated, please use v1beta2\n"
NAMESPACE = "default"  # where no daemon looks for custom resources
EXAMPLES_NAMESPACE = "metallb-system"


def manifest(kind, version="v1", spec=None, *, name="crd-test", namespace=NAMESPACE):
    return json.dumps(
        {
            "apiVersion": version if version == "v1" or "/" in version else f"metallb.io/{version}",
            "kind": kind,
            "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
            **({} if spec is None else {"spec": spec}),
        }
    )


@pytest.fixture(scope="module")
def api(cluster):
    """The cluster with the CRDs and the namespace that the examples name."""
    cluster.kubectl("apply", "-f", str(CRDS))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))
    cluster.kubectl("apply", "-f", "-", input=manifest("Namespace", name=EXAMPLES_NAMESPACE, namespace=None))
    return cluster


@pytest.fixture
def stored(api):
    """Store an object of this name until the test ends, a BGPPeer; returns what creating it printed."""
    made = []

    def store(version, spec, name, kind="BGPPeer"):
        made.append((kind, name))
        return api.kubectl("create", "-f", "-", input=manifest(kind, version, spec, name=name))

    yield store
    for kind, name in made:
        api.kubectl("delete", kind, name, "-n", NAMESPACE, "--ignore-not-found")


def read(api, resource, name):
    return json.loads(api.kubectl("get", resource, name, "-n", NAMESPACE, "-o", "json").stdout)


def test_the_folder_applies_again_without_a_change(api):
    before = generations(api)
    assert len(before) == KINDS
    assert api.kubectl("apply", "-f", str(CRDS)).stderr == ""
    assert generations(api) == before


def test_the_folder_applies_over_metallb(api):
    """Helm installs MetalLB's CRDs with a conversion webhook, and without a note of what kubectl applied."""
    service = {"name": "metallb-webhook-service", "namespace": EXAMPLES_NAMESPACE, "path": "/convert"}
    webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1beta1", "v1beta2"]}
    conversion = {"spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}}}
    api.kubectl("annotate", "crd", PEERS, "kubectl.kubernetes.io/last-applied-configuration-")
    api.kubectl("patch", "crd", PEERS, "--type=merge", "-p", json.dumps(conversion))
    api.kubectl("apply", "-f", str(CRDS))
    found = json.loads(api.kubectl("get", "crd", PEERS, "-o", "json").stdout)
    assert found["spec"]["conversion"] == {"strategy": "None"}


def generations(api):
    found = json.loads(api.kubectl("get", "-f", str(CRDS), "-o", "json").stdout)["items"]
    return {crd["metadata"]["name"]: crd["metadata"]["generation"] for crd in found}


def test_every_schema_is_structural_and_served(api):
    found = json.loads(api.kubectl("get", "-f", str(CRDS), "-o", "json").stdout)["items"]
    assert len(found) == KINDS
    for crd in found:
        conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}, crd["metadata"]["name"]


@pytest.mark.parametrize("case", [*crd_cases.GOOD, *address_cases.GOOD])
def test_a_good_object_is_taken(api, case):
    created = api.kubectl("create", "--dry-run=server", "-f", "-", input=manifest(*case), check=False)
    assert (created.returncode, created.stderr.replace(DEPRECATED, "")) == (0, "")


@pytest.mark.parametrize(("case", "field", "complaint"), [*crd_cases.BAD, *address_cases.BAD])
def test_a_bad_object_is_refused_by_field(api, case, field, complaint):
    created = api.kubectl("create", "--dry-run=server", "-f", "-", input=manifest(*case), check=False)
    assert created.returncode != 0
    assert complaint in created.stderr
    assert re.search(rf"(?:invalid: |^\* ){re.escape(field)}: ", created.stderr, re.MULTILINE), created.stderr


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_applies(api, file):
    applied = api.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(file), check=False)
    assert (applied.returncode, applied.stderr) == (0, "")


def test_an_old_peer_reads_back_as_the_new_version(api, stored):
    """Absent timers stay absent: MetalLB's webhook makes `0s` of them, which switches them off."""
    _, _, spec = peer(nodeSelectors=[{"matchLabels": {"rack": "a"}}])
    assert stored("v1beta1", spec, "crd-test-old").stderr == DEPRECATED
    new = read(api, "bgppeers.v1beta2.metallb.io", "crd-test-old")
    assert new["apiVersion"] == "metallb.io/v1beta2"
    assert new["spec"] == spec | {"peerPort": 179, "disableMP": False, "dualStackAddressFamily": False}


def test_a_new_peer_reads_back_as_the_old_version(api, stored):
    _, _, spec = peer(holdTime="90s", vrf="red")
    stored("v1beta2", spec, "crd-test-new")
    old = read(api, "bgppeers.v1beta1.metallb.io", "crd-test-new")
    assert old["apiVersion"] == "metallb.io/v1beta1"
    assert old["spec"] == {key: value for key, value in spec.items() if key != "vrf"} | {"peerPort": 179}


def test_graceful_restart_cannot_change(api, stored):
    _, _, spec = peer(enableGracefulRestart=True)
    stored("v1beta2", spec, "crd-test-restarts")
    changed = manifest(
        "BGPPeer", "v1beta2", spec | {"enableGracefulRestart": False}, name="crd-test-restarts"
    )
    refused = api.kubectl("replace", "-f", "-", input=changed, check=False)
    assert refused.returncode != 0
    assert "spec.enableGracefulRestart: " in refused.stderr
    assert "EnableGracefulRestart cannot be changed after creation" in refused.stderr


def test_a_status_stays_with_its_service(api):
    name = "crd-test-status"
    api.kubectl("create", "-f", "-", input=manifest("ServiceL2Status", "v1beta1", {}, name=name))

    def set_node(node):
        patch = json.dumps({"status": {"node": node, "serviceName": "web", "serviceNamespace": "team"}})
        where = (
            "servicel2status",
            name,
            "-n",
            NAMESPACE,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        )
        return api.kubectl("patch", *where, check=False)

    assert set_node("node-a").returncode == 0
    refused = set_node("node-b")
    api.kubectl("delete", "servicel2status", name, "-n", NAMESPACE)
    assert refused.returncode != 0
    assert "status.node: " in refused.stderr
    assert "Value is immutable" in refused.stderr


def test_what_kubectl_shows_of_a_peer(api, stored):
    _, _, spec = peer(bfdProfile="fast", ebgpMultiHop=True)
    stored("v1beta2", spec, "crd-test-shown")
    header, row = api.kubectl("get", "bgppeer", "crd-test-shown", "-n", NAMESPACE).stdout.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == ["NAME", "ADDRESS", "ASN", "BFD PROFILE", "MULTI HOPS"]
    assert row.split() == ["crd-test-shown", "192.0.2.1", "65001", "fast", "true"]


def test_what_kubectl_shows_of_a_reservation(api, stored):
    kind, version, spec = reservation("192.0.2.7", services="web-*")
    stored(version, spec, "crd-test-reserved", kind)
    conditions = [
        {
            "type": name,
            "status": status,
            "reason": "Test",
            "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for name, status in (("Other", "True"), ("Reserved", "False"))
    ]
    status = {"addresses": [{"address": "192.0.2.7", "problem": "unknown pool"}], "conditions": conditions}
    where = ("addressreservation", "crd-test-reserved", "-n", NAMESPACE)
    words = (
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps({"status": status, "spec": {"pool": "x"}}),
    )
    api.kubectl("patch", *where, *words)
    stands = json.loads(api.kubectl("get", *where, "-o", "json").stdout)
    assert (stands["status"], stands["spec"]) == (status, spec)
    header, row = api.kubectl("get", *where).stdout.splitlines()
    assert header.split() == ["NAME", "POOL", "ADDRESSES", "SERVICES", "RESERVED"]
    assert row.split() == ["crd-test-reserved", "office", '["192.0.2.7"]', "web-*", "False"]


def test_what_kubectl_shows_of_a_binding(api, stored):
    """A time to come is shown as it stands; as an age it would be `<invalid>`."""
    kind, version, spec = binding(until="2126-01-01T00:00:00Z")
    stored(version, spec, "crd-test-bound", kind)
    header, row = api.kubectl("get", "addressbinding", "crd-test-bound", "-n", NAMESPACE).stdout.splitlines()
    assert header.split() == ["NAME", "SERVICE", "POOL", "ADDRESSES", "UNTIL"]
    assert row.split() == ["crd-test-bound", "team/web", "office", '["192.0.2.7"]', spec["until"]]


def test_a_pool_as_metallb_knows_it_stays_as_it_is(api, stored):
    """Fields that only Ferrite has are not filled in."""
    kind, version, spec = pool("192.0.2.0/24", autoAssign=False, avoidBuggyIPs=True)
    stored(version, spec, "crd-test-pool", kind)
    assert read(api, "ipaddresspool", "crd-test-pool")["spec"] == spec

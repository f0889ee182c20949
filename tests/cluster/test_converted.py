"""`kubectl ferrite convert` against a real API server: it reads the ConfigMap, and what it makes is taken."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from e2e.manifests import NAMESPACE

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "cli" / "convert"
PASSWORD = "1e3: 'yes' \N{SNOWMAN}"
ODD = f"""\
peers:
- {{peer-address: 192.0.2.1, peer-asn: 64500, my-asn: 64500, password: {json.dumps(PASSWORD)}}}
- peer-address: 192.0.2.2
  peer-asn: 64500
  my-asn: 64500
  node-selectors: [{{match-labels: {{a: y, "1e3": "1e3"}}}}]
address-pools:
- name: 1e3
  protocol: bgp
  addresses: [198.51.100.1 - 198.51.100.9, 2001:DB8::/64]
  bgp-advertisements: [{{communities: [yes, 64500:1, large:1:2:3], localpref: 4294967295}}]
- {{name: Ö_ffice, protocol: layer2, addresses: [192.0.2.129/25]}}
bgp-communities: {{yes: 65535:65281}}
"""


@pytest.fixture(scope="module")
def api(cluster):
    """The cluster with the CRDs and Ferrite's namespace."""
    cluster.kubectl("apply", "-f", str(ROOT / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds"))
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    cluster.apply(json.dumps(namespace))
    return cluster


def convert(api, *words, text=None):
    command = [sys.executable, "-m", "cli", "--kubeconfig", str(api.lab.kubeconfig), "convert", *words]
    return subprocess.run(
        command, cwd=ROOT, input=text, capture_output=True, text=True, check=True, timeout=60
    )


@pytest.mark.parametrize("sample", ["bgp", "full", "layer2"])
def test_a_sample_applies_to_the_api_server(api, sample):
    text = (SAMPLES / f"{sample}.out.yaml").read_text()
    applied = api.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-", input=text, check=False
    )
    assert (applied.returncode, applied.stderr) == (0, "")
    assert len(applied.stdout.splitlines()) == text.count("\n---\n")


def test_from_the_config_map_in_the_cluster_to_objects(api, tmp_path):
    metadata = {"name": "old-config", "namespace": NAMESPACE}
    given = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config": ODD}}
    api.apply(json.dumps(given))
    (tmp_path / "a.yaml").write_text(convert(api, "--from-configmap", "old-config").stdout)
    made = ("-f", str(tmp_path / "a.yaml"))
    try:
        applied = api.kubectl("apply", "--validate=strict", *made)
        assert applied.stderr == ""
        assert all(line.endswith(" created") for line in applied.stdout.splitlines())
        again = api.kubectl("apply", "--validate=strict", *made)
        assert all(line.endswith(" unchanged") for line in again.stdout.splitlines())
        found = {f"{item['kind']}/{item['metadata']['name']}": item for item in api.read(*made)}
        secret = found["Secret/peer1-password"]
        assert base64.b64decode(secret["data"]["password"]).decode() == PASSWORD
        assert found["IPAddressPool/1e3"]["spec"]["addresses"][0] == "198.51.100.1 - 198.51.100.9"
        assert found["BGPAdvertisement/1e3"]["spec"]["communities"] == ["yes", "64500:1", "large:1:2:3"]
        assert found["BGPPeer/peer2"]["spec"]["nodeSelectors"] == [{"matchLabels": {"a": "y", "1e3": "1e3"}}]
        assert "L2Advertisement/ffice" in found
    finally:
        api.kubectl("delete", "--ignore-not-found", *made)
        api.kubectl("delete", "configmap", "old-config", "-n", NAMESPACE)


def test_what_is_in_the_cluster_passes_through_without_a_change(api):
    kinds = ("ipaddresspools,l2advertisements", "-n", NAMESPACE)
    api.kubectl("apply", "-f", str(SAMPLES / "layer2.out.yaml"))
    try:
        present = api.kubectl("get", *kinds, "-o", "yaml").stdout
        api.apply(convert(api, "-", text=present).stdout)
        before, after = yaml.safe_load(present)["items"], api.read(*kinds)
        assert [item["metadata"]["generation"] for item in after] == [1, 1]
        assert [item["spec"] for item in after] == [item["spec"] for item in before]
    finally:
        api.kubectl("delete", "-f", str(SAMPLES / "layer2.out.yaml"))

"""What nodes with a kubelet are told."""

import ipaddress
import json
import tomllib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab import apps, containerd, control_plane, kubelets
from lab.certs import make_certificates
from lab.cluster import Lab
from lab.daemons import DaemonOptions, start_daemons
from lab.scratch import PAUSE_IMAGE
from lab.state import POD4, LabError, State, address4, address6, node_names, pod_cidrs

LISTED = """\
REF                  TYPE           DIGEST     SIZE      PLATFORMS   LABELS
ferrite.lab/a:1      application/x  sha256:m1  10.0 KiB  linux/amd64 -
ferrite.lab/b:1      application/x  sha256:m2  10.0 KiB  linux/amd64 -
sha256:c1            application/x  sha256:m1  10.0 KiB  linux/amd64 -
sha256:c2            application/x  sha256:m2  10.0 KiB  linux/amd64 -
"""


@pytest.fixture
def state(tmp_path):
    made = State("x", tmp_path, tmp_path / "disk")
    made.create()
    return made


def test_containerd_is_told_where_images_and_networks_are(tmp_path):
    config = tomllib.loads(containerd.configuration(tmp_path / "cni", "native"))
    runtime = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert runtime["sandbox_image"] == PAUSE_IMAGE
    assert runtime["cni"]["conf_dir"] == str(tmp_path / "cni")
    assert runtime["containerd"]["snapshotter"] == "native"
    assert runtime["restrict_oom_score_adj"]


@pytest.mark.parametrize("node", ["node-1", "node-80"])
def test_pods_of_kubelets_have_addresses_of_their_node_that_no_other_pod_has(node):
    [plugin] = containerd.pod_network(node)["plugins"]
    ranges = [one for [one] in plugin["ipam"]["ranges"]]
    assert [one["subnet"] for one in ranges] == pod_cidrs(node)
    others = {apps.pod_addresses(node, index) for index in range(apps.FIRST_POD, apps.LAST_POD)}
    for which, one in enumerate(ranges):
        first, last = (ipaddress.ip_address(one[end]) for end in ("rangeStart", "rangeEnd"))
        assert {first, last} <= set(ipaddress.ip_network(one["subnet"])) if which == 0 else first < last
        assert last in ipaddress.ip_network(one["subnet"])
        assert int(last) - int(first) >= 110
        assert not any(first <= ipaddress.ip_address(other[which]) <= last for other in others)


def test_a_kubelet_has_its_own_cgroup_and_certificate(state):
    config = kubelets.configuration(state, "node-2")
    assert config["cgroupRoot"] == "/ferrite-x-node-2"
    assert config["tlsCertFile"] == str(state.folder / "pki" / "node-2.crt")
    assert config["authentication"]["anonymous"] == {"enabled": False}
    assert config["enforceNodeAllocatable"] == []


def test_a_kubelet_is_run_in_its_node(state, monkeypatch, tmp_path):
    (tmp_path / "mountinfo").write_text("1 1 0:1 / /cg rw - cgroup2 cgroup2 rw")
    monkeypatch.setattr("lab.cgroups.MOUNTINFO", tmp_path / "mountinfo")
    unit = kubelets.kubelet_unit(state, "node-2")
    assert unit.namespace == "ferrite-x-node-2"
    assert "echo $$ > /cg/ferrite-x-node-2/programs/cgroup.procs" in unit.enter[2]
    for word in ("nsenter", "--net=/run/netns/ferrite-x-node-2"):
        assert word in unit.enter
    assert f"--mount={state.namespaces / 'node-2.mount'}" in unit.enter
    assert f"--node-ip={address4('node-2')},{address6('node-2')}" in unit.argv
    user = json.loads((state.folder / "nodes/node-2/kubelet.kubeconfig").read_text())["users"][0]["user"]
    assert user["client-certificate"].endswith("/pki/node-2.crt")


def test_certificates_of_kubelets_name_the_node_and_its_addresses(tmp_path):
    make_certificates(tmp_path, ["node-1"])
    authority, node = (
        x509.load_pem_x509_certificate((tmp_path / f"{name}.crt").read_bytes()) for name in ("ca", "node-1")
    )
    assert node.subject.rfc4514_string() == "O=system:nodes,CN=system:node:node-1"
    names = node.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == [
        address4("node-1"),
        address6("node-1"),
    ]
    usages = node.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usages) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    key = authority.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    node.verify_directly_issued_by(authority)
    assert (tmp_path / "node-1.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "kubelet-client.crt").exists()


def test_without_kubelets_there_are_no_certificates_for_them(tmp_path):
    make_certificates(tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["ca.crt", "server.crt", "server.key", "service-accounts.key"]


@pytest.mark.parametrize("with_kubelets", [False, True])
def test_the_api_server_trusts_and_calls_kubelets_only_where_there_are_some(state, with_kubelets):
    _, server = control_plane.control_plane_units(state, kubelets=with_kubelets)
    assert ("--authorization-mode=Node,RBAC" in server.argv) is with_kubelets
    assert ("--enable-admission-plugins=NodeRestriction" in server.argv) is with_kubelets
    assert ("--disable-admission-plugins=TaintNodesByCondition" in server.argv) is not with_kubelets
    assert any("--kubelet-client-key=" in word for word in server.argv) is with_kubelets
    manager = control_plane.controller_manager(state, kubelets=with_kubelets)
    [controllers] = [word for word in manager.argv if word.startswith("--controllers=")]
    assert ("-node-lifecycle-controller" in controllers) is not with_kubelets
    assert "-node-ipam-controller" in controllers


def test_pods_of_unlabelled_namespaces_are_held_to_a_level():
    [plugin] = control_plane.pod_security()["plugins"]
    assert plugin["name"] == "PodSecurity"
    assert plugin["configuration"]["defaults"]["enforce"] == "baseline"


def test_every_node_has_pod_networks_of_its_own():
    cidrs = [cidr for node in node_names(80) for cidr in pod_cidrs(node)]
    assert len(set(cidrs)) == 160
    assert pod_cidrs("node-3")[0] == f"{POD4}.3.0/24"


@pytest.mark.parametrize(
    ("images", "there"),
    [
        pytest.param({"ferrite.lab/a:1": "c1"}, True, id="there"),
        pytest.param({"ferrite.lab/a:1": "c1", "ferrite.lab/b:1": "c2"}, True, id="both-there"),
        pytest.param({"ferrite.lab/a:1": "c2"}, False, id="the-name-is-of-other-content"),
        pytest.param({"ferrite.lab/a:1": "c3"}, False, id="content-unknown"),
        pytest.param({"ferrite.lab/c:1": "c1"}, False, id="name-unknown"),
        pytest.param({"ferrite.lab/a:1": "c1", "ferrite.lab/c:1": "c3"}, False, id="one-missing"),
    ],
)
def test_an_image_is_there_when_its_name_has_its_content(images, there):
    assert containerd.holds(LISTED, images) is there


def node(ready="True", taints=None):
    spec = {"taints": taints} if taints else {}
    return {"spec": spec, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


@pytest.mark.parametrize(
    ("found", "takes"),
    [(node(), True), (node("False"), False), (node(taints=[{"key": "node.kubernetes.io/not-ready"}]), False)],
)
def test_a_node_takes_pods_when_ready_and_untainted(found, takes):
    assert kubelets.takes_pods(found) is takes


async def test_a_lab_with_kubelets_runs_no_daemon_outside_of_pods(state):
    assert not state.has_kubelets
    state.namespaces.mkdir()
    assert state.has_kubelets
    with pytest.raises(LabError, match="lab x has kubelets: install the chart"):
        await start_daemons(state, DaemonOptions())


@pytest.mark.parametrize("act", [Lab.kill_node, Lab.revive_node])
async def test_a_node_that_is_none_is_named(act):
    with pytest.raises(LabError, match=r"no node 'node-9' in lab y; it has node-1, node-2"):
        await act(Lab("y", 2), "node-9")


async def test_nodes_without_a_kubelet_take_no_image(tmp_path):
    with pytest.raises(LabError, match="lab y run no containers"):
        await Lab("y").load_image(tmp_path)

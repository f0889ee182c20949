"""A speaker writes only what is its own node's: the policy, asked by an API server."""

import json
from collections.abc import Iterator

import pytest
from api_server import ApiServer, remove_kinds
from programs import CHART, NAMESPACE, Object

pytestmark = [
    pytest.mark.requires("helm"),
    pytest.mark.requires("kubectl"),
    pytest.mark.requires("etcd"),
    pytest.mark.requires("kube-apiserver"),
    pytest.mark.requires("kube-controller-manager"),
    pytest.mark.timeout(300),
]


class Speakers:
    """Tokens of speakers on two nodes, and one of no pod; a release they belong to."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.tokens = {node: self._token(node) for node in ("node-1", "node-2")}
        self.tokens[""] = self._create_token()

    def _token(self, node: str) -> str:
        name = f"speaker-{node}"
        self.api.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}, pod(name, node))
        return self._create_token("--bound-object-kind=Pod", f"--bound-object-name={name}")

    def _create_token(self, *bound: str) -> str:
        words = ("create", "token", "ferrite-speaker", "--namespace", NAMESPACE, *bound)
        return self.api.kubectl(*words).stdout.strip()

    def does(self, node: str, *words: str, item: Object | None = None) -> str:
        """What the API server says against it; "" when it is done."""
        text = json.dumps(item) if item else None
        done = self.api.kubectl(
            *words, "--namespace", NAMESPACE, text=text, token=self.tokens[node], check=False
        )
        return done.stderr if done.returncode else ""

    def creates(self, node: str, item: Object) -> str:
        return self.does(node, "create", "--validate=false", "-f", "-", item=item)

    def patches(self, node: str, name: str, patch: Object, *more: str) -> str:
        return self.does(node, "patch", name, "--type=merge", f"--patch={json.dumps(patch)}", *more)


def pod(name: str, node: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "nodeName": node,
            "serviceAccountName": "ferrite-speaker",
            "containers": [{"name": "speaker", "image": "example.com/none"}],
        },
    }


def status(kind: str, name: str, node: str) -> Object:
    label = "metallb.io/node-name" if kind == "ConfigurationState" else "metallb.io/node"
    metadata = {"name": name, "labels": {label: node}}
    return {"apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": metadata}


@pytest.fixture(scope="module")
def speakers(api: ApiServer) -> Iterator[Speakers]:
    """A release and its speakers; afterwards nothing of them is there."""
    api.add_namespace()
    api.helm("install", "ferrite", str(CHART), "--namespace", NAMESPACE)
    api.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
    speakers = Speakers(api)
    _wait_until_in_force(speakers)
    yield speakers
    api.helm("uninstall", "ferrite", "--namespace", NAMESPACE, "--wait")
    api.kubectl("delete", "pods", "--all", "--namespace", NAMESPACE, "--force", "--grace-period=0")
    api.kubectl("delete", "nodes", "--all")
    api.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
    remove_kinds(api)


def _wait_until_in_force(speakers: Speakers) -> None:
    """The API server takes a moment to see a new policy."""
    for number in range(300):
        name = f"probe-{number}"
        said = speakers.creates("node-1", status("ServiceL2Status", name, "node-2"))
        if "labels its status objects metallb.io/node=node-1" in said:
            return
    raise AssertionError("the policy is not in force")


@pytest.mark.parametrize("kind", ["ServiceL2Status", "ServiceBGPStatus"])
def test_its_own_statuses_are_a_speakers_to_write(speakers: Speakers, kind: str):
    key = f"{kind}/own"
    assert speakers.creates("node-1", status(kind, "own", "node-1")) == ""
    assert speakers.patches("node-1", key, {"status": {"node": "node-1"}}, "--subresource=status") == ""
    assert speakers.patches("node-1", key, {"metadata": {"labels": {"metallb.io/service-name": "a"}}}) == ""
    assert speakers.does("node-1", "delete", key) == ""


@pytest.mark.parametrize("kind", ["ServiceL2Status", "ServiceBGPStatus"])
def test_those_of_another_node_are_not(speakers: Speakers, kind: str):
    key = f"{kind}/theirs"
    assert speakers.creates("node-2", status(kind, "theirs", "node-2")) == ""
    said = speakers.patches("node-1", key, {"status": {"node": "node-1"}}, "--subresource=status")
    assert "a speaker on node node-1 does not change the status object of another node" in said
    relabelled = {"metadata": {"labels": {"metallb.io/node": "node-1"}}}
    assert "does not change the status object of another node" in speakers.patches("node-1", key, relabelled)
    forged = speakers.creates("node-1", status(kind, "forged", "node-2"))
    assert "labels its status objects metallb.io/node=node-1" in forged
    assert speakers.does("node-2", "delete", key) == ""


def test_it_does_not_give_its_own_away(speakers: Speakers):
    assert speakers.creates("node-1", status("ServiceBGPStatus", "mine", "node-1")) == ""
    said = speakers.patches(
        "node-1", "ServiceBGPStatus/mine", {"metadata": {"labels": {"metallb.io/node": "node-2"}}}
    )
    assert "labels its status objects metallb.io/node=node-1" in said
    said = speakers.patches(
        "node-1", "ServiceBGPStatus/mine", {"status": {"node": "node-2"}}, "--subresource=status"
    )
    assert "does not speak for another node in status.node" in said


def test_who_takes_over_removes_what_a_dead_node_left_at_layer_2_only(speakers: Speakers):
    for kind in ("ServiceL2Status", "ServiceBGPStatus"):
        assert speakers.creates("node-2", status(kind, "left", "node-2")) == ""
    assert speakers.does("node-1", "delete", "ServiceL2Status/left") == ""
    assert "does not change" in speakers.does("node-1", "delete", "ServiceBGPStatus/left")


def test_a_speaker_reports_under_its_own_name(speakers: Speakers):
    own = status("ConfigurationState", "speaker-node-1", "node-1")
    assert speakers.creates("node-1", own) == ""
    applied = own | {"status": {"result": "Valid"}}
    words = ("apply", "--server-side", "--subresource=status", "--field-manager=configReconciler", "-f", "-")
    assert speakers.does("node-1", *words, item=applied) == ""
    assert "does not change" in speakers.does("node-2", *words, item=applied)
    as_controller = status("ConfigurationState", "controller", "node-1")
    assert "reports as speaker-node-1" in speakers.creates("node-1", as_controller)


def test_a_token_that_names_no_node_is_not_held_up(speakers: Speakers):
    assert speakers.creates("", status("ServiceBGPStatus", "unbound", "node-2")) == ""


def test_the_policy_is_about_speakers_only(speakers: Speakers):
    item = status("ServiceBGPStatus", "by-an-administrator", "node-2")
    item["metadata"]["namespace"] = NAMESPACE
    speakers.api.apply(item)

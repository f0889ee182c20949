"""What the controller may do with custom resources, asked of an API server: this and no more."""

from collections.abc import Iterator

import pytest
from api_server import ApiServer, remove_kinds
from programs import CHART, NAMESPACE

pytestmark = [
    pytest.mark.requires("helm"),
    pytest.mark.requires("kubectl"),
    pytest.mark.requires("etcd"),
    pytest.mark.requires("kube-apiserver"),
    pytest.mark.requires("kube-controller-manager"),
    pytest.mark.timeout(120),
]
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = {"get", "list", "watch"}
RIGHTS = {
    "addressreservations.ferrite.io": (READ, READ),
    "addressreservations.ferrite.io/status": ({"update", "patch"}, {"update", "patch"}),
    "addressbindings.ferrite.io": ({*READ, "create", "update", "patch", "delete"}, set()),
    "ipaddresspools.metallb.io": ({*READ, "patch"}, set()),
    "ipaddresspools.metallb.io/status": ({"update", "patch"}, set()),
}
"""In Ferrite's own namespace, and in another."""
POOL = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "office", "namespace": NAMESPACE},
    "spec": {"addresses": ["192.0.2.1-192.0.2.9"], "onRemoval": "Keep"},
}


@pytest.fixture(scope="module")
def release(api: ApiServer) -> Iterator[ApiServer]:
    """A release; afterwards nothing of it is there."""
    api.add_namespace()
    api.helm("install", "ferrite", str(CHART), "--namespace", NAMESPACE)
    api.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    yield api
    api.helm("uninstall", "ferrite", "--namespace", NAMESPACE, "--wait")
    api.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
    remove_kinds(api)


def may(api: ApiServer, component: str, resource: str, namespace: str) -> set[str]:
    """The verbs that the component has the right to."""
    name, _, subresource = resource.partition("/")
    account = f"system:serviceaccount:{NAMESPACE}:ferrite-{component}"
    words = (name, f"--subresource={subresource}", "--namespace", namespace, f"--as={account}")
    answers = {verb: api.kubectl("auth", "can-i", verb, *words, check=False) for verb in VERBS}
    assert {(done.stdout, done.stderr) for done in answers.values()} <= {("yes\n", ""), ("no\n", "")}
    return {verb for verb, done in answers.items() if done.stdout == "yes\n"}


@pytest.mark.parametrize("resource", RIGHTS)
def test_what_the_controller_may(release: ApiServer, resource: str) -> None:
    here, elsewhere = RIGHTS[resource]
    assert may(release, "controller", resource, NAMESPACE) == here
    assert may(release, "controller", resource, "default") == elsewhere


def test_the_controller_holds_a_pool_and_lets_it_go(release: ApiServer) -> None:
    token = release.kubectl("create", "token", "ferrite-controller", "-n", NAMESPACE).stdout.strip()
    where = ("ipaddresspool", "office", "-n", NAMESPACE)

    def set_finalizers(value: str) -> None:
        patch = f'{{"metadata": {{"finalizers": {value}}}}}'
        release.kubectl("patch", *where, "--type=merge", "-p", patch, token=token)

    release.apply(POOL)
    set_finalizers('["ferrite.io/addresses-in-use"]')
    release.kubectl("delete", *where, "--wait=false")
    assert "deletionTimestamp" in release.get(*where)["metadata"]
    set_finalizers("null")
    assert release.kubectl("get", *where, "--ignore-not-found").stdout == ""


@pytest.mark.parametrize("resource", [name for name in RIGHTS if "ferrite.io" in name])
def test_a_speaker_has_no_part_in_who_gets_an_address(release: ApiServer, resource: str) -> None:
    assert may(release, "speaker", resource, NAMESPACE) == set()

"""What helm does in a cluster: install, upgrade, uninstall."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from api_server import ApiServer, remove_kinds
from programs import CHART, NAMESPACE, ROOT, Object, objects, read

pytestmark = [
    pytest.mark.requires("helm"),
    pytest.mark.requires("kubectl"),
    pytest.mark.requires("etcd"),
    pytest.mark.requires("kube-apiserver"),
    pytest.mark.requires("kube-controller-manager"),
    pytest.mark.timeout(300),
]
CLUSTER_KINDS = {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "SecurityContextConstraints",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
POOL = {
    "apiVersion": "metallb.io/v1beta1",
    "kind": "IPAddressPool",
    "metadata": {"name": "office", "namespace": NAMESPACE},
    "spec": {"addresses": ["192.0.2.1-192.0.2.9"], "stickyFor": "24h", "onRemoval": "Keep"},
}
RESERVATION = {
    "apiVersion": "ferrite.io/v1alpha1",
    "kind": "AddressReservation",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"pool": "office", "addresses": ["192.0.2.1"]},
}
BINDING = {
    "apiVersion": "ferrite.io/v1alpha1",
    "kind": "AddressBinding",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {"service": "default/web", "pool": "office", "addresses": ["192.0.2.1"]},
}


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[str]:
    """The namespace of a release; afterwards neither it nor the CRDs are there."""
    api.add_namespace()
    yield NAMESPACE
    api.helm("uninstall", "ferrite", "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    api.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
    remove_kinds(api)


def install(api: ApiServer, *more: str, verb: str = "install") -> None:
    api.helm(verb, "ferrite", str(CHART), "--namespace", NAMESPACE, *more)


def wait_for_crds(api: ApiServer) -> None:
    api.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")


def versions(api: ApiServer) -> dict[str, str]:
    """The resourceVersion of each object of the release."""
    manifest = objects(api.helm("get", "manifest", "ferrite", "--namespace", NAMESPACE).stdout)
    return {key: live(api, key)["metadata"]["resourceVersion"] for key in manifest}


def live(api: ApiServer, key: str) -> Object:
    return api.get(key, *([] if key.split("/")[0] in CLUSTER_KINDS else ["--namespace", NAMESPACE]))


def test_an_upgrade_with_the_same_values_changes_nothing(api: ApiServer, namespace: str) -> None:
    install(api)
    wait_for_crds(api)  # until then their status, and so their version, changes
    before = versions(api)
    for _ in range(2):
        install(api, verb="upgrade")
        assert versions(api) == before


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """What the API server took out or wrote in another way; what it adds is no difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            if value is not None:
                yield from differences(value, found.get(name), f"{path}.{name}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, pair in enumerate(zip(wanted, found, strict=True)):
            yield from differences(*pair, f"{path}[{number}]")
    elif wanted != found:
        yield f"{path}: {wanted} is {found}"


def test_what_is_there_is_what_the_plain_manifests_say(api: ApiServer, namespace: str) -> None:
    """Who compares for ever, as Argo CD and Flux do, finds nothing to mend."""
    folder = ROOT / "manifests"
    api.kubectl("apply", "-k", str(folder))
    try:
        for key, item in objects((folder / "ferrite.yaml").read_text()).items():
            assert list(differences(item, live(api, key), key)) == []
    finally:
        # The namespace first: its end waits for a look at every kind, which fails while kinds are going.
        api.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s")
        api.kubectl("delete", "-k", str(folder), "--ignore-not-found", "--timeout=60s")
        api.add_namespace()  # the fixture removes one


def test_users_objects_survive_everything_else_goes(api: ApiServer, namespace: str) -> None:
    install(api)
    wait_for_crds(api)
    deployment = live(api, "Deployment/ferrite-controller")["metadata"]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": deployment["name"],
        "uid": deployment["uid"],
    }
    key = {"name": "ferrite-memberlist", "namespace": NAMESPACE, "ownerReferences": [owner]}
    api.apply(POOL, RESERVATION, BINDING, {"apiVersion": "v1", "kind": "Secret", "metadata": key})
    before = uids(api)
    install(api, "--set", "controller.replicas=1,loadBalancerClass=example.com/lb", verb="upgrade")
    manifest = objects(api.helm("get", "manifest", "ferrite", "--namespace", NAMESPACE).stdout)
    api.helm("uninstall", "ferrite", "--namespace", NAMESPACE, "--wait")
    assert uids(api) == before
    left = {key for key in manifest if is_there(api, key)}
    assert left == {key for key in manifest if key.startswith("CustomResourceDefinition/")}
    api.kubectl("wait", "--for=delete", "secret/ferrite-memberlist", "-n", NAMESPACE, "--timeout=60s")
    assert api.get("secrets", "-n", NAMESPACE)["items"] == []
    install(api)  # the CRDs that stayed are taken over again
    assert uids(api) == before


def uids(api: ApiServer) -> list[str]:
    """A pool, a reservation and a binding, each the very object."""
    where = {"ipaddresspool/office": NAMESPACE, "addressreservation/web": "default"}
    where["addressbinding/web"] = NAMESPACE
    return [api.get(key, "-n", namespace)["metadata"]["uid"] for key, namespace in where.items()]


def is_there(api: ApiServer, key: str) -> bool:
    where = [] if key.split("/")[0] in CLUSTER_KINDS else ["--namespace", NAMESPACE]
    return api.kubectl("get", key, *where, check=False).returncode == 0


def test_what_the_cluster_offers_is_found(api: ApiServer, namespace: str) -> None:
    words = ["prometheus.prometheusRule.enabled=true", "prometheus.podMonitor.enabled=true"]
    words += ["prometheus.rbacPrometheus=false", "frrk8s.enabled=true", "speaker.wanConfig=true"]
    install(api, "--set", ",".join(words))
    notes = api.helm("get", "notes", "ferrite", "--namespace", NAMESPACE).stdout
    assert "oc label namespace metallb-system openshift.io/cluster-monitoring=true" in notes
    assert "NOT installed" not in notes
    assert "Values of MetalLB that have no effect here: frrk8s, speaker.wanConfig." in notes
    live(api, "SecurityContextConstraints/ferrite-speaker")
    live(api, "PrometheusRule/ferrite")
    speaker = live(api, "DaemonSet/ferrite-speaker")["spec"]["template"]["spec"]
    assert "runAsUser" not in json.dumps(speaker)


def test_crds_that_are_there_already_are_taken_over_when_asked(api: ApiServer, namespace: str) -> None:
    """As MetalLB leaves them: without a release, one converted by its webhook, a pool in use."""
    crds = [read(path) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    for crd in crds:
        if crd["metadata"]["name"] == "bgppeers.metallb.io":
            service = {"name": "metallb-webhook-service", "namespace": NAMESPACE, "path": "/convert"}
            webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1beta1"]}
            crd["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    api.apply(*crds)
    wait_for_crds(api)
    api.apply(POOL)
    uid = api.get("ipaddresspool", "office", "-n", NAMESPACE)["metadata"]["uid"]
    words = ("install", "ferrite", str(CHART), "--namespace", NAMESPACE)
    refused = api.helm(*words, check=False)
    assert "invalid ownership metadata" in refused.stderr
    api.helm(*words, "--take-ownership")
    assert live(api, "CustomResourceDefinition/bgppeers.metallb.io")["spec"]["conversion"] == {
        "strategy": "None"
    }
    api.helm("uninstall", "ferrite", "--namespace", NAMESPACE, "--wait")
    assert api.get("ipaddresspool", "office", "-n", NAMESPACE)["metadata"]["uid"] == uid

"""What an API server says to the objects, without keeping one; and whether a rival is noticed."""

from collections.abc import Iterator

import pytest
from api_server import ApiServer
from programs import CHART, NAMESPACE, Object, objects, rendering
from variants import VARIANTS

pytestmark = [
    pytest.mark.requires("helm"),
    pytest.mark.requires("kubectl"),
    pytest.mark.requires("etcd"),
    pytest.mark.requires("kube-apiserver"),
    pytest.mark.requires("kube-controller-manager"),
    pytest.mark.timeout(300),
]


@pytest.fixture(autouse=True, scope="module")
def namespaces(api: ApiServer) -> Iterator[None]:
    """The namespace of the release, and another for a rival."""
    names = (NAMESPACE, "rival")
    for name in names:
        api.add_namespace(name)
    yield
    api.kubectl("delete", "namespace", *names, "--timeout=60s")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_api_server_takes_every_variant(api: ApiServer, name: str) -> None:
    values, apis = VARIANTS[name]
    text = rendering(values, apis=apis).stdout
    done = api.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=text)
    assert len(done.stdout.splitlines()) == len(objects(text))
    assert "unknown field" not in done.stderr
    assert "would violate" not in done.stderr


def test_the_plain_manifests_apply(api: ApiServer) -> None:
    folder = str(CHART.parents[1] / "manifests")
    api.kubectl("apply", "--dry-run=server", "--validate=strict", "-k", folder)


def rival(labels: dict[str, str], arguments: list[str], replicas: int) -> list[Object]:
    """A controller as MetalLB's own manifests make it; no chart labels its pods with its own name."""
    container = {"name": "controller", "image": "example.com/controller", "args": arguments}
    selected = {name: value for name, value in labels.items() if name != "helm.sh/chart"}
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "rival:controller", "labels": labels},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rival"},
            "subjects": [{"kind": "ServiceAccount", "name": "controller", "namespace": "rival"}],
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "controller", "namespace": "rival", "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": selected},
                "template": {"metadata": {"labels": selected}, "spec": {"containers": [container]}},
            },
        },
    ]


KUSTOMIZE = {"app": "metallb", "component": "controller"}
HELM = {"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "controller"}
RENAMED = {**HELM, "app.kubernetes.io/name": "balancer", "helm.sh/chart": "ferrite-0.1.0"}


@pytest.mark.parametrize(
    ("labels", "arguments", "replicas", "refused"),
    [
        pytest.param(KUSTOMIZE, ["--port=7472"], 1, True, id="metallb-by-manifest"),
        pytest.param(HELM, ["--port=7472"], 1, True, id="metallb-by-helm"),
        pytest.param({**HELM, "app.kubernetes.io/name": "ferrite"}, [], 2, True, id="a-second-ferrite"),
        pytest.param(RENAMED, [], 2, True, id="a-second-ferrite-under-another-name"),
        pytest.param({**RENAMED, "helm.sh/chart": "other-1.0.0"}, [], 2, False, id="something-else"),
        pytest.param(HELM, ["--lb-class=example.com/other"], 1, False, id="another-class"),
        pytest.param(HELM, [], 0, False, id="scaled-to-nothing"),
    ],
)
def test_who_assigns_already_is_noticed(
    api: ApiServer, labels: dict[str, str], arguments: list[str], replicas: int, refused: bool
) -> None:
    items = rival(labels, arguments, replicas)
    api.apply(*items)
    try:
        words = ("install", "ferrite", str(CHART), "--namespace", NAMESPACE, "--dry-run=server")
        done = api.helm(*words, check=False)
        assert (done.returncode != 0) == refused, done.stderr
        assert (
            "Deployment rival/controller assigns addresses to the same Services" in done.stderr
        ) == refused
        assert api.helm(*words, "--set", "conflictCheck=false").returncode == 0
    finally:
        api.kubectl("delete", "clusterrolebinding", "rival:controller")
        api.kubectl("delete", "deployment", "controller", "--namespace", "rival")


def test_two_classes_in_one_namespace_would_share_a_lease(api: ApiServer) -> None:
    binding, deployment = rival({**HELM, "app.kubernetes.io/name": "ferrite"}, ["--lb-class=x.io/two"], 1)
    binding["subjects"][0]["namespace"] = deployment["metadata"]["namespace"] = NAMESPACE
    deployment["spec"]["template"]["spec"]["containers"][0]["command"] = ["ferrite-controller"]
    api.apply(binding, deployment)
    try:
        words = ("install", "ferrite", str(CHART), "--namespace", NAMESPACE, "--dry-run=server")
        done = api.helm(*words, check=False)
        assert f"Deployment {NAMESPACE}/controller is a Ferrite, too" in done.stderr
    finally:
        api.kubectl("delete", "clusterrolebinding", "rival:controller")
        api.kubectl("delete", "deployment", "controller", "--namespace", NAMESPACE)

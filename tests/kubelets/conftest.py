"""One lab with real nodes for the whole run, and what runs in its pods."""

import asyncio
import os
from pathlib import Path

import pytest
from real_nodes import PORT, Nodes, container, pod_image, service

from lab.cluster import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.netns)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def nodes():
    """Three nodes, no pod yet."""
    lab = Lab(f"real-{os.getpid()}", kubelets=True)
    try:
        asyncio.run(lab.up())
        asyncio.run(lab.load_image(pod_image()))
        yield Nodes(lab)
    finally:
        asyncio.run(lab.down())


@pytest.fixture(scope="session")
def web(nodes):
    """A Deployment with a pod on each node, every kind of volume in it, and two Services of both families."""
    labels = {"app": "web"}
    volumes = [
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "words", "configMap": {"name": "words"}},
        {"name": "keys", "secret": {"secretName": "keys"}},
    ]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    ready = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    one = container("serve", str(PORT)) | {"volumeMounts": mounts, "readinessProbe": ready}
    spec = {"containers": [one], "volumes": volumes, "topologySpreadConstraints": [spread]}
    nodes.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}, "data": {"word": "hello"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"key": "secret"}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        },
        service("cluster", labels, "Cluster"),
        service("local", labels, "Local"),
    )
    nodes.wait_until(
        "three pods", lambda: nodes.read("deployment", "web").get("status", {}).get("availableReplicas") == 3
    )
    return nodes

"""Nodes with a real kubelet: their programs, their credentials, and the wait until they take pods."""

import asyncio
import json
from functools import partial
from typing import Any

from lab import node_root
from lab.calls import kubectl, until_kubectl_succeeds, until_true
from lab.containerd import ENDPOINT, containerd_unit, load_image
from lab.control_plane import pod_network, scheduler, write_user_kubeconfig
from lab.scratch import PAUSE_IMAGE, PAUSE_SOURCE, ensure_scratch_image
from lab.state import State, address4, address6, write_file
from lab.tasks import one_error
from lab.units import Order, Unit, order

STOP_SECONDS = 2.0


def kubelet_unit(state: State, node: str) -> Unit:
    """Write the kubelet's configuration and credentials, and return its unit."""
    folder, pki = state.part("nodes", node), state.folder / "pki"
    write_file(folder / "kubelet.json", json.dumps(configuration(state, node), indent=1))
    user = {"client-certificate": str(pki / f"{node}.crt"), "client-key": str(pki / f"{node}.key")}
    write_user_kubeconfig(state, folder / "kubelet.kubeconfig", user)
    argv = (
        str(state.programs_link / "kubelet"),
        f"--config={folder / 'kubelet.json'}",
        f"--kubeconfig={folder / 'kubelet.kubeconfig'}",
        f"--hostname-override={node}",
        f"--node-ip={address4(node)},{address6(node)}",
    )
    return Unit(
        name=f"kubelet-{node}",
        argv=argv,
        namespace=state.namespace(node),
        enter=node_root.enter_words(state, node),
        stop_seconds=STOP_SECONDS,
    )


def configuration(state: State, node: str) -> dict[str, Any]:
    """Return the KubeletConfiguration; certificates are the lab's own, so nothing has to be approved."""
    pki = state.folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / f"{node}.crt"),
        "tlsPrivateKeyFile": str(pki / f"{node}.key"),
        "containerRuntimeEndpoint": f"unix://{ENDPOINT}",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "resolvConf": "",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{state.namespace(node)}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # to lower it takes CAP_SYS_RESOURCE
        "protectKernelDefaults": True,  # see lab.node_root: they are as it wants them
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # never: what is removed here comes from no registry
    }


def make_nodes(state: State, nodes: list[str]) -> list[Unit]:
    """Make what each node has to itself; return the units of containerd, which need no API server."""
    snapshotter = node_root.snapshotter(state)
    for node in nodes:
        node_root.create(state, node)
    return [containerd_unit(state, node, snapshotter) for node in nodes]


async def start(state: State, nodes: list[str]) -> None:
    """Start scheduler and kubelets, give the nodes their pod networks, and wait until all take pods."""
    await load_image(state, nodes, ensure_scratch_image(PAUSE_IMAGE, PAUSE_SOURCE))
    for unit in (scheduler(state), *(kubelet_unit(state, node) for node in nodes)):
        await order(state.control_socket, Order(verb="start", unit=unit))
    async with one_error(), asyncio.TaskGroup() as tasks:
        for node in nodes:
            tasks.create_task(_give_pod_network(state, node))
    await until_true(partial(_take_pods, state, len(nodes)))


async def _give_pod_network(state: State, node: str) -> None:
    await until_kubectl_succeeds(state, "get", "node", node)
    await kubectl(state, "patch", "node", node, "--patch", json.dumps({"spec": pod_network(node)}))


async def _take_pods(state: State, count: int) -> bool:
    nodes = json.loads(await kubectl(state, "get", "nodes", "-o", "json"))["items"]
    return len(nodes) == count and all(map(takes_pods, nodes))


def takes_pods(node: dict[str, Any]) -> bool:
    """Whether a Node is ready and no taint keeps pods away."""
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])
    return ready and not node["spec"].get("taints")

"""Pods without a kubelet: HTTP servers on addresses of a node's `lo`, EndpointSlices written by hand."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from lab.calls import kubectl
from lab.network import add_addresses
from lab.state import POD4, POD6, LabError, State, node_number
from lab.units import Order, Unit, order

FIRST_POD, LAST_POD = 10, 128  # above are pods that a kubelet runs, see lab.containerd


@dataclass(frozen=True, slots=True)
class App:
    """An application and the nodes that have a pod of it."""

    name: str
    text: str
    port: int
    nodes: tuple[str, ...]
    namespace: str


async def add_app(state: State, app: App) -> None:
    """Run the pods; write the slices `NAME-v4` and `NAME-v6` for the Service NAME, which has no selector.

    Calling it again with other nodes changes the slices and ends the pods that are no longer wanted.
    """
    index = pod_index(state, f"{app.namespace}.{app.name}")
    for unit in await order(state.control_socket, Order(verb="status")):
        if (
            unit.name.startswith(_unit_prefix(app))
            and unit.name.removeprefix(_unit_prefix(app)) not in app.nodes
        ):
            await order(state.control_socket, Order(verb="forget", name=unit.name))
    for node in app.nodes:
        addresses = pod_addresses(node, index)
        await asyncio.to_thread(add_addresses, state, node, [f"{addresses[0]}/32", f"{addresses[1]}/128"])
        await order(state.control_socket, Order(verb="start", unit=_pod(state, app, node, addresses)))
    items = [endpoint_slice(app, index, family) for family in ("IPv4", "IPv6")]
    await kubectl(
        state, "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )


def pod_index(state: State, name: str) -> int:
    """Return the last part of the pod addresses of an application, the same each time it is asked."""
    folder = state.part("apps")
    for index in range(FIRST_POD, LAST_POD):
        try:
            with (folder / str(index)).open("x") as claim:
                claim.write(name)
        except FileExistsError:
            if (folder / str(index)).read_text() != name:
                continue
        return index
    raise LabError(f"app {name}: all {LAST_POD - FIRST_POD} pod addresses of a node are in use")


def pod_addresses(node: str, index: int) -> tuple[str, str]:
    """Return the IPv4 and the IPv6 address of a pod."""
    return f"{POD4}.{node_number(node)}.{index}", f"{POD6}:{node_number(node)}::{index}"


def endpoint_slice(app: App, index: int, family: str) -> dict[str, Any]:
    """Return the EndpointSlice of one address family."""
    which = 0 if family == "IPv4" else 1
    endpoints = [
        {
            "addresses": [pod_addresses(node, index)[which]],
            "nodeName": node,
            "conditions": {"ready": True, "serving": True, "terminating": False},
        }
        for node in app.nodes
    ]
    labels = {"kubernetes.io/service-name": app.name, "endpointslice.kubernetes.io/managed-by": "lab"}
    name = f"{app.name}-v{'46'[which]}"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": app.namespace, "labels": labels},
        "addressType": family,
        "ports": [{"name": "", "port": app.port, "protocol": "TCP"}],
        "endpoints": endpoints,
    }


def _unit_prefix(app: App) -> str:
    return f"app-{app.namespace}.{app.name}-on-"


def _pod(state: State, app: App, node: str, addresses: tuple[str, str]) -> Unit:
    argv = (sys.executable, "-m", "lab.webapp", str(app.port), node, app.text, *addresses)
    return Unit(name=_unit_prefix(app) + node, argv=argv, namespace=state.namespace(node), stop_seconds=1.0)

"""Installations beside the lab's own: the replicas of a controller in a namespace of their own, no speaker.

Each has its own class of Services, pools and Lease, so that many run in one cluster without meeting.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import rights
from lab.calls import kubectl
from lab.daemons import HEALTH_PORT, METRICS_PORT, apply, bounded, make_kubeconfig, mark_running
from lab.state import State, node_names
from lab.tasks import one_error
from lab.units import Order, Unit, order

ACCOUNT = "controller"
PORTS_APART = 100
"""Ports of these installations begin so far above those of the lab's own."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Controllers of one namespace.

    Attributes:
        number: from 0, another one for each installation of a lab: their ports follow from it.
        lb_class: the `loadBalancerClass` they serve.
    """

    namespace: str
    number: int
    lb_class: str
    replicas: int = 2
    programs: Path = Path(sys.executable).parent
    rules: Path = rights.RULES

    def pod(self, replica: int) -> str:
        """Return the name of a replica's Pod; the identity in the Lease begins with it."""
        return f"{ACCOUNT}-{replica}"

    def unit(self, replica: int) -> str:
        """Return the name of a replica's unit."""
        return f"{ACCOUNT}-{self.namespace}-{replica}"


async def start_replicas(state: State, installations: Sequence[Installation]) -> None:
    """Create what each needs, with the rights of the chart's roles, and start its controllers.

    Raises:
        LabError: a file of rules is missing, or the API server refuses.
    """
    node = node_names(state.node_count())[0]
    items: list[rights.Object] = []
    pods: list[rights.Object] = []
    for one in installations:
        items += rights.objects(one.namespace, one.rules, (ACCOUNT,))
        for replica in range(one.replicas):
            pod = rights.pod(one.namespace, ACCOUNT, node)
            pod["metadata"]["name"] = one.pod(replica)
            pods.append(pod)
    await apply(state, items)
    await apply(state, pods)
    async with one_error(), asyncio.TaskGroup() as tasks:
        for one in installations:
            tasks.create_task(make_kubeconfig(state, one.namespace, ACCOUNT, _kubeconfig(state, one)))
        for pod in pods:
            tasks.create_task(mark_running(state, pod["metadata"]["namespace"], pod["metadata"]["name"]))
    for one in installations:
        for replica in range(one.replicas):
            unit = controller_unit(state, one, replica)
            await order(state.control_socket, Order(verb="start", unit=unit))


async def remove_replicas(state: State, installations: Sequence[Installation], seconds: float = 60.0) -> None:
    """End the controllers, and delete all that is in their namespaces; what is not there is fine."""
    wanted = {one.unit(replica) for one in installations for replica in range(one.replicas)}
    running = {unit.name for unit in await order(state.control_socket, Order(verb="status"))}
    async with one_error(), asyncio.TaskGroup() as tasks:
        for name in wanted & running:
            tasks.create_task(order(state.control_socket, Order(verb="forget", name=name)))
    roles = [rights.cluster_role_name(one.namespace, ACCOUNT) for one in installations]
    gone = ("--ignore-not-found", f"--timeout={seconds:.0f}s")
    for one in installations:  # no kubelet would end them
        force = ("--all", "--force", "--grace-period=0", "--namespace", one.namespace)
        await kubectl(state, "delete", "pods", *force, seconds=seconds)
    for kind, names in (
        ("clusterrolebinding", roles),
        ("clusterrole", roles),
        ("namespace", [one.namespace for one in installations]),
    ):
        await kubectl(state, "delete", kind, *names, *gone, seconds=seconds + 5.0)


def controller_unit(state: State, installation: Installation, replica: int) -> Unit:
    """Return the unit of one replica."""
    port = PORTS_APART + installation.number * installation.replicas + replica
    argv = [
        *bounded(""),
        str(installation.programs / "ferrite-controller"),
        f"--namespace={installation.namespace}",
        f"--lb-class={installation.lb_class}",
        f"--pod-name={installation.pod(replica)}",
        f"--kubeconfig={_kubeconfig(state, installation)}",
        f"--port={METRICS_PORT + port}",
        f"--health-probe-port={HEALTH_PORT + port}",
    ]
    return Unit(name=installation.unit(replica), argv=tuple(argv), namespace=state.namespace("cp"))


def _kubeconfig(state: State, installation: Installation) -> Path:
    return state.folder / f"{installation.namespace}.{ACCOUNT}.kubeconfig"

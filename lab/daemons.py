"""Ferrite's daemons in the lab: a speaker and its gobgpd on each node, one controller, the chart's rights."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from lab import rights
from lab.calls import kubectl
from lab.control_plane import write_kubeconfig
from lab.state import LabError, State, address4, node_names
from lab.tasks import one_error
from lab.units import Order, Unit, order

SECRET = "metallb-memberlist"
METRICS_PORT, HEALTH_PORT, MEMBER_PORT = 9120, 17472, 7946
TOKEN_LIFETIME = "720h"
UNIT_PREFIXES = ("speaker-", "gobgpd-", "controller", "secret-volume")


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """How to start the daemons; the programs stand beside this Python unless told."""

    namespace: str = "metallb-system"
    controller_arguments: tuple[str, ...] = ()
    speaker_arguments: tuple[str, ...] = ()
    programs: Path = Path(sys.executable).parent
    rules: Path = rights.RULES


async def start_daemons(state: State, options: DaemonOptions) -> None:
    """Create namespace, accounts, rights and Pod objects, then start the units.

    Raises:
        LabError: a program or a file of rules is missing, the API server refuses, or there are kubelets,
            which run daemons in pods.
    """
    if state.has_kubelets:
        raise LabError(f"lab {state.name} has kubelets: install the chart, and they start the daemons")
    nodes = node_names(state.node_count())
    for name in ("ferrite-controller", "ferrite-speaker"):
        if not (options.programs / name).exists():
            raise LabError(f"{options.programs / name} is missing; make it with: make venv")
    items = rights.objects(options.namespace, options.rules)
    await apply(state, items)
    pods = [rights.pod(options.namespace, "controller", nodes[0])]
    pods += [rights.pod(options.namespace, "speaker", node) for node in nodes]
    await apply(state, pods)
    async with one_error(), asyncio.TaskGroup() as tasks:
        for account in rights.ACCOUNTS:
            path = account_kubeconfig(state, account)
            tasks.create_task(make_kubeconfig(state, options.namespace, account, path))
        for pod in pods:
            tasks.create_task(mark_running(state, options.namespace, pod["metadata"]["name"]))
    for unit in daemon_units(state, options, nodes):
        await order(state.control_socket, Order(verb="start", unit=unit))


async def stop_daemons(state: State) -> None:
    """End the daemons, speakers first; their objects stay, as after a crash of the whole site."""
    names = [unit.name for unit in await order(state.control_socket, Order(verb="status"))]
    for prefix in UNIT_PREFIXES:
        async with one_error(), asyncio.TaskGroup() as tasks:
            for name in names:
                if name.startswith(prefix):
                    tasks.create_task(order(state.control_socket, Order(verb="forget", name=name)))


def daemon_units(state: State, options: DaemonOptions, nodes: list[str]) -> list[Unit]:
    """Return every unit, in the order they start."""
    volumes = [str(state.part("nodes", node, "secret")) for node in nodes]
    argv = (
        sys.executable,
        "-m",
        "lab.secret_volume",
        str(state.kubeconfig),
        options.namespace,
        SECRET,
        *volumes,
    )
    units = [Unit(name="secret-volume", argv=argv), _controller(state, options)]
    for node in nodes:
        units += [_gobgpd(state, node), _speaker(state, options, node)]
    return units


def account_kubeconfig(state: State, account: str) -> Path:
    """Return the kubeconfig that holds the token of a service account."""
    return state.folder / f"{account}.kubeconfig"


def _controller(state: State, options: DaemonOptions) -> Unit:
    argv = [
        *bounded(""),
        str(options.programs / "ferrite-controller"),
        f"--namespace={options.namespace}",
        f"--pod-name={rights.pod_name('controller', '')}",
        f"--kubeconfig={account_kubeconfig(state, 'controller')}",
        f"--port={METRICS_PORT}",
        f"--health-probe-port={HEALTH_PORT}",
        f"--ml-secret-name={SECRET}",
        *options.controller_arguments,
    ]
    return Unit(name="controller", argv=tuple(argv), namespace=state.namespace("cp"))


def _gobgpd(state: State, node: str) -> Unit:
    socket = _socket(state, node)
    program = str(state.programs_link / "gobgpd")
    argv = [*bounded("net_bind_service"), program, "--api-hosts", f"unix://{socket}"]
    argv += ["--pprof-disable", "--metrics-path", ""]
    return Unit(
        name=f"gobgpd-{node}", argv=tuple(argv), namespace=state.namespace(node), unlink=(str(socket),)
    )


def _speaker(state: State, options: DaemonOptions, node: str) -> Unit:
    argv = [
        *bounded("net_raw"),
        str(options.programs / "ferrite-speaker"),
        f"--namespace={options.namespace}",
        f"--node-name={node}",
        f"--pod-name={rights.pod_name('speaker', node)}",
        f"--kubeconfig={account_kubeconfig(state, 'speaker')}",
        f"--port={METRICS_PORT}",
        f"--health-probe-port={HEALTH_PORT}",
        f"--ml-bindaddr={address4(node)}",
        f"--ml-bindport={MEMBER_PORT}",
        f"--ml-secret-key-path={state.part('nodes', node, 'secret')}",
        f"--gobgp-socket=unix://{_socket(state, node)}",
        *options.speaker_arguments,
    ]
    return Unit(name=f"speaker-{node}", argv=tuple(argv), namespace=state.namespace(node))


def bounded(capability: str) -> list[str]:
    """Return the words that take every capability but one away, as the chart's securityContext does."""
    kept = f",+{capability}" if capability else ""
    return ["setpriv", f"--bounding-set=-all{kept}", "--inh-caps=-all", "--no-new-privs", "--"]


def _socket(state: State, node: str) -> Path:
    return state.part("nodes", node) / "gobgp.sock"


async def make_kubeconfig(state: State, namespace: str, account: str, path: Path) -> None:
    """Write a kubeconfig with a token of the service account."""
    words = ("create", "token", account, "--namespace", namespace, "--duration", TOKEN_LIFETIME)
    token = await kubectl(state, *words)
    write_kubeconfig(state, path, token.strip())


async def mark_running(state: State, namespace: str, pod: str) -> None:
    """Say in a Pod's status what its kubelet would."""
    patch = json.dumps({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
    await kubectl(
        state, "patch", "pod", pod, "--namespace", namespace, "--subresource=status", "--patch", patch
    )


async def apply(state: State, items: list[rights.Object]) -> None:
    """Apply objects of any kinds, as administrator."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    await kubectl(state, "apply", "-f", "-", text=text)

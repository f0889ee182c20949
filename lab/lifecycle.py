"""Brings a lab up, step by step, and takes everything of it away again."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from lab import control_plane, kubelets, network, node_root, router
from lab.build import NEEDED_BY_KUBELETS, NEEDED_BY_UP, ensure_programs
from lab.calls import kubectl, until, until_kubectl_succeeds, until_succeeds, until_true
from lab.packages import KUBELET_PACKAGES, PACKAGES, ensure_packages
from lab.state import API_PORT, MAX_NODES, REPOSITORY, LabError, State, address4, node_names
from lab.tasks import one_error
from lab.units import Order, Unit, order

UP_SECONDS = 120.0
END_SECONDS = 15.0
POLL_SECONDS = 0.05


def check_machine() -> None:
    """Refuse a machine that cannot hold a lab.

    Raises:
        LabError: not Linux, not root, or no right to make network namespaces.
    """
    if sys.platform != "linux":
        raise LabError(f"the lab needs Linux with network namespaces; this is {sys.platform}")
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces: run it as root")
    done = subprocess.run(
        ["unshare", "--net", "true"], capture_output=True, text=True, check=False, timeout=10
    )
    if done.returncode != 0:
        raise LabError(f"this machine lets nobody make network namespaces: {done.stderr.strip()}")


async def bring_up(
    state: State, nodes: int, step: Callable[[str], None], *, real_nodes: bool = False
) -> None:
    """Make the whole lab; whatever stops it on the way, nothing stays behind.

    `real_nodes` have a kubelet and containerd, see lab.kubelets.

    Raises:
        LabError: it cannot be made, or one of that name is up already.
    """
    if not 1 <= nodes <= MAX_NODES:
        raise LabError(f"--nodes {nodes}: choose 1 to {MAX_NODES}")
    check_machine()
    if state.ready_file.exists():
        raise LabError(f"lab {state.name} is up already; end it with: python -m lab down --name {state.name}")
    ensure_packages(PACKAGES + KUBELET_PACKAGES if real_nodes else PACKAGES)
    programs = ensure_programs(NEEDED_BY_UP + NEEDED_BY_KUBELETS if real_nodes else NEEDED_BY_UP)
    take_down(state)  # what an earlier run left half built
    try:
        async with asyncio.timeout(UP_SECONDS):
            await _make(state, node_names(nodes), programs, step, real_nodes=real_nodes)
    except TimeoutError:
        raise LabError(
            f"lab {state.name} was not ready after {UP_SECONDS:.0f} s{_last_words(state)}"
        ) from None
    finally:
        if not state.ready_file.exists():
            take_down(state)


async def _make(
    state: State, nodes: list[str], programs: Path, step: Callable[[str], None], *, real_nodes: bool
) -> None:
    state.create()
    state.programs_link.symlink_to(programs)
    step("network namespaces, a LAN, a router, a client")
    network.build_network(state, len(nodes))  # no thread: it would build on after Ctrl-C
    tokens = control_plane.prepare(state, nodes if real_nodes else ())
    early = [_forwarder(state), *control_plane.control_plane_units(state, kubelets=real_nodes)]
    early += router.router_units(state, len(nodes))
    if real_nodes:
        early += kubelets.make_nodes(state, nodes)
    _start_supervisor(state)
    await until_true(partial(_obeys, state))
    step("etcd, kube-apiserver, FRR" + (", containerd" if real_nodes else ""))
    await _start(state, early)
    await until(state.port_file.exists)
    port = int(state.port_file.read_text())
    control_plane.write_kubeconfig(state, state.kubeconfig, tokens["admin"], host_port=port)
    await until_kubectl_succeeds(state, "get", "--raw", "/readyz")
    step(f"the API server is ready; {len(nodes)} nodes")
    await _start_nodes(state, nodes, real_nodes=real_nodes)
    state.ready_file.write_text(str(len(nodes)))
    step("ready")


async def _start_nodes(state: State, nodes: list[str], *, real_nodes: bool) -> None:
    units = [control_plane.controller_manager(state, kubelets=real_nodes)]
    units += [control_plane.kube_proxy(state, node) for node in nodes]
    async with one_error(), asyncio.TaskGroup() as tasks:
        if real_nodes:
            tasks.create_task(kubelets.start(state, nodes))
        else:
            await kubectl(state, "create", "-f", "-", text=_node_list(nodes))
        await _start(state, units)
        tasks.create_task(until_kubectl_succeeds(state, "get", "serviceaccount", "default"))
        for node in nodes:
            tasks.create_task(_until_proxy_is_healthy(state, node))


async def _start(state: State, units: list[Unit]) -> None:
    for unit in units:
        await order(state.control_socket, Order(verb="start", unit=unit))


def take_down(state: State) -> None:
    """Take away processes, namespaces and files, whatever state they are in; nothing there is fine.

    Signals are held back meanwhile, so that a second Ctrl-C leaves nothing half removed.
    """
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        supervisors = _supervisors(state)
        _end(supervisors, signal.SIGTERM, seconds=END_SECONDS)
        _end(_supervisors(state), signal.SIGKILL, seconds=END_SECONDS)
        left = network.namespaces(state) if shutil.which("ip") else []
        for namespace in left:
            _end(network.namespace_pids(namespace), signal.SIGKILL, seconds=END_SECONDS)
        node_root.remove_all(state)
        for namespace in left:
            network.remove_namespace(namespace)
        shutil.rmtree(state.folder, ignore_errors=True)
        with suppress(OSError):  # another lab's files are in it
            state.root.rmdir()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(pids: list[int], number: int, *, seconds: float) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    limit = time.monotonic() + seconds
    while any(_runs(pid) for pid in pids) and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _supervisors(state: State) -> list[int]:
    """Return the supervisors of this lab, also those that died before they could say who they are."""
    wanted = [b"lab.supervisor", os.fsencode(state.control_socket)]
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = entry.read_bytes().split(b"\0")
            if all(word in words for word in wanted):
                found.append(int(entry.parent.name))
    return found


def _start_supervisor(state: State) -> None:
    """Start it as nobody's child: it outlives this process, and none has to wait for it."""
    argv = [sys.executable, "-m", "lab.supervisor", str(state.control_socket), str(state.logs)]
    with (state.logs / "supervisor.log").open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", *argv],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
            timeout=END_SECONDS,
        )


def _forwarder(state: State) -> Unit:
    argv = [sys.executable, "-m", "lab.forward", str(state.port_file), state.namespace("cp")]
    return Unit(name="forward", argv=(*argv, address4("cp"), str(API_PORT)))


def _node_list(nodes: list[str]) -> str:
    items = [control_plane.node_object(node) for node in nodes]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


async def _obeys(state: State) -> bool:
    """Whether the supervisor takes orders: its socket is there a moment before it does."""
    try:
        await order(state.control_socket, Order(verb="status"))
    except LabError:
        return False
    return True


async def _until_proxy_is_healthy(state: State, node: str) -> None:
    url = f"http://{control_plane.PROXY_HEALTH}/healthz"
    await until_succeeds(["ip", "netns", "exec", state.namespace(node), "curl", "-sf", "-m", "2", url])


def _last_words(state: State) -> str:
    """Return the end of the logs, for the one who must find out why."""
    words = []
    for log in sorted(state.logs.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-2:]
        words += [f"\n  {log.stem}: {line[:300]}" for line in lines]
    return "; last words of its programs:" + "".join(words) if words else ""

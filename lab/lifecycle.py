"""Brings a lab up, step by step, and takes everything of it away again."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from lab import control_plane, network, router
from lab.build import NEEDED_BY_UP, ensure_programs
from lab.packages import ensure_packages
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


async def bring_up(state: State, nodes: int, step: Callable[[str], None]) -> None:
    """Make the whole lab; whatever stops it on the way, nothing stays behind.

    Raises:
        LabError: it cannot be made, or one of that name is up already.
    """
    if not 1 <= nodes <= MAX_NODES:
        raise LabError(f"--nodes {nodes}: choose 1 to {MAX_NODES}")
    check_machine()
    if state.ready_file.exists():
        raise LabError(f"lab {state.name} is up already; end it with: python -m lab down --name {state.name}")
    ensure_packages()
    programs = ensure_programs(NEEDED_BY_UP)
    take_down(state)  # what an earlier run left half built
    try:
        async with asyncio.timeout(UP_SECONDS):
            await _make(state, nodes, programs, step)
    except TimeoutError:
        raise LabError(
            f"lab {state.name} was not ready after {UP_SECONDS:.0f} s{_last_words(state)}"
        ) from None
    finally:
        if not state.ready_file.exists():
            take_down(state)


async def _make(state: State, nodes: int, programs: Path, step: Callable[[str], None]) -> None:
    state.create()
    state.programs_link.symlink_to(programs)
    step("network namespaces, a LAN, a router, a client")
    network.build_network(state, nodes)  # no thread: it would build on after Ctrl-C
    tokens = control_plane.prepare(state)
    _start_supervisor(state)
    await _until_true(partial(_obeys, state))
    step("etcd, kube-apiserver, FRR")
    for unit in [
        _forwarder(state),
        *control_plane.control_plane_units(state),
        *router.router_units(state, nodes),
    ]:
        await order(state.control_socket, Order(verb="start", unit=unit))
    await _until(state.port_file.exists)
    port = int(state.port_file.read_text())
    control_plane.write_kubeconfig(state, state.kubeconfig, tokens["admin"], host_port=port)
    await _until_succeeds(state, "get", "--raw", "/readyz")
    step(f"the API server is ready; {nodes} nodes")
    await kubectl(state, "create", "-f", "-", text=_node_list(nodes))
    proxies = [control_plane.kube_proxy(state, node) for node in node_names(nodes)]
    await _start(state, [control_plane.controller_manager(state), *proxies])
    async with one_error(), asyncio.TaskGroup() as tasks:
        tasks.create_task(_until_succeeds(state, "get", "serviceaccount", "default"))
        for node in node_names(nodes):
            tasks.create_task(_until_proxy_is_healthy(state, node))
    state.ready_file.write_text(str(nodes))
    step("ready")


async def _start(state: State, units: list[Unit]) -> None:
    for unit in units:
        await order(state.control_socket, Order(verb="start", unit=unit))


async def kubectl(state: State, *arguments: str, text: str | None = None, seconds: float = 30.0) -> str:
    """Run kubectl as administrator from the host and return what it prints.

    Raises:
        LabError: it failed; the message has its words.
    """
    status, out, errors = await run([*_kubectl(state), *arguments], text=text, seconds=seconds)
    if status != 0:
        raise LabError(f"kubectl {' '.join(arguments)}: {errors.strip()}")
    return out


async def run(argv: list[str], *, text: str | None = None, seconds: float) -> tuple[int, str, str]:
    """Run a program to its end; return status, output, errors. It is killed when `seconds` have passed."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=null if text is None else pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate(None if text is None else text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), errors.decode(errors="replace")


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


def _node_list(nodes: int) -> str:
    items = [control_plane.node_object(node) for node in node_names(nodes)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _kubectl(state: State) -> list[str]:
    return [
        str(state.programs_link / "kubectl"),
        "--kubeconfig",
        str(state.kubeconfig),
        "--request-timeout",
        "20s",
    ]


async def _until(condition: Callable[[], bool]) -> None:
    async def ask() -> bool:
        return condition()

    await _until_true(ask)


async def _until_succeeds(state: State, *arguments: str) -> None:
    await _until_true(partial(_succeeds, [*_kubectl(state), *arguments]))


async def _obeys(state: State) -> bool:
    """Whether the supervisor takes orders: its socket is there a moment before it does."""
    try:
        await order(state.control_socket, Order(verb="status"))
    except LabError:
        return False
    return True


async def _until_proxy_is_healthy(state: State, node: str) -> None:
    url = f"http://{control_plane.PROXY_HEALTH}/healthz"
    argv = ["ip", "netns", "exec", state.namespace(node), "curl", "-sf", "-m", "2", url]
    await _until_true(partial(_succeeds, argv))


async def _succeeds(argv: list[str]) -> bool:
    return (await run(argv, seconds=30.0))[0] == 0


async def _until_true(ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; the whole of `bring_up` has one time limit."""
    while True:
        if await ask():
            return
        await asyncio.sleep(POLL_SECONDS)


def _last_words(state: State) -> str:
    """Return the end of the logs, for the one who must find out why."""
    words = []
    for log in sorted(state.logs.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-2:]
        words += [f"\n  {log.stem}: {line[:300]}" for line in lines]
    return "; last words of its programs:" + "".join(words) if words else ""

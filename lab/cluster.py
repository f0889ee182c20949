"""The lab as tests and the demo use it."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from lab import apps, containerd, network, node_root, router
from lab.calls import kubectl, run
from lab.daemons import HEALTH_PORT, DaemonOptions, start_daemons, stop_daemons
from lab.lifecycle import bring_up, take_down
from lab.state import LabError, State, node_names
from lab.units import Order, Unit, UnitStatus, order

READY_URL = f"http://127.0.0.1:{HEALTH_PORT}/readyz"


def _silent(text: str) -> None:
    """Say nothing: tests have their own words."""


@dataclass(frozen=True, slots=True)
class UnitControl:
    """One program of a lab: kill it, stop it, start it."""

    state: State
    name: str

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal (SIGKILL unless told); the supervisor starts it again if it ends."""
        await order(self.state.control_socket, Order(verb="kill", name=self.name, signal=int(number)))

    async def stop(self) -> None:
        """End it by SIGTERM, later SIGKILL; it stays down."""
        await order(self.state.control_socket, Order(verb="stop", name=self.name))

    async def start(self) -> None:
        """Start it as it was started before."""
        await order(self.state.control_socket, Order(verb="start", name=self.name))

    async def status(self) -> UnitStatus:
        """Return pid, restarts and whether it is wanted."""
        return (await order(self.state.control_socket, Order(verb="status", name=self.name)))[0]


class Lab:
    """A lab by name; `async with Lab(...)` brings it up and takes it down whatever happens inside."""

    def __init__(
        self,
        name: str = "lab",
        nodes: int = 3,
        step: Callable[[str], None] = _silent,
        *,
        kubelets: bool = False,
    ) -> None:
        self.state = State(name)
        self.nodes = nodes
        self.kubelets = kubelets
        self._step = step

    @classmethod
    def running(cls, name: str = "lab") -> Self:
        """Return a lab that is up already.

        Raises:
            LabError: it is not.
        """
        state = State(name)
        return cls(name, state.node_count(), kubelets=state.has_kubelets)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for the host."""
        return self.state.kubeconfig

    @property
    def node_names(self) -> list[str]:
        """`node-1`, `node-2` and so on."""
        return node_names(self.nodes)

    async def up(self) -> None:
        """Bring it up, see lab.lifecycle.bring_up."""
        await bring_up(self.state, self.nodes, self._step, real_nodes=self.kubelets)

    async def down(self) -> None:
        """Take everything away."""
        take_down(self.state)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.down()

    async def kubectl(self, *arguments: str, input: str | None = None, timeout: float = 30.0) -> str:  # noqa: A002, ASYNC109 - named as subprocess.run names them
        """Run kubectl as administrator and return what it prints; LabError if it fails."""
        return await kubectl(self.state, *arguments, text=input, seconds=timeout)

    async def exec(
        self,
        where: str,
        *argv: str,
        timeout: float = 30.0,  # noqa: ASYNC109 - named as subprocess.run names it
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the namespace of `where` (`client`, `router`, `node-1`, `cp`, `remote`).

        Raises:
            LabError: `check` is set and the status is not 0.
            TimeoutError: `timeout` seconds have passed; the program was killed.
        """
        status, out, errors = await run(exec_command(self.state, where, argv), seconds=timeout)
        if check and status != 0:
            raise LabError(f"{where}: {' '.join(argv)}: status {status}: {errors.strip() or out.strip()}")
        return subprocess.CompletedProcess(list(argv), status, out, errors)

    async def vtysh(self, command: str) -> str:
        """Ask the router's daemons, for example `show bgp summary json`."""
        return (await self.exec("router", *router.vtysh_command(self.state, command), check=True)).stdout

    def unit(self, name: str) -> UnitControl:
        """Return the handle of a program: `etcd`, `speaker-node-1`, `gobgpd-node-2`, `controller`."""
        return UnitControl(self.state, name)

    async def units(self) -> tuple[UnitStatus, ...]:
        """Return all programs of the lab."""
        return await order(self.state.control_socket, Order(verb="status"))

    async def start_unit(self, unit: Unit) -> None:
        """Let the supervisor run one program more."""
        await order(self.state.control_socket, Order(verb="start", unit=unit))

    async def cut(self, role: str) -> None:
        """Pull the LAN cable of `role`; the device at its own end loses carrier too."""
        await asyncio.to_thread(network.carrier, self.state, role, up=False)

    async def mend(self, role: str) -> None:
        """Plug the LAN cable of `role` in again."""
        await asyncio.to_thread(network.carrier, self.state, role, up=True)

    async def kill_node(self, node: str) -> None:
        """Take the node's power away: its cable first, then all its programs and containers, by SIGKILL.

        Raises:
            LabError: there is no such node.
        """
        self._must_have(node)
        await self.cut(node)
        for unit in await self._units_of(node):
            await order(self.state.control_socket, Order(verb="crash", name=unit.name))
        if self.kubelets:
            await asyncio.to_thread(node_root.end, self.state, node)

    async def revive_node(self, node: str) -> None:
        """Boot a killed node: what its disk holds is still there, its pods start anew; one that runs goes on.

        Raises:
            LabError: there is no such node.
        """
        self._must_have(node)
        units = await self._units_of(node)
        if self.kubelets and not any(unit.wanted for unit in units):
            await asyncio.to_thread(node_root.create, self.state, node)
        await self.mend(node)
        for unit in units:
            await self.unit(unit.name).start()

    def _must_have(self, node: str) -> None:
        if node not in self.node_names:
            raise LabError(
                f"there is no node {node!r} in lab {self.state.name}; it has {', '.join(self.node_names)}"
            )

    async def _units_of(self, node: str) -> list[UnitStatus]:
        return [unit for unit in await self.units() if unit.namespace == self.state.namespace(node)]

    async def load_image(self, archive: Path) -> None:
        """Give a docker-archive to every node's containerd; its images need no registry then.

        Raises:
            LabError: it is no such archive, or these nodes run no containers.
        """
        if not self.kubelets:
            raise LabError(
                f"the nodes of lab {self.state.name} run no containers; bring it up with --kubelets"
            )
        await containerd.load_image(self.state, self.node_names, archive)

    async def add_app(
        self,
        name: str,
        text: str,
        port: int,
        nodes: Sequence[str] | None = None,
        *,
        namespace: str = "default",
    ) -> None:
        """Run an HTTP pod on each of `nodes` (all unless told) and write its EndpointSlices, see lab.apps."""
        await apps.add_app(self.state, apps.App(name, text, port, tuple(nodes or self.node_names), namespace))

    async def start_daemons(self, options: DaemonOptions | None = None) -> None:
        """Start controller, speakers and gobgpd with the rights of the chart's roles."""
        await start_daemons(self.state, options or DaemonOptions())

    async def daemons_ready(self, seconds: float = 30.0) -> None:
        """Wait until the readiness probes of all daemons answer 200.

        Raises:
            LabError: one does not within `seconds`; the text holds what its probe said last.
        """
        for place in ("cp", *self.node_names):
            said = ""
            try:
                async with asyncio.timeout(seconds):
                    while True:
                        done = await self.exec(
                            place, "curl", "-s", "-m", "1", "-w", " %{http_code}", READY_URL
                        )
                        said = done.stdout.strip()
                        if said.endswith(" 200"):
                            break
                        await asyncio.sleep(0.1)
            except TimeoutError:
                raise LabError(f"the daemon on {place} is not ready after {seconds:.0f} s: {said}") from None

    async def stop_daemons(self) -> None:
        """Stop them; their objects stay."""
        await stop_daemons(self.state)


def exec_command(state: State, where: str, argv: Sequence[str]) -> list[str]:
    """Return the command line that runs `argv` in a namespace with the lab's programs and kubeconfig.

    Raises:
        LabError: there is no such place.
    """
    namespace = state.namespace(where)
    if state.role(namespace) is None or not Path("/run/netns", namespace).exists():
        places = ", ".join(network.roles(state.node_count()))
        raise LabError(f"there is no {where!r} in lab {state.name}; choose one of {places}")
    path = f"PATH={state.programs_link}:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    environment = ["env", path, f"KUBECONFIG={state.internal_kubeconfig}"]
    is_real_node = state.has_kubelets and where.startswith("node-")
    enter = node_root.enter_words(state, where) if is_real_node else ("ip", "netns", "exec", namespace)
    return [*enter, *environment, *argv]

"""One real cluster for the whole run; taken down again, whatever happens."""

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from given import Given

from e2e.manifests import peer
from e2e.patience import wait_until
from e2e.site import Site
from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions
from lab.router import vtysh_command
from lab.state import address4, address6

ROOT = Path(__file__).parents[2]
TEST_SECONDS = 400


class Cluster(Site):
    """A lab for tests that are not coroutines: real time, real processes."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.kubeconfig, str(lab.state.programs_link / "kubectl"))
        self.lab = lab

    def command(self, where: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` on a machine of the lab."""
        return exec_command(self.lab.state, where, argv)

    def do(self, coroutine):
        """Run what the lab offers as a coroutine."""
        return asyncio.run(coroutine)

    def ask_router(self, command: str):
        """What the router's daemons answer, parsed."""
        done = self.exec("router", *vtysh_command(self.lab.state, f"{command} json"))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def kill(self, unit: str, number: int = 9) -> None:
        """Send a signal to a program of the lab; its supervisor starts it again, as a kubelet would."""
        self.do(self.lab.unit(unit).kill(number))

    def log(self, unit: str) -> str:
        """What a program of the lab has written."""
        return (self.lab.state.logs / f"{unit}.log").read_text()

    def units(self) -> dict[str, tuple[int | None, int]]:
        """The process and the number of restarts of every program of the lab."""
        return {unit.name: (unit.pid, unit.restarts) for unit in self.do(self.lab.units())}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.netns)
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session")
def cluster():
    """An API server, nodes, a router and machines outside; no daemon of ours yet."""
    lab = Lab(f"test-{os.getpid()}")
    try:
        asyncio.run(lab.up())
        yield Cluster(lab)
    finally:
        asyncio.run(lab.down())


@pytest.fixture(scope="session")
def ferrite(cluster):
    """The same with the custom resources and Ferrite's daemons, ready."""
    cluster.kubectl("apply", "-f", str(ROOT / "crds"))
    cluster.do(cluster.lab.start_daemons(DaemonOptions()))
    for node in cluster.lab.node_names:
        wait_until(f"the speaker of {node}", lambda node=node: ready(cluster, node))
    wait_until("the controller", lambda: ready(cluster, "cp"))
    return cluster


def ready(cluster: Cluster, where: str) -> bool:
    """Whether the daemon there answers its readiness probe with 200."""
    return cluster.exec(where, "curl", "-sf", "-m", "1", "http://127.0.0.1:17472/readyz").returncode == 0


@pytest.fixture
def given(ferrite):
    """What a test makes in the cluster goes with it."""
    made = Given(ferrite)
    yield made
    made.end()


@pytest.fixture(scope="module")
def given_module(ferrite):
    """What a module makes in the cluster goes with it."""
    made = Given(ferrite)
    yield made
    made.end()


@pytest.fixture(scope="session")
def peers(ferrite):
    """BGP sessions of every node with the router: by IPv4 in the new version, by IPv6 in the old one."""
    made = Given(ferrite)
    made.apply(peer("router-4", address4("router")), peer("router-6", address6("router"), "v1beta1"))
    yield made
    made.end()

"""One real cluster for the whole run; taken down again, whatever happens."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0
START_SECONDS = 180


class Cluster:
    """A lab for tests that are not coroutines: real time, real processes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.namespace = "metallb-system"

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run calls it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as administrator."""
        program = str(self.lab.state.programs_link / "kubectl")
        command = [program, "--kubeconfig", str(self.lab.kubeconfig), *arguments]
        return subprocess.run(command, input=input, check=check, capture_output=True, text=True, timeout=60)

    def exec(self, where: str, *argv: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a program on a machine of the lab."""
        command = exec_command(self.lab.state, where, argv)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)

    def apply(self, manifest: str) -> None:
        """Apply YAML or JSON text."""
        self.kubectl("apply", "-f", "-", input=manifest)

    def do(self, coroutine):
        """Run what the lab offers as a coroutine."""
        return asyncio.run(coroutine)

    def kill(self, unit: str, number: int = 9) -> None:
        """Send a signal to a program of the lab; its supervisor starts it again, as a kubelet would."""
        self.do(self.lab.unit(unit).kill(number))

    def log(self, unit: str) -> str:
        """What a program of the lab has written."""
        return (self.lab.state.logs / f"{unit}.log").read_text()

    def address(self, service: str) -> str:
        """The addresses of a Service, separated by spaces."""
        path = "jsonpath={.status.loadBalancer.ingress[*].ip}"
        return self.kubectl("get", "service", service, "-o", path).stdout.strip()


def wait_until(what: str, holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> object:
    """Wait for something true, and return it; a failed assertion counts as not yet."""
    deadline = time.monotonic() + seconds
    last = ""
    while time.monotonic() < deadline:
        try:
            found = holds()
            if found:
                return found
        except (AssertionError, subprocess.SubprocessError) as error:
            last = f"; last error: {error}"
        time.sleep(0.1)
    raise AssertionError(f"timed out after {seconds} s waiting for {what}{last}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.netns)
            item.add_marker(pytest.mark.timeout(START_SECONDS))


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

"""One real cluster for the whole run; taken down again, whatever happens."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest
from given import Given, peer
from patience import wait_until

from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions
from lab.state import address4, address6

ROOT = Path(__file__).parents[2]
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

    def read(self, *arguments: str):
        """`kubectl get ... -o json`, parsed; lists as their items."""
        found = json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)
        return found["items"] if found["kind"].endswith("List") else found

    def events(self, service: str, reason: str) -> list[str]:
        """The sentences of a Service's Events of one reason, each as often as it was counted."""
        chosen = f"involvedObject.name={service},involvedObject.kind=Service,reason={reason}"
        found = self.read("events", "--field-selector", chosen)
        return [event["message"] for event in found for _ in range(event.get("count") or 1)]

    def get(self, where: str, address: str, path: str = "/", seconds: int = 2) -> str:
        """What an HTTP GET of port 5000 from a machine of the lab answers; "" for no answer."""
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:5000{path}"
        return self.exec(where, "curl", "-s", "-m", str(seconds), url).stdout.strip()

    def hops(self, address: str) -> set[str]:
        """The next hops of the router's kernel for one address."""
        family = "-6" if ":" in address else "-4"
        found = json.loads(self.exec("router", "ip", family, "-j", "route", "show", address).stdout or "[]")
        return {hop["gateway"] for route in found for hop in route.get("nexthops", [route])}

    def announcer(self, service: str) -> str:
        """The node that the ServiceL2Status of a Service names; "" while there is none."""
        chosen = f"metallb.io/service-name={service}"
        found = self.read("servicel2statuses", "-n", self.namespace, "-l", chosen)
        assert len(found) <= 1, found
        return found[0].get("status", {}).get("node", "") if found else ""

    def units(self) -> dict[str, tuple[int | None, int]]:
        """The process and the number of restarts of every program of the lab."""
        return {unit.name: (unit.pid, unit.restarts) for unit in self.do(self.lab.units())}


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

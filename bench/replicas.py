"""Controller processes of the benchmark's own: started, ended and killed at moments that are known."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import aiohttp

from bench.client import Client
from lab.cluster import Lab
from lab.daemons import HEALTH_PORT, METRICS_PORT, DaemonOptions, daemon_units

READY_SECONDS = 60.0
END_SECONDS = 15.0
LOOK_SECONDS = 0.02
LEASE = "ferrite-controller"


class Replica:
    """One process of the controller.

    Attributes:
        started: when it was executed, by `time.monotonic`.
    """

    def __init__(self, number: int, process: asyncio.subprocess.Process, started: float, log: Path) -> None:
        self.number, self.started = number, started
        self._process, self._log = process, log

    @property
    def pid(self) -> int:
        """Of the process; the words before the program execute it, and fork nothing."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a lost node would."""
        self._process.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, as a kubelet does."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self) -> None:
        """Wait until it is gone; one that does not go is killed."""
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    async def end(self) -> None:
        """Let it end by itself: it gives its Lease back."""
        if self._process.returncode is None:
            self.terminate()
        await self.ended()

    async def ready(self) -> None:
        """Wait until its readiness probe answers 200: it has listed everything.

        Raises:
            RuntimeError: it ended, or is not ready in time; the text holds the end of its log.
        """
        url = f"http://127.0.0.1:{HEALTH_PORT + self.number}/readyz"
        try:
            async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
                while self._process.returncode is None:
                    if await _answers(session, url):
                        return
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise RuntimeError(f"controller-{self.number} is not ready: {self._last_words()}") from None
        raise RuntimeError(f"controller-{self.number} ended: {self._last_words()}")

    def _last_words(self) -> str:
        return self._log.read_text()[-500:].strip()


class Replicas:
    """Starts controllers of a lab: number 0 and number 1, each with a name and ports of its own."""

    def __init__(self, argv: Sequence[str], logs: Path) -> None:
        self._argv, self._logs = tuple(argv), logs
        self._running: dict[int, Replica] = {}

    @classmethod
    def of(cls, lab: Lab, namespace: str) -> Self:
        """Those that the lab itself would start, with the same account and rights."""
        units = daemon_units(lab.state, DaemonOptions(namespace=namespace), lab.node_names)
        return cls(next(unit.argv for unit in units if unit.name == "controller"), lab.state.logs)

    async def start(self, number: int = 0) -> Replica:
        """Execute one; the last one of that number must have ended."""
        log = self._logs / f"bench-controller-{number}.log"
        ports = (f"--port={METRICS_PORT + number}", f"--health-probe-port={HEALTH_PORT + number}")
        argv = ("setpriv", "--pdeathsig", "KILL", *self._argv, f"--pod-name={pod_name(number)}", *ports)
        descriptor = await asyncio.to_thread(os.open, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            started = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stdout=descriptor, stderr=descriptor
            )
        finally:
            os.close(descriptor)
        replica = self._running[number] = Replica(number, process, started, log)
        return replica

    async def end(self) -> None:
        """End all that still run."""
        for replica in self._running.values():
            await replica.end()


async def add_pod(client: Client, namespace: str) -> None:
    """Make the Pod object of the second replica from that of the first."""
    pods = f"/api/v1/namespaces/{namespace}/pods"
    first = await client.call("GET", f"{pods}/{pod_name(0)}")
    metadata = {"name": pod_name(1), "labels": first["metadata"]["labels"]}
    kept = {"nodeName", "serviceAccountName", "automountServiceAccountToken", "tolerations", "containers"}
    spec = {name: value for name, value in first["spec"].items() if name in kept}
    await client.call("POST", pods, {"metadata": metadata, "spec": spec})


async def leader(client: Client, namespace: str) -> int:
    """Number of the replica that holds the Lease; waits until one does."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{LEASE}"
    async with asyncio.timeout(READY_SECONDS):
        while True:
            holder = (await client.call("GET", path))["spec"].get("holderIdentity", "")
            for number in (0, 1):
                if holder.startswith(f"{pod_name(number)}_"):
                    return number
            await asyncio.sleep(LOOK_SECONDS)


def pod_name(number: int) -> str:
    """Name of a replica's Pod."""
    return f"controller-{number}"


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False

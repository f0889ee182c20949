"""A cluster and the machines around it, as the tests use them: by kubectl, and by commands run elsewhere."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.manifests import NAMESPACE, PORT

KUBECTL_SECONDS = 60.0
EXEC_SECONDS = 30.0
Done = subprocess.CompletedProcess[str]


@dataclass
class Site:
    """One cluster with its outside world.

    Attributes:
        kubeconfig: of an administrator.
        kubectl_program: a path, or a name on the PATH.
        places: the words before a command that is to run on a machine: `client` on the nodes' LAN, `remote`
            behind the router, `router`; a machine without an entry is not there.
        namespace: of Ferrite.
    """

    kubeconfig: Path
    kubectl_program: str = "kubectl"
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)
    namespace: str = NAMESPACE

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> Done:  # noqa: A002 - as subprocess.run calls it
        """Run kubectl as administrator."""
        command = [self.kubectl_program, "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(
            command, input=input, check=False, capture_output=True, text=True, timeout=KUBECTL_SECONDS
        )
        if check:
            assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done

    def command(self, where: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` on a machine."""
        return [*self.places[where], *argv]

    def exec(self, where: str, *argv: str, timeout: float = EXEC_SECONDS) -> Done:
        """Run a program on a machine, whatever its exit status."""
        command = self.command(where, argv)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)

    def apply(self, manifest: str) -> None:
        """Apply YAML or JSON text."""
        self.kubectl("apply", "-f", "-", input=manifest)

    def read(self, *arguments: str) -> Any:
        """`kubectl get ... -o json`, parsed; lists as their items."""
        found = json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)
        return found["items"] if found["kind"].endswith("List") else found

    def address(self, service: str) -> str:
        """The addresses of a Service, separated by spaces."""
        path = "jsonpath={.status.loadBalancer.ingress[*].ip}"
        return self.kubectl("get", "service", service, "-o", path).stdout.strip()

    def events(self, service: str, reason: str) -> list[str]:
        """The sentences of a Service's Events of one reason, each as often as it was counted."""
        chosen = f"involvedObject.name={service},involvedObject.kind=Service,reason={reason}"
        found = self.read("events", "--field-selector", chosen)
        return [event["message"] for event in found for _ in range(event.get("count") or 1)]

    def get(self, where: str, address: str, path: str = "/", seconds: int = 2) -> str:
        """What an HTTP GET of `PORT` from a machine answers; "" for no answer."""
        return self.exec(where, "curl", "-s", "-m", str(seconds), url(address, path)).stdout.strip()

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


def url(address: str, path: str = "/") -> str:
    """Where the application answers at an address."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{PORT}{path}"

"""What the daemons ask of a real API server, by its own audit log.

It has a line for every request that the API server has read, whatever became of it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from e2e.manifests import NAMESPACE
from e2e.patience import wait_until
from lab.control_plane import control_plane_units

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a daemon.

    Attributes:
        at: seconds since the epoch at which the API server read it.
        daemon: `controller` or `speaker`.
        what: verb, resource, subresource and name.
        code: of the answer; 0 while there is none.
    """

    at: float
    daemon: str
    what: str
    uri: str
    code: int


class Audit:
    """The audit log of an API server that is started anew to write it."""

    def __init__(self, cluster) -> None:
        self._cluster = cluster
        self._log = cluster.lab.state.folder / "audit.log"
        self._policy = cluster.lab.state.folder / "audit.json"
        [_, self._plain] = control_plane_units(cluster.lab.state, kubelets=False)

    def begin(self) -> None:
        """Write the log from now on."""
        users = [ACCOUNT + "controller", ACCOUNT + "speaker"]
        rules = [{"level": "Metadata", "users": users}, {"level": "None"}]
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
        self._policy.write_text(json.dumps(policy))
        flags = (f"--audit-policy-file={self._policy}", f"--audit-log-path={self._log}")
        self._start(msgspec.structs.replace(self._plain, argv=(*self._plain.argv, *flags)))

    def end(self) -> None:
        """Write it no more."""
        self._start(self._plain)

    def _start(self, unit) -> None:
        self._cluster.do(self._cluster.lab.start_unit(unit))
        wait_until("the API server", lambda: is_up(self._cluster))

    def requests(self, since: float) -> list[Request]:
        """Those that were read after a moment, each once, with its answer if there was one."""
        found: dict[str, Request] = {}
        for line in self._log.read_text().splitlines():
            if line.endswith("}"):  # an API server that is killed may leave half a line
                event = json.loads(line)
                found[event["auditID"]] = _request(event)
        return [request for request in found.values() if request.at >= since]


def is_up(cluster) -> bool:
    """Whether the API server says that it is ready."""
    asked = cluster.kubectl("get", "--raw", "/readyz", "--request-timeout=2s", check=False)
    return asked.stdout == "ok"


def _request(event: dict[str, Any]) -> Request:
    target = event.get("objectRef", {})
    words = (target.get(word) for word in ("resource", "subresource", "name"))
    return Request(
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp(),
        daemon=event["user"]["username"].removeprefix(ACCOUNT),
        what=" ".join(filter(None, (event["verb"], *words))),
        uri=event["requestURI"],
        code=event.get("responseStatus", {}).get("code", 0),
    )

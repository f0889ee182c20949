"""A lab with real nodes as tests use it, and the objects they make in it."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from lab.cluster import Lab
from lab.scratch import ensure_scratch_image
from lab.state import LabError

IMAGE = "ferrite.lab/pod:1"
PORT = 8080
PATIENCE_SECONDS = 90.0


class Nodes:
    """A lab for tests that are not coroutines: real time, real processes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def do(self, coroutine):
        """Run what the lab offers as a coroutine."""
        return asyncio.run(coroutine)

    def kubectl(self, *arguments, input=None):  # noqa: A002 - as subprocess.run calls it
        """Run kubectl as administrator; LabError if it fails."""
        return self.do(self.lab.kubectl(*arguments, input=input))

    def apply(self, *items):
        """Apply objects."""
        self.kubectl(
            "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        )

    def read(self, *arguments):
        """`kubectl get ... -o json`, parsed; lists as their items."""
        found = json.loads(self.kubectl("get", *arguments, "-o", "json"))
        return found["items"] if found["kind"] == "List" else found

    def get(self, where, address, port=80):
        """Who answers an HTTP request from a machine of the lab, and to whom: node and client address."""
        [answer] = self.answers(where, address, port, count=1) or [()]
        return answer

    def answers(self, where, address, port=80, *, count):
        """What `get` returns, of `count` requests on a connection each; fewer where some are lost."""
        host = f"[{address}]" if ":" in address else address
        urls = [f"http://{host}:{port}/"] * count
        done = self.do(self.lab.exec(where, "curl", "-s", "-m", "2", *urls, timeout=3 * count + 30))
        return [tuple(line.split()) for line in done.stdout.splitlines()]

    def pods(self):
        """The name of the pod on each node."""
        found = self.read("pods", "-l", "app=web")
        return {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in found}

    def wait_until(self, what, holds):
        """Ask until it holds, or fail with what was waited for; what the lab refuses counts as not yet."""
        limit, last = time.monotonic() + PATIENCE_SECONDS, ""
        while True:
            try:
                if holds():
                    return
            except LabError as error:
                last = f"; last error: {error}"
            if time.monotonic() > limit:
                pytest.fail(f"timed out after {PATIENCE_SECONDS:.0f} s waiting for {what}{last}")
            time.sleep(0.2)


def pod_image() -> Path:
    """The archive of the image that the pods of these tests run."""
    return ensure_scratch_image(IMAGE, Path(__file__).with_name("pod.c"))


def container(*words):
    """A container that runs `pod` with these words, knows its node, and may do next to nothing."""
    node = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    bounds = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    resources = {"requests": {"cpu": "10m"}, "limits": {"memory": "16Mi"}}
    made = {"name": "pod", "image": IMAGE, "args": list(words), "env": [node]}
    return made | {"securityContext": bounds, "resources": resources}


def service(name, labels, policy):
    """A LoadBalancer Service of both families."""
    spec = {
        "type": "LoadBalancer",
        "externalTrafficPolicy": policy,
        "ipFamilyPolicy": "RequireDualStack",
        "selector": labels,
        "ports": [{"port": 80, "targetPort": PORT}],
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}

"""A lab with real nodes leaves nothing behind, however it ends: nothing of its own, nothing changed."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from leftovers import Leftovers, machine
from real_nodes import Nodes, container, pod_image

from lab.cluster import Lab
from lab.state import REPOSITORY

DOWN_SECONDS = 120.0
NOTHING = {"processes": 0, "mounts": 0, "cgroups": 0, "networks": 0, "folders": 0}
STAGES = ["network namespaces", "etcd, kube-apiserver", "the API server is ready"]


def command(verb, name, *words):
    return [sys.executable, "-m", "lab", verb, "--name", name, *words]


def down(name):
    subprocess.run(
        command("down", name), cwd=REPOSITORY, capture_output=True, timeout=DOWN_SECONDS, check=True
    )


@pytest.fixture
def left():
    """What there is of a lab whose name is no other's; whatever is, goes with the test."""
    found = Leftovers(f"gone-{os.getpid()}")
    before = machine()
    assert found.counts() == NOTHING
    yield found
    found.end()
    down(found.state.name)
    assert machine() == before


@pytest.mark.parametrize("killed", [False, True], ids=["down", "supervisor killed, then down"])
def test_a_lab_that_runs_pods_leaves_nothing(left, killed):
    lab = Lab(left.state.name, 2, kubelets=True)
    nodes = Nodes(lab)
    asyncio.run(lab.up())
    asyncio.run(lab.load_image(pod_image()))
    nodes.apply(*(pod(number) for number in (1, 2)))
    nodes.wait_until("the pods", lambda: all(map(is_ready, nodes.read("pods"))))
    left.look()
    assert all(count > 0 for count in left.counts().values())
    assert any("/pod" in process for process in left.processes())
    if killed:
        os.kill(supervisor(left), signal.SIGKILL)
    down(left.state.name)
    assert left.counts() == NOTHING, left.processes()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_an_interrupted_up_leaves_nothing(left, stage, number):
    argv = command("up", left.state.name, "--nodes", "1", "--kubelets")
    with subprocess.Popen(
        argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as up:
        for line in up.stdout:
            if stage in line:
                break
        left.look()
        up.send_signal(number)
        rest = up.stdout.read()
        up.wait(DOWN_SECONDS)
    if number == signal.SIGKILL:
        down(left.state.name)
    assert "Traceback" not in rest
    assert left.counts() == NOTHING, left.processes()


def supervisor(left):
    [found] = [process for process in left.processes() if "lab.supervisor" in process]
    return int(found.split(":")[0])


def is_ready(pod):
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def pod(number):
    """A pod that waits, with a volume in memory, on the node of that number."""
    volume = {"name": "memory", "emptyDir": {"medium": "Memory"}}
    waiting = container("serve", "8080") | {"volumeMounts": [{"name": "memory", "mountPath": "/memory"}]}
    spec = {"nodeName": f"node-{number}", "containers": [waiting], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{number}"}, "spec": spec}

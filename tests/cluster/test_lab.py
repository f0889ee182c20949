"""The lab itself: it leaves nothing behind, and Ferrite works in a namespace of any name."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.manifests import layer2, pool, service
from e2e.patience import wait_until
from lab.daemons import HEALTH_PORT
from lab.state import STATE_ROOT, State

ROOT = Path(__file__).parents[2]
NETNS = Path("/run/netns")
UP_SECONDS, DOWN_SECONDS = 180.0, 90.0
OTHER_NAMESPACE = "lb-system"


def command(verb, name, *words):
    return [sys.executable, "-m", "lab", verb, "--name", name, *words]


def lab(verb, name, *words, seconds=UP_SECONDS, text=None):
    done = subprocess.run(
        command(verb, name, *words),
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def namespaces(name):
    prefix = State(name).namespace("")
    return [path for path in NETNS.glob("*") if path.name.startswith(prefix)] if NETNS.exists() else []


class Traces:
    """What could stay behind of one lab: files, namespaces, processes in them or with its name."""

    def __init__(self, name):
        self.name = name
        self._held = {}

    def look(self):
        """Hold the namespaces that are there now: another lab gets the number of one that is gone."""
        for path in namespaces(self.name):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY)
                self._held[descriptor] = os.fstat(descriptor).st_ino

    def end(self):
        """Hold nothing any more."""
        while self._held:
            os.close(self._held.popitem()[0])

    def left(self):
        folder = State(self.name).folder
        files = [str(folder)] if folder.exists() else []
        return files + [path.name for path in namespaces(self.name)] + self._processes(os.fsencode(folder))

    def _processes(self, folder):
        found, held = [], set(self._held.values())
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes()
                inside = (process / "ns" / "net").stat().st_ino in held
                if inside or (folder + b"/") in words.replace(b"\0", b"/"):
                    found.append(f"{process.name}: {words!r}")
        return found


@pytest.fixture
def traces(request):
    """A lab's name that is no other's, and what is left of it; whatever is, goes with the test."""
    found = Traces(f"gone-{os.getpid()}")
    yield found
    found.end()
    subprocess.run(
        command("down", found.name), cwd=ROOT, capture_output=True, timeout=DOWN_SECONDS, check=True
    )


@pytest.mark.parametrize("stage", ["network namespaces", "etcd, kube-apiserver", "the API server is ready"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_up_leaves_nothing(traces, stage, number):
    argv = command("up", traces.name, "--nodes", "1")
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as up:
        for line in up.stdout:
            if stage in line:
                break
        traces.look()
        up.send_signal(number)
        rest = up.stdout.read()
        assert up.wait(DOWN_SECONDS) == 130, rest
    assert "Traceback" not in rest
    assert traces.left() == []


def test_a_lab_whose_supervisor_was_killed_goes_too_and_any_namespace_will_do(traces):
    name = traces.name
    lab("up", name, "--nodes", "2")
    traces.look()
    assert traces.left()
    serve_in_another_namespace(name)

    [supervisor] = supervisors(name)
    os.kill(supervisor, signal.SIGKILL)
    lab("down", name, seconds=DOWN_SECONDS)
    assert traces.left() == []
    lab("down", name)  # again, where there is none


def serve_in_another_namespace(name):
    """Every promise of the namespace: configuration, Lease, Secret, statuses; the CRDs come late."""
    lab("daemons", name, "start", "--namespace", OTHER_NAMESPACE)
    for where, kind in (("node-1", "l2advertisements"), ("cp", "ipaddresspools")):
        wait_until(f"{where} to say what it waits for", lambda w=where, k=kind: k in readiness(name, w))
    lab("kubectl", name, "apply", "-f", "crds")
    lab("kubectl", name, "wait", "-f", "crds", "--for=condition=Established", "--timeout=60s")
    objects = [pool("office", "192.168.1.240/32"), layer2("office", "office")]
    for item in objects:
        item["metadata"]["namespace"] = OTHER_NAMESPACE
    objects.append(service("hello", "office"))
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    lab("kubectl", name, "apply", "-f", "-", text=text)
    path = "jsonpath={.status.loadBalancer.ingress[*].ip}"
    wait_until(
        "an address", lambda: lab("kubectl", name, "get", "service", "hello", "-o", path) == "192.168.1.240"
    )
    lab("kubectl", name, "apply", "-f", "-", text=json.dumps(SLICE))
    probe = ("--", "arping", "-q", "-f", "-c", "1", "-w", "1", "-I", "eth0", "192.168.1.240")
    wait_until("an answer", lambda: lab("exec", name, "client", *probe) == "")
    everything = ("servicel2statuses,configurationstates,lease,secret", "-n", OTHER_NAMESPACE, "-o", "name")
    expected = [
        "configurationstate.metallb.io/controller",
        "configurationstate.metallb.io/speaker-node-1",
        "configurationstate.metallb.io/speaker-node-2",
        "lease.coordination.k8s.io/ferrite-controller",
        "secret/metallb-memberlist",
        "servicel2status.metallb.io/l2-",
    ]

    def written():
        listed = sorted(lab("kubectl", name, "get", *everything).split())
        return len(listed) == len(expected) and all(map(str.startswith, listed, expected))

    wait_until("what the daemons write", written)
    assert "metallb-system" not in lab("kubectl", name, "get", "namespaces", "-o", "name")


def readiness(name, where):
    """What a daemon that is not ready waits for."""
    url = f"http://127.0.0.1:{HEALTH_PORT}/readyz"
    return lab("exec", name, where, "--", "curl", "-s", "-m", "1", "-w", " %{http_code}", url)


SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "hello-1", "labels": {"kubernetes.io/service-name": "hello"}},
    "addressType": "IPv4",
    "ports": [{"name": "", "port": 5000, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["10.244.1.9"], "nodeName": "node-1", "conditions": {"ready": True}}],
}


def supervisors(name):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"lab.supervisor" in words and os.fsencode(State(name).control_socket) in words:
                found.append(int(process.name))
    return found


def test_a_name_that_could_not_be_a_folder_is_refused():
    done = subprocess.run(
        command("up", "../x"), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "'../x'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_is_told_to_a_lab_that_is_not_there():
    done = subprocess.run(
        command("status", "nobody-home"), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "python -m lab up --name nobody-home" in done.stderr
    assert not (STATE_ROOT / "nobody-home").exists()

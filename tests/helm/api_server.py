"""etcd, an API server and a controller manager on free ports of the loopback; no node, no kubelet."""

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from programs import NAMESPACE, Object, helm, program

from lab.certs import make_certificates

START_SECONDS = 60.0
STAND_INS = (
    ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors", "Namespaced"),
    ("monitoring.coreos.com", "PodMonitor", "podmonitors", "Namespaced"),
    ("monitoring.coreos.com", "PrometheusRule", "prometheusrules", "Namespaced"),
    ("security.openshift.io", "SecurityContextConstraints", "securitycontextconstraints", "Cluster"),
)
REQUIRED = {
    "SecurityContextConstraints": [  # by the schemas of OpenShift, older ones included
        *("allowHostDirVolumePlugin", "allowHostIPC", "allowHostNetwork", "allowHostPID", "allowHostPorts"),
        *("allowPrivilegedContainer", "allowedCapabilities", "defaultAddCapabilities", "priority"),
        *("readOnlyRootFilesystem", "requiredDropCapabilities", "volumes"),
    ]
}


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running API server, and how to talk to it as administrator or with another's token."""

    folder: Path
    port: int

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def kubectl(
        self,
        *arguments: str,
        text: str | None = None,
        token: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; with a token, as its owner."""
        kubeconfig = write_kubeconfig(self.folder, self.port, token) if token else self.kubeconfig
        command = [program("kubectl"), f"--kubeconfig={kubeconfig}", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=90, check=False)
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done

    def apply(self, *items: Object) -> None:
        """Create or change objects."""
        self.kubectl(
            "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        )

    def get(self, *arguments: str) -> Object:
        """What kubectl gets."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments).stdout)

    def helm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm against this server."""
        done = helm(*arguments, check=False, KUBECONFIG=str(self.kubeconfig))
        assert not check or done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done

    def add_stand_ins(self) -> None:
        """Add kinds that take any fields, for what other products bring, and wait until they are served."""
        self.apply(*(stand_in(*each) for each in STAND_INS))
        self.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")

    def add_namespace(self, name: str = NAMESPACE) -> None:
        """Create a namespace, as it is not there yet."""
        self.kubectl("create", "namespace", name)


def remove_kinds(server: ApiServer) -> None:
    """Remove the kinds of the chart, which an uninstall leaves, and with them all of their objects."""
    names = [item["metadata"]["name"] for item in server.get("crds")["items"]]
    ours = [name for name in names if name.partition(".")[2] in ("metallb.io", "ferrite.io")]
    if ours:
        server.kubectl("delete", "crd", *ours, "--timeout=60s")


def stand_in(group: str, kind: str, plural: str, scope: str) -> Object:
    """A CustomResourceDefinition that takes any fields, and asks for some."""
    schema: Object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema["required"] = REQUIRED.get(kind, [])
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def free_ports(count: int) -> list[int]:
    """Ports of the loopback nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def write_kubeconfig(folder: Path, port: int, token: str | None = None) -> Path:
    """Write a kubeconfig for a token; None is the administrator's."""
    path = folder / (f"kubeconfig-{secrets.token_hex(4)}" if token else "kubeconfig")
    token = token or (folder / "token").read_text()
    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(folder / "ca.crt")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": server}],
        "users": [{"name": "test", "user": {"token": token}}],
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path


@contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Start everything, and end it again."""
    make_certificates(folder)
    token = secrets.token_hex(16)
    (folder / "token").write_text(token)
    (folder / "tokens.csv").write_text(f'{token},admin,admin,"system:masters"\n')
    client, peer, port = free_ports(3)
    server = ApiServer(folder, port)
    write_kubeconfig(folder, port)
    with ExitStack() as stack:
        stack.enter_context(_process(folder, "etcd", *etcd_flags(folder, client, peer)))
        stack.enter_context(_process(folder, "kube-apiserver", *api_flags(folder, client, port)))
        _wait_until_ready(server)
        stack.enter_context(_process(folder, "kube-controller-manager", *manager_flags(folder)))
        yield server


def etcd_flags(folder: Path, client: int, peer: int) -> tuple[str, ...]:
    client_url, peer_url = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return (
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--log-level=warn",
    )


def api_flags(folder: Path, etcd: int, port: int) -> tuple[str, ...]:
    return (
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={folder / 'service-accounts.key'}",
        f"--service-account-key-file={folder / 'service-accounts.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged",
        "--endpoint-reconciler-type=none",
    )


def manager_flags(folder: Path) -> tuple[str, ...]:
    """Only what removes what has lost its owner."""
    return (
        f"--kubeconfig={folder / 'kubeconfig'}",
        "--controllers=garbage-collector-controller,namespace-controller",
        "--leader-elect=false",
        "--secure-port=0",
    )


@contextmanager
def _process(folder: Path, name: str, *flags: str) -> Iterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([program(name), *flags], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: ApiServer) -> None:
    give_up = time.monotonic() + START_SECONDS
    while server.kubectl("get", "--raw", "/readyz", check=False).returncode:
        log = (server.folder / "kube-apiserver.log").read_text()
        assert time.monotonic() < give_up, f"the API server is not ready: {log[-2000:]}"
        time.sleep(0.1)

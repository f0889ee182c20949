"""etcd, the API server, the controller manager, and a kube-proxy on each node."""

import json
import secrets
from pathlib import Path
from typing import Any

from lab.certs import make_certificates
from lab.state import (
    API_PORT,
    CLUSTER_CIDRS,
    POD4,
    POD6,
    SERVICE_CIDRS,
    State,
    address4,
    address6,
    node_number,
    write_file,
)
from lab.units import Unit

USERS = {  # user name and group, as Kubernetes' own role bindings know them
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "proxy": ("system:kube-proxy", ""),
}
ABSENT_CONTROLLERS = ("node-ipam-controller", "node-lifecycle-controller")
PROXY_HEALTH = "127.0.0.1:10256"
STOP_SECONDS = 2.0  # an API server whose etcd is gone never ends by itself
API_CALLS_PER_SECOND = (
    200  # of the controller manager: the usual 20 would be the slowest thing in a benchmark
)


def prepare(state: State) -> dict[str, str]:
    """Write certificates and tokens; return the token of each of USERS."""
    folder = state.part("pki")
    make_certificates(folder)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    lines = [f'{tokens[user]},{name},{name},"{group}"' for user, (name, group) in USERS.items()]
    write_file(folder / "tokens.csv", "\n".join([*lines, ""]))
    write_kubeconfig(state, state.internal_kubeconfig, tokens["admin"])
    write_kubeconfig(state, state.folder / "controller-manager.kubeconfig", tokens["controller-manager"])
    write_kubeconfig(state, state.folder / "proxy.kubeconfig", tokens["proxy"])
    return tokens


def write_kubeconfig(state: State, path: Path, token: str, *, host_port: int | None = None) -> None:
    """Write a kubeconfig for use inside the namespaces, or from the host where `host_port` is given."""
    server = f"https://127.0.0.1:{host_port}" if host_port else f"https://{address4('cp')}:{API_PORT}"
    authority = str(state.folder / "pki" / "ca.crt")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "lab", "user": {"token": token}}],
    }
    write_file(path, json.dumps(config, indent=1))


def control_plane_units(state: State) -> list[Unit]:
    """Return etcd, the API server and the way to it from the host, in the order they start."""
    return [_etcd(state), _api_server(state)]


def controller_manager(state: State) -> Unit:
    """Return the controller manager; it wants a living API server."""
    pki, kubeconfig = state.folder / "pki", str(state.folder / "controller-manager.kubeconfig")
    absent = ",".join(f"-{name}" for name in ABSENT_CONTROLLERS)
    return _unit(
        state,
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--controllers=*,{absent}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--kube-api-qps={API_CALLS_PER_SECOND}",
        f"--kube-api-burst={2 * API_CALLS_PER_SECOND}",
    )


def kube_proxy(state: State, node: str) -> Unit:
    """Write a kube-proxy's configuration and return its unit."""
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(state.folder / "proxy.kubeconfig")},
        "mode": "nftables",
        "hostnameOverride": node,
        "clusterCIDR": CLUSTER_CIDRS,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": PROXY_HEALTH,
        "metricsBindAddress": "127.0.0.1:10249",
        "nftables": {"minSyncPeriod": "50ms"},
    }
    path = state.part("nodes", node) / "kube-proxy.json"
    write_file(path, json.dumps(config, indent=1))
    program = str(state.programs_link / "kube-proxy")
    return Unit(
        name=f"kube-proxy-{node}", argv=(program, f"--config={path}"), namespace=state.namespace(node)
    )


def node_object(node: str) -> dict[str, Any]:
    """Return the Node, ready and with its addresses, as its kubelet would register it."""
    number = node_number(node)
    cidrs = [f"{POD4}.{number}.0/24", f"{POD6}:{number}::/64"]
    addresses = [
        {"type": "InternalIP", "address": address4(node)},
        {"type": "InternalIP", "address": address6(node)},
        {"type": "Hostname", "address": node},
    ]
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "a node of the lab"}
    labels = {"kubernetes.io/hostname": node, "kubernetes.io/os": "linux"}
    capacity = {"cpu": "2", "memory": "4Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node, "labels": labels},
        "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs},
        "status": {
            "addresses": addresses,
            "conditions": [ready],
            "capacity": capacity,
            "allocatable": capacity,
        },
    }


def _etcd(state: State) -> Unit:
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    return _unit(
        state,
        "etcd",
        f"--data-dir={state.folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--log-level=warn",
    )


def _api_server(state: State) -> Unit:
    pki = state.folder / "pki"
    return _unit(
        state,
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--bind-address={address4('cp')}",
        f"--advertise-address={address4('cp')}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={pki / 'server.crt'}",
        f"--tls-private-key-file={pki / 'server.key'}",
        f"--token-auth-file={pki / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-cluster-ip-range={SERVICE_CIDRS}",
        "--allow-privileged",
        "--disable-admission-plugins=TaintNodesByCondition",  # no one would take the taint away again
    )


def _unit(state: State, name: str, *arguments: str) -> Unit:
    argv = (str(state.programs_link / name), *arguments)
    return Unit(name=name, argv=argv, namespace=state.namespace("cp"), stop_seconds=STOP_SECONDS)

"""etcd, the API server, the controller manager, the scheduler, and a kube-proxy on each node."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.certs import KUBELET_CLIENT, make_certificates
from lab.state import (
    API_PORT,
    CLUSTER_CIDRS,
    SERVICE_CIDRS,
    State,
    address4,
    address6,
    pod_cidrs,
    write_file,
)
from lab.units import Unit

USERS = {  # user name and group, as Kubernetes' own role bindings know them
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
}
POD_SECURITY_LEVEL = "baseline"  # of namespaces without a label, in a cluster that runs real pods
PROXY_HEALTH = "127.0.0.1:10256"
STOP_SECONDS = 2.0  # an API server whose etcd is gone never ends by itself
API_CALLS_PER_SECOND = (
    200  # of the controller manager: the usual 20 would be the slowest thing in a benchmark
)


def prepare(state: State, kubelets: Sequence[str] = ()) -> dict[str, str]:
    """Write certificates (for nodes with a kubelet too) and tokens; return the token of each of USERS."""
    folder = state.part("pki")
    make_certificates(folder, kubelets)
    tokens = {user: secrets.token_hex(16) for user in USERS}
    lines = [f'{tokens[user]},{name},{name},"{group}"' for user, (name, group) in USERS.items()]
    write_file(folder / "tokens.csv", "\n".join([*lines, ""]))
    write_kubeconfig(state, state.internal_kubeconfig, tokens["admin"])
    for user in ("controller-manager", "scheduler", "proxy"):
        write_kubeconfig(state, state.folder / f"{user}.kubeconfig", tokens[user])
    return tokens


def write_kubeconfig(state: State, path: Path, token: str, *, host_port: int | None = None) -> None:
    """Write a kubeconfig for use inside the namespaces, or from the host where `host_port` is given."""
    write_user_kubeconfig(state, path, {"token": token}, host_port=host_port)


def write_user_kubeconfig(
    state: State, path: Path, user: dict[str, str], *, host_port: int | None = None
) -> None:
    """Write a kubeconfig as `write_kubeconfig` does; `user` says how to authenticate."""
    server = f"https://127.0.0.1:{host_port}" if host_port else f"https://{address4('cp')}:{API_PORT}"
    authority = str(state.folder / "pki" / "ca.crt")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": "lab", "user": user}],
    }
    write_file(path, json.dumps(config, indent=1))


def control_plane_units(state: State, *, kubelets: bool) -> list[Unit]:
    """Return etcd and the API server, in the order they start."""
    return [_etcd(state), _api_server(state, *_api_server_flags(state, kubelets=kubelets))]


def controller_manager(state: State, *, kubelets: bool) -> Unit:
    """Return the controller manager; it wants a living API server.

    The lab itself tells nodes their pod networks, so that routes can be there before them; and nobody may
    miss the heartbeats of a kubelet where there is none.
    """
    pki = state.folder / "pki"
    absent = ["node-ipam-controller"] + ([] if kubelets else ["node-lifecycle-controller"])
    return _unit(
        state,
        "kube-controller-manager",
        *_kubeconfig_flags(state, "controller-manager"),
        f"--controllers=*,{','.join(f'-{name}' for name in absent)}",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--kube-api-qps={API_CALLS_PER_SECOND}",
        f"--kube-api-burst={2 * API_CALLS_PER_SECOND}",
    )


def scheduler(state: State) -> Unit:
    """Return the scheduler; it wants a living API server."""
    flags = _kubeconfig_flags(state, "scheduler")
    return _unit(state, "kube-scheduler", *flags, "--leader-elect=false", "--bind-address=127.0.0.1")


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


def pod_network(node: str) -> dict[str, Any]:
    """Return the part of a Node's spec that holds its pod networks."""
    cidrs = pod_cidrs(node)
    return {"podCIDR": cidrs[0], "podCIDRs": cidrs}


def node_object(node: str) -> dict[str, Any]:
    """Return the Node, ready and with its addresses, as its kubelet would register it."""
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
        "spec": pod_network(node),
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


def _api_server(state: State, *flags: str) -> Unit:
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
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-cluster-ip-range={SERVICE_CIDRS}",
        "--allow-privileged",
        *flags,
    )


def _api_server_flags(state: State, *, kubelets: bool) -> list[str]:
    """Return what depends on whether there are kubelets to admit, to call, and to run pods."""
    if not kubelets:  # nobody would take the taint away again
        return ["--authorization-mode=RBAC", "--disable-admission-plugins=TaintNodesByCondition"]
    pki, admission = state.folder / "pki", state.folder / "admission.json"
    write_file(admission, json.dumps(pod_security(), indent=1))
    return [
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--enable-aggregator-routing",  # webhooks are called at their pods: no kube-proxy runs here
        f"--admission-control-config-file={admission}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / KUBELET_CLIENT}.crt",
        f"--kubelet-client-key={pki / KUBELET_CLIENT}.key",
        "--kubelet-preferred-address-types=InternalIP",
    ]


def pod_security() -> dict[str, Any]:
    """Return the AdmissionConfiguration: what pods may do in a namespace that has no label about it."""
    configuration = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": {"enforce": POD_SECURITY_LEVEL, "enforce-version": "latest"},
    }
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{"name": "PodSecurity", "configuration": configuration}],
    }


def _kubeconfig_flags(state: State, user: str) -> list[str]:
    path = state.folder / f"{user}.kubeconfig"
    uses = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [f"--{use}={path}" for use in uses]


def _unit(state: State, name: str, *arguments: str) -> Unit:
    argv = (str(state.programs_link / name), *arguments)
    return Unit(name=name, argv=argv, namespace=state.namespace("cp"), stop_seconds=STOP_SECONDS)

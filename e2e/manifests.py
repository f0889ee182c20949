"""Objects a test needs, as small builders."""

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]

NAMESPACE = "metallb-system"
PORT = 5000
ROUTER_ASN, NODE_ASN = 64500, 64501
SIX: Object = {"ipFamilies": ["IPv6"]}
DUAL: Object = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}


def custom(kind: str, name: str, version: str = "v1beta1", **spec: Any) -> Object:
    """A custom resource of Ferrite's namespace."""
    return {
        "apiVersion": f"metallb.io/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def pool(name: str, *addresses: str, **spec: Any) -> Object:
    """A pool; no Service gets its addresses that does not ask for it, so that tests do not meet."""
    return custom("IPAddressPool", name, addresses=list(addresses), **{"autoAssign": False} | spec)


def layer2(name: str, *pools: str, **spec: Any) -> Object:
    """A layer-2 advertisement of the pools."""
    return custom("L2Advertisement", name, ipAddressPools=list(pools), **spec)


def bgp(name: str, *pools: str, **spec: Any) -> Object:
    """A BGP advertisement of the pools."""
    return custom("BGPAdvertisement", name, ipAddressPools=list(pools), **spec)


def peer(name: str, address: str, version: str = "v1beta2", **spec: Any) -> Object:
    """The router as a peer."""
    asns = {"myASN": NODE_ASN, "peerASN": ROUTER_ASN}
    return custom("BGPPeer", name, version, peerAddress=address, **asns | spec)


def service(
    name: str,
    pool_name: str | None = None,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Object:
    """A LoadBalancer Service on `PORT`; without a selector, unless `spec` has one."""
    notes = {"metallb.io/address-pool": pool_name} if pool_name else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "annotations": notes | dict(annotations or {})},
        "spec": {"type": "LoadBalancer", "ports": [{"port": PORT}]} | spec,
    }


def application(name: str, text: str, image: str, nodes: Sequence[str] = ()) -> Object:
    """One pod that greets with `text` on `PORT` on every node, or on each of `nodes`."""
    labels = {"app": name}
    own = {"valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    container = {
        "name": "web",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "GREETING", "value": text}, {"name": "NODE_NAME", **own}],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod: Object = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if nodes:
        fields = [{"key": "metadata.name", "operator": "In", "values": [node]} for node in nodes]
        terms = [{"matchFields": [field]} for field in fields]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        pod["affinity"] = {"nodeAffinity": required}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }

"""Builders of Services for the controller's tests."""

from typing import Any

import msgspec

from ferrite.objects import Service


def service(name: str = "team/web", **changes: Any) -> Service:
    """A LoadBalancer Service; `changes` replace what is told below."""
    namespace, short = name.split("/")
    annotations = dict(changes.pop("annotations", {}))
    if "pool" in changes:
        annotations["metallb.io/ip-allocated-from-pool"] = changes.pop("pool")
    metadata = {
        "namespace": namespace,
        "name": short,
        "annotations": annotations,
        "labels": changes.pop("labels", {}),
        "uid": changes.pop("uid", ""),
        "resourceVersion": changes.pop("version", "1"),
        "creationTimestamp": changes.pop("created", "2026-01-01T00:00:00Z"),
    }
    ingress = [{"ip": address} for address in changes.pop("held", ())]
    cluster = changes.pop("cluster_ips", ["10.96.0.1"])
    ports = [{"port": port} for port in changes.pop("ports", [80])]
    spec = {"type": "LoadBalancer", "clusterIPs": cluster, "ports": ports, **changes}
    if cluster:
        spec["clusterIP"] = cluster[0]
    document = {"metadata": metadata, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}}}
    return msgspec.convert(document, Service)

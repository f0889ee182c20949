"""Kubernetes objects as the API server sends them, in few words, for tests of the speaker."""

from typing import Any

import msgspec

from ferrite.objects import EndpointSlice, Node, Service
from tests.fakes.parts import Json

ADDRESS = "192.0.2.1"
OTHER_ADDRESS = "192.0.2.2"


def service_body(*addresses: str, **spec: Any) -> Json:
    """The parts of a Service of type LoadBalancer, with the addresses that the controller assigned to it."""
    ingress = [{"ip": address} for address in addresses]
    return {
        "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": "blue"} if addresses else {}},
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def slice_body(service: str, *nodes: str) -> Json:
    """The parts of an EndpointSlice with a ready endpoint on each node."""
    endpoints = [
        {"addresses": ["10.0.0.1"], "nodeName": node, "conditions": {"ready": True}} for node in nodes
    ]
    return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": endpoints}


def service(key: str, *addresses: str, **spec: Any) -> Service:
    return msgspec.convert(_named(key, service_body(*addresses, **spec)), Service)


def endpoint_slice(key: str, service_name: str, *nodes: str) -> EndpointSlice:
    return msgspec.convert(_named(key, slice_body(service_name, *nodes)), EndpointSlice)


def node(name: str, **labels: str) -> Node:
    return msgspec.convert({"metadata": {"name": name, "labels": labels}}, Node)


def _named(key: str, body: Json) -> Json:
    namespace, name = key.split("/")
    return {**body, "metadata": {**body.get("metadata", {}), "name": name, "namespace": namespace}}

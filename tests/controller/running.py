"""A whole controller on the fake API server, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from controller.app import serve
from controller.settings import read_settings
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import IP_ADDRESS_POOLS, LEASES, SERVICES, AnyKind
from tests.fakes.api import FakeApi

ARGUMENTS = ["--port", "0", "--health-probe-port", "0", "--namespace", "metallb-system"]


@asynccontextmanager
async def controller(api: FakeApi, *arguments: str) -> AsyncIterator[asyncio.Task[Any]]:
    async with controller_on(api.cluster(), *arguments) as task:
        yield task


@asynccontextmanager
async def controller_on(cluster: Cluster, *arguments: str) -> AsyncIterator[asyncio.Task[Any]]:
    async with asyncio.TaskGroup() as tasks:
        settings, clock = read_settings([*ARGUMENTS, *arguments]), asyncio.get_running_loop().time
        task = tasks.create_task(serve(settings, cluster, clock))
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def add_pool(api: FakeApi, name: str, *addresses: str, **spec: Any) -> None:
    api.seed(IP_ADDRESS_POOLS, f"metallb-system/{name}", spec={"addresses": list(addresses), **spec})


def edit(api: FakeApi, kind: AnyKind, key: str, **parts: Any) -> None:
    """Replace parts of an object as somebody else would; the others stay."""
    found = api.objects(kind)[key]
    kept = {part: found[part] for part in ("metadata", "spec", "status") if part in found}
    api.seed(kind, key, **{**kept, **parts})


def edit_pool(api: FakeApi, name: str, **spec: Any) -> None:
    """Change fields of a pool's spec; None takes one away."""
    present = pool_of(api, name)["spec"]
    wanted = {part: value for part, value in {**present, **spec}.items() if value is not None}
    edit(api, IP_ADDRESS_POOLS, f"metallb-system/{name}", spec=wanted)


def pool_of(api: FakeApi, name: str) -> Any:
    return api.objects(IP_ADDRESS_POOLS)[f"metallb-system/{name}"]


def add_service(api: FakeApi, key: str, **spec: Any) -> None:
    spec = {"type": "LoadBalancer", "clusterIPs": ["10.96.0.1"], "clusterIP": "10.96.0.1", **spec}
    api.seed(SERVICES, key, spec={**spec, "ports": [{"port": 80}]}, status={"loadBalancer": {}})


def ingress(api: FakeApi, key: str) -> list[str]:
    status = api.objects(SERVICES)[key]["status"]
    return [entry["ip"] for entry in (status.get("loadBalancer") or {}).get("ingress") or []]


def holder(api: FakeApi) -> str:
    """Who holds the Lease; empty when it was given back."""
    return api.objects(LEASES)["metallb-system/ferrite-controller"]["spec"]["holderIdentity"]

"""Services and pools of the benchmarks, and the moment at which each Service is seen with an address."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from bench.client import Client, spread

LABEL = "ferrite.io/bench"
POOL = "ferrite-bench"
PROBE = "probe"
SERVICES = "/api/v1/namespaces/default/services"
LIMIT_SECONDS = 120.0


def service_name(group: str, number: int) -> str:
    """Name of a Service; `group` is its label, and what is watched and deleted together."""
    return f"ferrite-bench-{group}-{number}"


async def create_service(client: Client, group: str, number: int, class_name: str | None = None) -> None:
    """Create one that wants an address and has no endpoints."""
    spec: dict[str, Any] = {
        "type": "LoadBalancer",
        "allocateLoadBalancerNodePorts": False,
        "ports": [{"port": 80}],
    }
    if class_name:
        spec["loadBalancerClass"] = class_name
    metadata = {"name": service_name(group, number), "labels": {LABEL: group}}
    await client.call("POST", SERVICES, {"metadata": metadata, "spec": spec})


async def create_services(client: Client, group: str, numbers: range, class_name: str | None = None) -> None:
    """Create many, as fast as the API server takes them; says so."""

    async def create(number: int) -> None:
        await create_service(client, group, number, class_name)

    await spread(create, numbers, counter(f"creating {group} Services", len(numbers)))


async def delete_services(client: Client, *groups: str) -> None:
    """Delete all of these groups; without any, every Service of the benchmarks."""
    chosen = f"+in+({','.join(groups)})" if groups else ""
    found = await client.call("GET", f"{SERVICES}?labelSelector={LABEL}{chosen}")

    async def delete(service: dict[str, Any]) -> None:
        await client.call("DELETE", f"{SERVICES}/{service['metadata']['name']}")

    await spread(delete, found["items"])


async def create_pool(client: Client, namespace: str, prefix: str) -> None:
    """Offer addresses to every Service."""
    body = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": POOL},
        "spec": {"addresses": [prefix]},
    }
    await client.call("POST", _pools(namespace), body)


async def delete_pool(client: Client, namespace: str) -> None:
    """Delete the pool if it is there."""
    for pool in (await client.call("GET", _pools(namespace)))["items"]:
        if pool["metadata"]["name"] == POOL:
            await client.call("DELETE", f"{_pools(namespace)}/{POOL}")


async def clean(client: Client, namespace: str) -> None:
    """Delete what this or an earlier run made."""
    await delete_pool(client, namespace)
    await delete_services(client)


class Addresses:
    """Moments, by `time.monotonic`, at which a watch first showed an address, by the Service's name."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self._changed = asyncio.Event()

    def take(self, service: dict[str, Any], moment: float) -> None:
        """A Service as a watch shows it."""
        if service.get("status", {}).get("loadBalancer", {}).get("ingress"):
            self.seen.setdefault(service["metadata"]["name"], moment)
            self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until enough was seen.

        Raises:
            TimeoutError: that takes longer than any benchmark.
        """
        async with asyncio.timeout(LIMIT_SECONDS):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def of(self, name: str) -> float:
        """Wait for the address of one Service; the moment of it."""
        await self.until(lambda: name in self.seen)
        return self.seen[name]


@asynccontextmanager
async def watching(client: Client, group: str) -> AsyncIterator[Addresses]:
    """See which Services of a group are given an address inside the block."""
    query = f"labelSelector={LABEL}%3D{group}"
    version = (await client.call("GET", f"{SERVICES}?{query}&limit=1"))["metadata"]["resourceVersion"]
    addresses = Addresses()

    async def watch() -> None:
        async with aclosing(client.watch(f"{SERVICES}?{query}", version)) as events:
            async for event in events:
                addresses.take(event["object"], time.monotonic())
        raise RuntimeError(f"the watch of {group} Services ended")

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch())
        yield addresses
        task.cancel()


async def probe(client: Client, addresses: Addresses, number: int) -> float:
    """Create one Service more and wait for its address; the moment at which it had it."""
    await create_service(client, PROBE, number)
    return await addresses.of(service_name(PROBE, number))


def counter(what: str, total: int) -> Callable[[int], None]:
    """Shows on stderr how far something is."""

    def show(done: int) -> None:
        if done % 100 == 0 or done == total:
            sys.stderr.write(f"\r{what}: {done} of {total}" + "\n" * (done == total))

    return show


def say(text: str) -> None:
    """Show progress on stderr."""
    sys.stderr.write(f"{text}\n")


def spans(begun: dict[str, float], seen: dict[str, float]) -> Iterable[float]:
    """Seconds from each beginning to the moment of the same name."""
    return (seen[name] - moment for name, moment in begun.items())


def _pools(namespace: str) -> str:
    return f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools"

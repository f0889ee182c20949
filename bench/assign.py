"""How long until 1,000 waiting Services have an address, against the raw rate of status writes."""

import asyncio
import sys
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.client import MERGE_PATCH, Client, connect, spread

COUNT = 1000
WAITING, RAW = "waiting", "raw"
LABEL = "ferrite.io/bench"
SERVICES = "/api/v1/namespaces/default/services"
POOL = "ferrite-bench"
LIMIT_SECONDS = 120.0
SETTLE_SECONDS = 3.0
BUDGET_SECONDS = 2.5
BUDGET_RATIO = 0.8


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        services: how many waited.
        assign_seconds: from the pool's creation to the last Service whose address a watch showed.
        assign_rate: Services a second in that time.
        raw_rate: status patches a second, of as many other Services, by a bare client with 24 in flight.
        ratio: the first rate over the second.
    """

    services: int
    assign_seconds: float
    assign_rate: float
    raw_rate: float
    ratio: float

    @property
    def within_budget(self) -> bool:
        """Whether it is as fast as the design asks."""
        return self.assign_seconds <= BUDGET_SECONDS and self.ratio >= BUDGET_RATIO

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"assign_seconds": BUDGET_SECONDS, "ratio": BUDGET_RATIO}
        return {**asdict(self), "budget": budget, "within_budget": self.within_budget}

    def table(self) -> str:
        """For people."""
        rows = (
            (
                f"{self.services} waiting Services get a pool",
                f"{self.assign_seconds:.2f} s",
                f"{BUDGET_SECONDS} s",
            ),
            ("assigned", f"{self.assign_rate:.0f}/s", ""),
            ("raw status writes", f"{self.raw_rate:.0f}/s", ""),
            ("of the raw rate", f"{self.ratio:.0%}", f"{BUDGET_RATIO:.0%}"),
        )
        head = f"{'what':<38} {'measured':>10} {'budget':>8}"
        lines = [f"{what:<38} {measured:>10} {budget:>8}" for what, measured, budget in rows]
        return "\n".join((head, *lines))


async def measure(kubeconfig: Path, namespace: str = "metallb-system", count: int = COUNT) -> Result:
    """Measure on a cluster whose controller runs; pools in `namespace` must have no `autoAssign`.

    What is created is taken away again.
    """
    async with connect(kubeconfig) as client:
        await _clean(client, namespace)
        try:
            for name, class_name in ((WAITING, None), (RAW, "example.com/nobody")):
                await _create_services(client, name, class_name, count)
            await asyncio.sleep(SETTLE_SECONDS)
            raw = await _raw_rate(client, count)
            seconds = await _assign_seconds(client, namespace, count)
            again = await _raw_rate(client, count)
        finally:
            await _clean(client, namespace)
    # The machine's speed wanders within a run: the raw rate is taken on both sides of what it is compared to.
    raw = 2 / (1 / raw + 1 / again)
    rate = count / seconds
    return Result(count, round(seconds, 3), round(rate, 1), round(raw, 1), round(rate / raw, 3))


async def _create_services(client: Client, group: str, class_name: str | None, count: int) -> None:
    async def create(number: int) -> None:
        spec = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{"port": 80}]}
        metadata = {"name": f"ferrite-bench-{group}-{number}", "labels": {LABEL: group}}
        if class_name:
            spec["loadBalancerClass"] = class_name
        await client.call("POST", SERVICES, {"metadata": metadata, "spec": spec})

    def show(done: int) -> None:
        if done % 100 == 0:
            sys.stderr.write(f"\rcreating {group} Services: {done} of {count}" + "\n" * (done == count))

    await spread(create, range(count), show)


async def _raw_rate(client: Client, count: int) -> float:
    stamp = time.monotonic_ns()

    async def patch(number: int) -> None:
        ingress = [{"ip": f"198.18.{number // 250}.{number % 250 + 1}", "ipMode": "VIP"}]
        body = {
            "metadata": {"annotations": {"metallb.io/ip-allocated-from-pool": f"raw-{stamp}"}},
            "status": {"loadBalancer": {"ingress": ingress}},
        }
        path = f"{SERVICES}/ferrite-bench-{RAW}-{number}/status"
        await client.call("PATCH", path, body, MERGE_PATCH.partition("/")[2])

    started = time.monotonic()
    await spread(patch, range(count))
    return count / (time.monotonic() - started)


async def _assign_seconds(client: Client, namespace: str, count: int) -> float:
    query = f"labelSelector={LABEL}%3D{WAITING}"
    version = (await client.call("GET", f"{SERVICES}?{query}"))["metadata"]["resourceVersion"]
    spec = {"addresses": ["10.200.0.0/20"]}
    body = {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": POOL},
        "spec": spec,
    }
    served: set[str] = set()
    async with (
        asyncio.timeout(LIMIT_SECONDS),
        aclosing(client.watch(f"{SERVICES}?{query}", version)) as events,
    ):
        started = time.monotonic()
        await client.call("POST", f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools", body)
        async for event in events:
            if event["object"].get("status", {}).get("loadBalancer", {}).get("ingress"):
                served.add(event["object"]["metadata"]["name"])
            if len(served) == count:
                break
        return time.monotonic() - started


async def _clean(client: Client, namespace: str) -> None:
    """Delete what this or an earlier run made."""
    pools = f"/apis/metallb.io/v1beta1/namespaces/{namespace}/ipaddresspools"
    for pool in (await client.call("GET", pools))["items"]:
        if pool["metadata"]["name"] == POOL:
            await client.call("DELETE", f"{pools}/{POOL}")

    async def delete(service: dict[str, Any]) -> None:
        await client.call("DELETE", f"{SERVICES}/{service['metadata']['name']}")

    await spread(delete, (await client.call("GET", f"{SERVICES}?labelSelector={LABEL}"))["items"])

"""Users who create, change and delete Services and pools, and a witness of every address meanwhile."""

import asyncio
import copy
from collections import Counter, defaultdict
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

from ferrite.kube.kinds import IP_ADDRESS_POOLS, SERVICES
from tests.controller.running import add_pool
from tests.fakes.api import FakeApi
from tests.fakes.parts import Change, Json

POOLS = {"wide": "192.0.2.0/24", "scarce": "198.51.100.4/30", "fickle": "203.0.113.0/28"}
POOL_OF = "metallb.io/address-pool"
SHARED = "192.0.2.200"
SERVICES_OF = {"wide": 12, "scarce": 7, "fickle": 4}
"""About so many at a time; `scarce` has four addresses."""


def offered(pool: str) -> Any:
    return ip_network(POOLS[pool])


def addresses(service: Json) -> list[str]:
    balancer = service.get("status", {}).get("loadBalancer") or {}
    return [entry["ip"] for entry in balancer.get("ingress") or []]


class Witness:
    """Looks at every change of a Service: no address twice, none lost or moved without cause."""

    def __init__(self, api: FakeApi) -> None:
        self._holders: defaultdict[str, set[str]] = defaultdict(set)
        self.wrongs: list[str] = []
        self.given = 0
        api.observers.append(self.look)

    def look(self, change: Change) -> None:
        if str(change.kind) != str(SERVICES):
            return
        gone = change.type == "DELETED"
        had = set(addresses(change.old)) if change.old else set()
        has = set() if gone else set(addresses(change.new))
        for address in had - has:
            self._holders[address].discard(change.key)
            if not gone and not self._may_lose(address, change):
                self.wrongs.append(f"{change.key} lost {address}")
        for address in has - had:
            self.given += 1
            self._holders[address].add(change.key)
            if len(self._holders[address]) > 1 and address != SHARED:
                self.wrongs.append(f"{address} has {sorted(self._holders[address])}")

    def _may_lose(self, address: str, change: Change) -> bool:
        return ip_address(address) in offered("fickle") or change.new["spec"]["type"] != "LoadBalancer"


class Churn:
    """What users do, by chance, until `settle`."""

    def __init__(self, api: FakeApi, seed: int) -> None:
        self._api, self._chance = api, Random(seed)
        self._made = 0
        for pool, range_ in POOLS.items():
            add_pool(api, pool, range_)
        for port in (80, 81):
            self._create(f"shared-{port}", "wide", port, SHARED)
        for pool, number in SERVICES_OF.items():
            for _ in range(number):
                self._add(pool)

    @property
    def _services(self) -> dict[str, Json]:
        return self._api.objects(SERVICES)

    async def run(self, seconds: float, pause: float = 6.0) -> None:
        """Change something every `pause` seconds, more or less, for so long."""
        now = asyncio.get_running_loop().time
        ends = now() + seconds
        while now() < ends:
            self._act()
            await asyncio.sleep(self._chance.uniform(0, 2 * pause))
        self.settle()

    def settle(self) -> None:
        """Leave the pools as they are named."""
        add_pool(self._api, "fickle", POOLS["fickle"])

    def _act(self) -> None:
        pool = self._chance.choice(tuple(POOLS))
        mine = [key for key in sorted(self._services) if key.startswith(f"team/{pool}")]
        if not mine or self._chance.random() < SERVICES_OF[pool] / (2 * len(mine)):
            self._add(pool)
            return
        key, act = self._chance.choice(mine), self._chance.randrange(6)
        if act == 0:
            types = {"LoadBalancer": "ClusterIP", "ClusterIP": "LoadBalancer"}
            self._change(key, type=types[self._services[key]["spec"]["type"]])
        elif act == 1:
            self._change(key, sessionAffinity=str(self._chance.random()))
        elif act == 2:
            self._change_pool()
        else:
            self._api.remove(SERVICES, key)

    def _change_pool(self) -> None:
        shape = self._chance.choice((None, "203.0.113.0/30", "203.0.113.8/29", POOLS["fickle"]))
        if shape is None:
            self._api.remove(IP_ADDRESS_POOLS, "metallb-system/fickle")
        else:
            add_pool(self._api, "fickle", shape)

    def _add(self, pool: str) -> None:
        self._made += 1
        self._create(f"{pool}-{self._made}", pool)

    def _create(self, name: str, pool: str, port: int = 80, address: str = "") -> None:
        spec = {"type": "LoadBalancer", "clusterIPs": ["10.96.0.1"], "clusterIP": "10.96.0.1"}
        notes = {POOL_OF: pool}
        if address:
            notes = {"metallb.io/loadBalancerIPs": address, "metallb.io/allow-shared-ip": "ours"}
        ports = [{"port": port}]
        self._api.seed(
            SERVICES,
            f"team/{name}",
            metadata={"annotations": notes},
            spec={**spec, "ports": ports},
            status={"loadBalancer": {}},
        )

    def _change(self, key: str, **spec: str) -> None:
        new = copy.deepcopy(self._services[key])
        parts = {part: new[part] for part in ("metadata", "status")}
        self._api.seed(SERVICES, key, **parts, spec={**new["spec"], **spec})


def unsettled(api: FakeApi) -> list[str]:
    """What is not as users want it: Services without their address, or with one too many; counts of pools."""
    found, used = [], Counter[str]()
    waiting = Counter[str]()
    for key, service in sorted(api.objects(SERVICES).items()):
        pool = service["metadata"]["annotations"].get(POOL_OF, "wide")
        held, wants = addresses(service), service["spec"]["type"] == "LoadBalancer"
        used[pool] += bool(held) and held != [SHARED]
        waiting[pool] += wants and not held
        if len(held) > wants or any(ip_address(address) not in offered(pool) for address in held):
            found.append(f"{key}: {held}")
    for pool in POOLS:
        left = offered(pool).num_addresses - used[pool] - (pool == "wide")
        if waiting[pool] and left:
            found.append(f"{pool}: {waiting[pool]} waiting, {left} left")
        status = api.objects(IP_ADDRESS_POOLS)[f"metallb-system/{pool}"].get("status", {})
        if status.get("availableIPv4") != left:
            found.append(f"{pool}: {left} left, {status}")
    return found

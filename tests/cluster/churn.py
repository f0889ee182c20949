"""Random changes to Services and pools of one installation, which in the end want no more than there is.

A pool is made of segments: eight addresses of each family that go together. Services have few different
ports, so that not all who share a key can share an address; the ports and keys of a sharer never change, so
that it is never the churn that gives an address twice.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from judge import COUNTS, Judge, Pool

from bench.client import Client, RefusedError
from e2e.manifests import DUAL, SIX, pool, service

SEGMENT = 8
AUTO, EXTRA, ASKED, FIXED, PROBE = "auto", "extra", "asked", "fixed", "probe"
FIRST = {AUTO: [0, 1, 2, 3], ASKED: [8, 9], FIXED: [12], PROBE: [13]}
"""Segments of each pool at the start; `extra` comes and goes: AUTO is split into both."""
GROUPS = {AUTO: range(8), EXTRA: range(8), ASKED: range(8, 12)}
"""Segments that the pools which grow and shrink may have."""
MOST = {AUTO: 16, ASKED: 12, FIXED: 5}
"""So many Services may want an address of that pool, or of `extra` instead of `auto`."""
LEAST = {AUTO: 3, ASKED: 2}
"""So many segments are enough for MOST, whoever holds what: they are there before anybody must be served."""
PORTS = ({"port": 80}, {"port": 443}, {"port": 53, "protocol": "UDP"})
FAMILIES = ({}, {}, {}, SIX, DUAL, {"ipFamilyPolicy": "PreferDualStack"})
CHANGES = ("create", "create", "delete", "again", "type", "policy", "ask", "ports", "pool")
BURST = (5, 12)
PAUSE_SECONDS = 0.35
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0)
NO_TIME = (429, 503, 504)
DONE = (("POST", 409), ("DELETE", 404))
"""Answers to a repeated write which say that it was done the first time."""
PROBES = 4
PROXY = "service.kubernetes.io/service-proxy-name"
LABELS = {PROXY: "leader-kills"}
"""Kube-proxy leaves such Services alone, and the judge watches them."""


@dataclass
class Wish:
    """A Service as it was written last."""

    group: str
    wants: bool = True
    sharing: bool = False
    fixed: int | None = None
    number: int = 0


@dataclass
class Churn:
    """The Services and pools of one installation."""

    client: Client
    namespace: str
    number: int
    lb_class: str
    judge: Judge
    chance: random.Random
    tally: Counter
    live: dict[str, Wish] = field(default_factory=dict)
    pools: dict[str, list[int]] = field(default_factory=dict)
    absent: dict[str, list[int]] = field(default_factory=dict)
    _made: int = 0

    @property
    def services(self):
        return f"/api/v1/namespaces/{self.namespace}/services"

    @property
    def pool_path(self):
        return f"/apis/metallb.io/v1beta1/namespaces/{self.namespace}/ipaddresspools"

    async def begin(self):
        for name, segments in FIRST.items():
            await self._write_pool(name, segments)

    async def go_on(self, done: asyncio.Event):
        """A burst of creates, then one change after the other until `done`."""
        await self._burst()
        while not done.is_set():
            await self.change()
            await asyncio.sleep(self.chance.expovariate(1 / PAUSE_SECONDS))

    async def change(self):
        what = self.chance.choice(CHANGES)
        await getattr(self, f"_{what}")()

    async def make_enough(self):
        """Give the pools back what all Services can need."""
        for name in [*self.absent]:
            await self._recreate(name)
        for name, least in LEAST.items():
            while len(self.pools[name]) < least:
                if not await self._grow(name):
                    await self._move_segment(EXTRA, name)
        await self._write_pool(FIXED, FIRST[FIXED])

    async def probe(self):
        """Create a Service of a pool that never changes; its key. The oldest of them goes."""
        probes = [name for name, wish in self.live.items() if wish.group == PROBE]
        if len(probes) >= PROBES:
            await self._remove(probes[0])
        name = self._name("after-kill")
        await self._post(name, Wish(PROBE), PROBE, {}, {"ports": [{"port": 80}]})
        return f"{self.namespace}/{name}"

    def written(self):
        """Whether the judge has seen all that was written here, and nobody else's Service."""
        seen = self.judge.services
        keys = {f"{self.namespace}/{name}": wish.number for name, wish in self.live.items()}
        return keys.keys() == seen.keys() and all(seen[key].number >= keys[key] for key in keys)

    async def pool_counts(self):
        """What the status of each pool says of addresses, as `Judge.counts` does."""
        items = (await self.client.call("GET", self.pool_path))["items"]
        statuses = {item["metadata"]["name"]: item.get("status", {}) for item in items}
        return {name: {word: status.get(word) for word in COUNTS} for name, status in statuses.items()}

    async def _write(self, method, path, body=None, kind="json"):
        """One write; again while the API server has no time for it, no matter of the controller's."""
        pauses = [*RETRY_SECONDS]
        while True:
            try:
                return await self.client.call(method, path, body, kind)
            except RefusedError as error:
                if len(pauses) < len(RETRY_SECONDS) and (method, error.status) in DONE:
                    done = f"{path}/{body['metadata']['name']}" if body else ""
                    return await self.client.call("GET", done) if done else {}
                if error.status not in NO_TIME or not pauses:
                    raise
            await asyncio.sleep(pauses.pop(0))

    # Services

    async def _burst(self):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.chance.randint(*BURST)):
                tasks.create_task(self._create())
            for name in self._some(2):
                tasks.create_task(self._remove(name))

    async def _create(self, name=None):
        room = [
            group
            for group, most in MOST.items()
            if sum(wish.group == group for wish in self.live.values()) < most
        ]
        if not room:
            await self._delete()
            return
        group = self.chance.choice([*room, *room[:1]])
        spec = {"ports": [self.chance.choice(PORTS)], **self.chance.choice(FAMILIES)}
        wish, notes = Wish(group), {}
        if self.chance.random() < 0.3:
            notes["metallb.io/allow-shared-ip"] = self.chance.choice("ab")
            wish.sharing = True
        if group == FIXED:
            self._fix(wish, notes, spec)
        asked = group if group == ASKED else None
        await self._post(name or self._name("web"), wish, asked, notes, spec)

    def _fix(self, wish, notes, spec):
        taken = {one.fixed for one in self.live.values()}
        wish.fixed = self.chance.choice([n for n in range(SEGMENT) if n not in taken])
        start = FIRST[FIXED][0] * SEGMENT + wish.fixed
        four, six = self._address(4, start), self._address(6, start)
        if spec.get("ipFamilyPolicy"):
            notes["metallb.io/loadBalancerIPs"] = f"{four},{six}"
        else:
            spec["loadBalancerIP"] = six if spec.get("ipFamilies") else four

    async def _post(self, name, wish, asked, notes, spec):
        self.live[name] = wish
        more = {"loadBalancerClass": self.lb_class, "allocateLoadBalancerNodePorts": False}
        body = service(name, asked, notes, **more, **spec)
        body["metadata"] |= {"namespace": self.namespace, "labels": LABELS}
        wish.number = _number(await self._write("POST", self.services, body))
        self.tally["creates"] += 1

    async def _delete(self):
        for name in self._some(1):
            await self._remove(name)

    async def _again(self):
        """Another Service under the name of one that went a moment ago."""
        for name in self._some(1):
            await self._remove(name)
            await self._create(name)

    async def _remove(self, name):
        if self.live.pop(name, None) is None:
            return
        await self._write("DELETE", f"{self.services}/{name}")
        self.tally["deletes"] += 1

    async def _type(self):
        for name in self._some(1):
            wish = self.live[name]
            wish.wants = not wish.wants
            wanted = {"type": "LoadBalancer", "loadBalancerClass": self.lb_class}
            spec = wanted if wish.wants else {"type": "ClusterIP", "loadBalancerClass": None}
            await self._patch(name, {"spec": spec})

    async def _policy(self):
        """From one family to two and back; who asked for one address of each keeps asking for both."""
        for name in self._some(1, FIXED):
            policy = self.chance.choice(("SingleStack", "PreferDualStack", "RequireDualStack"))
            await self._patch(name, {"spec": {"ipFamilyPolicy": policy}})

    async def _ask(self):
        """From one pool to another, each by its name."""
        for name in self._some(1, FIXED):
            wish = self.live[name]
            other = ASKED if wish.group == AUTO else AUTO
            if sum(one.group == other for one in self.live.values()) < MOST[other]:
                wish.group = other
                await self._patch(name, {"metadata": {"annotations": {"metallb.io/address-pool": other}}})

    async def _ports(self):
        for name in self._some(1):
            if not self.live[name].sharing:
                await self._patch(name, {"spec": {"ports": [self.chance.choice(PORTS)]}})

    async def _patch(self, name, body):
        path = f"{self.services}/{name}"
        self.live[name].number = _number(await self._write("PATCH", path, body, "merge-patch+json"))
        self.tally["changes"] += 1

    def _some(self, count, *but):
        """Names of living Services, no probe, none of a group in `but`, and none whose POST is under way."""
        names = [
            name
            for name, wish in self.live.items()
            if wish.number and wish.group != PROBE and wish.group not in but
        ]
        return self.chance.sample(names, min(count, len(names)))

    def _name(self, word):
        self._made += 1
        return f"{word}-{self._made}"

    # Pools

    async def _pool(self):
        if self.absent and self.chance.random() < 0.6:
            await self._recreate(self.chance.choice([*self.absent]))
            return
        edits = (self._grow_one, self._shrink, self._split, self._split, self._join, self._drop)
        await self.chance.choice(edits)()

    async def _grow_one(self):
        await self._grow(self.chance.choice([name for name in GROUPS if name in self.pools] or [""]))

    async def _grow(self, name):
        used = {segment for owned in (self.pools, self.absent) for one in owned.values() for segment in one}
        free = [segment for segment in GROUPS.get(name, ()) if segment not in used]
        if free:
            await self._write_pool(name, [*self.pools[name], self.chance.choice(free)])
        return bool(free)

    async def _shrink(self):
        large = [name for name in GROUPS if len(self.pools.get(name, ())) > 1]
        if large:
            name = self.chance.choice(large)
            gone = self.chance.choice(self.pools[name])
            await self._write_pool(name, [one for one in self.pools[name] if one != gone])

    async def _split(self):
        if EXTRA not in self.absent:
            await self._move_segment(AUTO, EXTRA)

    async def _join(self):
        if AUTO in self.pools:
            await self._move_segment(EXTRA, AUTO)

    async def _move_segment(self, giver, taker):
        if not (segments := self.pools.get(giver)):
            return
        moved = self.chance.choice(segments)
        rest = [one for one in segments if one != moved]
        if rest:
            await self._write_pool(giver, rest)
        elif giver == EXTRA:
            await self._delete_pool(giver)
        else:
            return
        await self._write_pool(taker, [*self.pools.get(taker, ()), moved])

    async def _drop(self):
        names = [name for name in (*GROUPS, FIXED) if name in self.pools]
        if names:
            name = self.chance.choice(names)
            self.absent[name] = self.pools[name]
            await self._delete_pool(name)

    async def _recreate(self, name):
        await self._write_pool(name, self.absent.pop(name))

    async def _delete_pool(self, name):
        del self.pools[name]
        self.judge.expect(self._state())
        await self._write("DELETE", f"{self.pool_path}/{name}")
        self.tally["pool edits"] += 1

    async def _write_pool(self, name, segments):
        if self.pools.get(name) == segments:
            return
        known, self.pools[name] = name in self.pools, segments
        self.judge.expect(self._state())
        addresses = ["-".join(ends) for ends in self._ranges(segments)]
        if known:
            body = {"spec": {"addresses": addresses}}
            await self._write("PATCH", f"{self.pool_path}/{name}", body, "merge-patch+json")
        else:
            body = pool(name, *addresses, autoAssign=_is_auto(name))
            body["metadata"]["namespace"] = self.namespace
            await self._write("POST", self.pool_path, body)
        self.tally["pool edits"] += 1

    def _state(self):
        return {name: Pool(self._ranges(owned), _is_auto(name)) for name, owned in self.pools.items()}

    def _ranges(self, segments):
        return tuple(
            (self._address(family, first * SEGMENT), self._address(family, first * SEGMENT + SEGMENT - 1))
            for first in segments
            for family in (4, 6)
        )

    def _address(self, family, number):
        return f"10.200.{self.number}.{number}" if family == 4 else f"fd00:200:{self.number}::1:{number:x}"


def _is_auto(name):
    return name in (AUTO, EXTRA)


def _number(item):
    return int(item["metadata"]["resourceVersion"])

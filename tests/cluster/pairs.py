"""Two controllers, one leader: a churn goes on around them while whoever leads is killed, again and again."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from churn import LABELS, Churn
from judge import Judge, read

from bench.client import Client
from lab.cluster import Lab
from lab.replicas import Installation
from lab.state import LabError

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/ferrite-controller"
SERVICES = "/api/v1/services?labelSelector=" + ",".join(f"{name}%3D{LABELS[name]}" for name in LABELS)
LIMIT_SECONDS = 60.0
"""No single step takes that long unless something is broken."""
LOOK_SECONDS = 0.1
APART_SECONDS = 6.0
"""Pairs begin within so many seconds: the time of a fail-over, so that one or the other always acts."""
SOON, LATER = 0.3, 1.5
"""Up to so many seconds after the beginning of a burst somebody is killed: while it is served, or after."""
CHASE = 0.25
"""In so many cases a new leader is killed at once, in its first turn."""
SETTLE = 0.3
"""After so many kills the churn stops until everybody is served."""


def looks():
    """One number for each look, until `LIMIT_SECONDS` have passed."""
    return range(int(LIMIT_SECONDS / LOOK_SECONDS))


class MissingError(AssertionError):
    """Something that must come did not come in `LIMIT_SECONDS`."""


@dataclass
class Watched:
    """The judges of all installations, fed by one watch: every version of every Service, in their order."""

    client: Client
    judges: dict[str, Judge]
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self):
        """Do so forever; a watch that ends goes on where it was."""
        listed = await self.client.call("GET", SERVICES)
        assert not listed["items"], "Services of an earlier run are there"
        version = listed["metadata"]["resourceVersion"]
        while True:
            async with aclosing(self.client.watch(SERVICES, version)) as events:
                async for event in events:
                    service = event["object"]
                    assert event["type"] != "ERROR", f"the watch of Services broke: {service}"
                    version = service["metadata"]["resourceVersion"]
                    self._see(event["type"], service)

    def _see(self, kind, service):
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        self.judges[namespace].see(kind, f"{namespace}/{name}", read(service))
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def until(self, what: Callable[[], str], holds: Callable[[], bool]):
        """Wait for what the watch must show; `what` says what is missing."""
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                while not holds():
                    await self.changed.wait()
        except TimeoutError:
            raise MissingError(f"after {LIMIT_SECONDS:.0f} s: {what()}") from None


@dataclass
class Pair:
    """One installation under fire."""

    lab: Lab
    installation: Installation
    watched: Watched
    churn: Churn
    chance: random.Random
    tally: Counter
    failovers: list[float]
    killed: list[str] = field(default_factory=list)
    restarts: Counter = field(default_factory=Counter)

    @property
    def judge(self):
        return self.churn.judge

    async def run(self, kills: int, stops: int):
        """Kill and stop so often, then let everybody be served."""
        await asyncio.sleep(self.chance.uniform(0, APART_SECONDS))
        await self.churn.begin()
        await self._probe_is_served()
        await self.settle()
        acts = ["stop"] * stops + ["kill"] * kills
        self.chance.shuffle(acts)
        while acts:
            done = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.churn.go_on(done))
                await (self._stop_and_wake() if acts.pop() == "stop" else self._kill(acts))
                done.set()
            if self.chance.random() < SETTLE:
                await self.settle()
        await self.settle()

    async def settle(self):
        """Without churn: everybody is served, and statuses, counts and the judge agree."""
        await self.churn.make_enough()
        await self.watched.until(
            lambda: f"not served: {self.judge.not_served()}, live: {sorted(self.churn.live)}",
            lambda: self.churn.written() and not self.judge.not_served(),
        )
        said = None
        for _ in looks():
            if (said := await self.churn.pool_counts()) == self.judge.counts():
                break
            await asyncio.sleep(LOOK_SECONDS)
        else:
            raise MissingError(f"pools say {said}, their Services {self.judge.counts()}")
        assert not self.judge.not_served()
        self.judge.forget_old_pools()
        self.tally["settled"] += 1

    async def _kill(self, acts):
        """Kill who leads while addresses are given; at times whoever follows too, as soon as it leads."""
        await self._pause()
        began = await self._kill_leader()
        while "kill" in acts and self.chance.random() < CHASE:
            await self._leader()
            await asyncio.sleep(self.chance.uniform(0, SOON))
            acts.remove("kill")
            began = await self._kill_leader()
            self.tally["killed in the first turn"] += 1
        await self._probe_is_served()
        self.failovers.append(time.monotonic() - began)

    async def _kill_leader(self):
        while True:
            identity = await self._leader()
            unit = self._unit(identity)
            try:
                await self.lab.unit(unit).kill(signal.SIGKILL)
            except LabError:  # it ended by itself, which `check_restarts` will tell
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self.killed.append(identity)
            self.restarts[unit] += 1
            self.tally["kills"] += 1
            return time.monotonic()

    async def _stop_and_wake(self):
        """Stop who leads, until the other one does; it wakes with all that it was about to write."""
        await self._pause()
        identity = await self._leader()
        unit = self.lab.unit(self._unit(identity))
        await unit.kill(signal.SIGSTOP)
        try:
            await self._probe_is_served()
            assert await self._holder() != identity
            await asyncio.sleep(self.chance.uniform(0, SOON))
        finally:
            await unit.kill(signal.SIGCONT)
        self.tally["stops"] += 1
        await asyncio.sleep(LATER)

    async def _pause(self):
        await asyncio.sleep(self.chance.uniform(0, self.chance.choice((SOON, LATER))))

    async def _probe_is_served(self):
        """A Service that is created now gets its address, whoever leads."""
        key = await self.churn.probe()
        services = self.judge.services
        await self.watched.until(
            lambda: f"{key} has no address", lambda: key in services and bool(services[key].held)
        )

    async def _leader(self):
        """Who leads, once it is somebody alive."""
        for _ in looks():
            identity = await self._holder()
            if identity and identity not in self.killed:
                return identity
            await asyncio.sleep(LOOK_SECONDS)
        raise MissingError(f"{self.installation.namespace}: nobody leads")

    async def _holder(self):
        path = LEASES.format(self.installation.namespace)
        return (await self.churn.client.call("GET", path))["spec"].get("holderIdentity", "")

    def _unit(self, identity):
        replicas = range(self.installation.replicas)
        pods = {self.installation.pod(replica): self.installation.unit(replica) for replica in replicas}
        return pods[identity.partition("_")[0]]

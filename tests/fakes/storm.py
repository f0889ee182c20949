"""A network and an API server that misbehave by chance, in spells; the same seed is the same weather.

A call that is slow is done late, answered late, or both; its caller may have gone by then, and it is done all
the same. How late at most is `LATE_SECONDS`: what `ferrite.kube.lease` allows between the moment at which a
leader's last call is cut off and the moment at which another one may lead.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from random import Random

from ferrite.kube.lease import Timings
from ferrite.kube.transport import Call
from tests.fakes.api import FakeApi, FakeTransport
from tests.fakes.parts import ApiError, Dropped, Json, broken_lines, watch_line

TIMINGS = Timings()
LATE_SECONDS = TIMINGS.lease - TIMINGS.stop
PAGE = "10"
LEASE = "/leases/"
KINDS = ("away", "slow", "conflict", "gone", "throttled", "broken", "watches")
REFUSALS = {
    "conflict": ((409, "Conflict", (None,)),),
    "gone": ((410, "Expired", (None,)),),
    "throttled": ((429, "TooManyRequests", (None, 0, 1, 5, 3600)),),
    "broken": (
        (500, "InternalError", (None,)),
        (503, "ServiceUnavailable", (None, 2)),
        (504, "Timeout", (None,)),
    ),
}
WATCH_ENDS = ("end", "reset", "truncate", "gone", "error", "garbage", "bookmark", "stall")


@dataclass
class Storm:
    """Spells of bad weather and of fair.

    Attributes:
        kinds: of trouble; each call that meets any draws one of them.
        odds: for a call in a bad spell; 1 with `fair` 0 is a fault that does not end.
        bad, fair: a spell lasts up to so many seconds.
    """

    seed: int
    kinds: tuple[str, ...] = KINDS
    odds: float = 0.7
    bad: float = 120.0
    fair: float = 40.0
    over: bool = False
    met: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self._bad, self._until = False, 0.0

    def trouble(self, call: Call) -> str:
        """Which trouble a call meets; empty for none."""
        now = asyncio.get_running_loop().time()
        while now >= self._until:
            self._bad = not self._bad
            self._until = now + self.chance.uniform(0, self.bad if self._bad else self.fair)
        kind = self.chance.choice(self.kinds)
        if self.over or not self._bad or self.chance.random() >= self.odds or not _concerns(kind, call):
            return ""
        self.met[kind] += 1
        return kind


def _concerns(kind: str, call: Call) -> bool:
    if kind == "watches":
        return "watch" in call.query
    if kind == "gone":
        return "watch" in call.query or "continue" in call.query
    return kind != "conflict" or call.method in ("POST", "PUT", "PATCH")


class StormTransport(FakeTransport):
    """One replica's way to the API server.

    Attributes:
        identity: as the replica's last record of the Lease has it.
        trespasses: writes of a status that the API server did while the Lease was not this replica's.
        calls: all that the replica made, and when.
    """

    def __init__(self, api: FakeApi, storm: Storm) -> None:
        super().__init__(api)
        self.storm = storm
        self.identity = ""
        self.trespasses: list[Call] = []
        self.calls: list[tuple[float, Call]] = []
        self._serving: set[asyncio.Task[Json]] = set()

    async def end(self) -> None:
        """Let the API server drop what it has not done."""
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    async def answer(self, call: Call) -> Json:
        self.calls.append((asyncio.get_running_loop().time(), call))
        if "limit" in call.query:
            call = replace(call, query={**call.query, "limit": PAGE})
        trouble = self.storm.trouble(call)
        if trouble == "away":
            if self.storm.chance.random() < 0.5:
                raise Dropped
            await self._do(call)
            raise Dropped  # it was done, and the answer lost
        if trouble == "slow":
            return await self._slow(call)
        if trouble:
            raise self._refusal(trouble)
        return await self._do(call)

    def _refusal(self, trouble: str) -> ApiError:
        status, reason, waits = self.storm.chance.choice(REFUSALS[trouble])
        return ApiError(status, reason, "bad weather", self.storm.chance.choice(waits))

    async def _slow(self, call: Call) -> Json:
        chance, left = self.storm.chance, asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._serve(call, 10 ** chance.uniform(-1, 1.8), left))
        self._serving.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        finally:
            left.set()

    def _ended(self, task: "asyncio.Task[Json]") -> None:
        self._serving.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits for it any more

    async def _serve(self, call: Call, seconds: float, left: asyncio.Event) -> Json:
        chance = self.storm.chance
        before = chance.choice((0.0, chance.random(), 1.0)) * seconds
        with suppress(TimeoutError):
            async with asyncio.timeout(before):
                await left.wait()
                await asyncio.sleep(chance.random() * LATE_SECONDS)
        found = await self._do(call)
        if not left.is_set():
            await asyncio.sleep(seconds - before if chance.random() < 0.8 else 1e6)
        return found

    async def _do(self, call: Call) -> Json:
        if LEASE in call.path or call.path.endswith("/leases"):
            if call.body and (name := json.loads(call.body)["spec"]["holderIdentity"]):
                self.identity = name
        elif call.path.endswith("/status") and call.method in ("PATCH", "PUT") and not self._holds():
            self.trespasses.append(call)
        return await self._api.answer(call)

    def _holds(self) -> bool:
        leases = [found for key, found in self._api.store.get("leases.coordination.k8s.io", {}).items()]
        return [found["spec"]["holderIdentity"] for found in leases] == [self.identity]

    async def lines(self, call: Call) -> AsyncGenerator[bytes, None]:
        self.calls.append((asyncio.get_running_loop().time(), call))
        trouble, chance = self.storm.trouble(call), self.storm.chance
        if trouble == "away":
            raise Dropped
        if trouble in REFUSALS:
            raise self._refusal(trouble)
        if trouble == "slow":
            await asyncio.sleep(10 ** chance.uniform(-1, 1.8))
        told = self._api.watch(call) if trouble != "watches" else self._cut(call, chance.randrange(1, 6))
        async with aclosing(told) as lines:
            async for found in lines:
                yield found

    async def _cut(self, call: Call, count: int) -> AsyncGenerator[bytes, None]:
        """So many lines of a watch, and a bad end."""
        version = call.query["resourceVersion"]
        async with aclosing(self._api.watch(call)) as lines:
            async for found in lines:
                yield found
                if found:
                    version = json.loads(found)["object"].get("metadata", {}).get("resourceVersion", version)
                count -= 1
                if not count:
                    break
        how = self.storm.chance.choice(WATCH_ENDS)
        if how == "bookmark":
            yield watch_line("BOOKMARK", {"metadata": {"resourceVersion": version}})
        else:
            async for found in broken_lines(how):
                yield found

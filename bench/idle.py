"""What the controller takes while nothing happens and 10,000 Services hold addresses."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bench.audit import calls, restart_with_audit
from bench.footprint import Footprint
from bench.report import Row
from bench.services import say
from bench.site import Site

HOLDERS = 10_000
SECONDS = 30.0
SETTLE_SECONDS = 5.0
BUDGET_CALLS = 2
"""The Secret of the speakers is looked after every 20 s; no call is to be made for each Service."""
LEASE_WRITES = "update leases"
WATCH = "watch "


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        calls: to the API server, by verb and resource.
        process: of the controller; its CPU is that of `seconds`.
    """

    holders: int
    seconds: float
    calls: dict[str, int]
    process: Footprint

    @property
    def other_calls(self) -> int:
        """Those that are neither renewals of the Lease nor watches begun anew."""
        return sum(count for call, count in self.calls.items() if not _is_expected(call))

    @property
    def within_budget(self) -> bool:
        """Whether none is made for each Service."""
        return self.other_calls <= BUDGET_CALLS

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"other_calls": BUDGET_CALLS}
        own = {"other_calls": self.other_calls, "budget": budget, "within_budget": self.within_budget}
        return {**asdict(self), **own}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        leases = self.calls.get(LEASE_WRITES, 0)
        watches = sum(count for call, count in self.calls.items() if call.startswith(WATCH))
        what = f"idle for {self.seconds:.0f} s, {self.holders} holders: calls but Lease and watches"
        return (
            Row(what, str(self.other_calls), f"{BUDGET_CALLS}", self.within_budget),
            Row("  writes of the Lease, watches begun", f"{leases}, {watches}"),
            *(Row(f"  {call}", str(count)) for call, count in self.calls.items() if not _is_expected(call)),
            *self.process.rows(f"CPU of {self.seconds:.0f} s", budgeted=False),
        )


async def measure(site: Site) -> Result:
    """Measure; the API server is started anew for its audit log, which would slow other benchmarks down."""
    await site.fill(HOLDERS)
    own, user = site.laboratory, f"system:serviceaccount:{site.namespace}:controller"
    log = await restart_with_audit(own.lab, site.client, user)
    async with own.controller() as meter:
        await site.warm()
        await asyncio.sleep(SETTLE_SECONDS)
        say(f"watching an idle controller for {SECONDS:.0f} s")
        meter.from_now()
        since = datetime.now(UTC)
        await asyncio.sleep(SECONDS)
        process, until = meter.footprint(), datetime.now(UTC)
    lines = (await asyncio.to_thread(log.read_text)).splitlines()
    return Result(HOLDERS, SECONDS, dict(calls(lines, since, until)), process)


def _is_expected(call: str) -> bool:
    return call == LEASE_WRITES or call.startswith(WATCH)

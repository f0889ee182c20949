"""Membership of 3 to 1,000 nodes in virtual time: detection, suspicions under loss, datagrams a second."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.report import Row, percentile
from bench.services import say
from speaker.members.view import Timings
from tests.speaker.members.simulated import Simulation, names

DETECTION_NODES = {3: 40, 5: 40, 10: 20, 100: 1, 1000: 1}
"""How many nodes, and how many crashes with so many."""

LOSSES = ((3, 0.05, 86_400.0), (5, 0.05, 86_400.0), (10, 0.05, 86_400.0), (100, 0.05, 300.0))
HEAVY_LOSSES = tuple((many, 0.3, seconds) for many, seconds in ((2, 3600.0), (3, 3600.0), (5, 1800.0)))
BUDGET_SECONDS = 0.7
"""Of the second in which an address must be answered again, what detection may take."""

BUDGET_GROWTH = 1.1
"""Datagrams a second and node with the most nodes, over those with ten: flat."""

FLAT_FROM = 10
BUDGET_LOSS = 0.05


@dataclass(frozen=True, slots=True)
class Detection:
    """Crashes among so many nodes: time until another counts the node as dead, over all others."""

    nodes: int
    crashes: int
    p50_seconds: float
    p99_seconds: float
    max_seconds: float
    sent_per_second: float
    received_per_second: float

    @property
    def within_budget(self) -> bool:
        """Whether it leaves time to take over."""
        return self.max_seconds <= BUDGET_SECONDS

    def row(self) -> Row:
        """For people."""
        times = ", ".join(f"{each:.3f}" for each in (self.p50_seconds, self.p99_seconds, self.max_seconds))
        what = f"{self.nodes} nodes, {self.crashes} crashes: noticed by all others, p50, p99, max"
        return Row(what, f"{times} s", f"{BUDGET_SECONDS} s", self.within_budget)


@dataclass(frozen=True, slots=True)
class Suspicions:
    """What loss did: nodes counted as dead though they lived, and speakers that fell silent."""

    nodes: int
    loss: float
    seconds: float
    false: int
    silences: int

    @property
    def within_budget(self) -> bool:
        """Whether nothing moved; heavier loss has no budget."""
        return self.loss > BUDGET_LOSS or self.false == 0

    def row(self) -> Row:
        """For people."""
        what = f"{self.nodes} nodes lose {self.loss:.0%} each way for {self.seconds:.0f} s: false, silent"
        budget = "0 false" if self.loss <= BUDGET_LOSS else ""
        return Row(what, f"{self.false}, {self.silences}", budget, self.within_budget)


@dataclass(frozen=True, slots=True)
class Result:
    """What was simulated."""

    detections: tuple[Detection, ...]
    suspicions: tuple[Suspicions, ...]

    @property
    def growth(self) -> float:
        """How many times as many datagrams a node sends with the most nodes as with ten."""
        rates = {each.nodes: each.sent_per_second for each in self.detections if each.nodes >= FLAT_FROM}
        return rates[max(rates)] / rates[min(rates)] if rates else 1.0

    @property
    def within_budget(self) -> bool:
        """Whether crashes are noticed in time, loss moves nothing and the cost is flat."""
        in_time = all(each.within_budget for each in self.detections)
        calm = all(each.within_budget for each in self.suspicions)
        return in_time and calm and self.growth <= BUDGET_GROWTH

    def document(self) -> dict[str, Any]:
        """For the JSON file."""
        budget = {"detection_seconds": BUDGET_SECONDS, "growth": BUDGET_GROWTH, "false": 0}
        own = {"growth": round(self.growth, 2), "budget": budget, "within_budget": self.within_budget}
        return {**asdict(self), **own}

    def rows(self) -> tuple[Row, ...]:
        """For people."""
        rates = tuple(
            Row(
                f"{each.nodes} nodes: datagrams a second and node, sent and received",
                f"{each.sent_per_second:.0f}, {each.received_per_second:.0f}",
            )
            for each in self.detections
        )
        flat = Row(
            f"  growth from {FLAT_FROM} nodes to the most",
            f"{self.growth:.1f} times",
            f"{BUDGET_GROWTH} times",
            self.growth <= BUDGET_GROWTH,
        )
        noticed = (each.row() for each in self.detections)
        return (*noticed, *(each.row() for each in self.suspicions), *rates, flat)


def measure() -> Result:
    """Simulate."""
    detections = tuple(detection(many, crashes) for many, crashes in DETECTION_NODES.items())
    return Result(detections, tuple(suspicions(*each) for each in (*HEAVY_LOSSES, *LOSSES)))


def detection(many: int, crashes: int) -> Detection:
    """Crash a node, several times over, on a network that loses nothing."""
    began = time.monotonic()
    noticed: list[float] = []
    sent = received = 0.0
    interval = Timings().interval
    for seed in range(crashes):
        simulation = Simulation(many, seed)
        simulation.settle(2 * interval if many > FLAT_FROM else 3.0)
        simulation.run(interval)
        sent = max(simulation.sent.values()) / interval
        received = max(simulation.received.values()) / interval
        simulation.run(simulation.random.uniform(0, interval))
        crashed_at, victim = simulation.now, names(many)[seed % many]
        simulation.losses.clear()
        simulation.crash(victim)
        simulation.run(1.0 if many <= FLAT_FROM else 0.62)
        noticed += _noticed(simulation, victim, crashed_at)
    took = time.monotonic() - began
    say(f"{many} nodes crashed {crashes} times in {took:.0f} s")
    p50, p99, most = (round(percentile(noticed, share), 4) for share in (0.5, 0.99, 1.0))
    return Detection(many, crashes, p50, p99, most, round(sent, 1), round(received, 1))


def _noticed(simulation: Simulation, victim: str, crashed_at: float) -> Sequence[float]:
    first = {loss.by: loss.at - crashed_at for loss in reversed(simulation.losses) if loss.of == victim}
    return [first.get(name, float("inf")) for name in simulation.all if name != victim]


def suspicions(many: int, loss: float, seconds: float) -> Suspicions:
    """Lose datagrams while all nodes live."""
    began = time.monotonic()
    simulation = Simulation(many, seed=many)
    simulation.settle()
    simulation.lost = simulation.lossy(loss)
    simulation.run(seconds)
    say(f"{many} nodes lost {loss:.0%} for {seconds:.0f} s in {time.monotonic() - began:.0f} s")
    return Suspicions(many, loss, seconds, len(simulation.losses), simulation.gaps.total())

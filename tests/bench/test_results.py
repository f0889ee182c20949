import json
from dataclasses import replace

import pytest

from bench import assign, burst, failover, idle, membership, single, start
from bench.footprint import Footprint
from bench.report import Result
from bench.run import BENCHMARKS, SIMULATIONS, table_of

SMALL = Footprint(70.0, 60.0, 50.0, 40.0, 1.0)
LARGE = replace(SMALL, rss_peak_mib=101.0)
ASSIGN = assign.Result(1000, 1.2, 833.0, 900.0, 0.93, SMALL)
BURST = burst.Result(1000, 3.0, 0.1, 0.02, 0.05, SMALL)
FAILOVER = failover.Result(
    2000,
    (failover.Takeovers("killed", (5.1, 5.9), SMALL), failover.Takeovers("asked to end", (0.2, 0.3), SMALL)),
)
START = start.Result((start.Start(2000, (1.2, 1.9), SMALL), start.Start(10_000, (2.5, 2.9), SMALL)))
SINGLE = single.Result(10_000, 200, 0.01, 0.03, SMALL)
IDLE = idle.Result(10_000, 30.0, {"update leases": 30, "watch services": 1}, SMALL)
TEN = membership.Detection(10, 20, 0.55, 0.6, 0.6, 129.0, 129.0)
CALM = membership.Suspicions(3, 0.05, 86_400.0, 0, 0)
MEMBERSHIP = membership.Result((TEN, replace(TEN, nodes=1000)), (CALM, replace(CALM, loss=0.3, false=2)))
GOOD: dict[str, Result] = {
    "assign": ASSIGN,
    "burst": BURST,
    "failover": FAILOVER,
    "start": START,
    "single": SINGLE,
    "idle": IDLE,
    "membership": MEMBERSHIP,
}
TOO_SLOW = failover.Takeovers("killed", (5.1, 6.1), SMALL)


@pytest.mark.parametrize("name", [*BENCHMARKS, *SIMULATIONS])
def test_a_result_within_its_budget_says_so_everywhere(name: str) -> None:
    result = GOOD[name]
    assert result.within_budget
    assert json.loads(json.dumps(result.document()))["within_budget"] is True
    assert all(row.within for row in result.rows())


@pytest.mark.parametrize(
    ("result", "over"),
    [
        pytest.param(replace(ASSIGN, assign_seconds=2.6), "1000 waiting", id="assign-slow"),
        pytest.param(replace(ASSIGN, ratio=0.79), "  of the raw rate", id="assign-ratio"),
        pytest.param(replace(ASSIGN, process=LARGE), "  controller, RSS", id="assign-memory"),
        pytest.param(replace(BURST, last_seconds=0.51), "burst", id="burst-slow"),
        pytest.param(replace(BURST, process=LARGE), "  controller, RSS", id="burst-memory"),
        pytest.param(replace(FAILOVER, takeovers=(TOO_SLOW,)), "leader killed", id="failover-slow"),
        pytest.param(
            start.Result((start.Start(2000, (1.0, 2.1), SMALL),)), "start with 2000", id="start-slow"
        ),
        pytest.param(
            replace(MEMBERSHIP, suspicions=(replace(CALM, false=1),)),
            "3 nodes lose 5%",
            id="membership-false",
        ),
        pytest.param(
            replace(MEMBERSHIP, detections=(replace(TEN, max_seconds=0.8),)), "10 nodes", id="membership-slow"
        ),
        pytest.param(
            replace(MEMBERSHIP, detections=(TEN, replace(TEN, nodes=30, sent_per_second=400.0))),
            "  growth",
            id="membership-not-flat",
        ),
        pytest.param(replace(IDLE, calls={"list services": 3}), "idle", id="idle-calls"),
    ],
)
def test_a_result_over_its_budget_says_so_in_its_row_and_in_the_file(result: Result, over: str) -> None:
    assert result.document()["within_budget"] is False
    assert next(row.what for row in result.rows() if not row.within).startswith(over)


def test_on_a_cluster_of_somebody_else_there_is_no_process_to_tell_of() -> None:
    result = replace(BURST, process=None)
    assert result.within_budget
    assert not any("controller" in row.what for row in result.rows())


def test_there_is_one_table_of_all() -> None:
    text = table_of(GOOD)
    assert text.count("measured") == 1
    assert len(text.splitlines()) == 1 + sum(len(result.rows()) for result in GOOD.values())


def test_a_start_without_a_budget_may_take_its_time() -> None:
    assert start.Start(10_000, (9.0,), SMALL).within_budget

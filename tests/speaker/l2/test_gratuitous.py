from itertools import pairwise

import pytest

from speaker.l2.gratuitous import Schedule


def rounds(schedule: Schedule[str], until: float) -> list[float]:
    times: list[float] = []
    while (due := schedule.next_due()) is not None and due <= until:
        times += [due for _ in schedule.take(due, 10)]
    return times


def test_a_burst_and_then_a_low_rate() -> None:
    schedule = Schedule[str](60.0)
    schedule.start("a", 100.0)
    times = rounds(schedule, 300.0)
    assert times[:5] == pytest.approx([100.0, 101.1, 102.2, 103.3, 104.4])
    assert 30.0 <= times[5] - times[4] <= 60.0
    assert [later - sooner for sooner, later in pairwise(times[5:])] == pytest.approx(
        [60.0] * (len(times) - 6)
    )


def test_without_a_rate_the_burst_is_all() -> None:
    schedule = Schedule[str](0)
    schedule.start("a", 0.0)
    assert len(rounds(schedule, 1e6)) == 5
    assert "a" in schedule


def test_missed_rounds_are_not_made_up_for() -> None:
    schedule = Schedule[str](60.0)
    schedule.start("a", 0.0)
    assert schedule.take(2.5, 10) == ["a"]
    assert schedule.next_due() == pytest.approx(3.3)


def test_a_dropped_key_is_never_due() -> None:
    schedule = Schedule[str]()
    schedule.start("a", 0.0)
    schedule.start("b", 0.0)
    schedule.drop("a")
    assert schedule.take(0.0, 10) == ["b"]


def test_no_more_than_asked_at_once() -> None:
    schedule = Schedule[str]()
    for key in "abc":
        schedule.start(key, 0.0)
    assert [len(schedule.take(0.0, 2)) for _ in range(3)] == [2, 1, 0]

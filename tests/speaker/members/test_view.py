import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from ferrite.net import NodeName
from speaker.members.heartbeat import Heartbeat, Kind
from speaker.members.view import Standing, Verdict, View

A, B, C, D = (NodeName(name) for name in "abcd")
STEP = 0.07
Lossy = Callable[[NodeName, NodeName], bool]


class Cluster:
    """Views that exchange heartbeats every step; `lost` decides which are lost."""

    def __init__(self, *names: NodeName) -> None:
        self.now = 1000.0
        self.views = {name: View(name, number) for number, name in enumerate(names, start=1)}
        self.set_nodes(*names)

    def set_nodes(self, *names: NodeName) -> None:
        for view in self.views.values():
            view.set_nodes(frozenset(names), self.now)

    def run(
        self, seconds: float, lost: Lossy = lambda sender, to: False, stopped: tuple[NodeName, ...] = ()
    ) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            for name, view in self.views.items():
                if name in stopped:
                    continue
                view.tick(self.now)
                for beat in view.beats(self.now):
                    if beat.destination not in stopped and not lost(name, beat.destination):
                        self._deliver(beat, lost)

    def _deliver(self, beat: Heartbeat, lost: Lossy) -> None:
        sender, receiver = beat.sender, beat.destination
        verdict = self.views[receiver].heard(beat, self.now)
        if verdict is Verdict.GREETING and not lost(receiver, sender):
            self._deliver(self.views[receiver].greeting(sender, self.now), lost)

    def live(self, name: NodeName) -> set[NodeName]:
        return set(self.views[name].live(self.now))

    def fresh(self, name: NodeName, api_age: float = 0.0) -> bool:
        return self.views[name].fresh(self.now, api_age)


def test_one_node_alone_answers_at_once() -> None:
    assert Cluster(A).fresh(A)


def test_a_starter_among_others_waits_a_round() -> None:
    cluster = Cluster(A, B)
    everything_lost: Lossy = lambda sender, to: True  # noqa: E731 - named for the reader
    cluster.run(0.5, everything_lost)
    assert not cluster.fresh(A)
    cluster.run(0.3, everything_lost)
    assert cluster.fresh(A)
    assert not cluster.fresh(A, api_age=60.0)


def without_node_a() -> Cluster:
    """Three that live, after A's Node was away for longer than anybody is remembered."""
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.set_nodes(B, C)
    cluster.run(2.0)
    return cluster


def test_one_without_a_node_of_its_own_is_silent() -> None:
    cluster = without_node_a()
    assert cluster.views[A].standing(cluster.now) is Standing.STARTING
    assert not cluster.fresh(A)
    assert cluster.live(B) == cluster.live(C) == {B, C}


def test_one_whose_node_comes_back_waits_for_everybody_and_nobody_for_it() -> None:
    cluster = without_node_a()
    cluster.set_nodes(A, B, C)
    from_c: Lossy = lambda sender, to: (sender, to) == (C, A)  # noqa: E731 - named for the reader
    cluster.run(0.4, from_c)
    assert cluster.live(A) >= {A, B}
    assert not cluster.fresh(A)
    assert cluster.live(B) == cluster.live(C) == {B, C}
    cluster.run(STEP)
    assert cluster.fresh(A)
    cluster.run(STEP)
    assert [cluster.live(name) for name in (A, B, C)] == [{A, B, C}] * 3


def test_one_whose_node_comes_back_does_not_wait_for_a_dead_one_for_ever() -> None:
    cluster = without_node_a()
    cluster.set_nodes(A, B, C)
    cluster.run(0.5, stopped=(C,))
    assert not cluster.fresh(A)
    cluster.run(0.2, stopped=(C,))
    assert cluster.fresh(A)
    assert cluster.live(A) == cluster.live(B) == {A, B}


def test_one_past_its_start_is_alive_by_a_witness_too() -> None:
    cluster = without_node_a()
    cluster.set_nodes(A, B, C)
    cluster.run(0.3, lambda sender, to: (sender, to) == (B, A))
    assert A not in cluster.live(C)
    cluster.run(0.5, lambda sender, to: (sender, to) == (A, C))
    assert A in cluster.live(C)


def test_one_whose_key_comes_late_waits_a_round_from_then_on() -> None:
    cluster = Cluster(A, B)
    cluster.run(5.0, stopped=(A, B))
    cluster.run(0.5, stopped=(B,))
    assert not cluster.fresh(A)
    cluster.run(0.3, stopped=(B,))
    assert cluster.fresh(A)


def test_a_dead_node_is_missed_in_time() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    assert cluster.live(A) == {A, B, C}
    cluster.run(0.7, stopped=(C,))
    assert cluster.live(A) == cluster.live(B) == {A, B}


def test_the_cut_off_one_is_silent_before_it_is_missed() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cut: Lossy = lambda sender, to: A in (sender, to)  # noqa: E731 - named for the reader
    while A in cluster.live(B):
        assert cluster.now < 1004
        silent = not cluster.fresh(A)
        cluster.run(0.01, cut)
    assert silent
    assert cluster.views[A].standing(cluster.now + 1) is not Standing.HEARD
    assert cluster.fresh(B)
    cluster.run(2.0, cut)
    assert cluster.views[A].standing(cluster.now) is Standing.CUT_OFF
    cluster.run(0.3)
    assert cluster.fresh(A)


def test_one_that_is_not_heard_falls_silent_although_it_hears() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.run(1.0, lambda sender, to: sender == A)
    assert not cluster.fresh(A)
    assert cluster.live(B) == cluster.live(C) == {B, C}


def test_one_that_was_cut_off_waits_for_everybody_and_nobody_for_it() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.run(2.0, lambda sender, to: A in (sender, to))
    assert cluster.views[A].standing(cluster.now) is Standing.CUT_OFF
    cluster.run(0.4, lambda sender, to: (sender, to) == (C, A))
    assert not cluster.fresh(A)
    assert cluster.live(B) == cluster.live(C) == {B, C}
    cluster.run(0.3)
    assert cluster.fresh(A)
    assert [cluster.live(name) for name in (A, B, C)] == [{A, B, C}] * 3


def test_one_that_is_cut_off_says_that_it_answers_for_nothing() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.run(1.0, lambda sender, to: to == A)
    assert {beat.kind for beat in cluster.views[A].beats(cluster.now)} == {Kind.STARTING}


def test_one_broken_path_moves_nothing() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.run(3.0, lambda sender, to: {sender, to} == {A, B})
    assert [cluster.live(name) for name in (A, B, C)] == [{A, B, C}] * 3
    assert all(cluster.fresh(name) for name in (A, B, C))


def test_one_that_wakes_is_silent_until_heard_again() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    cluster.run(12.0, stopped=(A,))
    assert not cluster.fresh(A)
    cluster.views[A].tick(cluster.now)
    assert not cluster.fresh(A)
    cluster.run(0.3)
    assert cluster.fresh(A)
    assert cluster.live(A) == {A, B, C}


def test_one_of_two_that_wakes_waits_a_round() -> None:
    cluster = Cluster(A, B)
    cluster.run(2.0)
    cluster.run(12.0, stopped=(A,))
    assert not cluster.fresh(A)
    cluster.views[A].tick(cluster.now)
    assert not cluster.fresh(A)


def test_losing_five_in_a_hundred_moves_nothing() -> None:
    chance = random.Random(5)
    cluster = Cluster(A, B, C, D)
    cluster.run(2.0)
    for _ in range(200):
        cluster.run(1.0, lambda sender, to: chance.random() < 0.05)
        assert all(cluster.live(name) == {A, B, C, D} and cluster.fresh(name) for name in (A, B, C, D))


def test_one_that_leaves_is_gone_at_once_and_comes_back_only_anew() -> None:
    cluster = Cluster(A, B, C)
    cluster.run(2.0)
    (leave,) = (beat for beat in cluster.views[C].farewells(cluster.now) if beat.destination == A)
    assert cluster.views[A].heard(leave, cluster.now) is Verdict.LEFT
    assert cluster.live(A) == {A, B}
    assert (
        cluster.views[A].heard(replace(leave, sequence=10**6, kind=Kind.ALIVE), cluster.now)
        is Verdict.REPLAYED
    )
    cluster.views[C] = View(C, 99)
    cluster.views[C].set_nodes(frozenset((A, B, C)), cluster.now)
    cluster.run(0.5)
    assert cluster.live(A) == {A, B, C}


def test_a_recording_of_an_old_start_is_not_counted() -> None:
    cluster = Cluster(A, B)
    cluster.run(2.0)
    (recorded,) = cluster.views[B].beats(cluster.now)
    assert cluster.views[A].heard(recorded, cluster.now) is Verdict.COUNTED
    assert cluster.views[A].heard(recorded, cluster.now) is Verdict.REPLAYED
    anew = View(A, 50)
    anew.set_nodes(frozenset((A, B)), cluster.now)
    anew.beats(cluster.now)
    assert anew.heard(recorded, cluster.now) is Verdict.GREETING
    assert anew.live(cluster.now) == {A}


def test_a_restart_with_the_clock_set_back_is_believed() -> None:
    cluster = Cluster(A, B)
    cluster.run(2.0)
    cluster.views[B] = View(B, -5)
    cluster.views[B].set_nodes(frozenset((A, B)), cluster.now)
    cluster.run(1.0)
    assert cluster.live(A) == cluster.live(B) == {A, B}


@pytest.mark.parametrize("name", [D, A])
def test_strangers_and_echoes_of_ourselves_are_refused(name: NodeName) -> None:
    cluster = Cluster(A, B)
    (beat,) = cluster.views[B].beats(cluster.now)
    assert cluster.views[A].heard(replace(beat, sender=name), cluster.now) in (
        Verdict.UNKNOWN_NODE,
        Verdict.NOT_FOR_US,
    )

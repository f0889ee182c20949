from ipaddress import ip_address

import pytest

from ferrite.net import NodeName
from speaker.members.mesh import KEY_CHECK_SECONDS
from speaker.members.view import Timings
from tests.speaker.members.simulated import Answers, Lost, Simulation, names, reliable, watch

ADDRESSES = tuple(ip_address(f"192.0.2.{number}") for number in range(1, 9))
VICTIM = names(1)[0]
DOUBLE_SECONDS = 0.0101
"""How long two may answer for one address; the look at it is every millisecond."""


def split(*side: NodeName) -> Lost:
    return lambda sender, to: (sender in side) != (to in side)


def crash(simulation: Simulation) -> None:
    simulation.crash(VICTIM)


def restart(simulation: Simulation) -> None:
    simulation.restart(VICTIM)


def leave(simulation: Simulation) -> None:
    simulation.leave(VICTIM)


def hang(simulation: Simulation) -> None:
    simulation.hang(VICTIM)


def wake(simulation: Simulation) -> None:
    simulation.wake(VICTIM)


def suspend(simulation: Simulation) -> None:
    simulation.hang(VICTIM)
    simulation.lost = split(VICTIM)


def resume(simulation: Simulation) -> None:
    simulation.lost = reliable
    simulation.wake(VICTIM)


def partition(simulation: Simulation) -> None:
    simulation.lost = split(VICTIM)


def partition_of_two(simulation: Simulation) -> None:
    simulation.lost = split(*names(2))


def mute(simulation: Simulation) -> None:
    simulation.lost = lambda sender, to: sender == VICTIM


def deaf(simulation: Simulation) -> None:
    simulation.lost = lambda sender, to: to == VICTIM


def lose_a_third(simulation: Simulation) -> None:
    simulation.lost = simulation.lossy(0.3)


def heal(simulation: Simulation) -> None:
    simulation.lost = reliable


FAULTS = {
    "crash": (crash, restart),
    "leave": (leave, restart),
    "hang": (hang, wake),
    "suspend": (suspend, resume),
    "partition": (partition, heal),
    "partition-of-two": (partition_of_two, heal),
    "mute": (mute, heal),
    "deaf": (deaf, heal),
    "lossy": (lose_a_third, heal),
}
CASES = [pytest.param(2, name, id=f"2-{name}") for name in ("crash", "leave", "hang", "suspend", "lossy")] + [
    pytest.param(many, name, id=f"{many}-{name}") for many in (3, 5) for name in FAULTS
]


@pytest.mark.parametrize("many", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_all_others_count_a_crashed_node_as_dead_within_detection(many: int, seed: int) -> None:
    simulation = Simulation(many, seed)
    simulation.settle()
    crashed_at = simulation.now
    simulation.crash(VICTIM)
    simulation.run(1.0)
    assert {loss.by for loss in simulation.losses} == simulation.all - {VICTIM}
    assert {loss.of for loss in simulation.losses} == {VICTIM}
    # A millisecond for the timer, and what a heartbeat on its way may take.
    assert max(loss.at for loss in simulation.losses) - crashed_at < Timings().detection + 0.005


@pytest.mark.parametrize("many", [3, 10, 30])
def test_a_node_sends_and_gets_one_datagram_an_interval_for_each_other_node(many: int) -> None:
    simulation = Simulation(many, seed=1)
    simulation.settle()
    simulation.run(2.0)
    most = (many - 1) * (2.0 / Timings().interval + 1)
    assert 0.9 * most < min(simulation.sent.values()) <= max(simulation.sent.values()) <= most
    # Some that were on their way when the counting began.
    assert max(simulation.received.values()) <= most + many


@pytest.mark.parametrize(("many", "seconds"), [(2, 600.0), (3, 300.0), (5, 100.0), (10, 15.0)])
def test_losing_five_in_a_hundred_moves_nothing_and_silences_nobody(many: int, seconds: float) -> None:
    simulation = Simulation(many, seed=5)
    simulation.settle()
    simulation.lost = simulation.lossy(0.05)
    simulation.run(seconds)
    assert simulation.losses == []
    assert simulation.gaps.total() == 0


@pytest.mark.parametrize(("many", "name"), CASES)
def test_two_never_answer_for_an_address_through_a_fault_and_after_it(many: int, name: str) -> None:
    for seed in range(2):
        during, after = fault(many, name, seed)
        assert max(during.longest_double, after.longest_double) <= DOUBLE_SECONDS
        assert max(during.longest_none, after.longest_none) < 1.0


def fault(many: int, name: str, seed: int) -> tuple[Answers, Answers]:
    begin, end = FAULTS[name]
    simulation = Simulation(many, seed)
    simulation.settle()
    watch(simulation, ADDRESSES, 0.1)
    begin(simulation)
    during = watch(simulation, ADDRESSES, 1.5)
    end(simulation)
    return during, watch(simulation, ADDRESSES, 1.0)


def test_of_two_halves_nobody_answers() -> None:
    simulation = Simulation(4, seed=1)
    simulation.settle()
    simulation.lost = split(*names(2))
    simulation.run(1.0)
    assert not any(simulation.answering(address) for address in ADDRESSES)
    simulation.lost = reliable
    simulation.run(1.0)
    assert all(len(simulation.answering(address)) == 1 for address in ADDRESSES)


def test_a_rolling_restart_leaves_nothing_unanswered_and_nothing_answered_twice() -> None:
    simulation = Simulation(5, seed=3)
    simulation.settle()
    seen: list[Answers] = []
    for name in names(5):
        simulation.leave(name)
        seen.append(watch(simulation, ADDRESSES, 1.2))
        simulation.restart(name)
        seen.append(watch(simulation, ADDRESSES, 1.2))
    assert max(each.longest_double for each in seen) <= DOUBLE_SECONDS
    assert max(each.longest_none for each in seen) <= DOUBLE_SECONDS
    assert all(simulation.live(name) == simulation.all for name in names(5))


def test_a_key_that_reaches_the_nodes_one_by_one_loses_nobody() -> None:
    arrives = {name: 1005.0 + 5 * number for number, name in enumerate(names(4))}
    simulation = Simulation(4, seed=2, key=lambda name, now: b"new" if now >= arrives[name] else b"old")
    simulation.settle()
    simulation.run(max(arrives.values()) - simulation.now + KEY_CHECK_SECONDS)
    assert simulation.losses == []
    assert simulation.gaps.total() == simulation.refused.total() == 0
    keys = [speaker.keys for speaker in simulation.speakers.values()]
    assert all(each and each.read(simulation.now)[0] == b"new" for each in keys)


def test_one_seed_gives_one_course() -> None:
    def course(seed: int) -> list[object]:
        simulation = Simulation(5, seed)
        simulation.lost = simulation.lossy(0.6)
        simulation.run(5.0)
        return [simulation.losses, simulation.sent, simulation.received]

    assert course(1) == course(1) != course(2)

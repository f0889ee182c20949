"""What `python -m lab status` prints."""

import pytest

from lab.report import unit_state, unit_table
from lab.units import UnitStatus


def status(name="etcd", pid=None, restarts=0, wanted=True, exit_status=None):
    return UnitStatus(
        name=name, namespace=None, pid=pid, restarts=restarts, wanted=wanted, exit_status=exit_status
    )


@pytest.mark.parametrize(
    ("unit", "word"),
    [
        pytest.param(status(pid=7), "running", id="running"),
        pytest.param(status(pid=7, exit_status=1), "running", id="running-again"),
        pytest.param(status(), "waiting to start again", id="not-yet"),
        pytest.param(status(exit_status=-9), "waiting to start again (status -9)", id="killed"),
        pytest.param(status(wanted=False, exit_status=0), "stopped (status 0)", id="ended-well"),
        pytest.param(status(wanted=False), "stopped", id="stopped"),
    ],
)
def test_a_word_for_each_state(unit, word):
    assert unit_state(unit) == word


def test_one_line_for_each_unit():
    text = unit_table((status(pid=7, restarts=2), status("kube-proxy-node-1", exit_status=1)))
    assert [line.split() for line in text.splitlines()] == [
        ["UNIT", "PID", "RESTARTS", "STATE"],
        ["etcd", "7", "2", "running"],
        ["kube-proxy-node-1", "-", "0", "waiting", "to", "start", "again", "(status", "1)"],
    ]


def test_without_units_there_is_a_header():
    assert unit_table(()) == "UNIT  PID  RESTARTS  STATE"

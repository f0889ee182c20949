"""The supervisor with real programs: it starts again what dies, and leaves nothing when it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from lab.state import REPOSITORY
from lab.units import Answer, Order, Unit, UnitStatus

LIMIT_SECONDS = 8.0


class Caller:
    """Sends orders, one after the other, over one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")

    def order(self, **fields: object) -> Answer:
        self._stream.write(msgspec.json.encode(Order(**fields)) + b"\n")
        self._stream.flush()
        return msgspec.json.decode(self._stream.readline(), type=Answer)

    def until(self, name: str, holds: Callable[[UnitStatus], bool]) -> UnitStatus:
        limit = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < limit:
            status = self.order(verb="status", name=name).units[0]
            if holds(status):
                return status
        pytest.fail(f"{name} never got there; last seen: {status}")


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "lab.supervisor", str(tmp_path / "s"), str(tmp_path)]
    with subprocess.Popen(argv, cwd=REPOSITORY) as process:
        yield process
        process.terminate()
        process.wait(timeout=LIMIT_SECONDS)


@pytest.fixture
def caller(supervisor: subprocess.Popen[bytes], tmp_path: Path) -> Iterator[Caller]:
    limit = time.monotonic() + LIMIT_SECONDS
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(LIMIT_SECONDS)
        while connection.connect_ex(str(tmp_path / "s")) and time.monotonic() < limit:
            os.sched_yield()
        yield Caller(connection)


def sleeper(**fields: object) -> Unit:
    return Unit(**({"name": "sleeper", "argv": ("sleep", "1000")} | fields))


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_what_is_killed_runs_again(caller: Caller, tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    first = caller.order(verb="start", unit=sleeper(unlink=(str(stale),))).units[0].pid
    stale.write_text("left behind")
    caller.order(verb="kill", name="sleeper", signal=signal.SIGKILL)
    again = caller.until("sleeper", lambda status: status.restarts == 1 and status.pid is not None)
    assert again.pid != first
    assert not stale.exists()


def test_what_is_stopped_stays_down_until_started(caller: Caller) -> None:
    first = caller.order(verb="start", unit=sleeper()).units[0].pid
    stopped = caller.order(verb="stop", name="sleeper").units[0]
    assert (stopped.pid, stopped.wanted, stopped.exit_status) == (None, False, -signal.SIGTERM)
    assert first is not None
    assert not runs(first)
    assert caller.order(verb="start", name="sleeper").units[0].pid not in (None, first)


def test_what_runs_once_is_not_started_again(caller: Caller) -> None:
    caller.order(verb="start", unit=Unit(name="once", argv=("sh", "-c", "exit 3"), restart=False))
    ended = caller.until("once", lambda status: not status.wanted)
    assert (ended.exit_status, ended.restarts) == (3, 0)


def test_a_program_that_ignores_sigterm_is_killed(caller: Caller) -> None:
    deaf = Unit(name="deaf", argv=("sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"), stop_seconds=0.2)
    caller.order(verb="start", unit=deaf)
    assert caller.order(verb="stop", name="deaf").units[0].pid is None


def test_an_unknown_unit_is_an_error_that_names_the_known(caller: Caller) -> None:
    caller.order(verb="start", unit=sleeper())
    assert caller.order(verb="stop", name="sleper").error == "there is no unit sleper; units are: sleeper"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_units_end_with_their_supervisor(
    caller: Caller, supervisor: subprocess.Popen[bytes], how: int
) -> None:
    pid = caller.order(verb="start", unit=sleeper()).units[0].pid
    assert pid is not None
    supervisor.send_signal(how)
    supervisor.wait(timeout=LIMIT_SECONDS)
    limit = time.monotonic() + LIMIT_SECONDS
    while runs(pid) and time.monotonic() < limit:
        os.sched_yield()
    assert not runs(pid)


def test_what_crashes_ends_at_once_and_stays_down(caller: Caller) -> None:
    careful = Unit(name="careful", argv=("sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"))
    caller.order(verb="start", unit=careful)
    crashed = caller.order(verb="crash", name="careful").units[0]
    assert (crashed.pid, crashed.wanted, crashed.exit_status) == (None, False, -signal.SIGKILL)


def test_a_unit_may_say_how_its_namespace_is_entered(caller: Caller, tmp_path: Path) -> None:
    unit = Unit(name="entered", argv=("touch", str(tmp_path / "there")), namespace="none", enter=("env",))
    caller.order(verb="start", unit=unit)
    limit = time.monotonic() + LIMIT_SECONDS
    while not (tmp_path / "there").exists() and time.monotonic() < limit:
        os.sched_yield()
    assert (tmp_path / "there").exists()

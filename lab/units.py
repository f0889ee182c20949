"""What the supervisor runs, and how others ask it to."""

import asyncio
import signal
from pathlib import Path
from typing import Literal

import msgspec

from lab.state import LabError

ORDER_SECONDS = 20.0


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One program to run."""

    name: str
    argv: tuple[str, ...]
    namespace: str | None = None
    """Network namespace by its full name; None is the host's own."""
    enter: tuple[str, ...] = ()
    """Words that enter it, instead of `ip netns exec`, whose /sys has no cgroups."""
    environment: dict[str, str] = {}
    restart: bool = True
    """Start it again when it ends by itself, as a kubelet does."""
    unlink: tuple[str, ...] = ()
    """Files removed before each start, such as a stale socket."""
    stop_seconds: float = 5.0
    """From SIGTERM to SIGKILL."""


class UnitStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a unit is doing."""

    name: str
    namespace: str | None
    pid: int | None
    restarts: int
    wanted: bool
    exit_status: int | None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the supervisor: a line of JSON."""

    verb: Literal["start", "stop", "crash", "kill", "status", "forget"]
    unit: Unit | None = None
    name: str = ""
    signal: int = int(signal.SIGKILL)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The supervisor's reply: a line of JSON."""

    units: tuple[UnitStatus, ...] = ()
    error: str | None = None


async def order(socket: Path, request: Order) -> tuple[UnitStatus, ...]:
    """Send one order and return the units it concerns.

    Raises:
        LabError: no supervisor listens, or it refuses.
    """
    try:
        async with asyncio.timeout(ORDER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 24)
            try:
                writer.write(msgspec.json.encode(request) + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        raise LabError(
            f"the lab's supervisor does not answer at {socket}: {str(error) or 'no reply in time'}"
        ) from None
    if not line:
        raise LabError(f"the lab's supervisor at {socket} went away while answering")
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise LabError(answer.error)
    return answer.units

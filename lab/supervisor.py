"""One process per lab that owns every other: starts, restarts and ends the units it is told to.

Run as `python -m lab.supervisor SOCKET LOGS`; ends every unit on SIGTERM.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from lab.units import Answer, Order, Unit, UnitStatus

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0
CALM_SECONDS = 10.0  # a unit that ran this long starts again with the first delay


class Runner:
    """Keeps one unit running; `task` lives as long as the unit is wanted."""

    def __init__(self, unit: Unit, logs: Path) -> None:
        self.unit = unit
        self.restarts = 0
        self.task: asyncio.Task[None] | None = None
        self._log = logs / f"{unit.name}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._exit_status: int | None = None

    def status(self) -> UnitStatus:
        """Return a snapshot for the one who asks."""
        running = self._process is not None and self._process.returncode is None
        return UnitStatus(
            name=self.unit.name,
            namespace=self.unit.namespace,
            pid=self._process.pid if self._process is not None and running else None,
            restarts=self.restarts,
            wanted=self.task is not None and not self.task.done(),
            exit_status=self._exit_status,
        )

    def kill(self, number: int) -> bool:
        """Send a signal to the program itself; say whether there was one."""
        if self._process is None or self._process.returncode is not None:
            return False
        self._process.send_signal(number)
        return True

    async def keep(self) -> None:
        """Run the unit, again and again if it is to be restarted; end it when cancelled."""
        delay = FIRST_DELAY
        while True:
            begun = time.monotonic()
            await self._run_once()
            if not self.unit.restart:
                return
            if time.monotonic() - begun > CALM_SECONDS:
                delay = FIRST_DELAY
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)
            self.restarts += 1

    async def _run_once(self) -> None:
        self._remove_stale_files()
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command(self.unit),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=os.environ | self.unit.environment,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        try:
            self._exit_status = await self._process.wait()
        finally:
            await self._end(self._process)

    def _remove_stale_files(self) -> None:
        for path in self.unit.unlink:
            Path(path).unlink(missing_ok=True)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            _signal_group(process.pid, signal.SIGCONT)  # a stopped program cannot end
            try:
                async with asyncio.timeout(self.unit.stop_seconds):
                    await process.wait()
            except TimeoutError:
                _signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        self._exit_status = process.returncode
        _signal_group(process.pid, signal.SIGKILL)  # what it left behind


class Supervisor:
    """Obeys the orders that come over the socket."""

    def __init__(self, logs: Path, tasks: asyncio.TaskGroup) -> None:
        self._logs = logs
        self._tasks = tasks
        self._runners: dict[str, Runner] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the orders of one caller."""
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # the caller went away, or sent more than a line may hold
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            order = msgspec.json.decode(line, type=Order)
        except msgspec.DecodeError as error:
            return Answer(error=f"order not understood: {error}")
        if order.verb == "status" and not order.name:
            return Answer(units=tuple(runner.status() for runner in self._runners.values()))
        name = order.unit.name if order.unit is not None else order.name
        if order.unit is not None:
            await self._stop(name)
            self._runners[name] = Runner(order.unit, self._logs)
        runner = self._runners.get(name)
        if runner is None:
            return Answer(error=f"there is no unit {name}; units are: {', '.join(self._runners)}")
        complaint = await self._act(order, runner)
        return Answer(units=(runner.status(),), error=complaint)

    async def _act(self, order: Order, runner: Runner) -> str | None:
        match order.verb:
            case "start":
                if runner.task is None or runner.task.done():
                    runner.task = self._tasks.create_task(runner.keep(), name=runner.unit.name)
                    await asyncio.sleep(0.01)  # so that the answer shows the process
            case "stop":
                await self._stop(runner.unit.name)
            case "crash":
                runner.kill(signal.SIGKILL)
                await self._stop(runner.unit.name)
            case "forget":
                await self._stop(runner.unit.name)
                del self._runners[runner.unit.name]
            case "kill" if not runner.kill(order.signal):
                return f"unit {runner.unit.name} is not running"
            case _:
                pass
        return None

    async def stop_all(self) -> None:
        """End every unit, all at the same time."""
        tasks = [runner.task for runner in self._runners.values() if runner.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _stop(self, name: str) -> None:
        runner = self._runners.get(name)
        if runner is not None and runner.task is not None:
            runner.task.cancel()
            await asyncio.wait([runner.task])


def command(unit: Unit) -> list[str]:
    """Return the whole command line: it dies with the supervisor and enters its namespace."""
    usual = ["ip", "netns", "exec", unit.namespace] if unit.namespace is not None else []
    return ["setpriv", "--pdeathsig", "KILL", *(unit.enter or usual), *unit.argv]


async def supervise(socket: Path, logs: Path) -> None:
    """Take orders at `socket` until SIGTERM."""
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with asyncio.TaskGroup() as tasks:
        supervisor = Supervisor(logs, tasks)
        server = await asyncio.start_unix_server(supervisor.serve, socket, limit=1 << 24)
        async with server:
            await done.wait()
            await supervisor.stop_all()


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


if __name__ == "__main__":
    asyncio.run(supervise(Path(sys.argv[1]), Path(sys.argv[2])))

"""Runs a daemon: its event loop, its signals and its exit status."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn

import uvloop

from ferrite.errors import ConfigError
from ferrite.run.arguments import CommonSettings, report_ignored
from ferrite.run.logs import setup

CLEAN, FAILED, MISCONFIGURED = 0, 1, 2
log = logging.getLogger(__name__)


def start(settings: CommonSettings, main: Callable[[], Coroutine[Any, Any, NoReturn]]) -> NoReturn:
    """Set logs up, say which flags have no effect, run `main`; the process ends with its status."""
    setup(settings.log_level, settings.daemon)
    report_ignored(settings)
    sys.exit(run(main, settings.daemon))


def run(main: Callable[[], Coroutine[Any, Any, NoReturn]], daemon: str = "ferrite") -> int:
    """Run `main` until SIGTERM or SIGINT cancels it, or until it fails.

    Returns:
        The exit status: 0 after a signal, 2 when a person must change the configuration (one line on stderr
        that begins with `daemon`), 1 for any other failure (logged with its traceback).
    """
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_until_signal(main))
    except BaseException as error:
        wrong = list(_config_errors(error))
        for found in wrong:
            sys.stderr.write(f"{daemon}: {found}\n")
        if wrong:
            return MISCONFIGURED
        log.exception("daemon failed")
        return FAILED


async def _until_signal(main: Callable[[], Coroutine[Any, Any, NoReturn]]) -> int:
    task = asyncio.current_task()
    assert task is not None
    told: list[str] = []

    def stop(name: str) -> None:
        told.append(name)
        log.info("stopping", extra={"signal": name})
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)
    try:
        await main()
    except asyncio.CancelledError:
        if not told:
            raise
    return CLEAN


def _config_errors(error: BaseException) -> Iterator[ConfigError]:
    if isinstance(error, ConfigError):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _config_errors(inner)

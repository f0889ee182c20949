"""Logs as JSON lines on stdout, with the keys that MetalLB's users know: ts, level, caller, msg."""

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ferrite.errors import ConfigError

LEVELS = {
    "all": 1,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "none": logging.CRITICAL + 1,
}
_WORDS = {"WARNING": "warn", "CRITICAL": "error"}
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
SPELL_SECONDS = 60.0
SPELL_WARNINGS = 20
QUIET = ("aiohttp", "asyncio", "httpcore", "httpx", "kr8s")
"""Libraries that log at info what is no news to an operator."""


class JsonLines(logging.Formatter):
    """One JSON object a record; what JSON has no word for is written as text."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": _WORDS.get(record.levelname, record.levelname.lower()),
            "caller": f"{record.filename}:{record.lineno}",
            "msg": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _OWN)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class Seldom(logging.Filter):
    """Lets through `SPELL_WARNINGS` warnings of the same words in `SPELL_SECONDS`.

    An API server that fails for an hour fails each of a thousand writes. What is left out is counted, and the
    next one that is let through says how many there were as `left_out`. Tracebacks are never left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._spells: dict[
            str, tuple[float, int]
        ] = {}  # words, a constant phrase -> beginning, warnings since

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter.filter`."""
        if record.levelno != logging.WARNING or record.exc_info:
            return True
        words, now = str(record.msg), self._clock()
        began, count = self._spells.get(words, (now, 0))
        if now - began >= SPELL_SECONDS:
            if count > SPELL_WARNINGS:
                record.left_out = count - SPELL_WARNINGS
            began, count = now, 0
        self._spells[words] = (began, count + 1)
        return count < SPELL_WARNINGS


def setup(level: str, daemon: str) -> None:
    """Send all logs of the process to stdout from `level` on.

    Raises:
        ConfigError: there is no such level.
    """
    if level not in LEVELS:
        raise ConfigError(f"{daemon}: --log-level is not one of {', '.join(LEVELS)}: {level!r}")
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(JsonLines())
    lines.addFilter(Seldom())
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(LEVELS[level])
    for library in QUIET:
        logging.getLogger(library).setLevel(max(LEVELS[level], logging.WARNING))

"""Runs one verb and tells its errors in one line."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from cli import completion, convert, status, version
from cli.arguments import FAILED, MISUSED, PROGRAM, Outcome, Verb, parser_of
from ferrite.errors import ClusterError, ConfigError

VERBS: tuple[Verb, ...] = (status.VERB, convert.VERB, version.VERB, completion.VERB)
INTERRUPTED = 130
"""What a shell expects of a program that Ctrl-C ended."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the verb of the command line, or of `arguments`; returns the exit status.

    Wrong words end the process with status 2.
    """
    parser = parser_of(VERBS)
    parsed = parser.parse_args(arguments)
    parsed.grammar = completion.grammar_of(parser)
    try:
        outcome = asyncio.run(_outcome_of(parsed))
    except ConfigError as error:
        return _fail(str(error), MISUSED)
    except ClusterError as error:
        return _fail(told(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    for line in outcome.told:
        _tell(line)
    _show(outcome.text)
    return outcome.exit_status


def told(error: ClusterError) -> str:
    """An error of the cluster in words."""
    return str(error) if error.status else f"the API server cannot be reached: {error}"


async def _outcome_of(parsed: Namespace) -> Outcome:
    ended: str | Outcome = await parsed.run(parsed)
    return Outcome(ended) if isinstance(ended, str) else ended


def _show(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # `kubectl ferrite status | head`: nobody reads the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, exit_status: int) -> int:
    _tell(text)
    return exit_status


def _tell(text: str) -> None:
    sys.stderr.write(f"{PROGRAM}: {' '.join(text.split())}\n")

"""Runs one verb and tells its errors in one line."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from cli import completion, status, version
from cli.arguments import DONE, FAILED, MISUSED, PROGRAM, Verb, parser_of
from ferrite.errors import ClusterError, ConfigError

VERBS: tuple[Verb, ...] = (status.VERB, version.VERB, completion.VERB)
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
        text = asyncio.run(_text_of(parsed))
    except ConfigError as error:
        return _fail(str(error), MISUSED)
    except ClusterError as error:
        return _fail(told(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return _show(text)


def told(error: ClusterError) -> str:
    """An error of the cluster in words."""
    return str(error) if error.status else f"the API server cannot be reached: {error}"


async def _text_of(parsed: Namespace) -> str:
    text: str = await parsed.run(parsed)
    return text


def _show(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # `kubectl ferrite status | head`: nobody reads the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE


def _fail(text: str, exit_status: int) -> int:
    sys.stderr.write(f"{PROGRAM}: {' '.join(text.split())}\n")
    return exit_status

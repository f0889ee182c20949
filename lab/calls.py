"""Runs programs and waits for what they say."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from lab.state import LabError, State

POLL_SECONDS = 0.05


async def kubectl(state: State, *arguments: str, text: str | None = None, seconds: float = 30.0) -> str:
    """Run kubectl as administrator from the host and return what it prints.

    Raises:
        LabError: it failed; the message has its words.
    """
    status, out, errors = await run([*_kubectl(state), *arguments], text=text, seconds=seconds)
    if status != 0:
        raise LabError(f"kubectl {' '.join(arguments)}: {errors.strip()}")
    return out


async def run(
    argv: list[str], *, text: str | None = None, file: Path | None = None, seconds: float
) -> tuple[int, str, str]:
    """Run a program to its end; return status, output, errors. It is killed when `seconds` have passed.

    Its standard input is `text`, or `file`, or nothing.
    """
    pipe, source = asyncio.subprocess.PIPE, os.open(file or os.devnull, os.O_RDONLY)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=source if text is None else pipe, stdout=pipe, stderr=pipe
        )
    finally:
        os.close(source)
    try:
        async with asyncio.timeout(seconds):
            out, errors = await process.communicate(None if text is None else text.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(errors="replace"), errors.decode(errors="replace")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition()`; the caller sets the time limit."""

    async def ask() -> bool:
        return condition()

    await until_true(ask)


async def until_true(ask: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again; the caller sets the time limit."""
    while True:
        if await ask():
            return
        await asyncio.sleep(POLL_SECONDS)


async def until_succeeds(argv: list[str]) -> None:
    """Run a program until its status is 0; the caller sets the time limit."""
    await until_true(partial(_succeeds, argv))


async def until_kubectl_succeeds(state: State, *arguments: str) -> None:
    """Run kubectl until its status is 0; the caller sets the time limit."""
    await until_succeeds([*_kubectl(state), *arguments])


async def _succeeds(argv: list[str]) -> bool:
    return (await run(argv, seconds=30.0))[0] == 0


def _kubectl(state: State) -> list[str]:
    return [
        str(state.programs_link / "kubectl"),
        "--kubeconfig",
        str(state.kubeconfig),
        "--request-timeout",
        "20s",
    ]

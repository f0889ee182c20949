import asyncio
import os
import signal
from typing import NoReturn

import pytest

from ferrite.errors import ConfigError
from ferrite.run.supervise import run


async def _stopped() -> NoReturn:
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()
    raise AssertionError


async def _misconfigured() -> NoReturn:
    async def wrong() -> None:
        raise ConfigError("kubeconfig x is not there")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(wrong())
    raise AssertionError


async def _broken() -> NoReturn:
    raise ZeroDivisionError


def test_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(_stopped) == 0
    assert run(_broken) == 1
    assert run(_misconfigured, "speaker") == 2
    assert capsys.readouterr().err == "speaker: kubeconfig x is not there\n"

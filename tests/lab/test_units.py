"""Orders to the supervisor, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from lab import units
from lab.state import LabError
from lab.units import Answer, Order, Unit, UnitStatus, order

pytestmark = pytest.mark.looptime(False)  # real sockets

RUNNING = UnitStatus(name="etcd", namespace=None, pid=7, restarts=0, wanted=True, exit_status=None)
SILENT = b"-"


@asynccontextmanager
async def supervisor(folder: Path, reply: bytes) -> AsyncIterator[tuple[Path, list[Order]]]:
    """One that answers every order with `reply`; SILENT never does."""
    heard: list[Order] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(msgspec.json.decode(await reader.readline(), type=Order))
        if reply == SILENT:
            await reader.read()  # until the other side gives up
        else:
            writer.write(reply)
        writer.close()

    path = folder / "control.sock"
    async with await asyncio.start_unix_server(serve, path):
        yield path, heard


def line(answer: Answer) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


async def test_an_order_arrives_whole_and_its_answer_comes_back(tmp_path):
    unit = Unit(name="x", argv=("a", "b c"), environment={"K": "v\n"}, unlink=("/s",), restart=False)
    async with supervisor(tmp_path, line(Answer(units=(RUNNING,)))) as (path, heard):
        assert await order(path, Order(verb="start", unit=unit)) == (RUNNING,)
        assert heard == [Order(verb="start", unit=unit)]


async def test_an_answer_may_be_longer_than_a_buffer(tmp_path):
    many = tuple(msgspec.structs.replace(RUNNING, name=f"unit-{number}") for number in range(5000))
    async with supervisor(tmp_path, line(Answer(units=many))) as (path, _):
        assert await order(path, Order(verb="status")) == many


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        pytest.param(line(Answer(error="no unit 'x'")), "^no unit 'x'$", id="refused"),
        pytest.param(b"", "went away while answering", id="gone"),
        pytest.param(SILENT, "does not answer at .*control.sock: no reply in time", id="silent"),
    ],
)
async def test_what_goes_wrong_is_one_error(tmp_path, monkeypatch, reply, complaint):
    monkeypatch.setattr(units, "ORDER_SECONDS", 0.2)
    async with supervisor(tmp_path, reply) as (path, _):
        with pytest.raises(LabError, match=complaint):
            await order(path, Order(verb="stop", name="x"))


async def test_without_a_supervisor(tmp_path):
    with pytest.raises(LabError, match=r"does not answer at .*control\.sock: .*No such file"):
        await order(tmp_path / "control.sock", Order(verb="status"))


@pytest.mark.parametrize("text", ['{"verb":"explode"}', '{"verb":"start","unit":{"name":"x"}}', "[]"])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Order)


def test_a_kill_kills():
    assert Order(verb="kill", name="x").signal == 9

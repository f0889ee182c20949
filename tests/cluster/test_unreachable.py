"""No API server, or none that can be used: the daemons say so, keep trying, and go on when it is there."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.patience import wait_until
from lab.daemons import account_kubeconfig

PROGRAMS = Path(sys.executable).parent
END_SECONDS = 10.0
SAY_SECONDS = 60.0
RUN_SECONDS = 60.0
DAEMONS = {
    "controller": (),
    "speaker": ("--node-name=node-9",),
}
INERT = ("--port=0", "--health-probe-port=0", "--lb-class=example.com/nobody")


class Door:
    """A TCP port before the API server that can be shut: `refuse`, `hang`, `vanish` or `forward`."""

    def __init__(self, port):
        self._far = port
        self.calls = 0
        self._mode = "refuse"
        self._server = None
        self._tasks, self._writers = [], []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def set(self, mode):
        """Change how callers fare; those who are connected are cut off."""
        asyncio.run_coroutine_threadsafe(self._set(mode), self._loop).result(SAY_SECONDS)

    def end(self):
        """Shut it for good."""
        self.set("refuse")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _set(self, mode):
        self._mode = mode
        if self._server is not None:
            self._server.close()
            self._server = None
        while self._tasks or self._writers:
            await self._cut_off()
        if mode != "refuse":
            self._server = await asyncio.start_server(self._called, "127.0.0.1", self.port)

    async def _cut_off(self):
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # who was accepted meanwhile is called now

    def _called(self, reader, writer):
        """No coroutine: one that is cancelled before it begins closes nothing."""
        self.calls += 1
        self._writers.append(writer)
        self._tasks.append(self._loop.create_task(self._answer(reader, writer)))

    async def _answer(self, reader, writer):
        with suppress(ConnectionError):
            if self._mode == "hang":
                await asyncio.Event().wait()
            elif self._mode == "forward":
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
                self._writers.append(far_writer)
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        writer.close()


async def _copy(reader, writer):
    while chunk := await reader.read(1 << 16):
        writer.write(chunk)
        await writer.drain()
    writer.close()


class Daemon:
    """A daemon on this machine that touches nothing: it serves a class that nobody uses."""

    def __init__(self, name, kubeconfig, folder):
        self._log = folder / f"{name}.log"
        argv = [str(PROGRAMS / f"ferrite-{name}"), *DAEMONS[name], *INERT, f"--kubeconfig={kubeconfig}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log)

    def says(self, pattern, since=0):
        """Wait for a line of its log after the first `since`, and return how long the log is then."""
        limit = time.monotonic() + SAY_SECONDS
        while time.monotonic() < limit:
            assert self._process.poll() is None, self._log.read_text()
            lines = self._log.read_text().splitlines()
            for line in lines[since:]:
                if re.search(pattern, line):
                    json.loads(line)  # its log is JSON, whatever happens
                    assert "Traceback" not in line
                    return len(lines)
            time.sleep(0.05)
        raise AssertionError(f"no line with {pattern!r} in:\n{self._log.read_text()}")

    def end(self):
        """SIGTERM; returns the exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(END_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def door(ferrite):
    found = Door(int(ferrite.lab.state.port_file.read_text()))
    yield found
    found.end()


@pytest.fixture(params=sorted(DAEMONS))
def daemon(request, ferrite, door, tmp_path):
    """A daemon that starts while nobody listens where its kubeconfig says."""
    text = account_kubeconfig(ferrite.lab.state, request.param).read_text()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(re.sub(r"https://[^\s\"']+", f"https://127.0.0.1:{door.port}", text))
    running = Daemon(request.param, kubeconfig, tmp_path)
    yield running
    running.end()


def test_a_daemon_waits_for_an_api_server_that_refuses_hangs_or_vanishes(door, daemon):
    seen = daemon.says("not reached|refused|cannot be reached|Connect call failed")
    for mode in ("vanish", "hang"):
        door.set(mode)
        before = door.calls
        wait_until("a call", lambda count=before: door.calls > count)
    door.set("forward")
    seen = daemon.says("kind is read again|everything listed", seen)
    door.set("vanish")
    seen = daemon.says("not reached", seen)
    door.set("forward")
    daemon.says("kind is read again", seen)
    assert daemon.end() == 0


def test_a_daemon_ends_at_once_while_the_api_server_hangs(door, daemon):
    door.set("hang")
    daemon.says("waiting|not reached")
    began = time.monotonic()
    assert daemon.end() == 0
    assert time.monotonic() - began < END_SECONDS / 2


@pytest.mark.parametrize("name", sorted(DAEMONS))
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(None, "is not there", id="no file"),
        pytest.param("no: [yaml", "", id="no YAML"),
        pytest.param("kind: Config", "", id="no cluster"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_one_line(name, content, complaint, tmp_path):
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    argv = [str(PROGRAMS / f"ferrite-{name}"), *DAEMONS[name], *INERT, f"--kubeconfig={path}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 2, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(name)
    assert str(path) in line
    assert complaint in line
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        pytest.param(
            ["ferrite-speaker"], "speaker: --node-name is missing; set it or METALLB_NODE_NAME", id="no name"
        ),
        pytest.param(
            ["ferrite-controller", "--port=x"], "controller: --port is not a number: 'x'", id="no number"
        ),
    ],
)
def test_a_wrong_flag_is_one_line(argv, complaint):
    done = subprocess.run(
        [str(PROGRAMS / argv[0]), *argv[1:]],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr.strip()) == (2, complaint)


def test_a_flag_of_the_webhook_is_accepted_and_said_to_have_no_effect(tmp_path):
    argv = [str(PROGRAMS / "ferrite-controller"), "--webhook-mode=enabled", *INERT]
    done = subprocess.run(
        [*argv, f"--kubeconfig={tmp_path / 'none'}"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert "--webhook-mode" in done.stdout

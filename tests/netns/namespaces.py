"""Network namespaces, the cables between them and the scripts that run in them."""

import ctypes
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def wait_until(question: Callable[[], object], seconds: float = 20.0, what: str = "") -> object:
    """The first true answer; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            pytest.fail(f"not within {seconds} s: {what or question}")
        time.sleep(0.01)


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=30).stdout


@dataclass
class Namespace:
    name: str

    def ip(self, *arguments: str) -> str:
        return ip("-n", self.name, *arguments)

    def mac(self, link: str) -> str:
        return json.loads(self.ip("-j", "link", "show", link))[0]["address"]

    def neighbor(self, address: str) -> str:
        """The MAC the kernel has for `address`; empty without one."""
        return next((entry["lladdr"] for entry in self._neighbors(address) if "lladdr" in entry), "")

    def _has_given_up(self, address: str) -> bool:
        return any("FAILED" in entry["state"] for entry in self._neighbors(address))

    def _neighbors(self, address: str) -> list[dict[str, Any]]:
        return json.loads(self.ip("-j", "neigh", "show", address) or "[]")

    def open_socket(self, *arguments: int) -> socket.socket:
        """A socket that lives in this namespace, though the test does not."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/var/run/netns/{self.name}", os.O_RDONLY)
        try:
            assert _libc.setns(there, _CLONE_NEWNET) == 0
            try:
                return socket.socket(*arguments)
            finally:
                assert _libc.setns(home, _CLONE_NEWNET) == 0
        finally:
            os.close(home)
            os.close(there)

    def packet_socket(self, link: str, protocol: int = 3) -> socket.socket:
        opened = self.open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        opened.settimeout(20)
        opened.bind((link, protocol))
        return opened

    def resolve(self, address: str) -> str:
        """Let the kernel resolve `address`; the MAC it learnt."""
        return str(wait_until(lambda: self.ask(address), what=f"{address} resolved in {self.name}"))

    def is_silent(self, address: str) -> bool:
        """Whether all that the kernel asks for `address`, it asks in vain."""
        self.ask(address)
        wait_until(lambda: self.neighbor(address) or self._has_given_up(address), what="the kernel's verdict")
        return not self.neighbor(address)

    def ask(self, address: str) -> str:
        """Have the kernel ask for `address`, again if it has given up; the MAC it has now."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.open_socket(family, socket.SOCK_DGRAM) as asker:
            asker.sendto(b"x", (address, 9))
        return self.neighbor(address)


@dataclass
class Runner:
    """A script of this folder that runs in a namespace; lines of JSON to it and from it."""

    process: subprocess.Popen[str]

    def tell(self, **command: object) -> dict[str, object]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the runner ended"
        return json.loads(line)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(5)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@dataclass
class Veth:
    """Namespaces `speaker` and `client`; `eth0` of each is an end of one cable."""

    speaker: Namespace
    client: Namespace
    stack: ExitStack = field(default_factory=ExitStack)

    def start(self, where: Namespace, script: str, **settings: object) -> Runner:
        process = subprocess.Popen(
            ["ip", "netns", "exec", where.name, sys.executable, str(HERE / script), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        runner = Runner(process)
        self.stack.callback(runner.end)
        return runner

    def cable(self, link: str, number: int) -> None:
        """Join the two by one more pair, both ends called `link`, addressed in subnet `number`."""
        ip(
            "link",
            "add",
            link,
            "netns",
            self.speaker.name,
            "type",
            "veth",
            "peer",
            link,
            "netns",
            self.client.name,
        )
        for last, where in enumerate((self.speaker, self.client), start=1):
            where.ip("addr", "add", f"10.99.{number}.{last}/24", "dev", link)
            where.ip("addr", "add", f"fd99:{number}::{last}/64", "dev", link, "nodad")
            where.ip("link", "set", link, "up")

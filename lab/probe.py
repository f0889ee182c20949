"""Measures how long an IPv4 address goes unanswered at layer 2, as a machine on its LAN sees it.

Run as `python -m lab.probe ADDRESS` inside the client's namespace: sends a broadcast ARP request every 10 ms,
prints one line of JSON for each reply and, at the end (`--seconds`, or SIGTERM), one with the summary.
Times are CLOCK_MONOTONIC, which every namespace of the machine shares.
"""

import argparse
import asyncio
import fcntl
import ipaddress
import json
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lab.state import REPOSITORY, LabError
from lab.tasks import one_error

if TYPE_CHECKING:
    from lab.cluster import Lab

ETHERTYPE_ARP = 0x0806
ARP = struct.Struct("!HHBBH6s4s6s4s")  # RFC 826, Ethernet and IPv4
REQUEST, REPLY = 1, 2
SIOCGIFADDR = 0x8915
BROADCAST = b"\xff" * 6
INTERVAL_SECONDS = 0.01
BEFORE_SECONDS, AFTER_SECONDS = 0.5, 0.5
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: when it came, to which request (the last one sent before it), from which MAC."""

    at: float
    request: int
    mac: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run of the probe saw; times in seconds."""

    requests: int
    answered: int
    longest_gap: float
    """The longest time without an answer; beginning and end of the run bound it too."""
    macs: tuple[str, ...]
    """Who answered, in the order of their first answers."""
    double_requests: int
    """Requests that more than one MAC answered."""
    double_seconds: float
    """From the first such request's answer to the last one's."""


def summarise(replies: list[Reply], requests: int, begin: float, end: float) -> Summary:
    """Count gaps and double answers of `replies`, which are in the order of their times."""
    times = [begin, *(reply.at for reply in replies), end]
    answerers: dict[int, set[str]] = {}
    for reply in replies:
        answerers.setdefault(reply.request, set()).add(reply.mac)
    doubles = [reply.at for reply in replies if len(answerers[reply.request]) > 1]
    return Summary(
        requests=requests,
        answered=len(answerers),
        longest_gap=max(after - before for before, after in pairwise(times)),
        macs=tuple(dict.fromkeys(reply.mac for reply in replies)),
        double_requests=sum(len(macs) > 1 for macs in answerers.values()),
        double_seconds=doubles[-1] - doubles[0] if doubles else 0.0,
    )


def arp_request(my_mac: bytes, my_address: bytes, target: bytes) -> bytes:
    """Return the whole frame of a broadcast request."""
    head = BROADCAST + my_mac + ETHERTYPE_ARP.to_bytes(2, "big")
    return head + ARP.pack(1, 0x0800, 6, 4, REQUEST, my_mac, my_address, bytes(6), target)


def replying_mac(frame: bytes, my_mac: bytes, target: bytes) -> str | None:
    """Return who answers for `target` to us; None for any other frame."""
    if len(frame) < 14 + ARP.size or frame[12:14] != ETHERTYPE_ARP.to_bytes(2, "big") or frame[:6] != my_mac:
        return None
    *_, operation, sender_mac, sender_address, _, _ = ARP.unpack_from(frame, 14)
    return sender_mac.hex(":") if operation == REPLY and sender_address == target else None


def probe(
    link: socket.socket, frame: bytes, target: bytes, ends: Callable[[float], bool]
) -> Iterator[Reply | int]:
    """Send requests and yield each reply, and the number of requests so far at least once an interval."""
    my_mac, requests, due = frame[6:12], 0, time.monotonic()
    while not ends(time.monotonic()):
        if (wait := due - time.monotonic()) <= 0:
            link.send(frame)
            requests, due = requests + 1, max(due + INTERVAL_SECONDS, time.monotonic() - INTERVAL_SECONDS)
            yield requests
        elif select.select([link], [], [], wait)[0]:
            mac = replying_mac(link.recv(2048), my_mac, target)
            if mac is not None:
                yield Reply(time.monotonic(), requests, mac)


def open_link(interface: str) -> tuple[socket.socket, bytes, bytes]:
    """Open a socket for ARP frames; return it with the interface's MAC and IPv4 address."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP))
    link.bind((interface, ETHERTYPE_ARP))
    name = struct.pack("256s", interface.encode())
    return link, link.getsockname()[4], fcntl.ioctl(link.fileno(), SIOCGIFADDR, name)[20:24]


@asynccontextmanager
async def running_probe(lab: "Lab", address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the probe at the lab's client; it is ended with the block."""
    argv = ["ip", "netns", "exec", lab.state.namespace("client"), sys.executable, "-m", "lab.probe", address]
    process = await asyncio.create_subprocess_exec(*argv, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def watch(
    lab: "Lab",
    address: str,
    act: Callable[[], Awaitable[None]],
    *,
    moves: bool = True,
    after: float = AFTER_SECONDS,
) -> Summary:
    """Probe `address` from the client while `act` runs, and return what was seen.

    Watches on until another MAC has answered (only where `moves`), and `after` seconds more.

    Raises:
        LabError: nobody answers before `act`.
        TimeoutError: nobody else answers within PATIENCE_SECONDS after it.
    """
    async with running_probe(lab, address) as process:
        lines = read_lines(process)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                first = await anext(lines)
        except (TimeoutError, StopAsyncIteration):
            raise LabError(f"{address}: nobody answers for it on the client's LAN") from None
        seen: asyncio.Queue[Summary] = asyncio.Queue()
        moved = asyncio.Event()
        async with one_error(), asyncio.TaskGroup() as tasks:
            tasks.create_task(_follow(lines, first["mac"], moved, seen))
            await asyncio.sleep(BEFORE_SECONDS)
            await act()
            async with asyncio.timeout(PATIENCE_SECONDS):
                if moves:
                    await moved.wait()
                await asyncio.sleep(after)
                process.send_signal(signal.SIGTERM)
                return await seen.get()


async def watch_address(lab: "Lab", address: str, act: Callable[[], Awaitable[None]]) -> float | None:
    """Return for how many seconds `address` went unanswered when `act` moved it; None if it stayed so."""
    try:
        return (await watch(lab, address, act)).longest_gap
    except TimeoutError:
        return None


async def read_lines(process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, str]]:
    """Yield what the probe prints."""
    if process.stdout is None:
        raise LabError("the probe was started without a pipe")
    async for line in process.stdout:
        yield json.loads(line)


async def _follow(
    lines: AsyncIterator[dict[str, str]], owner: str, moved: asyncio.Event, seen: asyncio.Queue[Summary]
) -> None:
    async for line in lines:
        if "summary" in line:
            seen.put_nowait(Summary(**json.loads(line["summary"])))
        elif line["mac"] != owner:
            moved.set()


def main() -> None:
    """Probe until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.probe", description="Who answers for an address, and when."
    )
    parser.add_argument("address", type=ipaddress.IPv4Address)
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--seconds", type=float, default=3600.0)
    arguments = parser.parse_args()
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    begin, replies, requests = time.monotonic(), list[Reply](), 0
    link, my_mac, my_address = open_link(arguments.interface)
    frame, target = arp_request(my_mac, my_address, arguments.address.packed), arguments.address.packed
    limit = begin + arguments.seconds
    for event in probe(link, frame, target, lambda now: bool(stopped) or now >= limit):
        if isinstance(event, int):
            requests = event
            continue
        replies.append(event)
        sys.stdout.write(json.dumps({"at": event.at, "request": event.request, "mac": event.mac}) + "\n")
        sys.stdout.flush()
    summary = summarise(replies, requests, begin, time.monotonic())
    sys.stdout.write(json.dumps({"summary": json.dumps(asdict(summary))}) + "\n")


if __name__ == "__main__":
    main()

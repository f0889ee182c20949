"""Lets the host reach the API server: listens on 127.0.0.1 of the host, connects inside a namespace.

Run as `python -m lab.forward PORT_FILE NAMESPACE ADDRESS PORT`. The listening socket is made in the
host's namespace; then the process moves into the other one, where every connection it opens begins.
"""

import asyncio
import ctypes
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

from lab.state import write_file

CLONE_NEWNET = 0x40000000
CHUNK = 1 << 16


def listen(port_file: Path) -> socket.socket:
    """Listen on the port named in `port_file`, or on a free one written there for the next start."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port_file.read_text()) if port_file.exists() else 0))
    listener.listen(256)
    write_file(port_file, str(listener.getsockname()[1]))
    return listener


def enter_namespace(name: str) -> None:
    """Move this process into a network namespace (Python 3.11 has no os.setns)."""
    library = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        if library.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter network namespace {name}")
    finally:
        os.close(descriptor)


async def forward(listener: socket.socket, address: str, port: int) -> None:
    """Join every connection to one towards `address`, forever."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(address, port)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, far_writer))
            tasks.create_task(_copy(far_reader, writer))

    server = await asyncio.start_server(join, sock=listener)
    async with server:
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    listening = listen(Path(sys.argv[1]))
    enter_namespace(sys.argv[2])
    asyncio.run(forward(listening, sys.argv[3], int(sys.argv[4])))

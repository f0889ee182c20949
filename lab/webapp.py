"""An HTTP server that stands for a pod: run as `python -m lab.webapp PORT NODE TEXT ADDRESS…`.

`/` answers TEXT, `/node` the node's name, `/client` the address the request came from.
"""

import asyncio
import sys
from functools import partial

READ_SECONDS = 10.0


async def answer(node: str, text: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(response(request, node, text, str(writer.get_extra_info("peername")[0])))
            await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return
    finally:
        writer.close()


def response(request: bytes, node: str, text: str, client: str) -> bytes:
    """Return the bytes that answer `request`."""
    words = request.split(b" ", 2)
    path = words[1].decode(errors="replace") if len(words) > 1 else "/"
    body = {"/node": node, "/client": client}.get(path, text).encode() + b"\n"
    head = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


async def serve(port: int, node: str, text: str, addresses: list[str]) -> None:
    """Serve on every address until killed."""
    server = await asyncio.start_server(partial(answer, node, text), addresses, port, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))

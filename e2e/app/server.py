"""An HTTP server for pods of tests: `server.py [GREETING]`, on port 5000 of every IPv4 and IPv6 address.

`/` answers the greeting (else $GREETING), `/node` $NODE_NAME, `/client` the address the request came from.
"""

import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 5000


class Server(ThreadingHTTPServer):
    """Takes IPv4 connections on its IPv6 socket, too."""

    address_family = socket.AF_INET6
    request_queue_size = 512

    def server_bind(self) -> None:
        """Bind for both families, whatever the node's own default is."""
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Answer(BaseHTTPRequestHandler):
    """Answers GET."""

    greeting = ""

    def do_GET(self) -> None:
        """Answer one line, or 404."""
        client = self.client_address[0].removeprefix("::ffff:")
        texts = {"/": self.greeting, "/node": os.environ.get("NODE_NAME", ""), "/client": client}
        text = texts.get(self.path)
        body = f"{'no such page' if text is None else text}\n".encode()
        self.send_response(404 if text is None else 200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(words: list[str]) -> None:
    """Serve until SIGTERM, which would not end the first process of a container by itself."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    Answer.greeting = words[0] if words else os.environ.get("GREETING", "hello")
    with Server(("::", PORT), Answer) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])

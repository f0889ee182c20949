"""HTTP to the API server: time limits, tokens, keepalive. Everything above sees `Transport` only.

Two sessions, so that a slow watch never starves a write. A 401 makes the credentials be read again and is
tried once more; a 403 is an answer like any other.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from yarl import URL

from ferrite.errors import ClusterError
from ferrite.kube.credentials import Credentials
from ferrite.kube.wire import error_of

UNAUTHORIZED = 401
READ_BUFFER_BYTES = 2**18
KEEPALIVE_IDLE_SECONDS = 15
KEEPALIVE_INTERVAL_SECONDS = 5
KEEPALIVE_PROBES = 3


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request.

    Attributes:
        path: begins with `/`, without a query.
        query: parameters, not yet quoted.
        body: JSON; None is no body.
        seconds: the whole call may take that long; of a stream, until its head is there.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None
    content_type: str = "application/json"
    seconds: float = 10.0


class Transport(Protocol):
    """What carries calls: the network, or a fake in tests."""

    async def request(self, call: Call) -> bytes:
        """The body of the answer.

        Raises:
            ClusterError: the answer is an error, or there was none.
        """
        ...

    def stream(self, call: Call, silence_seconds: float) -> AsyncGenerator[bytes, None]:
        """The chunks of an answer that goes on, until the server ends it; an empty one when it begins.

        Raises:
            ClusterError: the answer is an error, was cut, or was silent for `silence_seconds` (reason
                `Silent`).
        """
        ...


class HttpTransport:
    """Calls over aiohttp."""

    def __init__(
        self, credentials: Credentials, calls: aiohttp.ClientSession, watches: aiohttp.ClientSession
    ) -> None:
        self._credentials = credentials
        self._calls = calls
        self._watches = watches
        self._base = URL(credentials.server.rstrip("/"))

    async def request(self, call: Call) -> bytes:
        """See `Transport.request`."""
        try:
            async with asyncio.timeout(call.seconds):
                return await self._request(call)
        except TimeoutError:
            text = f"{self._base}: no answer within {call.seconds:g} s"
            raise ClusterError(text, reason="Timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    async def _request(self, call: Call) -> bytes:
        for last_try in (False, True):
            token = await self._credentials.fresh_token()
            async with self._open(self._calls, call, token) as answer:
                body = await answer.read()
                if answer.status < 400:
                    return body
                if last_try or answer.status != UNAUTHORIZED or not await self._credentials.renew(token):
                    raise error_of(answer.status, body, answer.headers.get("Retry-After"))
        raise AssertionError("unreachable: the last try returns or raises")

    async def stream(self, call: Call, silence_seconds: float) -> AsyncGenerator[bytes, None]:
        """See `Transport.stream`."""
        limit, begun = call.seconds, False
        try:
            async with AsyncExitStack() as opened:
                async with asyncio.timeout(limit):
                    answer = await self._head(opened, call)
                yield b""
                limit, begun = silence_seconds, True
                while True:
                    async with asyncio.timeout(limit):
                        chunk = await answer.content.readany()
                    if not chunk:
                        return
                    yield chunk
        except TimeoutError:
            reason = "Silent" if begun else "Timeout"
            raise ClusterError(f"{self._base}: silent for {limit:g} s", reason=reason) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    async def _head(self, opened: AsyncExitStack, call: Call) -> aiohttp.ClientResponse:
        for last_try in (False, True):
            token = await self._credentials.fresh_token()
            answer = await opened.enter_async_context(self._open(self._watches, call, token))
            if answer.status < 400:
                return answer
            body = await answer.read()
            if last_try or answer.status != UNAUTHORIZED or not await self._credentials.renew(token):
                raise error_of(answer.status, body, answer.headers.get("Retry-After"))
        raise AssertionError("unreachable: the last try returns or raises")

    def _open(
        self, session: aiohttp.ClientSession, call: Call, token: str | None
    ) -> "aiohttp.client._RequestContextManager":
        headers = {"Content-Type": call.content_type} if call.body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return session.request(
            call.method,
            self._base.joinpath(call.path.lstrip("/")).with_query(call.query or None),
            data=call.body,
            headers=headers,
            ssl=self._credentials.ssl,
            server_hostname=self._credentials.server_hostname,
            proxy=self._credentials.proxy,
            allow_redirects=False,
        )

    def _unreachable(self, error: BaseException) -> ClusterError:
        # aiohttp's own text shows the SSL context
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", error)
        text = str(cause) or type(error).__name__
        return ClusterError(f"{self._base}: {text}", reason=type(error).__name__)


def _kept_alive(info: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
    opened = socket.socket(info[0], info[1], info[2])
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    return opened


def _session(user_agent: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, socket_factory=_kept_alive),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        # A list of thousands of objects costs more to unpack than to carry.
        headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "identity"},
        read_bufsize=READ_BUFFER_BYTES,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@asynccontextmanager
async def open_transport(credentials: Credentials, user_agent: str) -> AsyncGenerator[Transport, None]:
    """Sessions that live as long as the context."""
    async with _session(user_agent) as calls, _session(user_agent) as watches:
        yield HttpTransport(credentials, calls, watches)

"""Bare calls to an API server: the benchmarks measure Ferrite, so they do not measure with it."""

import asyncio
import base64
import json
import ssl
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import yaml

MERGE_PATCH = "application/merge-patch+json"
IN_FLIGHT = 24
Object = dict[str, Any]
T = TypeVar("T")


class RefusedError(RuntimeError):
    """What the server said; `status` is HTTP's."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Client:
    """Calls with JSON; a refusal raises RefusedError."""

    def __init__(self, session: aiohttp.ClientSession, server: str) -> None:
        self._session, self._server = session, server

    async def call(self, method: str, path: str, body: Object | None = None, kind: str = "json") -> Object:
        """One call; `kind` is the part of the content type after `application/`."""
        sent = None if body is None else json.dumps(body)
        return dict(json.loads(await self.text(method, path, sent, kind)))

    async def text(self, method: str, path: str, body: str | None = None, kind: str = "json") -> str:
        """The same with a body that is text already, as is the answer."""
        headers = {"Content-Type": f"application/{kind}"}
        async with self._session.request(method, self._server + path, data=body, headers=headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise RefusedError(f"{method} {path}: {answer.status} {text[:200]}", answer.status)
            return text

    async def watch(self, path: str, version: str) -> AsyncGenerator[Object, None]:
        """Events after `version`; `path` has a query."""
        url = f"{self._server}{path}&watch=true&resourceVersion={version}"
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(url, timeout=timeout) as answer:
            async for line in answer.content:
                yield dict(json.loads(line))


async def spread(
    work: Callable[[T], Awaitable[None]], items: Iterable[T], done: Callable[[int], None] | None = None
) -> None:
    """Do `work` for every item, `IN_FLIGHT` at a time; `done` hears the count."""
    waiting, count = iter(items), 0

    async def worker() -> None:
        nonlocal count
        for item in waiting:
            await work(item)
            count += 1
            if done:
                done(count)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.create_task(worker())


@asynccontextmanager
async def connect(kubeconfig: Path) -> AsyncIterator[Client]:
    """The cluster of the kubeconfig's current context: a token or a client certificate."""
    config = yaml.safe_load(await asyncio.to_thread(kubeconfig.read_text))
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    with tempfile.TemporaryDirectory() as folder:
        connector = aiohttp.TCPConnector(ssl=_tls(cluster, user, Path(folder)), limit=0)
        async with aiohttp.ClientSession(connector=connector, headers=headers, read_bufsize=2**20) as session:
            yield Client(session, cluster["server"])


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Object, user: Object, folder: Path) -> ssl.SSLContext:
    authority = _file(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cafile=authority)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate := _file(user, "client-certificate", folder):
        context.load_cert_chain(certificate, _file(user, "client-key", folder))
    return context


def _file(entry: Object, name: str, folder: Path) -> str | None:
    if inline := entry.get(f"{name}-data"):
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(inline))
        return str(path)
    return entry.get(name)

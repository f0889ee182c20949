"""The fake API server behind a real port on loopback, with bearer tokens."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import yaml
from aiohttp import web

from ferrite.kube.transport import Call
from tests.fakes.api import FakeApi
from tests.fakes.parts import ApiError, Dropped


@asynccontextmanager
async def served(api: FakeApi, tokens: set[str] | None = None) -> AsyncGenerator[str, None]:
    """Serve `api` at the URL that is the value. With `tokens`, which may change, any other one is a 401."""

    async def answer(request: web.Request) -> web.StreamResponse:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if tokens is not None and (scheme != "Bearer" or token not in tokens):
            return _refused(ApiError(401, "Unauthorized", "Unauthorized"))
        body = await request.read()
        kind = request.headers.get("Content-Type", "")
        call = Call(request.method, request.path, dict(request.query), body or None, kind)
        try:
            if "watch" in call.query:
                return await _watch(api, call, request)
            return web.json_response(await api.answer(call))
        except ApiError as error:
            return _refused(error)
        except Dropped:
            _reset(request)
            return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


def kubeconfig(url: str, token: str) -> str:
    """The text of a kubeconfig file."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": url}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
            "current-context": "fake",
        }
    )


def _refused(error: ApiError) -> web.Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return web.json_response(error.body, status=error.status, headers=headers)


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


async def _watch(api: FakeApi, call: Call, request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    try:
        async with aclosing(api.watch(call)) as lines:
            async for line in lines:
                if not response.prepared:
                    await response.prepare(request)
                else:
                    await response.write(line)
    except Dropped:
        _reset(request)
    return response


def body_of(call: Call) -> object:
    """The JSON that a call carried."""
    return json.loads(call.body or b"null")


async def until(condition: object, seconds: float = 5.0) -> None:
    """Wait until `condition()` holds, looking each time that the event loop has turned."""
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - there is no event for what is looked at
            await asyncio.sleep(0.01)

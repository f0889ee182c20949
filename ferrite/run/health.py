"""The probes of the kubelet: alive while the event loop answers, ready when every part is."""

import asyncio
import logging
import ssl
from typing import NoReturn

from aiohttp import web

from ferrite.run.backoff import jittered, longer

log = logging.getLogger(__name__)


class Health:
    """Which parts of the daemon are ready; a part that never spoke is not waited for."""

    def __init__(self) -> None:
        self._parts: dict[str, bool] = {}

    def ready(self, part: str, value: bool) -> None:
        """Say whether a part is ready."""
        self._parts[part] = value

    def waiting_for(self) -> tuple[str, ...]:
        """The parts that are not ready, in alphabetical order."""
        return tuple(sorted(part for part, ready in self._parts.items() if not ready))


async def serve_health(health: Health, host: str, port: int) -> NoReturn:
    """Answer GET /healthz and /readyz forever; an empty `host` is every address, port 0 is off."""

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def ready(_: web.Request) -> web.Response:
        waiting = health.waiting_for()
        text = f"waiting for {', '.join(waiting)}" if waiting else "ok"
        return web.Response(text=text, status=503 if waiting else 200)

    app = web.Application()
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", ready)
    if port:
        await listen(app, host, port, None, "health")
    await forever()


async def forever() -> NoReturn:
    """Wait until cancelled: the task of a part that is switched off."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable: nobody sets it")


async def listen(
    app: web.Application, host: str, port: int, tls: ssl.SSLContext | None, part: str
) -> NoReturn:
    """Serve `app` forever; while the port is taken, say so and try again.

    Args:
        app: what to serve.
        host: address to listen on; empty is every address.
        port: TCP, 1 to 65535.
        tls: None for plain HTTP.
        part: what the log calls it.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, keepalive_timeout=75)
    await runner.setup()
    retry: float | None = None
    try:
        while True:
            try:
                await web.TCPSite(runner, host or None, port, ssl_context=tls, reuse_address=True).start()
                log.info("listening", extra={"part": part, "port": port})
                await forever()
            except OSError as error:
                retry = longer(retry)
                log.warning("port not opened", extra={"part": part, "port": port, "error": str(error)})
                await asyncio.sleep(jittered(retry))
    finally:
        await runner.cleanup()

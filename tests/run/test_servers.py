import asyncio
import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Gauge

from ferrite.errors import ClusterError
from ferrite.run.health import Health, serve_health
from ferrite.run.metrics import MetricsServerSettings, serve_metrics, untyped

pytestmark = pytest.mark.looptime(False)  # real sockets


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def fetched(url: str, token: str = "") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as session, asyncio.timeout(5):
        while True:
            try:
                async with session.get(url, headers=headers, ssl=False) as answer:
                    return answer.status, await answer.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)


async def test_probes() -> None:
    health, port = Health(), free_port()
    task = asyncio.get_running_loop().create_task(serve_health(health, "127.0.0.1", port))
    health.ready("world", False)
    assert await fetched(f"http://127.0.0.1:{port}/healthz") == (200, "ok")
    assert await fetched(f"http://127.0.0.1:{port}/readyz") == (503, "waiting for world")
    health.ready("world", True)
    assert await fetched(f"http://127.0.0.1:{port}/readyz") == (200, "ok")
    task.cancel()
    await asyncio.wait([task])


async def test_metrics_only_for_those_who_may() -> None:
    registry, port, asked = CollectorRegistry(), free_port(), list[str]()
    Gauge("ferrite_x", "x", registry=registry).set(3)

    async def authorise(token: str) -> bool:
        asked.append(token)
        if token == "away":
            raise ClusterError("not reached")
        return token == "good"

    settings = MetricsServerSettings(port=port, host="127.0.0.1")
    task = asyncio.get_running_loop().create_task(serve_metrics(registry, settings, authorise))
    url = f"https://127.0.0.1:{port}/metrics"
    statuses = [(await fetched(url, token))[0] for token in ("", "bad", "away", "good")]
    assert statuses == [401, 403, 503, 200]
    assert "ferrite_x 3.0" in (await fetched(url, "good"))[1]
    assert asked == ["bad", "away", "good"]
    task.cancel()
    await asyncio.wait([task])


def test_a_compatible_counter_keeps_its_name() -> None:
    family = untyped("metallb_x_updates", "x", [({"peer": "a"}, 2)])
    assert [(s.name, s.labels, s.value) for s in family.samples] == [("metallb_x_updates", {"peer": "a"}, 2)]

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from ferrite.errors import ClusterError, Conflict, Gone
from ferrite.kube.cluster import Cluster, open_cluster
from ferrite.kube.kinds import NODES, SECRETS, SERVICES
from tests.fakes.api import FakeApi
from tests.fakes.http import kubeconfig, served
from tests.fakes.parts import ApiError, Fault

pytestmark = pytest.mark.looptime(False)  # real sockets


@asynccontextmanager
async def opened(
    api: FakeApi, directory: Path, tokens: set[str] | None = None
) -> AsyncGenerator[Cluster, None]:
    async with served(api, tokens) as url:
        path = directory / "kubeconfig"
        path.write_text(kubeconfig(url, "good"))
        async with open_cluster(str(path), "test") as cluster:
            yield cluster


async def test_calls_over_http(tmp_path: Path) -> None:
    api = FakeApi()
    api.users = {"t1": ("prometheus", True), "t2": ("nobody", False)}
    async with opened(api, tmp_path) as cluster:
        made = await cluster.create(SERVICES, {"metadata": {"name": "s", "namespace": "a"}})
        assert made.key == "a/s"
        with pytest.raises(Conflict):
            await cluster.create(SERVICES, {"metadata": {"name": "s"}}, "a")
        version = {"metadata": {"resourceVersion": made.metadata.resource_version, "annotations": {"x": "y"}}}
        patch = {**version, "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        written = await cluster.merge_patch(SERVICES, "a/s", patch, "status")
        assert written.status.load_balancer.ingress[0].ip == "192.0.2.1"
        assert written.metadata.annotations == {"x": "y"}
        with pytest.raises(Conflict):
            await cluster.merge_patch(SERVICES, "a/s", {**version, "status": {}}, "status")
        assert (await cluster.list(SERVICES))[0] == (written,)
        await cluster.delete(SERVICES, "a/s")
        with pytest.raises(ClusterError) as absent:
            await cluster.get(SERVICES, "a/s")
        assert absent.value.status == 404
        assert [await cluster.authorised(token) for token in ("t1", "t2", "t3")] == [True, False, False]


async def test_a_watch_over_http_with_objects_longer_than_a_buffer(tmp_path: Path) -> None:
    api = FakeApi()
    async with opened(api, tmp_path) as cluster:
        _, version = await cluster.list(SECRETS)
        api.seed(SECRETS, "a/big", data={"x": "A" * 1_000_000})
        api.seed(SECRETS, "a/small")
        async with aclosing(cluster.watch(SECRETS, version)) as events:
            seen = [await anext(events) for _ in range(3)]
        assert [event.key for event in seen] == ["", "a/big", "a/small"]
        api.compact()
        async with aclosing(cluster.watch(SECRETS, version)) as events:
            assert (await anext(events)).key == ""
            with pytest.raises(Gone):
                await anext(events)


async def test_a_refusal_is_asked_once_and_breaks_no_watch(tmp_path: Path) -> None:
    api = FakeApi()
    api.faults.append(Fault(lambda call: "nodes" in call.path, ApiError(403, "Forbidden", "no"), times=99))
    async with opened(api, tmp_path) as cluster:
        async with aclosing(cluster.watch(SERVICES, "1")) as events:
            await anext(events)
            for _ in range(5):
                with pytest.raises(ClusterError) as refused:
                    await cluster.get(NODES, "n1")
                assert refused.value.status == 403
            api.seed(SERVICES, "a/s")
            assert (await anext(events)).key == "a/s"
        assert len(api.calls_of("GET", "nodes")) == 5


async def test_a_rotated_token_is_read_again_with_calls_in_flight(tmp_path: Path) -> None:
    api, tokens = FakeApi(), {"good"}
    api.seed(NODES, "n1")
    async with served(api, tokens) as url:
        path = tmp_path / "kubeconfig"
        path.write_text(kubeconfig(url, "good"))
        async with open_cluster(str(path), "test") as cluster:
            await cluster.get(NODES, "n1")
            tokens.clear()
            tokens.add("better")
            path.write_text(kubeconfig(url, "better"))
            found = await asyncio.gather(*(cluster.get(NODES, "n1") for _ in range(20)))
            assert len(found) == 20
            tokens.clear()
            with pytest.raises(ClusterError) as refused:
                await cluster.get(NODES, "n1")
            assert refused.value.status == 401


async def test_a_reset_and_a_closed_port_are_cluster_errors(tmp_path: Path) -> None:
    api = FakeApi()
    api.faults.append(Fault(lambda call: True, times=99))
    async with opened(api, tmp_path) as cluster:
        with pytest.raises(ClusterError):
            await cluster.get(NODES, "n1")
    path = tmp_path / "closed"
    path.write_text(kubeconfig("http://127.0.0.1:1", "x"))
    async with open_cluster(str(path), "test") as cluster:
        with pytest.raises(ClusterError) as away:
            await cluster.get(NODES, "n1")
        assert away.value.status == 0
        assert str(away.value).startswith("http://127.0.0.1:1: ")

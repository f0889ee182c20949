import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import ADDRESS_BINDINGS, NODES, SECRETS, SERVICES, AnyKind
from ferrite.kube.watch import Store, keep_store
from ferrite.objects import Object
from tests.fakes.api import ALL_KINDS, FakeApi
from tests.fakes.parts import ApiError, Fault


@asynccontextmanager
async def watched(
    api: FakeApi, kind: AnyKind = SERVICES, cluster: Cluster | None = None
) -> AsyncGenerator[Store[Object], None]:
    store: Store[Object] = Store(kind)
    task = asyncio.get_running_loop().create_task(keep_store(cluster or api.cluster(), kind, store))
    try:
        await asyncio.sleep(1)
        yield store
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
    assert not api.watches


async def test_what_is_there_is_listed_and_changes_follow() -> None:
    api = FakeApi()
    api.seed(SERVICES, "a/old")
    async with watched(api) as store:
        assert store.synced
        assert set(store.objects) == {"a/old"}
        api.seed(SERVICES, "a/new")
        api.remove(SERVICES, "a/old")
        await asyncio.sleep(0.1)
        assert set(store.objects) == {"a/new"}
        assert store.take_changed() == {"a/old", "a/new"}
        assert store.lists == 1


@pytest.mark.parametrize("how", ["end", "reset", "truncate", "error", "garbage"])
async def test_a_broken_watch_goes_on_from_the_last_version(how: str) -> None:
    api = FakeApi()
    async with watched(api) as store:
        api.break_watches(how)
        await asyncio.sleep(0)
        api.seed(SERVICES, "a/b")
        await asyncio.sleep(3)
        assert set(store.objects) == {"a/b"}
        assert store.lists == 1
        assert len(api.watches) == 1


async def test_a_gone_version_lists_again_and_finds_deletions() -> None:
    api = FakeApi()
    api.seed(SERVICES, "a/lost")
    api.seed(SERVICES, "a/kept")
    async with watched(api) as store:
        store.take_changed()
        api.faults.append(Fault(lambda call: True, times=1))
        api.break_watches("reset")
        await asyncio.sleep(0)
        api.remove(SERVICES, "a/lost")
        api.compact()
        await asyncio.sleep(3)
        assert set(store.objects) == {"a/kept"}
        assert store.take_changed() == {"a/lost"}
        assert store.lists == 2


async def test_a_watch_that_is_refused_as_gone_each_time_does_not_spin() -> None:
    api = FakeApi()
    gone = ApiError(410, "Expired", "too old")
    api.faults.append(Fault(lambda call: "watch" in call.query, gone, times=10**6))
    async with watched(api):
        await asyncio.sleep(60)
        assert len(api.calls) < 40


async def test_silence_ends_a_watch_and_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    async with watched(api) as store:
        await asyncio.sleep(280)
        assert store.watches == 1
        api.bookmarks = False
        api.break_watches("stall")
        api.seed(SERVICES, "a/b")
        await asyncio.sleep(100)
        assert "a/b" in store.objects
        assert store.watches == 2
        assert store.ends["Silent"] == 1
        assert not caplog.records


async def test_an_outage_of_an_hour_is_few_calls_and_heals_within_a_minute() -> None:
    api = FakeApi()
    async with watched(api) as store:
        before = len(api.calls)
        api.down = True
        api.break_watches("reset")
        await asyncio.sleep(3600)
        assert store.problem == "API server not reached"
        assert len(api.calls) - before < 160
        api.seed(SERVICES, "a/b")
        api.down = False
        await asyncio.sleep(60)
        assert "a/b" in store.objects
        assert store.problem == ""


async def test_a_refusal_stays_unsynced_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    api = FakeApi()
    api.faults.append(Fault(lambda call: True, ApiError(403, "Forbidden", "may not list"), times=4))
    async with watched(api) as store:
        assert not store.synced
        assert store.problem == "API server refused: Forbidden"
        await asyncio.sleep(30)
        assert store.synced
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == [
        "API server refused: Forbidden"
    ]


async def test_retry_after_is_waited_for() -> None:
    api = FakeApi()
    busy = ApiError(429, "TooManyRequests", "slow down", retry_after=20)
    api.faults.append(Fault(lambda call: True, busy))
    async with watched(api) as store:
        await asyncio.sleep(18)
        assert len(api.calls) == 1
        await asyncio.sleep(5)
        assert store.synced


async def test_an_unreadable_object_spoils_no_other_and_keeps_its_last_state() -> None:
    api = FakeApi()
    api.seed(SERVICES, "a/bad", spec={"type": "LoadBalancer"})
    async with watched(api) as store:
        api.seed(SERVICES, "a/bad", spec={"type": 7})
        api.seed(SERVICES, "a/good")
        await asyncio.sleep(0.1)
        assert set(store.objects) == {"a/bad", "a/good"}
        api.break_watches("gone")
        await asyncio.sleep(3)
        assert store.lists == 2
        assert set(store.objects) == {"a/bad", "a/good"}


async def test_pages_are_put_together_and_an_expired_page_starts_again() -> None:
    api = FakeApi()
    for number in range(1200):
        api.seed(SERVICES, f"a/s{number}")
    api.faults.append(
        Fault(lambda call: "continue" in call.query, ApiError(410, "Expired", "continue token"))
    )
    async with watched(api) as store:
        assert len(store.objects) == 1200
        assert store.lists == 2


async def test_selectors_narrow_what_is_seen() -> None:
    api = FakeApi()
    kind = SECRETS.within("n").labelled("a in (b,c)")
    api.seed(SECRETS, "n/yes", metadata={"labels": {"a": "b"}})
    api.seed(SECRETS, "n/no")
    api.seed(SECRETS, "m/other", metadata={"labels": {"a": "b"}})
    async with watched(api, kind) as store:
        assert set(store.objects) == {"n/yes"}
        api.seed(SECRETS, "n/yes", metadata={"labels": {}})
        await asyncio.sleep(0.1)
        assert not store.objects


@pytest.mark.parametrize(("optional", "synced"), [(True, True), (False, False)])
async def test_a_kind_that_is_not_installed_has_no_objects_if_it_is_optional(
    optional: bool, synced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    api = FakeApi(kinds=(SERVICES,))
    async with watched(api, replace(ADDRESS_BINDINGS, optional=optional)) as store:
        await asyncio.sleep(300)
        assert (store.synced, store.problem) == (synced, "kind is not installed")
        assert len(api.calls) < 40
        api.kinds = ALL_KINDS
        api.seed(ADDRESS_BINDINGS, "n/a")
        await asyncio.sleep(120)  # it looks again after twice 30 s at most
        assert (set(store.objects), store.problem) == ({"n/a"}, "")
    assert caplog.messages == ["kind is not installed", "kind is read again"]


async def test_a_kind_that_is_taken_away_loses_its_objects() -> None:
    api = FakeApi()
    api.seed(ADDRESS_BINDINGS, "n/a")
    async with watched(api, ADDRESS_BINDINGS) as store:
        assert set(store.objects) == {"n/a"}
        store.take_changed()
        api.kinds = (SERVICES,)
        api.break_watches("end")
        await asyncio.sleep(10)
        assert (set(store.objects), store.take_changed()) == (set(), {"n/a"})


async def test_an_answer_to_anybody_ends_the_pause_of_those_who_did_not_reach_the_server() -> None:
    api = FakeApi()
    cluster = api.cluster()
    async with watched(api, cluster=cluster) as store:
        api.down = True
        api.break_watches("reset")
        await asyncio.sleep(600)  # the pause is at its longest
        api.seed(SERVICES, "a/b")
        api.down = False
        for _ in range(3):  # an attempt that failed a moment ago is not repeated at once
            await cluster.list(NODES)
            await asyncio.sleep(1)
        assert "a/b" in store.objects

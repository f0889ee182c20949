"""The speaker's loop: from objects of the API server to decisions, Events and logs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Any

import pytest

from ferrite.kube.kinds import (
    BGP_PEERS,
    ENDPOINT_SLICES,
    EVENTS,
    IP_ADDRESS_POOLS,
    L2_ADVERTISEMENTS,
    NODES,
    SECRETS,
    SERVICES,
)
from ferrite.kube.world import World, keep_world
from ferrite.kube.writes import Events, keep_events
from ferrite.net import NodeName
from speaker.announce import Announce, Silence, StaySilent
from speaker.picture import Picture, Rules
from speaker.reconcile import Outcome, Reconciler, keep_decisions, watched_kinds
from tests.fakes.api import FakeApi
from tests.speaker.objects import ADDRESS, OTHER_ADDRESS, service_body, slice_body

ME, OTHER = NodeName("node-a"), NodeName("node-b")
WEB, DB = "default/web", "default/db"


class Speaker:
    """A running loop: its outcomes so far, and whom it takes for alive."""

    def __init__(self, api: FakeApi, picture: Picture) -> None:
        self.world = World(watched_kinds("mine"))
        self.events = Events()
        self.reconciler = Reconciler(self.world, picture, self.events, "mine")
        self.outcomes: list[Outcome] = []
        self.live: frozenset[NodeName] | None = None
        self.act: Callable[[Outcome], None] = self.outcomes.append
        self._api = api

    @property
    def last(self) -> Outcome:
        return self.outcomes[-1]

    def tasks(self) -> tuple[Any, ...]:
        cluster = self._api.cluster()
        return (
            keep_world(cluster, self.world),
            keep_decisions(self.reconciler, lambda: self.live, lambda outcome: self.act(outcome)),
            keep_events(cluster, self.events, "metallb-speaker"),
        )


@asynccontextmanager
async def running(api: FakeApi, picture: Picture | None = None) -> AsyncIterator[Speaker]:
    speaker = Speaker(api, picture or Picture(Rules(ME)))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in speaker.tasks()]
        try:
            await asyncio.sleep(1)
            yield speaker
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)


def cluster() -> FakeApi:
    """This node, a pool that is advertised everywhere, one Service with an address and an endpoint."""
    api = FakeApi()
    api.seed(NODES, ME, status={})
    api.seed(IP_ADDRESS_POOLS, "mine/blue", spec={"addresses": ["192.0.2.0/24"]})
    api.seed(L2_ADVERTISEMENTS, "mine/all", spec={})
    add_service(api, WEB, ADDRESS)
    return api


def add_service(api: FakeApi, key: str, *addresses: str, **spec: Any) -> None:
    name = key.split("/")[1]
    api.seed(SERVICES, key, **service_body(*addresses, **spec))
    api.seed(ENDPOINT_SLICES, f"{key}-1", **slice_body(name, ME))


def told(api: FakeApi) -> list[tuple[str, str, str]]:
    found = api.objects(EVENTS).values()
    return [(each["involvedObject"]["name"], each["reason"], each["message"]) for each in found]


async def test_a_service_is_announced_and_its_users_are_told():
    api = cluster()
    async with running(api) as speaker:
        assert speaker.last.announced == {ip_address(ADDRESS): None}
        assert speaker.last.decisions == {WEB: Announce((ip_address(ADDRESS),), None)}
        assert told(api) == [("web", "nodeAssigned", 'announcing from node "node-a" with protocol "layer2"')]


async def test_telling_is_for_changes():
    api = cluster()
    async with running(api) as speaker:
        add_service(api, DB, OTHER_ADDRESS)
        await asyncio.sleep(600)
        assert [name for name, _, _ in told(api)] == ["web", "db"]
        assert speaker.last.announced.keys() == {ip_address(ADDRESS), ip_address(OTHER_ADDRESS)}


async def test_a_deleted_service_is_withdrawn(caplog):
    caplog.set_level("INFO")
    api = cluster()
    async with running(api) as speaker:
        api.remove(SERVICES, WEB)
        await asyncio.sleep(1)
        assert speaker.last.announced == {}
        assert speaker.last.decisions == {}
    (record,) = [each for each in caplog.records if each.message == "service withdrawn"]
    assert (record.__dict__["service"], record.__dict__["reason"]) == (WEB, "serviceDeleted")


async def test_a_service_that_loses_its_endpoints_is_withdrawn_with_the_reason(caplog):
    caplog.set_level("INFO")
    api = cluster()
    async with running(api) as speaker:
        api.remove(ENDPOINT_SLICES, "default/web-1")
        await asyncio.sleep(1)
        assert speaker.last.decisions[WEB] == StaySilent(Silence.NO_ENDPOINTS)
    assert [r.__dict__["reason"] for r in caplog.records if r.message == "service withdrawn"] == [
        "noEndpoints"
    ]


async def test_an_idle_loop_acts_again_now_and_then():
    async with running(cluster()) as speaker:
        before, last = len(speaker.outcomes), speaker.last
        await asyncio.sleep(31)
        assert len(speaker.outcomes) == before + 1
        assert speaker.last is not last
        assert speaker.last.decisions == speaker.outcomes[0].decisions


@pytest.mark.parametrize(
    ("kind", "key", "body"),
    [
        pytest.param(NODES, ME, {"status": {}, "metadata": {"annotations": {"a": "note"}}}, id="node"),
        pytest.param(SECRETS, "mine/other", {"data": {"a": "Yg=="}}, id="secret"),
        pytest.param(L2_ADVERTISEMENTS, "mine/all", {"spec": {"interfaces": []}}, id="configuration"),
        pytest.param(SERVICES, DB, {"metadata": {"annotations": {"a": "note"}}}, id="service"),
    ],
)
async def test_a_change_that_does_not_matter_gives_the_same_outcome(kind, key, body):
    api = cluster()
    api.seed(SERVICES, DB)
    async with running(api) as speaker:
        before, turns = speaker.last, speaker.reconciler.turns
        api.seed(kind, key, **body)
        await asyncio.sleep(1)
        assert speaker.reconciler.turns > turns
        assert speaker.last is before


async def test_a_problem_that_changes_nothing_else_is_another_outcome():
    api = cluster()
    async with running(api) as speaker:
        before = speaker.last
        api.seed(L2_ADVERTISEMENTS, "mine/bad", spec={"nodeSelectors": [{}, {}]})
        await asyncio.sleep(1)
        assert speaker.last is not before
        assert [problem.name for problem in speaker.last.problems] == ["bad"]


async def test_a_pool_that_is_edited_onto_another_takes_nothing_away():
    api = cluster()
    api.seed(IP_ADDRESS_POOLS, "mine/blue", spec={"addresses": ["192.0.2.0/25"]})
    api.seed(IP_ADDRESS_POOLS, "mine/older", spec={"addresses": ["192.0.2.128/25"]})
    async with running(api) as speaker:
        api.seed(IP_ADDRESS_POOLS, "mine/older", spec={"addresses": ["192.0.2.0/24"]})
        await asyncio.sleep(1)
        assert [problem.name for problem in speaker.last.problems] == ["older"]
        assert speaker.last.announced == {ip_address(ADDRESS): None}
        assert [str(each.ranges[0]) for each in speaker.last.snapshot.config.pools] == [
            "192.0.2.0-192.0.2.127",
            "192.0.2.128-192.0.2.255",
        ]
        api.remove(IP_ADDRESS_POOLS, "mine/blue")
        await asyncio.sleep(1)
        assert speaker.last.problems == ()
        assert len(speaker.last.snapshot.config.pools) == 1


async def test_addresses_that_nobody_assigned_are_not_answered_for():
    api = cluster()
    body = service_body(OTHER_ADDRESS)
    api.seed(SERVICES, DB, **body | {"metadata": {}})
    api.seed(ENDPOINT_SLICES, f"{DB}-1", **slice_body("db", ME))
    async with running(api) as speaker:
        assert speaker.last.decisions[DB] == StaySilent(Silence.NOT_ASSIGNED)
        api.seed(SERVICES, DB, **body)
        await asyncio.sleep(1)
        assert ip_address(OTHER_ADDRESS) in speaker.last.announced


async def test_a_new_configuration_decides_on_everything():
    api = cluster()
    async with running(api) as speaker:
        api.remove(L2_ADVERTISEMENTS, "mine/all")
        await asyncio.sleep(1)
        assert speaker.last.decisions[WEB] == StaySilent(Silence.NO_MATCHING_ADVERTISEMENT)
        api.seed(L2_ADVERTISEMENTS, "mine/all", spec={"interfaces": ["eth1"]})
        await asyncio.sleep(1)
        assert speaker.last.announced == {ip_address(ADDRESS): {"eth1"}}


async def test_configuration_of_another_namespace_does_not_count():
    api = cluster()
    async with running(api) as speaker:
        api.remove(IP_ADDRESS_POOLS, "mine/blue")
        api.seed(IP_ADDRESS_POOLS, "other/blue", spec={"addresses": ["192.0.2.0/24"]})
        await asyncio.sleep(1)
        assert speaker.last.decisions[WEB] == StaySilent(Silence.NOT_IN_A_POOL)


async def test_a_bad_object_is_a_problem_and_the_others_count():
    api = cluster()
    async with running(api) as speaker:
        api.seed(IP_ADDRESS_POOLS, "mine/bad", spec={"addresses": ["192.0.3.9-192.0.3.1"]})
        await asyncio.sleep(1)
        (problem,) = speaker.last.problems
        assert (problem.kind, problem.name) == ("IPAddressPool", "bad")
        assert "192.0.3.9-192.0.3.1" in problem.text
        assert speaker.last.announced == {ip_address(ADDRESS): None}
        api.remove(IP_ADDRESS_POOLS, "mine/bad")
        await asyncio.sleep(1)
        assert speaker.last.problems == ()


async def test_a_password_that_comes_later_mends_its_peer():
    api = cluster()
    spec = {"myASN": 64512, "peerASN": 64513, "peerAddress": "10.0.0.1", "passwordSecret": {"name": "key"}}
    api.seed(BGP_PEERS, "mine/tor", spec=spec)
    async with running(api) as speaker:
        assert [problem.name for problem in speaker.last.problems] == ["tor"]
        api.seed(SECRETS, "mine/key", type="kubernetes.io/basic-auth", data={"password": "c2VjcmV0"})
        await asyncio.sleep(1)
        assert speaker.last.problems == ()
        assert speaker.last.snapshot.config.peers[0].password == "secret"


async def test_labels_of_this_node_choose_its_peers():
    api = cluster()
    rack = {"nodeSelectors": [{"matchLabels": {"rack": "1"}}]}
    spec = {"myASN": 64512, "peerASN": 64513, "peerAddress": "10.0.0.1", **rack}
    api.seed(BGP_PEERS, "mine/tor", spec=spec)
    async with running(api) as speaker:
        assert speaker.last.snapshot.config.peers == ()
        api.seed(NODES, ME, metadata={"labels": {"rack": "1"}}, status={})
        await asyncio.sleep(1)
        assert [peer.name for peer in speaker.last.snapshot.config.peers] == ["tor"]


@pytest.mark.parametrize(
    ("live", "answers"),
    [
        pytest.param(None, True, id="membership-off"),
        pytest.param({ME}, True, id="alive"),
        pytest.param({OTHER}, False, id="given-up-by-the-others"),
    ],
)
async def test_only_live_nodes_answer(live, answers):
    api = cluster()
    async with running(api) as speaker:
        speaker.live = None if live is None else frozenset(live)
        speaker.world.nudge()
        await asyncio.sleep(1)
        assert bool(speaker.last.announced) is answers
        assert speaker.last.snapshot.live_nodes == frozenset(live or {ME})


def broken_for(key: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """`step`, with a bug that shows at one Service."""

    def stepped(keys: Any, *rest: Any) -> Any:
        if key in keys:
            raise RuntimeError("a bug")
        return step(keys, *rest)

    return stepped


class BuggyPicture(Picture):
    """A picture with a bug in one of its steps, for one Service."""

    def __init__(self, step: str) -> None:
        super().__init__(Rules(ME))
        self._step = step

    def take_services(self, keys, services):
        whole = super().take_services
        return (broken_for(DB, whole) if self._step == "take" else whole)(keys, services)

    def decide(self, keys, candidates=None):
        whole = super().decide
        return (broken_for(DB, whole) if self._step == "decide" else whole)(keys, candidates)


@pytest.mark.parametrize("step", ["take", "decide"])
async def test_a_bug_at_one_service_does_not_stop_the_others(step, caplog):
    api = cluster()
    add_service(api, DB, OTHER_ADDRESS)
    async with running(api, BuggyPicture(step)) as speaker:
        assert speaker.last.announced == {ip_address(ADDRESS): None}
        assert speaker.reconciler.errors > 0
    assert {each.__dict__["object"] for each in caplog.records if each.message == "object skipped"} == {DB}


async def test_a_turn_that_fails_is_counted_and_the_next_acts_on_everything(caplog):
    api = cluster()
    async with running(api) as speaker:
        taken = speaker.outcomes.append

        def failing(outcome: Outcome) -> None:
            speaker.act = taken
            raise RuntimeError("a bug")

        speaker.act = failing
        add_service(api, DB, OTHER_ADDRESS)
        await asyncio.sleep(31)
        assert speaker.last.announced.keys() == {ip_address(ADDRESS), ip_address(OTHER_ADDRESS)}
        assert speaker.reconciler.errors == 1
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["turn failed"]


async def test_a_bug_at_the_configuration_leaves_the_last_one_in_force(monkeypatch):
    api = cluster()
    async with running(api) as speaker:

        def failing(_: object) -> bool:
            raise RuntimeError("a bug")

        monkeypatch.setattr(speaker.reconciler, "_take_config", failing)
        add_service(api, DB, OTHER_ADDRESS)
        await asyncio.sleep(1)
        assert speaker.last.announced.keys() == {ip_address(ADDRESS), ip_address(OTHER_ADDRESS)}
        assert speaker.reconciler.errors >= 1


async def test_what_was_never_announced_is_not_withdrawn(caplog):
    caplog.set_level("INFO")
    api = cluster()
    async with running(api) as speaker:
        api.seed(SERVICES, DB, **service_body(OTHER_ADDRESS))
        await asyncio.sleep(1)
        assert speaker.last.decisions[DB] == StaySilent(Silence.NO_ENDPOINTS)
        api.remove(SERVICES, DB)
        await asyncio.sleep(1)
    assert "service withdrawn" not in caplog.messages


class ForgetfulPicture(Picture):
    """A picture that fails on its first look at the nodes."""

    def __init__(self) -> None:
        super().__init__(Rules(ME))
        self.looks = 0

    def take_nodes(self, nodes):
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("a bug")
        return super().take_nodes(nodes)


async def test_what_a_failed_turn_missed_is_taken_over_soon():
    async with running(cluster(), ForgetfulPicture()) as speaker:
        await asyncio.sleep(6)
        assert speaker.last.announced == {ip_address(ADDRESS): None}
        assert speaker.reconciler.errors == 1
        assert not speaker.reconciler.missed

"""The speaker's BGP loop against gobgpd and an FRR router."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from ferrite.errors import RouterError
from ferrite.model import Community, Problem
from ferrite.net import Family
from ferrite.run.latest import Latest
from speaker.bgp.gobgp import GobgpRouter, open_gobgp
from speaker.bgp.keep import BgpReport, keep_routes
from speaker.bgp.peers import PeerSettings, Session, Timers
from speaker.bgp.router import PresentPeer, RouterState, Wanted, changes
from speaker.bgp.routes import Route
from tests.netns.bgp_lab import BgpLab, bgp_lab, eventually, wanted

__all__ = ["bgp_lab"]
pytestmark = [pytest.mark.netns, pytest.mark.looptime(False), pytest.mark.timeout(240)]
BOTH = (Family.IPV4, Family.IPV6)
ONE, TWO, SIX = "192.0.2.1/32", "192.0.2.2/32", "2001:db8:1::1/128"


class Speaker:
    def __init__(self) -> None:
        self.wanted: Latest[Wanted] = Latest()
        self.report: Latest[BgpReport] = Latest()
        self.refused: tuple[Problem, ...] = ()

    def take_refused(self, problems: tuple[Problem, ...]) -> None:
        self.refused = problems

    def sessions(self) -> str:
        found = self.report.value
        return found.sessions[0].session.value if found and found.sessions else ""


@asynccontextmanager
async def speaker(lab: BgpLab, want: Wanted) -> AsyncIterator[Speaker]:
    running = Speaker()
    running.wanted.set(want)
    async with open_gobgp(lab.socket) as router:
        task = asyncio.create_task(keep_routes(running.wanted, router, running.report, running.take_refused))
        try:
            yield running
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_routes_of_both_families_arrive_and_change_without_a_reset(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    route = Route((Community((65000, 1)), Community((65000, 2, 3))))
    async with speaker(bgp_lab, wanted(ONE, SIX, route=route, families=BOTH)) as running:
        bgp_lab.start_gobgpd()  # after the speaker: it waits for the engine
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE, SIX}, what="both routes in the kernel")
        (path,) = bgp_lab.ask(f"show bgp ipv4 unicast {ONE}")["paths"]
        assert path["community"]["string"] == "65000:1"
        assert path["largeCommunity"]["string"] == "65000:2:3"
        drops = bgp_lab.drops()
        running.wanted.set(wanted(TWO, SIX, families=BOTH))
        await eventually(lambda: bgp_lab.kernel_routes() == {TWO, SIX}, what="the other route")
        assert bgp_lab.drops() == drops
        await eventually(lambda: running.sessions() == "Established", what="the report says so")


async def test_local_pref_reaches_an_internal_peer(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router(asn=64501)
    bgp_lab.start_gobgpd()
    want = wanted(ONE, route=Route(local_pref=250), peer_asn=64501)
    async with speaker(bgp_lab, want):
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE}, what="the route")
        (path,) = bgp_lab.ask(f"show bgp ipv4 unicast {ONE}")["paths"]
        assert path["locPrf"] == 250


async def test_a_killed_engine_gets_everything_again(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    bgp_lab.start_gobgpd()
    async with speaker(bgp_lab, wanted(ONE, TWO, graceful_restart=True)) as running:
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE, TWO}, what="routes")
        await eventually(lambda: running.sessions() == "Established", what="session")
        bgp_lab.end_gobgpd()
        bgp_lab.start_gobgpd()
        await eventually(lambda: bgp_lab.established() and running.report.value.replays == 1, what="replay")
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE, TWO}, what="routes again")


async def test_a_new_speaker_adopts_what_is_there(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    bgp_lab.start_gobgpd()
    async with speaker(bgp_lab, wanted(ONE, TWO)):
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE, TWO}, what="routes")
    version, drops = bgp_lab.table_version(), bgp_lab.drops()
    async with speaker(bgp_lab, wanted(ONE, TWO)) as running:
        await eventually(lambda: running.sessions() == "Established", what="adopted session")
        await eventually(lambda: running.report.value.turns > 0, what="a turn")
        await asyncio.sleep(1)
        assert (bgp_lab.table_version(), bgp_lab.drops()) == (version, drops)


async def test_a_wrong_password_never_establishes_and_a_right_one_does(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router(extra="neighbor 10.77.0.2 password right")
    bgp_lab.start_gobgpd()
    async with speaker(bgp_lab, wanted(ONE, password="wrong")) as running:
        await eventually(lambda: running.sessions() not in ("", "Idle"), what="an attempt")
        await asyncio.sleep(3)
        assert not bgp_lab.established()
        running.wanted.set(wanted(ONE, password="right"))
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE}, what="the route")


async def test_a_hung_engine_is_said_and_used_again(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    bgp_lab.start_gobgpd()
    async with speaker(bgp_lab, wanted(ONE)) as running:
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE}, what="the route")
        bgp_lab.gobgpd.send_signal(signal.SIGSTOP)
        running.wanted.set(wanted(ONE, TWO))
        await eventually(lambda: running.report.value.error, what="an error")
        bgp_lab.gobgpd.send_signal(signal.SIGCONT)
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE, TWO}, what="both routes")
        await eventually(lambda: not running.report.value.error, what="no error")


async def test_a_peer_that_the_engine_refuses_keeps_nobody_else_away(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    bgp_lab.start_gobgpd()
    good = wanted(ONE)
    bad = PeerSettings("aaa", Session(interface="nowhere", peer_asn=64500, local_asn=64501))
    async with speaker(bgp_lab, replace(good, peers=(bad, *good.peers))) as running:
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE}, what="the route of the good peer")
        await eventually(lambda: running.refused, what="the refused peer")
        (problem,) = running.refused
        assert (problem.kind, problem.name, problem.fatal) == ("BGPPeer", "aaa", True)
        assert problem.text.startswith("peer aaa: interface nowhere: gobgpd: ")
        assert "no such network interface" in problem.text
        assert running.report.value.failures > 0
        assert not running.report.value.is_synced
        running.wanted.set(good)
        await eventually(lambda: not running.refused and running.report.value.is_synced, what="all is well")


async def test_what_cannot_be_removed_keeps_nobody_else_away(bgp_lab: BgpLab) -> None:
    bgp_lab.start_router()
    bgp_lab.start_gobgpd()
    want, ghost = wanted(ONE), PresentPeer("", "10.77.0.9", "", Timers(), None)
    async with open_gobgp(bgp_lab.socket) as router:
        await until_ready(router)
        router.restarting = True
        todo = changes(want, RouterState())
        refused = await router.apply(replace(todo, remove_peers={"ghost": ghost}, remove_tables=("nobody",)))
        assert refused.keys() == {"ghost", "nobody"}
        assert not router.restarting
        await eventually(lambda: bgp_lab.kernel_routes() == {ONE}, what="the route")


async def test_internal_accepts_our_own_as_only(bgp_lab: BgpLab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def told() -> list[tuple[str, str]]:
        records = [each for each in caplog.records if each.name == "speaker.bgp.sessions"]
        return [(each.message.split()[-1], each.__dict__.get("error", "")) for each in records]

    bgp_lab.start_router(asn=64500)
    bgp_lab.start_gobgpd()
    async with speaker(bgp_lab, wanted(ONE, peer_asn=64501)) as running:
        await eventually(told, what="a reason")
        assert told() == [("down", "the peer's OPEN was refused: is its AS number 64501?")]
        running.wanted.set(wanted(ONE, peer_asn=64500))
        await eventually(lambda: running.sessions() == "Established", what="the session")
        await eventually(lambda: told()[-1][0] == "up", what="a word of it")
        bgp_lab.end_gobgpd()
        await eventually(lambda: told()[-1][0] == "down", what="a word of its end")


async def until_ready(router: GobgpRouter) -> None:
    async with asyncio.timeout(45):
        while True:
            with suppress(RouterError):
                await router.state()
                return
            await asyncio.sleep(0.05)

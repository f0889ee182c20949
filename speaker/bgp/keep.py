"""The loop that keeps a BGP engine equal to what is wanted, whatever happens to the engine."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from ferrite.errors import RouterError
from ferrite.model import Problem
from ferrite.run.backoff import longer
from ferrite.run.latest import Latest
from speaker.bgp.router import Changes, PeerState, Router, RouterState, Wanted, after, changes
from speaker.bgp.sessions import SessionLog

Refusals = Callable[[tuple[Problem, ...]], None]

log = logging.getLogger(__name__)

RESYNC_SECONDS = 30.0
"""The engine is read again that often, which heals drift."""
SESSIONS_SECONDS = 5.0
"""Counters and BFD come by asking only; it also finds an engine that hangs."""
TURN_SECONDS = 60.0
RETRY_LIMIT_SECONDS = 2.0
"""Between two attempts at an engine that does not answer; what it refuses is tried again at each resync."""


@dataclass(frozen=True, slots=True)
class BgpReport:
    """What the loop found last, for metrics and status.

    Attributes:
        sessions: how the sessions are; none while the engine does not answer.
        error: why the engine is not as wanted; "" when all is well, but for what it refused.
        refused: peers that the engine does not take.
        turns: in which the engine answered.
        failures: turns in which it did not, or refused something.
        drifts: routes and peers that were different although nobody wanted a change.
        replays: times that everything was told to an engine that had started anew.
    """

    sessions: tuple[PeerState, ...] = ()
    error: str = ""
    refused: tuple[Problem, ...] = ()
    turns: int = 0
    failures: int = 0
    drifts: int = 0
    replays: int = 0

    @property
    def is_synced(self) -> bool:
        """Whether the engine has all that is wanted."""
        return self.turns > 0 and not self.error and not self.refused


async def keep_routes(
    wanted: Latest[Wanted], router: Router, report: Latest[BgpReport], tell_refused: Refusals
) -> NoReturn:
    """Keep sessions and routes of `router` equal to `wanted`, forever; it need not be there yet.

    Args:
        wanted: read whenever it changes.
        router: the engine.
        report: what was found is put there.
        tell_refused: called whenever it changes which peers the engine refuses.
    """
    keeper = Keeper(router, report, tell_refused)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keeper.take(wanted), name="bgp-wanted")
        tasks.create_task(keeper.watch(), name="bgp-watch")
        tasks.create_task(keeper.apply(), name="bgp-apply")
        tasks.create_task(keeper.poll(), name="bgp-poll")
    raise AssertionError("these tasks never return")


class Keeper:
    """What the tasks of the loop share; only `apply` changes the engine.

    Attributes:
        replaying: an empty engine was found and has not been told everything yet.
        have: what the engine has, None when that must be read: at the start, after a failure, when the
            engine was away, and at each resync.
    """

    def __init__(self, router: Router, report: Latest[BgpReport], tell_refused: Refusals) -> None:
        self.router = router
        self.latest = report
        self.tell_refused = tell_refused
        self.session_log = SessionLog()
        self.report = BgpReport()
        self.want: Wanted | None = None
        self.settled: Wanted | None = None
        self.told_engine: tuple[str, str] | None = None
        self.replaying = False
        self.have: RouterState | None = None
        self.doubts = 0
        self.read_at = float("-inf")
        self.wake: Latest[None] = Latest()
        self.ask: Latest[None] = Latest()

    async def take(self, wanted: Latest[Wanted]) -> NoReturn:
        """Take over what is wanted."""
        while True:
            self.want = await wanted.changed()
            self.wake.set(None)

    async def watch(self) -> NoReturn:
        """Notice at once when the engine comes, goes, or a session changes."""
        retry: float | None = None
        while True:
            try:
                async for _ in self.router.watch():
                    if retry is not None:
                        self._doubt()  # it was away: what it has now is another's
                    retry = None
                    self.ask.set(None)
            except RouterError as error:
                log.debug("gobgpd is away", extra={"error": str(error)})
            self._doubt()
            retry = longer(retry, first=0.1, limit=RETRY_LIMIT_SECONDS)
            await asyncio.sleep(retry)

    async def apply(self) -> NoReturn:
        """Apply the difference whenever something is wanted or in doubt."""
        retry: float | None = None
        while True:
            await self.wake.changed(within=retry or RESYNC_SECONDS)
            try:
                async with asyncio.timeout(TURN_SECONDS):
                    await self._turn()
                retry = longer(retry, first=0.1, limit=RESYNC_SECONDS) if self.report.refused else None
            except (RouterError, TimeoutError) as error:
                self.have, retry = None, longer(retry, first=0.1, limit=RETRY_LIMIT_SECONDS)
                self._failed(str(error) or "gobgpd: timed out")

    async def poll(self) -> NoReturn:
        """Publish how the sessions are: when one changed, and regularly."""
        self.ask.set(None)
        while True:
            await self.ask.changed(within=SESSIONS_SECONDS)
            try:
                sessions = await self.router.sessions()
            except RouterError as error:
                self._doubt()
                self.session_log.tell((), gone=str(error))
                self._publish(replace(self.report, sessions=(), error=str(error)))
            else:
                self._publish(replace(self.report, sessions=self.session_log.tell(sessions)))

    async def _turn(self) -> None:
        want = self.want
        if want is None:
            return
        doubts, now = self.doubts, asyncio.get_running_loop().time()
        fresh = self.have is None or now - self.read_at >= RESYNC_SECONDS
        have = await self.router.state() if self.have is None or fresh else self.have
        self.read_at = now if fresh else self.read_at
        self._tell_other_engine(want, have)
        todo = changes(want, have)
        self.replaying |= todo.start is not None and self.settled is not None
        refused = await self.router.apply(todo) if todo else {}
        self._tell_applied(todo, refused)
        self._count(want, refused, drifted=bool(todo) and fresh)
        sure = doubts == self.doubts and not refused
        self.have, self.settled = (after(have, todo) if sure else None), want

    def _tell_applied(self, todo: Changes, refused: Mapping[str, str]) -> None:
        peers = sum(peer.name not in refused for peer in todo.add_peers)
        if todo.route_count or peers or (todo and not refused):
            log.info("routes applied", extra={"routes": todo.route_count, "peers": peers})

    def _tell_other_engine(self, want: Wanted, have: RouterState) -> None:
        """Say, on change, that the engine keeps its router ID: another one would end every session.

        Its AS number needs no word: each session has an AS number of its own.
        """
        wanted = want.engine.router_id if want.engine is not None else ""
        present = have.engine.router_id if have.engine is not None else wanted
        other = (wanted, present) if wanted and wanted != present else None
        if other is not None and other != self.told_engine:
            log.warning(
                "router ID takes effect when gobgpd restarts", extra={"router_id": present, "wanted": wanted}
            )
        self.told_engine = other

    def _count(self, want: Wanted, refused: Mapping[str, str], *, drifted: bool) -> None:
        before = self.report
        again, self.replaying = self.replaying, False
        drift = drifted and not again and self.settled == want and not before.refused
        problems = _problems(want, refused)
        if problems != before.refused:
            for problem in problems:
                log.warning("peer refused", extra={"object": problem.name, "problem": problem.text})
            self.tell_refused(problems)
        if not problems and (before.error or before.refused):
            log.info("gobgpd is as wanted")
        self._publish(
            replace(
                before,
                error="",
                refused=problems,
                failures=before.failures + bool(problems),
                turns=before.turns + 1,
                drifts=before.drifts + drift,
                replays=before.replays + again,
            )
        )

    def _failed(self, error: str) -> None:
        if error != self.report.error:
            log.warning("routes not applied", extra={"error": error})
        self._publish(replace(self.report, error=error, failures=self.report.failures + 1))

    def _doubt(self) -> None:
        """What the engine has must be read again, now."""
        self.have = None
        self.doubts += 1
        self.wake.set(None)

    def _publish(self, report: BgpReport) -> None:
        self.report = report
        self.latest.set(report)


def _problems(want: Wanted, refused: Mapping[str, str]) -> tuple[Problem, ...]:
    """What the refusals mean for the BGPPeers, by name; one that is to go has no field to be named."""
    where = {peer.name: peer.session for peer in want.peers}
    found: list[Problem] = []
    for name in sorted(refused):
        session = where.get(name)
        if session is None:
            field = "to be removed"
        else:
            field = (
                f"interface {session.interface}" if session.interface else f"peerAddress {session.address}"
            )
        found.append(Problem("BGPPeer", name, f"peer {name}: {field}: {refused[name]}"))
    return tuple(found)

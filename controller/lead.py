"""Terms of leadership: one plan for each, and everything that writes stops with it."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import NoReturn

from controller.bindings import BindingStore
from controller.metrics import State
from controller.reconcile import Follower, Term, caught_up
from controller.settings import Settings
from controller.statuses import Outcome, keep_statuses
from controller.writer import WRITERS, Outlets, StatusWriter, Tell
from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.lease import Leadership
from ferrite.kube.writes import ConfigurationStateSettings, Events, keep_configuration_state
from ferrite.run.arguments import CommonSettings
from ferrite.run.backoff import longer
from ferrite.run.latest import Latest

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Leader:
    """What a term needs."""

    settings: Settings
    cluster: Cluster
    leadership: Leadership
    follower: Follower
    events: Events
    state: State
    outcome: Latest[Outcome] = field(default_factory=Latest)

    async def lead(self) -> NoReturn:
        """Assign addresses whenever this replica leads, forever."""
        while True:
            await self.leadership.acquired()
            log.info("term of leadership begins")
            self.state.leading = True
            try:
                await self._until_lost()
                log.warning("leadership lost")
            finally:
                self.state.leading, self.state.waiting = False, 0
                self.state.usage, self.state.services = {}, {}

    async def _until_lost(self) -> None:
        """One term. Its end is a cancellation of our own, so that one from outside is never taken for it."""
        async with asyncio.TaskGroup() as outer:
            term = outer.create_task(self._term(), name="term")
            await self.leadership.lost()
            term.cancel()

    async def _term(self) -> NoReturn:
        async with asyncio.TaskGroup() as tasks:
            await self._serve(tasks)

    async def _serve(self, tasks: asyncio.TaskGroup) -> NoReturn:
        await self.leadership.settled()  # what is listed then has every write of our own last term
        await self._catch_up()
        self.follower.reload()  # the plan is to know the pools that the last leader may have decided by
        inbox, common, world = self.follower.inbox, self.settings.common, self.follower.world
        tell, bindings = Tell(self.events), BindingStore(self.cluster, world, common.namespace)
        outlets = Outlets(self.cluster, self.leadership, bindings)
        writer = StatusWriter(outlets, inbox, tell, self.state)
        term = Term(self.follower, writer, bindings, tell)
        for number in range(WRITERS):
            tasks.create_task(writer.work(world), name=f"writer {number}")
        status = keep_statuses(self.cluster, world, common.namespace, self.leadership, self.outcome)
        tasks.create_task(status, name="status of pools and reservations")
        own, report = _own_state(common), self.follower.report
        state = keep_configuration_state(self.cluster, report, own, self.leadership)
        tasks.create_task(state, name="configuration state")
        inbox.add()  # the first turn takes every Service, whether or not one changed just now
        while True:
            keys = await inbox.take()
            if self.follower.loaded is not None:
                self.state.updates += await term.turn(keys, self.follower.loaded)
                self._report(term)

    async def _catch_up(self) -> None:
        retry: float | None = None
        while True:
            try:
                return await caught_up(self.cluster, self.follower.world)
            except ClusterError as error:
                retry = longer(retry)
                log.warning("not caught up", extra={"error": str(error), "retry_seconds": retry})
                await asyncio.sleep(retry)

    def _report(self, term: Term) -> None:
        outcome = term.outcome()
        self.state.usage = outcome.usage
        self.state.services = term.planner.services()
        self.state.waiting = term.planner.waiting
        self.outcome.set(outcome)


def _own_state(common: CommonSettings) -> ConfigurationStateSettings:
    return ConfigurationStateSettings(
        name="controller",
        component="controller",
        pod_name=common.pod_name or None,
        condition="poolReconcilerValid",
        field_manager="poolReconciler",
        namespace=common.namespace,
    )

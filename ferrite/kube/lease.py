"""Leadership by a Lease: at most one process leads, and it stops before another one may begin.

The holder's timestamps are for people. Who waits judges the holder by when it last saw the record change, by
its own clock; who leads counts from the beginning of its last successful write.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import DEPLOYMENTS, LEASES
from ferrite.kube.owners import owner_references
from ferrite.kube.watch import NOT_FOUND
from ferrite.objects import Lease
from ferrite.run.backoff import EARLY_SECONDS, jittered

log = logging.getLogger(__name__)

NO_ANSWER = "no answer in time"


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of a Lease; a leader's death is answered within `lease` + `poll`.

    Attributes:
        lease: a record that did not change for that long has no holder.
        renew: between writes of the holder.
        stop: after the beginning of the last good write the holder no longer leads; less than `lease`.
        poll: between looks of those who wait.
        call: one call may take that long.
    """

    lease: int = 5
    renew: float = 1.0
    stop: float = 3.5
    poll: float = 0.5
    call: float = 1.5


DOUBT_SECONDS = 5.0
"""So long after its call ended without an answer a write may still be done, for all that is known here."""


def boot_clock() -> float:
    """Seconds since boot, suspended time included: who slept must not believe that it still leads."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Leadership:
    """Whether this process leads, and for how long without another renewal.

    A write that was cut off may still be done by the API server: whoever decides meanwhile does not see it.
    So `writing` keeps account of the writes whose answer is not known, and no term begins or ends by a gift
    while there are some.
    """

    def __init__(self, clock: Callable[[], float] = boot_clock) -> None:
        self.clock = clock
        self._until = 0.0
        self._ends = 0
        self._changed = asyncio.Event()
        self._under_way = 0
        self._doubt_until = 0.0

    @property
    def leading(self) -> bool:
        """Whether this process may act as the leader now."""
        return self.seconds_left() > 0

    def seconds_left(self) -> float:
        """The longest that a write which begins now may take; 0 when not leading."""
        return max(0.0, self._until - self.clock())

    def lead_until(self, moment: float) -> None:
        """A write of the Lease succeeded; `moment` is by `clock`."""
        self._until = moment
        self._wake()

    def end(self) -> None:
        """Another process holds the Lease, or it was given back."""
        self._until = 0.0
        self._ends += 1
        self._wake()

    async def acquired(self) -> None:
        """Wait until this process leads."""
        while not self.leading:
            await self._changed.wait()

    async def lost(self) -> None:
        """Wait until this process no longer leads, even if it leads anew by the time this returns."""
        ends = self._ends
        while self.leading and self._ends == ends:
            try:
                async with asyncio.timeout(self.seconds_left() + EARLY_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a write of which the next term must know whether it was done."""
        self._under_way += 1
        doubtful = True
        try:
            yield
            doubtful = False
        except ClusterError as error:
            doubtful = not 400 <= error.status < 500
            raise
        finally:
            self._under_way -= 1
            if doubtful:
                self._doubt_until = self.clock() + DOUBT_SECONDS

    @property
    def in_doubt(self) -> bool:
        """Whether a write is under way, or ended a moment ago without an answer."""
        return self._under_way > 0 or self._doubt_seconds() > 0

    async def settled(self) -> None:
        """Wait until no write of an earlier term can be done any more; none may be under way."""
        await asyncio.sleep(max(0.0, self._doubt_seconds()))

    def _doubt_seconds(self) -> float:
        return self._doubt_until - self.clock()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """Which Lease is wanted, and by whom.

    Attributes:
        key: of the Lease, "namespace/name".
        identity: of this process, unique even across its restarts.
        deployment: of that namespace, with which the Lease goes; empty leaves it without an owner.
        timings: the same for all who want the Lease.
    """

    key: str
    identity: str
    deployment: str = ""
    timings: Timings = field(default_factory=Timings)


async def keep_lease(cluster: Cluster, leadership: Leadership, settings: LeaseSettings) -> NoReturn:
    """Take the Lease when it is free and hold it, forever; give it back when cancelled.

    `leadership` is told of every change.
    """
    holder = _Holder(cluster, leadership, settings)
    try:
        await holder.run()
    finally:
        await holder.release()


class _Holder:
    def __init__(self, cluster: Cluster, leadership: Leadership, settings: LeaseSettings) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._key = settings.key
        self._namespace, _, self._name = settings.key.partition("/")
        self._identity = settings.identity
        self._timings = settings.timings
        self._deployment = settings.deployment
        self._owners: list[dict[str, str]] | None = None  # None until it was asked for
        self._mine: Lease | None = None  # the record that we wrote last, while we hold it
        self._seen = ("", 0.0)  # version of another holder's record, and when it was first seen
        self._led = False
        self._complaint = ""
        self._surprised = False  # the last turn, too, met a newer record than it had read

    async def run(self) -> NoReturn:
        while True:
            try:
                async with asyncio.timeout(self._timings.call):
                    wait = await self._turn()
                self._complaint, self._surprised = "", False
            except Conflict:
                self._mine = None  # somebody else wrote: look again at once, but not over and over
                wait = 0.0 if self._led and not self._surprised else jittered(self._timings.poll / 2)
                self._surprised = True
            except (ClusterError, TimeoutError) as error:
                self._complain(str(error) or NO_ANSWER)
                self._mine = None  # a write without an answer may have succeeded
                wait = self._timings.poll
            self._tell()
            await asyncio.sleep(wait)

    async def _turn(self) -> float:
        if self._mine is not None:
            return await self._write(self._mine)
        try:
            lease = await self._cluster.get(LEASES, self._key)
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
            return await self._write(None)
        if self._is_free(lease):
            return await self._write(lease)
        self._leadership.end()
        return self._timings.poll

    def _is_free(self, lease: Lease) -> bool:
        holder = lease.spec.holder_identity
        if not holder or holder == self._identity:
            return True
        now, version = self._leadership.clock(), lease.metadata.resource_version
        if self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] >= (lease.spec.lease_duration_seconds or self._timings.lease)

    async def _write(self, lease: Lease | None) -> float:
        owners = await self._owner_references()
        if lease is None or lease.spec.holder_identity != self._identity:
            self._leadership.end()  # somebody else may have led since: a term does not go on over that
        began = self._leadership.clock()
        body = self._record(lease, self._identity, owners)
        if lease is None:
            self._mine = await self._cluster.create(LEASES, body)
        else:
            self._mine = await self._cluster.replace(LEASES, self._key, body)
        self._leadership.lead_until(began + self._timings.stop)
        return max(0.0, self._timings.renew - (self._leadership.clock() - began))

    async def _owner_references(self) -> list[dict[str, str]]:
        """Asked for once: while the Deployment is being deleted a Lease must still be seen as its own."""
        if self._owners is None:
            where = (self._namespace, self._deployment)
            self._owners = await owner_references(self._cluster, DEPLOYMENTS, *where)
        return self._owners

    def _record(self, lease: Lease | None, holder: str, owners: list[dict[str, str]]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata: dict[str, Any] = {
            "name": self._name,
            "namespace": self._namespace,
            "ownerReferences": owners,
        }
        transitions, acquired = 0, now
        if lease is not None:
            metadata |= {
                "resourceVersion": lease.metadata.resource_version,
                "labels": lease.metadata.labels,
                "annotations": lease.metadata.annotations,
            }
            transitions = lease.spec.lease_transitions or 0
            if lease.spec.holder_identity == holder:
                acquired = lease.spec.acquire_time or now
            elif holder:
                transitions += 1
        return {
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": self._timings.lease,
                "acquireTime": acquired,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    def _complain(self, error: str) -> None:
        if error != self._complaint:
            log.warning("lease not renewed", extra={"lease": self._key, "error": error})
        self._complaint = error

    def _tell(self) -> None:
        if self._leadership.leading != self._led:
            self._led = not self._led
            log.info("leading" if self._led else "not leading", extra={"lease": self._key})

    async def release(self) -> None:
        """Give the Lease back, so that the next one need not wait for it to expire.

        Not while a write may still be done: the next one would not see it, and give its address away.
        """
        self._leadership.end()
        if self._mine is None:
            return
        if self._leadership.in_doubt:
            log.info("lease not given back", extra={"lease": self._key, "cause": "a write has no answer yet"})
            return
        try:
            async with asyncio.timeout(self._timings.call):
                await self._cluster.replace(
                    LEASES, self._key, self._record(self._mine, "", self._owners or [])
                )
        except (ClusterError, TimeoutError) as error:
            text = str(error) or NO_ANSWER
            log.warning("lease not given back", extra={"lease": self._key, "error": text})

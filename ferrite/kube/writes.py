"""What daemons tell beside Service status: Events, and the ConfigurationState of their own."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn
from uuid import uuid4

from ferrite.conditions import MESSAGE_LENGTH, made_condition, rfc3339
from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import CONFIGURATION_STATES, EVENTS, PODS, Kind
from ferrite.kube.lease import Leadership
from ferrite.kube.owners import owner_references
from ferrite.kube.watch import Store, keep_store
from ferrite.model import Problem
from ferrite.objects import OBJECTS_ACCEPTED, Custom, Object
from ferrite.run.backoff import jittered, longer
from ferrite.run.latest import Latest

EVENT_SECONDS = 300.0
"""Within that time an object's last Event is not repeated."""
EVENT_BURST = 25
"""So many of one object are written in `EVENT_SECONDS`, as by client-go: one that flaps is no flood."""
EVENT_QUEUE = 2000
EVENT_MEMORY = 10_000
"""Objects of which is known what was told of them."""
EVENT_ATTEMPTS = 3
EVENT_MESSAGE_LENGTH = 1024
TOLD_SECONDS = 5.0
"""Within that the watch tells what was written; until then the store is out of date."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Recorded:
    namespace: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class _Told:
    """What was told of one object: the last reason and text, and when it and those before it were."""

    last: tuple[str, str] = ("", "")
    times: list[float] = field(default_factory=list)


class Events:
    """Events that wait to be written; `record` never waits and never fails.

    Attributes:
        dropped: Events that were given up, because too many waited, an object had too many, or the API
            server refused them.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Recorded] = deque()
        self._told: dict[str, _Told] = {}
        self._added = asyncio.Event()
        self.dropped = 0

    def record(
        self,
        regarding: Object,
        kind: Kind[Any],
        type: Literal["Normal", "Warning"],  # noqa: A002 - the field's name in the API
        reason: str,
        message: str,
    ) -> bool:
        """Tell `message` on an object, unless it is what was told last, within 5 minutes.

        Returns:
            Whether it is told; False when it was given up, and may be recorded again.
        """
        now = asyncio.get_running_loop().time()
        told = self._told_of(_mark(regarding, kind), now)
        if told.times and told.last == (reason, message):
            return True
        if len(self._waiting) >= EVENT_QUEUE or len(told.times) >= EVENT_BURST:
            self.dropped += 1
            return False
        told.last = (reason, message)
        told.times.append(now)
        namespace = regarding.metadata.namespace or "default"
        self._waiting.append(_Recorded(namespace, _event(regarding, kind, type, reason, message)))
        self._added.set()
        return True

    def outdate(self, regarding: Object, kind: Kind[Any]) -> None:
        """What was told last of an object holds no more: the same again is news."""
        if told := self._told.get(_mark(regarding, kind)):
            told.last = ("", "")

    async def next(self) -> _Recorded:
        """The oldest one that waits."""
        while not self._waiting:
            self._added.clear()
            await self._added.wait()
        return self._waiting.popleft()

    def _told_of(self, mark: str, now: float) -> _Told:
        """What was told of an object of late; of too many objects, the one longest ago is forgotten."""
        told = self._told[mark] = self._told.pop(mark, _Told())
        told.times = [time for time in told.times if now - time < EVENT_SECONDS]
        if len(self._told) > EVENT_MEMORY:
            del self._told[next(iter(self._told))]
        return told


def _mark(regarding: Object, kind: Kind[Any]) -> str:
    return f"{kind}/{regarding.key}/{regarding.metadata.uid}"


def _event(regarding: Object, kind: Kind[Any], type_: str, reason: str, message: str) -> Mapping[str, Any]:
    meta, now = regarding.metadata, _rfc3339()
    return {
        "metadata": {
            "name": f"{meta.name[:220]}.{uuid4().hex[:16]}",
            "namespace": meta.namespace or "default",
        },
        "involvedObject": {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "type": type_,
        "reason": reason,
        "message": message[:EVENT_MESSAGE_LENGTH],
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


async def keep_events(cluster: Cluster, events: Events, source: str) -> NoReturn:
    """Write recorded Events forever, one at a time; `source` is `metallb-controller` or `metallb-speaker`."""
    while True:
        recorded = await events.next()
        body = {**recorded.body, "source": {"component": source}, "reportingComponent": source}
        retry: float | None = None
        for attempt in range(1, EVENT_ATTEMPTS + 1):
            try:
                await cluster.create(EVENTS, body, recorded.namespace)
                break
            except ClusterError as error:
                if attempt == EVENT_ATTEMPTS or 400 <= error.status < 429:
                    events.dropped += 1
                    log.warning("event not written", extra={"reason": body["reason"], "error": str(error)})
                    break
                retry = longer(retry)
                await asyncio.sleep(error.retry_after or jittered(retry))


@dataclass(frozen=True, slots=True)
class ConfigurationReport:
    """What a daemon made of the configuration.

    Attributes:
        errors: why objects do not count, one text each, in MetalLB's words, which do not always name the
            object; none: the configuration is valid.
        objects: the same for people, one line each: kind, name and text.
        reason: of the condition when there are errors.
    """

    errors: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    reason: Literal["ConfigurationError", "UnknownError"] = "ConfigurationError"

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> "ConfigurationReport":
        """What fatal problems make, in the order of kinds and names."""
        found = sorted({(problem.kind, problem.name, problem.text) for problem in problems if problem.fatal})
        return cls(
            tuple(text for _, _, text in found),
            tuple(f"{kind} {name}: {' '.join(text.split())}" for kind, name, text in found),
        )

    @property
    def message(self) -> str:
        """Of the condition; empty when valid."""
        if not self.errors:
            return ""
        texts = "\n".join(self.errors)
        told = f"configuration error: {texts}" if self.reason == "ConfigurationError" else texts
        return told[:MESSAGE_LENGTH]


@dataclass(frozen=True, slots=True)
class ConfigurationStateSettings:
    """Which ConfigurationState is ours.

    Attributes:
        name: `controller`, or `speaker-<node>`.
        component: the label `metallb.io/component-type`.
        node_name: the label `metallb.io/node-name`; None for the controller.
        pod_name: owner of the object; None, or a pod that is not there, is no owner.
        condition: `poolReconcilerValid` or `configReconcilerValid`.
        field_manager: `poolReconciler` or `configReconciler`.
    """

    namespace: str
    name: str
    component: Literal["controller", "speaker"]
    condition: str
    field_manager: str
    node_name: str | None = None
    pod_name: str | None = None


async def keep_configuration_state(
    cluster: Cluster,
    latest: Latest[ConfigurationReport],
    settings: ConfigurationStateSettings,
    leadership: Leadership | None = None,
) -> NoReturn:
    """Keep our ConfigurationState equal to the latest report; deleted, it comes back. No idle writes.

    With a `leadership`, nothing is written while this process does not lead.
    """
    touched = asyncio.Event()
    kind = CONFIGURATION_STATES.within(settings.namespace).selected(f"metadata.name={settings.name}")
    store = Store(kind, touched)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_store(cluster, kind, store), name="watch own ConfigurationState")
        tasks.create_task(_wake(latest, touched), name="wake ConfigurationState writer")
        tasks.create_task(_ConfigurationWriter(cluster, latest, settings, store, touched, leadership).run())
    raise AssertionError("unreachable: its tasks never return")


async def _wake(latest: Latest[ConfigurationReport], touched: asyncio.Event) -> NoReturn:
    while True:
        await latest.changed()
        touched.set()


class _ConfigurationWriter:
    def __init__(
        self,
        cluster: Cluster,
        latest: Latest[ConfigurationReport],
        settings: ConfigurationStateSettings,
        store: Store[Custom],
        touched: asyncio.Event,
        leadership: Leadership | None,
    ) -> None:
        self._cluster = cluster
        self._latest = latest
        self._settings = settings
        self._store = store
        self._touched = touched
        self._leadership = leadership
        self._key = f"{settings.namespace}/{settings.name}"
        self._awaited = ""  # version of our last write, until the watch has told it
        self._awaited_until = 0.0

    async def run(self) -> NoReturn:
        retry: float | None = None
        while True:
            await self._turn_due(jittered(retry) if retry is not None else self._until_told())
            report = self._latest.value
            if report is None or not self._store.synced or self._until_told() is not None:
                continue
            try:
                await self._write(report)
                retry = None
            except ClusterError as error:
                retry = longer(retry)
                log.warning("ConfigurationState not written", extra={"error": str(error)})

    def _until_told(self) -> float | None:
        """Seconds for which the store is older than our own last write; None when it is not."""
        present = self._store.objects.get(self._key)
        left = self._awaited_until - asyncio.get_running_loop().time()
        if left <= 0 or (present is not None and present.metadata.resource_version == self._awaited):
            self._awaited_until = 0.0
            return None
        return left

    async def _turn_due(self, within: float | None) -> None:
        try:
            async with asyncio.timeout(within):
                await self._touched.wait()
        except TimeoutError:
            return
        self._touched.clear()

    async def _write(self, report: ConfigurationReport) -> None:
        present = self._store.objects.get(self._key)
        if present is None:
            present = await self._create()
        wanted = configuration_status(report, self._settings.condition, present.status)
        if wanted != _written(present.status, self._settings.condition):
            body = {
                "metadata": {"name": self._settings.name, "namespace": self._settings.namespace},
                "status": wanted,
            }
            await self._may_write()
            answer = await self._cluster.apply(
                CONFIGURATION_STATES, self._key, body, self._settings.field_manager, "status"
            )
            self._awaited = answer.metadata.resource_version
            self._awaited_until = asyncio.get_running_loop().time() + TOLD_SECONDS

    async def _may_write(self) -> None:
        if self._leadership is not None:
            await self._leadership.acquired()

    async def _create(self) -> Custom:
        labels: dict[str, str] = {"metallb.io/component-type": self._settings.component}
        if self._settings.node_name is not None:
            labels["metallb.io/node-name"] = self._settings.node_name
        namespace = self._settings.namespace
        owners = await owner_references(self._cluster, PODS, namespace, self._settings.pod_name or "")
        metadata = {
            "name": self._settings.name,
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": owners,
        }
        await self._may_write()
        try:
            return await self._cluster.create(CONFIGURATION_STATES, {"metadata": metadata})
        except ClusterError as error:
            if error.reason != "AlreadyExists":
                raise
            return await self._cluster.get(CONFIGURATION_STATES, self._key)


def configuration_status(
    report: ConfigurationReport, condition: str, present: Mapping[str, Any], now: str | None = None
) -> dict[str, Any]:
    """The status that a report makes; a condition keeps its time while its status stays the same.

    The condition `ferrite.io/ObjectsAccepted` is there only while an object does not count, and names each.
    """
    reason = report.reason if report.errors else "Reconciled"
    conditions = [_made(present, condition, not report.errors, reason, report.message, now)]
    if report.objects:
        lines = "\n".join(report.objects)[:MESSAGE_LENGTH]
        conditions.append(_made(present, OBJECTS_ACCEPTED, False, "ObjectsRefused", lines, now))
    invalid = bool(report.errors) and report.reason == "ConfigurationError"
    return {
        "result": "Invalid" if invalid else "Valid",
        "errorSummary": report.message if invalid else "",
        "conditions": conditions,
    }


def _made(
    present: Mapping[str, Any], type_: str, holds: bool, reason: str, message: str, now: str | None
) -> dict[str, str]:
    return made_condition(_condition(present, type_), type_, (holds, reason, message), now or _rfc3339())


def _written(present: Mapping[str, Any], condition: str) -> dict[str, Any]:
    """The part of a status that `configuration_status` makes."""
    found = [_condition(present, type_) for type_ in (condition, OBJECTS_ACCEPTED)]
    parts = ("type", "status", "reason", "message", "lastTransitionTime")
    return {
        "result": present.get("result"),
        "errorSummary": present.get("errorSummary", ""),
        "conditions": [{part: each.get(part, "") for part in parts} for each in found if each],
    }


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    conditions = status.get("conditions") or ()
    return next((found for found in conditions if found.get("type") == type_), {})


def _rfc3339() -> str:
    return rfc3339(time.time())

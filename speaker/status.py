"""ServiceL2Status and ServiceBGPStatus of this node: who answers, and to which peers routes go."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn

from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import PODS, SERVICE_BGP_STATUSES, SERVICE_L2_STATUSES, Kind
from ferrite.kube.owners import owner_references
from ferrite.net import NodeName
from ferrite.objects import Custom
from ferrite.run.backoff import jittered, longer
from ferrite.run.latest import Latest

log = logging.getLogger(__name__)

NODE_LABEL = "metallb.io/node"
SERVICE_LABEL = "metallb.io/service-name"
NAMESPACE_LABEL = "metallb.io/service-namespace"
IDENTITY_LABELS = (NODE_LABEL, NAMESPACE_LABEL, SERVICE_LABEL)
RESYNC_SECONDS = 300.0
CALL_SECONDS = 20.0
SPACING_SECONDS = 1.0
"""Between two passes: a burst of changes is one pass, and an unchanged turn costs a few calls at most."""
AT_ONCE = 8
"""Writes in flight: statuses may lag, and must not crowd out what the controller writes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the statuses of this node should say.

    Attributes:
        interfaces: Service key to the interfaces that answer, sorted; empty means all.
        peers: Service key to the names of the peers it is announced to, sorted.
        live_nodes: nodes whose speaker is alive; each of them takes its own objects away.
    """

    interfaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    live_nodes: frozenset[NodeName] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the statuses live and whose they are.

    Attributes:
        pod: the speaker's own Pod, which owns them: they go with it. "" when it is not known.
    """

    namespace: str
    node: NodeName
    pod: str


def status_name(prefix: str, node: NodeName, service: str) -> str:
    """The name of a status object: one for a node and a Service, so that it is never there twice."""
    return f"{prefix}-{sha256(f'{node}/{service}'.encode()).hexdigest()[:12]}"


def wanted_statuses(
    place: Place, wanted: Wanted
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """The `status` of each object by its Service key, for layer 2 and for BGP."""
    layer2 = {
        key: {**_identity(place, key), "interfaces": [{"name": name} for name in interfaces]}
        for key, interfaces in wanted.interfaces.items()
    }
    bgp = {
        key: {**_identity(place, key), "peers": list(peers)} for key, peers in wanted.peers.items() if peers
    }
    return layer2, bgp


def _identity(place: Place, service: str) -> dict[str, str]:
    namespace, name = service.split("/", 1)
    return {"node": place.node, "serviceName": name, "serviceNamespace": namespace}


async def keep_statuses(cluster: Cluster, place: Place, latest: Latest[Wanted]) -> NoReturn:
    """Keep the status objects of this node equal to what is wanted, forever."""
    retry: float | None = None
    tidied: frozenset[NodeName] | None = None
    """The live nodes when the last look for what dead nodes had left was complete; None: look again."""
    while True:
        wanted = await latest.changed(within=0.0 if retry is not None else RESYNC_SECONDS)
        layer2, bgp = wanted_statuses(place, wanted)
        try:
            owner = await owner_references(cluster, PODS, place.namespace, place.pod)
            keeper = _Keeper(cluster, place, SERVICE_L2_STATUSES, "l2", owner)
            if await keeper.keep(layer2) or wanted.live_nodes != tidied:
                await keeper.tidy(frozenset(layer2), wanted.live_nodes)
                tidied = wanted.live_nodes
            await _Keeper(cluster, place, SERVICE_BGP_STATUSES, "bgp", owner).keep(bgp)
            retry = None
        except* (ClusterError, TimeoutError) as errors:
            retry, tidied = longer(retry), None
            cause = errors.exceptions[0]
            asked = cause.retry_after if isinstance(cause, ClusterError) else None
            log.warning(
                "statuses not written",
                extra={"error": str(cause) or type(cause).__name__, "retry_seconds": round(retry, 1)},
            )
            await asyncio.sleep(max(jittered(retry), asked or 0.0))
        else:
            await asyncio.sleep(SPACING_SECONDS)


class _Keeper:
    """Makes the objects of one kind equal to what is wanted; one turn, then thrown away."""

    def __init__(
        self, cluster: Cluster, place: Place, kind: Kind[Custom], prefix: str, owner: list[dict[str, str]]
    ) -> None:
        self.cluster = cluster
        self.place = place
        self.kind = kind.within(place.namespace)
        self.prefix = prefix
        self.owner = owner
        self.room = asyncio.Semaphore(AT_ONCE)

    async def keep(self, wanted: Mapping[str, dict[str, Any]]) -> bool:
        """Read what is there, apply the difference; returns whether an object was missing."""
        async with asyncio.timeout(CALL_SECONDS):
            mine, _ = await self.cluster.list(self.kind.labelled(f"{NODE_LABEL}={self.place.node}"))
        names = {status_name(self.prefix, self.place.node, key): key for key in wanted}
        present = {item.metadata.name: item for item in mine if item.metadata.name in names}
        async with asyncio.TaskGroup() as tasks:
            for item in mine:
                if item.metadata.name not in names:
                    tasks.create_task(self._delete(item), name="status-delete")
            for name, key in names.items():
                there = present.get(name)
                if there is None or self._is_anothers(there) or _differs(there.status, wanted[key]):
                    tasks.create_task(self._write(key, wanted[key], there), name="status-write")
        return present.keys() != names.keys()

    async def tidy(self, services: frozenset[str], live_nodes: frozenset[NodeName]) -> None:
        """Delete what nodes that died had said of the Services that this node announces now."""
        async with asyncio.timeout(CALL_SECONDS):
            found, _ = await self.cluster.list(self.kind)
        alive = live_nodes | {self.place.node}
        async with asyncio.TaskGroup() as tasks:
            for item in found:
                labels = item.metadata.labels
                node, namespace, name = (labels.get(each, "") for each in IDENTITY_LABELS)
                if f"{namespace}/{name}" in services and node not in alive:
                    tasks.create_task(self._delete(item), name="status-delete")

    async def _write(self, key: str, status: dict[str, Any], present: Custom | None) -> None:
        name = status_name(self.prefix, self.place.node, key)
        async with self.room, asyncio.timeout(CALL_SECONDS):
            if present is None:
                await self._create(name, key)
            elif self._is_anothers(present):
                body = {"metadata": {"ownerReferences": self.owner}}
                await self.cluster.merge_patch(self.kind, name, body)
            if present is None or _differs(present.status, status):
                await self.cluster.merge_patch(self.kind, name, {"status": status}, "status")

    def _is_anothers(self, present: Custom) -> bool:
        """Whether it would go with a Pod that was here before us."""
        uids = [reference.uid for reference in present.metadata.owner_references]
        return bool(self.owner) and uids != [reference["uid"] for reference in self.owner]

    async def _create(self, name: str, key: str) -> None:
        namespace, service = key.split("/", 1)
        labels = {NODE_LABEL: self.place.node, SERVICE_LABEL: service, NAMESPACE_LABEL: namespace}
        metadata = {"name": name, "labels": labels, "ownerReferences": self.owner}
        try:
            await self.cluster.create(self.kind, {"metadata": metadata, "spec": {}}, self.place.namespace)
        except Conflict:
            log.debug("status object is there already", extra={"object": name})

    async def _delete(self, item: Custom) -> None:
        try:
            async with self.room, asyncio.timeout(CALL_SECONDS):
                await self.cluster.delete(self.kind, item.metadata.name)
        except ClusterError as error:
            if error.status != 404:
                raise


def _differs(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return any(present.get(field, []) != value for field, value in wanted.items())

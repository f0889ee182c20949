"""Keeps the status of pools and reservations equal to the plan: at most one write a second and object."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from controller.ledger import Usage
from controller.patches import pool_status, reservation_status
from controller.reservations import ReservedAddress
from ferrite.conditions import rfc3339
from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import ADDRESS_RESERVATIONS, IP_ADDRESS_POOLS, Kind
from ferrite.kube.lease import Leadership
from ferrite.kube.world import World
from ferrite.model import Pool
from ferrite.net import AddressRange, Family
from ferrite.objects import IN_USE_FINALIZER, Custom
from ferrite.run.backoff import longer
from ferrite.run.latest import Latest

log = logging.getLogger(__name__)

SPACING_SECONDS = 1.0
WRITE_SECONDS = 10.0
LOOK_SECONDS = 30.0
"""So often it is looked whether what was written is still there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the plan's last turn, for those who look at pools and reservations.

    Attributes:
        pools: as the plan used them, by name.
        usage: how full each is.
        kept: of each pool with `onRemoval: Keep`, what is in use and not offered any more.
        reserved: each address of each reservation, by the key of the reservation.
        faults: why reservations do not count, by key.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    usage: Mapping[str, Mapping[Family, Usage]] = field(default_factory=dict)
    kept: Mapping[str, tuple[AddressRange, ...]] = field(default_factory=dict)
    reserved: Mapping[str, tuple[ReservedAddress, ...]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Write:
    kind: Kind[Custom]
    key: str
    body: dict[str, Any]
    subresource: str


async def keep_statuses(
    cluster: Cluster, world: World, namespace: str, leadership: Leadership, latest: Latest[Outcome]
) -> NoReturn:
    """Write what differs from what the watch shows, forever; an object that fails stops no other."""
    retry: float | None = None
    conflict = False
    while True:
        outcome = await latest.changed(within=SPACING_SECONDS if conflict else retry or LOOK_SECONDS)
        errors: dict[str, str] = {}
        conflict = False
        for write in _writes(world, namespace, outcome):
            await leadership.acquired()  # without time left: until renewed, or the term ends
            seconds = min(WRITE_SECONDS, leadership.seconds_left())
            try:
                async with asyncio.timeout(seconds):
                    await cluster.merge_patch(write.kind, write.key, write.body, write.subresource)
            except Conflict:
                conflict = True  # the newer object is on its way
            except ClusterError as error:
                errors[write.key] = str(error)
            except TimeoutError:
                errors[write.key] = f"no answer within {seconds:.1f} s"
        retry = longer(retry) if errors else None
        for key, text in errors.items():
            told = {"object": key, "error": text, "retry_seconds": retry}
            log.warning("status not written", extra=told)
        await asyncio.sleep(SPACING_SECONDS)


def _writes(world: World, namespace: str, outcome: Outcome) -> list[_Write]:
    pools, now = IP_ADDRESS_POOLS.within(namespace), rfc3339(time.time())
    writes: list[_Write] = []
    for item in world.objects(pools).values():
        if finalizers := _finalizers(item, outcome):
            writes.append(_Write(pools, item.key, finalizers, ""))
        elif usage := outcome.usage.get(item.metadata.name):
            name = item.metadata.name
            wanted = pool_status(outcome.pools[name], usage, outcome.kept.get(name, ()))
            writes.extend(_status(pools, item, wanted))
    for item in world.objects(ADDRESS_RESERVATIONS).values():
        addresses, fault = outcome.reserved.get(item.key), outcome.faults.get(item.key, "")
        if addresses or fault:
            wanted = reservation_status(addresses or (), fault, item.status, now)
            writes.extend(_status(ADDRESS_RESERVATIONS, item, wanted))
    return writes


def _status(kind: Kind[Custom], item: Custom, wanted: dict[str, Any]) -> list[_Write]:
    if all(item.status.get(name) == value for name, value in wanted.items()):
        return []
    version = {"resourceVersion": item.metadata.resource_version}
    return [_Write(kind, item.key, {"metadata": version, "status": wanted}, "status")]


def _finalizers(item: Custom, outcome: Outcome) -> dict[str, Any] | None:
    """The patch that puts our finalizer on a pool, or takes it off; None when it is as it should be."""
    metadata, pool = item.metadata, outcome.pools.get(item.metadata.name)
    deleting, there = metadata.deletion_timestamp is not None, IN_USE_FINALIZER in metadata.finalizers
    if pool is None:  # it does not count now: what its addresses are is not known
        wanted = there and not deleting
    elif pool.removal is None:
        wanted = False
    elif deleting:
        # The plan must know that the pool goes before none in use means none from now on.
        used = any(usage.in_use for usage in outcome.usage[pool.name].values()) or outcome.kept.get(pool.name)
        wanted = there and (bool(used) or not pool.deleting)
    else:
        wanted = True
    if wanted == there:
        return None
    others = [each for each in metadata.finalizers if each != IN_USE_FINALIZER]
    finalizers = [*others, IN_USE_FINALIZER] if wanted else others
    return {"metadata": {"resourceVersion": metadata.resource_version, "finalizers": finalizers}}

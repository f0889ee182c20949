"""Keeps `status` of every IPAddressPool equal to the ledger: at most one write a second and pool."""

import asyncio
import logging
from collections.abc import Mapping
from typing import NoReturn

from controller.ledger import Usage
from controller.patches import pool_status
from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import IP_ADDRESS_POOLS
from ferrite.kube.lease import Leadership
from ferrite.kube.world import World
from ferrite.net import Family
from ferrite.run.backoff import longer
from ferrite.run.latest import Latest

log = logging.getLogger(__name__)

SPACING_SECONDS = 1.0
WRITE_SECONDS = 10.0
Usages = Mapping[str, Mapping[Family, Usage]]


async def keep_pool_status(
    cluster: Cluster, world: World, namespace: str, leadership: Leadership, latest: Latest[Usages]
) -> NoReturn:
    """Write what differs from what the watch shows, forever; a pool that fails stops no other."""
    kind = IP_ADDRESS_POOLS.within(namespace)
    retry: float | None = None
    while True:
        usages, errors = await latest.changed(within=retry), {}
        for name, wanted in ((name, pool_status(usage)) for name, usage in usages.items()):
            pool = world.objects(kind).get(f"{namespace}/{name}")
            if pool is None or pool.status == wanted:
                continue
            await leadership.acquired()  # without time left: until renewed, or the term ends
            seconds = min(WRITE_SECONDS, leadership.seconds_left())
            try:
                async with asyncio.timeout(seconds):
                    await cluster.merge_patch(kind, pool.key, {"status": wanted}, "status")
            except ClusterError as error:
                errors[name] = str(error)
            except TimeoutError:
                errors[name] = f"no answer within {seconds:.1f} s"
        retry = longer(retry) if errors else None
        for name, text in errors.items():
            told = {"pool": name, "error": text, "retry_seconds": retry}
            log.warning("pool status not written", extra=told)
        await asyncio.sleep(SPACING_SECONDS)

"""The key that speakers authenticate each other with: made once, never read here."""

import asyncio
import base64
import logging
import secrets
from typing import Any, NoReturn

from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import DEPLOYMENTS, SECRETS
from ferrite.kube.owners import owner_references
from ferrite.run.backoff import longer

log = logging.getLogger(__name__)

KEY_BYTES = 16
CHECK_SECONDS = 20.0
"""A speaker that starts while the Secret is not there waits for it."""


async def keep_secret(cluster: Cluster, namespace: str, name: str, deployment: str) -> NoReturn:
    """Create the Secret `name` when it is not there, forever; it goes with `deployment` if one is named."""
    retry: float | None = None
    while True:
        try:
            await _create(cluster, namespace, name, deployment)
            retry = None
        except ClusterError as error:
            retry = longer(retry)
            log.warning(
                "secret not created", extra={"secret": name, "error": str(error), "retry_seconds": retry}
            )
        await asyncio.sleep(retry or CHECK_SECONDS)


async def _create(cluster: Cluster, namespace: str, name: str, deployment: str) -> None:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    metadata["ownerReferences"] = await owner_references(cluster, DEPLOYMENTS, namespace, deployment)
    # 128 random bits as text, without padding: what MetalLB's speakers expect to find under `secretkey`.
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).rstrip(b"=").decode()
    try:
        await cluster.create(SECRETS, {"metadata": metadata, "stringData": {"secretkey": key}}, namespace)
    except Conflict:
        return
    log.info("secret created", extra={"secret": name})

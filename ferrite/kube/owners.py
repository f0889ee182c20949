"""Owner references: what we made goes with what it was made for (Kubernetes' garbage collection)."""

from typing import Any

from ferrite.errors import ClusterError
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import Kind
from ferrite.kube.watch import NOT_FOUND

FORBIDDEN = 403


async def owner_references(
    cluster: Cluster, kind: Kind[Any], namespace: str, name: str
) -> list[dict[str, str]]:
    """`metadata.ownerReferences` that name one object.

    Empty without a `name`, and when the object is not there or may not be read: as in a lab, or on a bare
    machine.

    Raises:
        ClusterError: the API server did not say.
    """
    if not name:
        return []
    try:
        owner = await cluster.get(kind, f"{namespace}/{name}")
    except ClusterError as error:
        if error.status not in (NOT_FOUND, FORBIDDEN):
            raise
        return []
    return [{"apiVersion": kind.api_version, "kind": kind.kind, "name": name, "uid": owner.metadata.uid}]

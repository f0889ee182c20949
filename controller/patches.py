"""Decisions as the bodies of writes to `services/status` and to a pool's `status`.

A merge patch carries ingress and annotation in one request and leaves labels, other annotations and
conditions alone; with the resource version in it the API server answers 409 when the object is newer than the
decision.
"""

from collections.abc import Mapping
from typing import Any

from controller.decision import Assign, Clear, Decision, Refuse
from controller.ledger import Usage
from ferrite.net import Family
from ferrite.objects import ALLOCATED_FROM_POOL


def status_patch(decision: Decision, version: str) -> dict[str, Any] | None:
    """The merge patch that makes a Service's status what was decided; None when there is nothing to write.

    Args:
        decision: what is to be written.
        version: resource version of the object that it was decided on.
    """
    match decision:
        case Assign(addresses=addresses, pool=pool):
            return _patch(version, pool, [{"ip": str(address), "ipMode": "VIP"} for address in addresses])
        case Clear() | Refuse(clear=True):
            return _patch(version, None, None)
        case _:
            return None


def _patch(version: str, pool: str | None, ingress: list[dict[str, str]] | None) -> dict[str, Any]:
    return {
        "metadata": {"resourceVersion": version, "annotations": {ALLOCATED_FROM_POOL: pool}},
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def pool_status(usage: Mapping[Family, Usage]) -> dict[str, int]:
    """`status` of an IPAddressPool."""
    return {
        "assignedIPv4": usage[Family.IPV4].in_use,
        "assignedIPv6": usage[Family.IPV6].in_use,
        "availableIPv4": usage[Family.IPV4].available,
        "availableIPv6": usage[Family.IPV6].available,
    }

"""Decisions as the bodies of writes to `services/status` and to the status of custom resources.

A merge patch carries ingress, annotation and condition in one request and leaves labels, other annotations
and other conditions alone; with the resource version in it the API server answers 409 when the object is
newer than the decision.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from controller.decision import Assign, Clear, Decision, Keep, Refuse, Verdict
from controller.ledger import Usage
from controller.reservations import ReservedAddress
from ferrite.conditions import apart, made_condition, says
from ferrite.model import Pool
from ferrite.net import AddressRange, Family
from ferrite.objects import ADDRESS_ASSIGNED, ALLOCATED_FROM_POOL, Condition, Service

RESERVED = "Reserved"
"""Condition of an AddressReservation."""


def status_patch(decision: Decision, service: Service, now: str) -> dict[str, Any] | None:
    """The merge patch that makes a Service's status what was decided; None when there is nothing to write.

    Args:
        decision: what is to be written.
        service: the object that it was decided on.
        now: RFC 3339.
    """
    metadata: dict[str, Any] = {"resourceVersion": service.metadata.resource_version}
    status = _conditions(decision, service.status.conditions, now)
    match decision:
        case Assign(addresses=addresses, pool=pool):
            ingress = [{"ip": str(address), "ipMode": "VIP"} for address in addresses]
            status |= {"loadBalancer": {"ingress": ingress}}
            metadata |= {"annotations": {ALLOCATED_FROM_POOL: pool}}
        case Clear() | Refuse(clear=True):
            status |= {"loadBalancer": {"ingress": None}}
            metadata |= {"annotations": {ALLOCATED_FROM_POOL: None}}
        case _:
            pass
    if not status:
        return None
    return {"metadata": metadata, "status": status}


def moves_addresses(body: Mapping[str, Any]) -> bool:
    """Whether a patch gives or takes addresses, and does not only say why."""
    return "loadBalancer" in body["status"]


def _conditions(decision: Decision, present: tuple[Condition, ...], now: str) -> dict[str, Any]:
    """The part of the status that is to change; a list is one value, so others' conditions are in it."""
    own, others = apart(map(_document, present), ADDRESS_ASSIGNED)
    match decision:
        case Assign(verdict=verdict) | Keep(verdict=verdict) | Refuse(verdict=verdict):
            wanted = made_condition(own, ADDRESS_ASSIGNED, _said(verdict), now)
            return {} if says(own, wanted) else {"conditions": [*others, wanted]}
        case Clear() if own:
            return {"conditions": others or None}
        case _:
            return {}


def _said(verdict: Verdict) -> tuple[bool, str, str]:
    return verdict.holds, verdict.cause.value, verdict.text


def _document(condition: Condition) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.last_transition_time,
    }
    if condition.observed_generation:
        document["observedGeneration"] = condition.observed_generation
    return document


def pool_status(pool: Pool, usage: Mapping[Family, Usage], kept: Iterable[AddressRange]) -> dict[str, Any]:
    """`status` of an IPAddressPool; None stands for a field that is not to be there."""
    return {
        "assignedIPv4": usage[Family.IPV4].in_use,
        "assignedIPv6": usage[Family.IPV6].in_use,
        "availableIPv4": usage[Family.IPV4].available,
        "availableIPv6": usage[Family.IPV6].available,
        "kept": [each.shortest for each in kept] or None,
        "observedGeneration": pool.removal.generation if pool.removal else None,
    }


def reservation_status(
    addresses: Iterable[ReservedAddress], fault: str, present: Mapping[str, Any], now: str
) -> dict[str, Any]:
    """`status` of an AddressReservation.

    Args:
        addresses: each of its addresses, and who uses it.
        fault: why the object does not count; empty when it does.
        present: the status as it is.
        now: RFC 3339.
    """
    entries = list(addresses)
    problems = [entry.problem for entry in entries if entry.problem]
    own, others = apart(present.get("conditions") or (), RESERVED)
    if fault:
        verdict = (False, "Invalid", fault)
    elif problems:
        verdict = (False, "NotReserved", "; ".join(dict.fromkeys(problems)))
    else:
        verdict = (True, "Reserved", ", ".join(str(entry.address) for entry in entries))
    return {
        "addresses": [_entry(entry) for entry in entries] or None,
        "conditions": [*others, made_condition(own, RESERVED, verdict, now)],
    }


def _entry(reserved: ReservedAddress) -> dict[str, Any]:
    entry: dict[str, Any] = {"address": str(reserved.address)}
    if reserved.services:
        entry["services"] = list(reserved.services)
    if reserved.problem:
        entry["problem"] = reserved.problem
    return entry

"""Whether this node answers for a Service at layer 2; pure. Every "no" carries its reason."""

from dataclasses import dataclass
from enum import Enum

from ferrite.model import L2Advertisement, Pool, ServiceView, Snapshot
from ferrite.net import IPAddress, NodeName
from ferrite.views import pool_of
from speaker.elect import elect
from speaker.eligible import Candidates, advertisements_for, includes


class Silence(Enum):
    """Why a node does not answer for a Service; the values are MetalLB's words, where it has that reason."""

    NOT_LOAD_BALANCER = "notLoadBalancer"
    NO_ADDRESS = "noIPAllocated"
    NOT_ASSIGNED = "notAssigned"
    NOT_IN_A_POOL = "ipNotAllowed"
    NO_ENDPOINTS = "noEndpoints"
    NO_MATCHING_ADVERTISEMENT = "noMatchingAdvertisement"
    SHARED_WITH_SERVICE_SELECTOR = "sharedIPWithServiceSelector"
    NOT_ELECTED = "notOwner"


@dataclass(frozen=True, slots=True)
class Announce:
    """Answer for `addresses`, on these interfaces; None means on all."""

    addresses: tuple[IPAddress, ...]
    interfaces: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class StaySilent:
    """Answer for none of the Service's addresses."""

    reason: Silence


def l2_decision(
    service: ServiceView, snapshot: Snapshot, me: NodeName, candidates: Candidates | None = None
) -> Announce | StaySilent:
    """Decide whether node `me` answers for `service` on its links.

    Each address is elected by itself, so a dual-stack Service may have two answering nodes. `candidates` of
    the same snapshot saves work when many Services are decided on.
    """
    pool = pool_of(snapshot.config.pools, service.addresses)
    hindrance = _hindrance(service, pool)
    if hindrance is not None or pool is None:
        return StaySilent(hindrance or Silence.NOT_IN_A_POOL)
    ads = advertisements_for(service, pool, snapshot.config.l2_advertisements)
    if service.sharing_key_present and any(ad.scope.service_selectors for ad in ads):
        return StaySilent(Silence.SHARED_WITH_SERVICE_SELECTOR)
    here = snapshot.nodes.get(me)
    mine = tuple(ad for ad in ads if here is not None and includes(ad, here))
    if not mine:
        return StaySilent(Silence.NO_MATCHING_ADVERTISEMENT)
    scores = (candidates or Candidates(snapshot)).of(service, ads)
    elected = tuple(address for address in service.addresses if elect(address, scores, scores) == me)
    if not elected:
        return StaySilent(Silence.NOT_ELECTED)
    return Announce(elected, _interfaces(mine))


def _hindrance(service: ServiceView, pool: Pool | None) -> Silence | None:
    if not service.is_load_balancer:
        return Silence.NOT_LOAD_BALANCER
    if not service.addresses:
        return Silence.NO_ADDRESS
    if not service.assigned:
        return Silence.NOT_ASSIGNED
    if pool is None:
        return Silence.NOT_IN_A_POOL
    return None if service.has_endpoints else Silence.NO_ENDPOINTS


def _interfaces(advertisements: tuple[L2Advertisement, ...]) -> frozenset[str] | None:
    if any(not advertisement.interfaces for advertisement in advertisements):
        return None
    return frozenset(name for advertisement in advertisements for name in advertisement.interfaces)

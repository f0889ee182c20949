"""What becomes of each Service: pure decisions against one ledger and one configuration.

A `Planner` lives as long as one term of leadership. It claims for holders before it gives to those who wait,
and it decides anew only for Services that changed, and for those who wait when an address may have come free.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

from controller.absent import Absent
from controller.allot import Allotment, Given, Refusal, allotted, tenant_of
from controller.binding import Binding
from controller.choice import Offers
from controller.decision import Assign, Clear, Decision, Keep, Leave, Refuse, Unowned, Verdict
from controller.holdings import Holdings
from controller.ledger import Ledger, Usage
from controller.request import FamilyPolicy, Request, Standing
from controller.reservations import Reservations, ReservedAddress
from controller.tenant import Cause, Hold, Note, Reason, Tenant
from ferrite.model import Reservation
from ferrite.net import AddressRange, Family

Find = Callable[[str], Request | None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A Service that waits: what is searched, the openings when it last was, and since when it is there."""

    search: Hashable
    openings: int
    since: str


class Planner:
    """The decisions of one term of leadership; one owner."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._offers = Offers()
        self._absent = Absent(self._ledger)
        self._reservations = Reservations(self._ledger)
        self._holdings = Holdings(self._ledger)
        self._waiting: dict[str, _Waiting] = {}
        self._tried = -1
        self._unowned: set[str] = set()  # who holds addresses that another implementation gave

    def configure(self, offers: Offers) -> None:
        """Decide by these from now on; every Service is to be in the next turn."""
        self._offers = offers
        before = self._ledger.pools_of_tenants()
        self._ledger.set_pools(offers.pools.values())
        self._holdings.configure(before, offers)
        self._absent.configure(offers)
        self._reservations.reconsider()

    def refresh(self, offers: Offers) -> None:
        """Decide by these from now on; no decision can depend on the difference."""
        self._offers = offers

    def reserve(self, reservations: tuple[Reservation, ...]) -> None:
        """Hold these back from now on, the oldest first; no Service loses what it has."""
        self._reservations.set(reservations)

    def restore(self, bindings: Iterable[Binding], now: float) -> None:
        """Begin with what earlier terms wrote down; before the first turn, which is to have every Service."""
        self._absent.restore(bindings, self._offers, now)

    def turn(self, keys: Iterable[str], find: Find, now: float) -> tuple[Decision, ...]:
        """Decide for the Services `keys`, and for those who wait if an address may have come free.

        Args:
            keys: Services that changed, or went; every one after `configure`.
            find: what a Service asks for now; None when it is gone, or waits and is not to be decided on now.
            now: seconds since the epoch.
        """
        requests: list[Request] = []
        for key in keys:
            request = find(key)
            if request is None:
                self.forget(key, now)
            else:
                if (tenant := self._ledger.tenant(key)) and tenant.uid != request.uid:
                    self.forget(key, now)  # deleted and created again between two turns
                self._absent.expire(key, now)
                requests.append(request)
        requests.sort(key=precedence)
        self.claim(requests)
        self._absent.claim(self._offers)
        if self._reservations.settle(self._offers):  # who searched the same may have different ones now
            self._waiting = {key: replace(each, search=None) for key, each in self._waiting.items()}
        decisions = {request.key: self._decide(request) for request in requests}
        decisions.update(self._retry(find))
        return tuple(decisions.values())

    def claim(self, requests: Iterable[Request]) -> None:
        """Let everybody who is new here have what the status says, the older claim first."""
        for request in sorted(requests, key=precedence):
            if request.held:
                self._claim_held(request)

    def forget(self, key: str, now: float) -> None:
        """The Service is gone: its addresses are free, unless they are kept for it."""
        tenant, addresses = self._ledger.tenant(key), self._ledger.held_by(key)
        self._ledger.release(key)
        self._ledger.release(key, Hold.LEAVING)
        self._waiting.pop(key, None)
        self._holdings.forget(key)
        if key in self._unowned:
            self._unowned.discard(key)
        else:
            self._absent.gone(tenant, addresses, now)
        self._absent.expire(key, now)

    def binding(self, key: str) -> Binding | None:
        """What is to be remembered of a Service, here or deleted."""
        tenant, addresses = self._ledger.tenant(key), self._ledger.held_by(key)
        if tenant is None or key in self._unowned:
            return self._absent.get(key)
        pool = self._ledger.pool_of(addresses)
        if pool is None or not pool.sticky_seconds:
            return None
        return Binding(key, pool.name, addresses, tenant.sharing, tenant.ports)

    def free(self, key: str) -> None:
        """Nothing is kept for a deleted Service any more: somebody took back what was written down."""
        self._absent.drop(key)

    def services(self) -> dict[str, int]:
        """How many Services have addresses of each pool, by name."""
        return {name: self._ledger.tenants_of(name) for name in self._offers.pools}

    def usage(self) -> dict[str, Mapping[Family, Usage]]:
        """How full each pool is, by name."""
        return {name: self._ledger.usage(name) for name in self._offers.pools}

    def kept(self) -> dict[str, tuple[AddressRange, ...]]:
        """Addresses in use that each pool with `onRemoval: Keep` does not offer any more, by its name."""
        return self._holdings.kept(self._offers)

    def reserved(self) -> dict[str, tuple[ReservedAddress, ...]]:
        """Who uses what of each reservation, by its key."""
        return self._reservations.usage()

    @property
    def reserved_changes(self) -> int:
        """Grows whenever `reserved` may differ."""
        return self._ledger.reserved_changes

    @property
    def waiting(self) -> int:
        """How many Services wait for an address that may come free."""
        return len(self._waiting)

    def _retry(self, find: Find) -> dict[str, Decision]:
        openings = self._ledger.openings
        if self._tried == openings:
            return {}
        self._tried = openings
        failed: set[Hashable] = set()
        decisions: dict[str, Decision] = {}
        for key, waiting in sorted(self._waiting.items(), key=lambda item: (item[1].since, item[0])):
            search = waiting.search
            request = None if waiting.openings == openings or search in failed else find(key)
            if request is None:
                continue
            decisions[key] = self._decide(request)
            if search is not None and key in self._waiting:
                failed.add(search)  # nobody who searches the same pools for the same can fare better
        return decisions

    def _claim_held(self, request: Request) -> None:
        if self._ledger.held_by(request.key):
            return
        held, has = tuple(dict.fromkeys(request.held)), request.standing is not Standing.NOT_LOAD_BALANCER
        if has and held and not self._search(request).blocked(held):
            self._ledger.claim(tenant_of(request), held)
        else:
            self._hold_back(request)

    def _decide(self, request: Request) -> Decision:
        self._waiting.pop(request.key, None)
        self._ledger.release(request.key, Hold.LEAVING)
        decision = self._judge(request)
        self._hold_back(request)
        return decision

    def _hold_back(self, request: Request) -> None:
        """Give to nobody what the status still lists: the write that removes it may fail."""
        kept = self._ledger.held_by(request.key)
        gone = tuple(one for one in dict.fromkeys(request.held) if one not in kept)
        self._ledger.claim(Tenant(request.key, hold=Hold.LEAVING), gone)

    def _judge(self, request: Request) -> Decision:
        if why := self._not_ours(request):
            return self._leave(request, why)
        self._unowned.discard(request.key)
        if fault := _family_fault(request):
            self._ledger.release(request.key)
            verdict = Verdict(False, _FAULTS[fault.reason], fault.text)
            return Refuse(request.key, (fault,), verdict, clear=_marked(request))
        search = self._search(request)
        held = self._holdings.still_good(search)
        if request.addresses_fault:
            return self._complain(request, held)
        if held.addresses and search.in_broken_pool:
            return self._keep(request, held)
        try:
            given = self._holdings.extended(search, held.addresses) if held.addresses else allotted(search)
        except Refusal as refusal:
            return self._refuse(request, held.notes, refusal)
        return self._settle(request, Given(given.addresses, (*held.notes, *given.notes), given.missing))

    def _refuse(self, request: Request, notes: tuple[Note, ...], refusal: Refusal) -> Refuse:
        self._ledger.release(request.key)
        self._wait(request)
        verdict = Verdict(False, refusal.cause, refusal.text)
        told = (*notes, _failed(request, refusal.text))
        return Refuse(request.key, told, verdict, clear=_marked(request))

    def _settle(self, request: Request, given: Given) -> Decision:
        self._ledger.claim(tenant_of(request), given.addresses)
        self._absent.drop(request.key)
        if given.missing:
            self._wait(request)
        name = self._holdings.pool_name(request.key, given.addresses)
        if request.exact and request.held == given.addresses and request.held_pool == name:
            return self._keep(request, given)
        deprecated = (
            Note(Reason.DEPRECATED_ANNOTATION, f"Service uses deprecated annotation {key}")
            for key in request.deprecated
        )
        notes = (*given.notes, *deprecated)
        return Assign(request.key, given.addresses, name, notes, given.missing)

    def _keep(self, request: Request, given: Given) -> Keep:
        return Keep(request.key, given.addresses, request.held_pool or "", given.notes, given.missing)

    def _not_ours(self, request: Request) -> Unowned | None:
        match request.standing:
            case Standing.NOT_LOAD_BALANCER:
                return Unowned.NOT_LOAD_BALANCER
            case Standing.OTHER_CLASS:
                return Unowned.OTHER_CLASS
            case Standing.OURS if not request.occupied:
                return None
            case Standing.OURS if not self._offers.known:
                return Unowned.NO_POOL_YET
            case Standing.OURS:
                return None if self._is_ours(request) else Unowned.FOREIGN_ADDRESS

    def _is_ours(self, request: Request) -> bool:
        return request.held_pool is not None or any(self._ledger.pool_of((one,)) for one in request.held)

    def _leave(self, request: Request, why: Unowned) -> Decision:
        if why is Unowned.NOT_LOAD_BALANCER:
            self._ledger.release(request.key)
            self._holdings.forget(request.key)
            self._unowned.discard(request.key)
            ours = self._is_ours(request) or request.judged
            return Clear(request.key) if ours and self._offers.known else Leave(request.key, why)
        self._unowned.add(request.key)
        if self._ledger.held_by(request.key) != request.held:
            self._ledger.release(request.key)
            self._claim_held(request)  # nobody else is given what another implementation gave
        return Leave(request.key, why)

    def _complain(self, request: Request, held: Given) -> Decision:
        """It asks for addresses that cannot be read: it keeps what it has."""
        fault = request.addresses_fault or ""
        if not set(held.addresses) <= set(request.held) and request.held:
            return self._settle(request, held)  # what was decided did not arrive
        if held.addresses and request.held:
            text = f"invalid requested loadbalancer IPs: {fault}"
            verdict = Verdict(True, Cause.INVALID_REQUEST, text)
            return Refuse(request.key, (*held.notes, Note(Reason.LOAD_BALANCER_FAILED, text)), verdict)
        self._ledger.release(request.key)
        verdict = Verdict(False, Cause.INVALID_REQUEST, fault)
        return Refuse(request.key, (*held.notes, _failed(request, fault)), verdict, clear=_marked(request))

    def _wait(self, request: Request) -> None:
        partly = bool(self._ledger.held_by(request.key))  # then its own pool matters, not those searched
        simple = not (request.addresses or request.sharing.key or partly)
        pools = [pool for group in self._offers.choices(request) for pool in group]
        asked = self._offers.pools.get(request.pool or "")
        namespace = request.namespace if any(one.quota for one in (*pools, asked) if one) else ""
        reserved = self._ledger.reserved_for(request.key)
        names = tuple(pool.name for pool in pools)
        search = (names, request.pool, request.families, request.policy, namespace, reserved)
        openings = self._ledger.openings
        self._waiting[request.key] = _Waiting(search if simple else None, openings, request.created)

    def _search(self, request: Request) -> Allotment:
        return Allotment(request, self._ledger, self._offers)


_FAULTS = {
    Reason.CLUSTER_FAMILIES: Cause.NO_CLUSTER_IPS,
    Reason.NOT_ENOUGH_CLUSTER_IPS: Cause.NOT_ENOUGH_CLUSTER_IPS,
    Reason.NO_CLUSTER_IPS: Cause.NO_CLUSTER_IPS,
}


def precedence(request: Request) -> tuple[bool, int, str, str]:
    """The order of decisions: who holds addresses comes before who waits, the older before the newer."""
    return (request.standing is not Standing.OURS, -len(request.held), request.created, request.key)


def _failed(request: Request, why: str) -> Note:
    return Note(Reason.ALLOCATION_FAILED, f'Failed to allocate IP for "{request.key}": {why}')


def _marked(request: Request) -> bool:
    return request.occupied or request.held_pool is not None


def _family_fault(request: Request) -> Note | None:
    """Why its cluster IPs do not say which families it needs."""
    if request.families_fault:
        return Note(Reason.CLUSTER_FAMILIES, request.families_fault)
    if request.policy is FamilyPolicy.REQUIRE_DUAL and len(request.families) < 2:
        text = f"Service requires dual stack but not enough clusterips [{' '.join(request.cluster_ips)}]"
        return Note(Reason.NOT_ENOUGH_CLUSTER_IPS, text)
    if not request.families:
        return Note(Reason.NO_CLUSTER_IPS, f'Service "{request.key}" has no cluster IP yet')
    return None

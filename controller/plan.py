"""What becomes of each Service: pure decisions against one ledger and one configuration.

A `Planner` lives as long as one term of leadership. It claims for holders before it gives to those who wait,
and it decides anew only for Services that changed, and for those who wait when an address may have come free.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping

from controller.choice import Offers
from controller.decision import Assign, Clear, Decision, Keep, Leave, Refuse, Unowned
from controller.ledger import Ledger, Obstacle, Usage
from controller.request import FamilyPolicy, Request, Standing, mixed_fault
from controller.tenant import Note, Reason, Tenant, quoted
from ferrite.model import Pool, families as families_of
from ferrite.net import Family, IPAddress, family_of

Find = Callable[[str], Request | None]


class _Refusal(Exception):  # noqa: N818 - an answer, raised and caught inside this module
    """No address can be given; the text says why, in MetalLB's words where it has some."""


class Planner:
    """The decisions of one term of leadership; one owner."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._offers = Offers()
        self._waiting: dict[str, tuple[Hashable, int]] = {}  # what is searched, and the openings then
        self._tried = -1

    def configure(self, offers: Offers) -> None:
        """Decide by these from now on; every Service is to be in the next turn."""
        self._offers = offers
        self._ledger.set_pools(offers.pools.values())

    def turn(self, keys: Iterable[str], find: Find) -> tuple[Decision, ...]:
        """Decide for the Services `keys`, and for those who wait if an address may have come free.

        Args:
            keys: Services that changed, or went; every one after `configure`.
            find: what a Service asks for now; None when it is gone, or waits and is not to be decided on now.
        """
        requests: list[Request] = []
        for key in keys:
            request = find(key)
            if request is None:
                self.forget(key)
            else:
                requests.append(request)
        requests.sort(key=_precedence)
        self.claim(requests)
        decisions = {request.key: self._decide(request) for request in requests}
        decisions.update(self._retry(find))
        return tuple(decisions.values())

    def claim(self, requests: Iterable[Request]) -> None:
        """Let everybody who is new here have what the status says, the older claim first."""
        for request in sorted(requests, key=_precedence):
            if request.held:
                self._claim_held(request)

    def forget(self, key: str) -> None:
        """The Service is gone: its addresses are free."""
        self._ledger.release(key)
        self._ledger.release(_leaving(key))
        self._waiting.pop(key, None)

    def services(self) -> dict[str, int]:
        """How many Services have addresses of each pool, by name."""
        return {name: self._ledger.tenants_of(name) for name in self._offers.pools}

    def usage(self) -> dict[str, Mapping[Family, Usage]]:
        """How full each pool is, by name."""
        return {name: self._ledger.usage(name) for name in self._offers.pools}

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
        for key, (search, seen) in list(self._waiting.items()):
            request = None if seen == openings or search in failed else find(key)
            if request is None:
                continue
            decisions[key] = self._decide(request)
            if search is not None and key in self._waiting:
                failed.add(search)  # nobody who searches the same pools for the same can fare better
        return decisions

    def _claim_held(self, request: Request) -> None:
        if self._ledger.held_by(request.key):
            return
        if request.standing is Standing.NOT_LOAD_BALANCER:
            self._hold_back(request)  # its turn comes last, and its status lists them until then
            return
        held = tuple(dict.fromkeys(request.held))
        if held and self._unobstructed(request, held):
            self._ledger.claim(_tenant(request), held)

    def _decide(self, request: Request) -> Decision:
        self._waiting.pop(request.key, None)
        self._ledger.release(_leaving(request.key))
        decision = self._judge(request)
        self._hold_back(request)
        return decision

    def _hold_back(self, request: Request) -> None:
        """Give to nobody what the status still lists: the write that removes it may fail."""
        ghost = Tenant(_leaving(request.key))
        kept = self._ledger.held_by(request.key)
        gone = (one for one in dict.fromkeys(request.held) if one not in kept)
        self._ledger.claim(ghost, tuple(one for one in gone if not self._ledger.obstacle(ghost, one)))

    def _judge(self, request: Request) -> Decision:
        if why := self._unowned(request):
            return self._leave(request, why)
        if fault := _family_fault(request):
            self._ledger.release(request.key)
            return Refuse(request.key, (fault,), clear=_marked(request))
        held, notes = self._still_good(request)
        if request.addresses_fault:
            return self._complain(request, held, notes)
        if held and self._in_broken_pool(request):
            return Keep(request.key, notes)
        try:
            addresses, told = self._extend(request, held) if held else self._allocate(request)
        except _Refusal as refusal:
            return self._refuse(request, notes, str(refusal))
        return self._settle(request, addresses, (*notes, *told))

    def _refuse(self, request: Request, notes: tuple[Note, ...], why: str) -> Refuse:
        self._ledger.release(request.key)
        self._wait(request)
        return Refuse(request.key, (*notes, _failed(request, why)), clear=_marked(request))

    def _settle(
        self, request: Request, addresses: tuple[IPAddress, ...], notes: tuple[Note, ...]
    ) -> Decision:
        self._ledger.claim(_tenant(request), addresses)
        pool = self._ledger.pool_of(addresses)
        name = pool.name if pool else ""
        if request.exact and request.held == addresses and request.held_pool == name:
            return Keep(request.key, notes)
        deprecated = (
            Note(Reason.DEPRECATED_ANNOTATION, f"Service uses deprecated annotation {key}")
            for key in request.deprecated
        )
        return Assign(request.key, addresses, name, (*notes, *deprecated))

    def _unowned(self, request: Request) -> Unowned | None:
        match request.standing:
            case Standing.NOT_LOAD_BALANCER:
                return Unowned.NOT_LOAD_BALANCER
            case Standing.OTHER_CLASS:
                return Unowned.OTHER_CLASS
            case Standing.OURS:
                theirs = request.occupied and not self._is_ours(request)
                return Unowned.FOREIGN_ADDRESS if theirs else None

    def _is_ours(self, request: Request) -> bool:
        return request.held_pool is not None or any(self._ledger.pool_of((one,)) for one in request.held)

    def _leave(self, request: Request, why: Unowned) -> Decision:
        if why is Unowned.NOT_LOAD_BALANCER:
            self._ledger.release(request.key)
            return Clear(request.key) if self._is_ours(request) else Leave(request.key, why)
        if self._ledger.held_by(request.key) != request.held:
            self._ledger.release(request.key)
            self._claim_held(request)  # nobody else is given what another implementation gave
        return Leave(request.key, why)

    def _complain(self, request: Request, held: tuple[IPAddress, ...], notes: tuple[Note, ...]) -> Refuse:
        """It asks for addresses that cannot be read: it keeps what it has."""
        if held:
            text = f"invalid requested loadbalancer IPs: {request.addresses_fault}"
            return Refuse(request.key, (*notes, Note(Reason.LOAD_BALANCER_FAILED, text)))
        self._ledger.release(request.key)
        fault = _failed(request, request.addresses_fault or "")
        return Refuse(request.key, (*notes, fault), clear=_marked(request))

    def _in_broken_pool(self, request: Request) -> bool:
        """Whether what it has is of a pool that does not count; another may have taken in the address."""
        return request.held_pool in self._offers.broken

    def _wait(self, request: Request) -> None:
        partly = bool(self._ledger.held_by(request.key))  # then its own pool matters, not those searched
        simple = not (request.addresses or request.sharing.key or partly)
        names = [[pool.name for pool in group] for group in self._offers.choices(request)]
        search = (str(names), request.pool, request.families, request.policy)
        self._waiting[request.key] = (search if simple else None, self._ledger.openings)

    def _still_good(self, request: Request) -> tuple[tuple[IPAddress, ...], tuple[Note, ...]]:
        """Those of the held addresses that it may keep, claimed; and what is to be told about the others.

        What was decided before counts, not the status: a write whose answer was lost may still arrive.
        """
        present = self._ledger.held_by(request.key) or request.held
        if fault := mixed_fault(present):
            text = f"Failed to retrieve LBIPs IPFamily for {quoted(present)}: {fault}"
            return (), (Note(Reason.HELD_FAMILIES, text),)
        held = tuple(address for address in present if family_of(address) in request.families)
        if not held:
            return (), ()
        obstacle = self._why_not(request, held)
        if obstacle and not (self._in_broken_pool(request) and self._unobstructed(request, held)):
            text = (
                f'current IP for "{request.key}" not allowed by config, will attempt for new IP assignment: '
            )
            return (), (Note(Reason.CLEAR_ASSIGNMENT, text + obstacle),)
        if self._wants_other(request, held):
            return (), ()
        self._ledger.claim(_tenant(request), held)
        new = Note(Reason.IP_ALLOCATED, f"Assigned IP {quoted(held)}")
        return held, () if request.held else (new,)

    def _wants_other(self, request: Request, held: tuple[IPAddress, ...]) -> bool:
        pool = self._ledger.pool_of(held)
        own = pool.name if pool is not None and not self._in_broken_pool(request) else request.held_pool
        if request.pool is not None and own is not None and own != request.pool:
            return True
        return bool(request.addresses) and set(request.addresses) != set(held)

    def _unobstructed(self, request: Request, held: tuple[IPAddress, ...]) -> bool:
        return not any(self._ledger.obstacle(_tenant(request), address) for address in held)

    def _why_not(self, request: Request, addresses: tuple[IPAddress, ...]) -> str | None:
        pool = self._ledger.pool_of(addresses)
        if pool is None:
            return f"{quoted(addresses)} is not allowed in config"
        if not self._offers.admits(pool, request):
            return f"pool {pool.name} not compatible for ip assignment"
        for address in addresses:
            if obstacle := self._ledger.obstacle(_tenant(request), address):
                return _blocked(request.key, obstacle)
        return None

    def _extend(
        self, request: Request, held: tuple[IPAddress, ...]
    ) -> tuple[tuple[IPAddress, ...], tuple[Note, ...]]:
        """The held addresses, and one of the family that is missing if there is a way."""
        missing = [family for family in request.families if family not in families_of(held)]
        pool = self._ledger.pool_of(held)
        if not missing or request.addresses or pool is None:
            return held, ()
        extra = self._ledger.first_free(pool.name, missing[0], _tenant(request))
        if extra is not None:
            return (*held, extra), (Note(Reason.IP_ALLOCATED, f'Assigned additional IP "{extra}"'),)
        if request.policy is FamilyPolicy.REQUIRE_DUAL:
            return self._allocate(request)
        self._wait(request)
        why = f"no available IPs in pool {pool.name} for {_word(missing)} IPFamily"
        text = f"cannot assign additional IP in PreferDualStack: {why}"
        return held, (Note(Reason.ADDITIONAL_ASSIGN_FAILED, text),)

    def _allocate(self, request: Request) -> tuple[tuple[IPAddress, ...], tuple[Note, ...]]:
        self._ledger.release(request.key)
        if request.addresses:
            addresses = self._requested(request)
        elif request.pool is not None:
            addresses = self._from_pool(request, request.pool)
        else:
            addresses = self._search(request)
        return addresses, (Note(Reason.IP_ALLOCATED, f"Assigned IP {quoted(addresses)}"),)

    def _requested(self, request: Request) -> tuple[IPAddress, ...]:
        wanted = request.addresses
        if set(families_of(wanted)) != set(request.families):
            raise _Refusal(
                f"requested loadBalancer IP(s) {quoted(wanted)} does not match the ipFamily of the service"
            )
        if why := self._why_not(request, wanted):
            raise _Refusal(why)
        pool = self._ledger.pool_of(wanted)
        if request.pool is not None and pool is not None and pool.name != request.pool:
            raise _Refusal(
                f"requested loadBalancer IP(s) {quoted(wanted)} is not compatible with "
                f"requested address pool {request.pool}"
            )
        return wanted

    def _from_pool(self, request: Request, name: str) -> tuple[IPAddress, ...]:
        pool = self._offers.pools.get(name)
        if pool is None:
            raise _Refusal(f'unknown pool "{name}"')
        if not self._offers.admits(pool, request):
            raise _Refusal(f"pool {name} not compatible for ip assignment")
        if found := self._best(request, (pool,)):
            return found
        tenant = _tenant(request)
        if any(self._ledger.first_free(name, family, tenant) for family in Family):
            raise _Refusal(f"no available IPs in pool {name} for {_word(request.families)} IPFamily")
        raise _Refusal(f"no available IPs in pool {name}")

    def _search(self, request: Request) -> tuple[IPAddress, ...]:
        for pools in self._offers.choices(request):
            if found := self._best(request, pools):
                return found
        raise _Refusal("no available IPs")

    def _best(self, request: Request, pools: tuple[Pool, ...]) -> tuple[IPAddress, ...]:
        """Addresses of the first pool that has all families; else, where one will do, of the primary one."""
        tenant, single = _tenant(request), dict[Family, IPAddress]()
        for pool in pools:
            found = {
                family: address
                for family in request.families
                if (address := self._ledger.first_free(pool.name, family, tenant)) is not None
            }
            if len(found) == len(request.families):
                return tuple(sorted(found.values(), key=lambda address: address.version))
            for family, address in found.items():
                single.setdefault(family, address)
        if request.policy is not FamilyPolicy.PREFER_DUAL:
            return ()
        return next(((single[family],) for family in request.families if family in single), ())


def _tenant(request: Request) -> Tenant:
    return Tenant(request.key, request.sharing, request.ports)


def _leaving(key: str) -> str:
    return f"{key} (leaving)"  # no key of a Service: those have no spaces


def _precedence(request: Request) -> tuple[bool, int, str, str]:
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


def _blocked(key: str, obstacle: Obstacle) -> str:
    holders = ",".join(obstacle.holders)
    if obstacle.port:
        busy = f'port {obstacle.port} is already in use on "{obstacle.address}"'
        return f"{busy}; {obstacle.address} is held by {holders}"
    return (
        f'can\'t change sharing key for "{key}", address also in use by {holders}; '
        f"{obstacle.address} is held by {holders}; a shared address needs the same allow-shared-ip key"
    )


def _word(families: Iterable[Family]) -> str:
    words = [family.value.lower() for family in families]
    return words[0] if len(words) == 1 else "dual"

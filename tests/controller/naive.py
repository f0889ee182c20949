"""What must hold of addresses, told from the objects alone: every pool is small enough to be written out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from controller.request import FamilyPolicy, Request, Standing
from controller.tenant import Sharing
from ferrite.model import Pool, Reservation
from ferrite.net import IPAddress, address_at, family_of, is_buggy
from ferrite.selectors import matches
from tests.controller.simulated import BINDINGS, NAMESPACES, POOLS, RESERVATIONS, SERVICES, Kinds, StoredPool

Has = Mapping[str, tuple[IPAddress, ...]]


def listed(pool: Pool) -> Iterator[IPAddress]:
    """Every address that a pool offers."""
    for each in pool.ranges:
        for number in range(each.first, each.last + 1):
            address = address_at(each.family, number)
            if not (pool.avoid_buggy_ips and is_buggy(address)):
                yield address


def compatible(one: tuple[Sharing, frozenset], other: tuple[Sharing, frozenset]) -> bool:
    """Whether two may have the same address: key and backend the same, ports apart."""
    return bool(one[0].key) and one[0] == other[0] and not one[1] & other[1]


def terms(request: Request) -> tuple[Sharing, frozenset]:
    """What matters for sharing."""
    return request.sharing, request.ports


@dataclass(frozen=True)
class Facts:
    """Objects, and who has which address in them or is to have it."""

    kinds: Kinds
    has: Has
    now: float

    @property
    def pools(self) -> dict[str, StoredPool]:
        return self.kinds[POOLS]

    def request(self, key: str) -> Request:
        return self.kinds[SERVICES][key].request

    def pool_of(self, addresses: Iterable[IPAddress]) -> StoredPool | None:
        """The pool that offers all of them."""
        wanted = set(addresses)
        found = [stored for stored in self.pools.values() if wanted <= set(listed(stored.pool))]
        return found[0] if wanted and found else None

    def admits(self, stored: StoredPool, request: Request) -> bool:
        """Whether the pool is for this Service."""
        allocation = stored.pool.allocation
        if allocation is None:
            return True
        selectors = allocation.service_selectors
        by_labels = not selectors or any(matches(each, request.labels) for each in selectors)
        return by_labels and self.admits_namespace(stored, request.namespace)

    def admits_namespace(self, stored: StoredPool, namespace: str) -> bool:
        """Whether the pool is for Services of this namespace."""
        allocation = stored.pool.allocation
        if allocation is None or not (allocation.namespaces or allocation.namespace_selectors):
            return True
        labels = self.kinds[NAMESPACES].get(namespace, {})
        chosen = any(matches(each, labels) for each in allocation.namespace_selectors)
        return chosen or namespace in allocation.namespaces

    def limit(self, pool: Pool, namespace: str) -> int | None:
        """Most addresses of the pool for the namespace."""
        if pool.quota is None:
            return None
        labels = self.kinds[NAMESPACES].get(namespace, {})
        for entry in pool.quota.limits:
            if matches(entry.selector, labels):
                return entry.limit
        return pool.quota.default

    def in_use(self, pool: Pool, namespace: str) -> set[IPAddress]:
        """What Services of the namespace have of the pool."""
        offered = set(listed(pool))
        mine = (addresses for key, addresses in self.has.items() if key.startswith(f"{namespace}/"))
        return {address for addresses in mine for address in addresses} & offered

    def kept(self, namespace: str = "") -> dict[IPAddress, str]:
        """What is written down for Services that are not there, and for whom."""
        found: dict[IPAddress, str] = {}
        for key, stored in self.kinds[BINDINGS].items():
            until = stored.binding.until
            if key not in self.kinds[SERVICES] and (until is None or until > self.now):
                found |= dict.fromkeys(stored.binding.addresses, key)
        return {address: key for address, key in found.items() if key.startswith(namespace)}

    def reserved(self) -> dict[IPAddress, Reservation]:
        """What is reserved: older reservations first, quotas held."""
        found: dict[IPAddress, Reservation] = {}
        for each in self.kinds[RESERVATIONS].values():
            stored = self.pools.get(each.pool)
            if not stored or stored.deleting or not self.admits_namespace(stored, each.namespace):
                continue
            pool, offered = stored.pool, set(listed(stored.pool))
            limit = self.limit(pool, each.namespace)
            for address in each.addresses:
                theirs = {one for one, other in found.items() if other.namespace == each.namespace}
                spent = self.in_use(pool, each.namespace) | {*self.kept(f"{each.namespace}/"), *theirs}
                within = limit is None or len((spent | {address}) & offered) <= limit
                if address in offered and address not in found and within:
                    found[address] = each
        return found

    def spent(self, pool: Pool, namespace: str) -> set[IPAddress]:
        """What counts for the namespace's quota."""
        mine = {address for address, each in self.reserved().items() if each.namespace == namespace}
        return (self.in_use(pool, namespace) | mine | set(self.kept(f"{namespace}/"))) & set(listed(pool))

    def sharers(self, key: str, addresses: Iterable[IPAddress]) -> set[str]:
        """Other Services that have one of these."""
        wanted = set(addresses)
        return {other for other, held in self.has.items() if other != key and wanted & set(held)}

    def clash(self, key: str, addresses: Iterable[IPAddress]) -> set[str]:
        """Other Services that have one of these, and do not share it with this one."""
        mine = terms(self.request(key))
        return {
            other
            for other in self.sharers(key, addresses)
            if not compatible(mine, terms(self.request(other)))
        }

    def is_free_for(self, key: str, address: IPAddress, reserved: Mapping[IPAddress, Reservation]) -> bool:
        """Whether nobody is in the way of having this anew; kept ones are never sure."""
        reservation = reserved.get(address)
        return (
            not self.clash(key, (address,))
            and self.kept().get(address, key) == key
            and (reservation is None or reservation.admits(key))
        )

    def could_have(self, key: str) -> tuple[IPAddress, ...]:
        """Addresses that would serve a Service that has none; empty when there are none."""
        request = self.request(key)
        reserved = self.reserved()
        for name, stored in self.pools.items():
            pool = stored.pool
            own = {one for one, each in reserved.items() if each.admits(key)}
            if stored.deleting or not self.admits(stored, request) or request.pool not in (None, name):
                continue
            free = [one for one in listed(pool) if self.is_free_for(key, one, reserved)]
            spent, limit = self.spent(pool, request.namespace), self.limit(pool, request.namespace)
            for choice in _choices(request, free):
                chosen = request.pool or request.addresses or own & set(choice)
                within = limit is None or len(spent | set(choice)) <= limit or set(choice) <= spent
                if within and (pool.auto_assign or chosen):
                    return choice
        return ()


def _choices(request: Request, free: list[IPAddress]) -> Iterator[tuple[IPAddress, ...]]:
    """All ways to serve a request with these."""
    sizes = (1, 2) if request.policy is FamilyPolicy.PREFER_DUAL else (len(request.families),)
    for size in sizes:
        for choice in combinations(free, size):
            families = {family_of(each) for each in choice}
            right = len(families) == size and families <= set(request.families)
            if right and not request.addresses:
                yield choice
    asked = set(request.addresses)
    if asked and {family_of(each) for each in asked} == set(request.families) and asked <= set(free):
        yield request.addresses


def is_servable(request: Request) -> bool:
    """Whether it is ours and asks for something that can be understood."""
    enough = request.policy is not FamilyPolicy.REQUIRE_DUAL or len(request.families) == 2
    faults = request.families_fault or request.addresses_fault
    return request.standing is Standing.OURS and bool(request.families) and enough and not faults

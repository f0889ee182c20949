"""Who holds which address: one value with one owner, the plan.

Every question costs the logarithm of what is held at most, however large or full a pool is; only new pools,
new reservations and a sharing key cost a walk, over what is held or over that key's addresses. Which pool a
Service may use is not known here: `controller/choice.py` tells.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from controller.spans import Span
from controller.tenant import Hold, Port, Sharing, Tenant
from ferrite.model import Pool, Reservation
from ferrite.net import LARGEST_COUNT, Family, IPAddress, address_at, family_of


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a tenant cannot have an address.

    Attributes:
        holders: keys of those who hold it, ascending.
        port: the port that a sharer already serves; None when the holders do not share with the tenant.
        kept: whether it is only kept for a holder that was deleted.
        reservation: key of the reservation that is for others.
    """

    address: IPAddress
    holders: tuple[str, ...] = ()
    port: Port | None = None
    kept: bool = False
    reservation: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Addresses of one family in a pool.

    Attributes:
        total: as many as there are, up to 2**128.
        in_use: held by Services.
        withheld: held by none, but reserved, or kept for a Service that was deleted.
    """

    total: int
    in_use: int
    withheld: int = 0

    @property
    def size(self) -> int:
        """All of them; `LARGEST_COUNT` stands for that many or more."""
        return min(LARGEST_COUNT, self.total)

    @property
    def available(self) -> int:
        """Addresses that anybody may get; `LARGEST_COUNT` stands for that many or more."""
        return min(LARGEST_COUNT, self.total - self.in_use - self.withheld)


@dataclass(slots=True)
class _PoolState:
    spans: dict[Family, list[Span]] = field(default_factory=lambda: {family: [] for family in Family})
    in_use: Counter[Family] = field(default_factory=Counter)
    withheld: Counter[Family] = field(default_factory=Counter)
    size: Counter[Family] = field(default_factory=Counter)
    tenants: int = 0
    spent: dict[str, Counter[IPAddress]] = field(default_factory=dict)  # by namespace: how often each is held


_Mark = tuple[str, Hold]


class Ledger:
    """Which tenant holds which addresses, and which addresses of the pools are free."""

    def __init__(self, pools: Iterable[Pool] = ()) -> None:
        self._tenants: dict[_Mark, tuple[Tenant, tuple[IPAddress, ...]]] = {}
        self._holders: dict[IPAddress, dict[_Mark, Tenant]] = {}
        self._shared: dict[Sharing, set[IPAddress]] = {}
        self._reserved: dict[IPAddress, Reservation] = {}
        self._reserved_in: dict[str, list[IPAddress]] = {}  # by namespace
        self._uses: dict[IPAddress, bool] = {}  # those not free: True in use, False withheld
        self._pools: dict[str, _PoolState] = {}
        self._spans: dict[Family, list[Span]] = {family: [] for family in Family}
        self._firsts: dict[Family, list[int]] = {family: [] for family in Family}
        self._limited = False  # whether any pool has a quota: else nothing is counted by namespace
        self.openings = 0
        """Grows whenever somebody who was refused before might now be served."""
        self.reserved_changes = 0
        """Grows whenever somebody takes or leaves a reserved address."""
        self.set_pools(pools)

    def set_pools(self, pools: Iterable[Pool]) -> None:
        """Offer these pools from now on; whoever holds an address keeps it, inside the pools or not."""
        offered = tuple(pools)
        self._pools = {pool.name: _PoolState() for pool in offered}
        self._spans = {family: [] for family in Family}
        self._limited = any(pool.quota for pool in offered)
        for pool in offered:
            for position, addresses in enumerate(pool.ranges):
                self._add_span(Span(pool, position, addresses))
        for family, spans in self._spans.items():
            spans.sort(key=lambda span: span.addresses.first)
            self._firsts[family] = [span.addresses.first for span in spans]
        self._uses = {}
        for address, reservation in self._reserved.items():
            self._spend(reservation.namespace, address, 1)
        for tenant, held in self._tenants.values():
            self._count(tenant, held, 1)
        for address in {*self._holders, *self._reserved}:
            self._refresh(address)
        self.openings += 1

    def _add_span(self, span: Span) -> None:
        state, family = self._pools[span.pool.name], span.addresses.family
        state.spans[family].append(span)
        state.size[family] += span.size
        self._spans[family].append(span)

    def reserve(self, reserved: Mapping[IPAddress, Reservation]) -> None:
        """Hold these back from now on, and no others; whoever has one of them keeps it."""
        before, self._reserved, self._reserved_in = self._reserved, dict(reserved), {}
        for address, reservation in before.items():
            self._spend(reservation.namespace, address, -1)
        for address, reservation in self._reserved.items():
            self._spend(reservation.namespace, address, 1)
            self._reserved_in.setdefault(reservation.namespace, []).append(address)
        for address in {*before, *self._reserved}:
            self._refresh(address)
        self.openings += 1

    def reserved_for(self, key: str) -> tuple[IPAddress, ...]:
        """The addresses that are reserved for the Service `key`, used or not, in no order."""
        found = self._reserved_in.get(key.partition("/")[0], ())
        return tuple(address for address in found if self._reserved[address].admits(key))

    def pool_of(self, addresses: Iterable[IPAddress]) -> Pool | None:
        """The one pool that offers all of these; None when there is none, or they are of several."""
        found: Pool | None = None
        for address in addresses:
            span = self._span_of(address)
            if span is None or (found is not None and span.pool is not found):
                return None
            found = span.pool
        return found

    def held_by(self, key: str, hold: Hold = Hold.USED) -> tuple[IPAddress, ...]:
        """The addresses that tenant `key` holds, in the order of its claim."""
        entry = self._tenants.get((key, hold))
        return entry[1] if entry else ()

    def tenant(self, key: str) -> Tenant | None:
        """Who holds addresses in use under `key`."""
        entry = self._tenants.get((key, Hold.USED))
        return entry[0] if entry else None

    def holders(self, address: IPAddress) -> tuple[str, ...]:
        """Keys of the Services that use `address`, ascending."""
        found = self._holders.get(address, {})
        return tuple(sorted(key for key, hold in found if hold is Hold.USED))

    def spent(self, pool: str, namespace: str) -> Mapping[IPAddress, int]:
        """The addresses of a pool with a quota that a namespace has: in use, reserved or kept for it."""
        return self._pools[pool].spent.get(namespace, {})

    def obstacle(self, tenant: Tenant, address: IPAddress, *, new: bool = False) -> Obstacle | None:
        """Why `tenant` cannot have `address`; None when it can, alone or sharing, whatever the pools.

        Args:
            tenant: whatever it holds itself is not in its way.
            address: the one asked for.
            new: it does not have it yet, hence reservations count, and those who are leaving.
        """
        holders = self._holders.get(address, {}).values()
        others = [one for one in holders if one.key != tenant.key and (new or one.hold is not Hold.LEAVING)]
        keys = tuple(sorted({other.key for other in others}))
        if any(not tenant.sharing.admits(other.sharing) for other in others):
            return Obstacle(address, keys, kept=all(other.hold is Hold.KEPT for other in others))
        for other in others:
            if common := tenant.ports & other.ports:
                return Obstacle(address, (other.key,), min(common), kept=other.hold is Hold.KEPT)
        reservation = self._reserved.get(address) if new else None
        if reservation and not reservation.admits(tenant.key):
            return Obstacle(address, keys, reservation=reservation.key)
        return None

    def claim(self, tenant: Tenant, addresses: tuple[IPAddress, ...]) -> None:
        """Let `tenant` hold exactly these from now on; who is leaving may hold what others have.

        Raises:
            ValueError: one of them cannot be had; ask `obstacle` first.
        """
        mark = (tenant.key, tenant.hold)
        before = self._tenants.get(mark)
        if before == (tenant, addresses) or not (before or addresses):
            return
        leaving = tenant.hold is Hold.LEAVING
        if not leaving and any(self.obstacle(tenant, address) for address in addresses):
            raise ValueError(f"{tenant.key} cannot hold {addresses}")
        if before and (before[0] != tenant or not set(before[1]) <= set(addresses)):
            self.openings += 1
        self._drop(mark)
        if not addresses:
            return
        self._tenants[mark] = (tenant, addresses)
        self._count(tenant, addresses, 1)
        for address in addresses:
            self._holders.setdefault(address, {})[mark] = tenant
            if tenant.sharing.key:
                self._shared.setdefault(tenant.sharing, set()).add(address)
            self._refresh(address)

    def release(self, key: str, hold: Hold = Hold.USED) -> tuple[IPAddress, ...]:
        """Take away whatever `key` holds, and say what that was."""
        dropped = self._drop((key, hold))
        self.openings += any(self._span_of(address) for address in dropped)
        return dropped

    def _drop(self, mark: _Mark) -> tuple[IPAddress, ...]:
        entry = self._tenants.pop(mark, None)
        if entry is None:
            return ()
        tenant, addresses = entry
        self._count(tenant, addresses, -1)
        for address in addresses:
            holders = self._holders[address]
            del holders[mark]
            if not holders:
                del self._holders[address]
            self._unshare(address, tenant.sharing)
            self._refresh(address)
        return addresses

    def _unshare(self, address: IPAddress, sharing: Sharing) -> None:
        shared = self._shared.get(sharing)
        if shared is None or any(t.sharing == sharing for t in self._holders.get(address, {}).values()):
            return
        shared.discard(address)
        if not shared:
            del self._shared[sharing]

    def first_free(self, pool: str, family: Family, tenant: Tenant) -> IPAddress | None:
        """The first address of `pool` that `tenant` can have, or has: ranges in order, then ascending.

        Those reserved for it count only where it can share them: see `reserved_for` and `first_of`.
        """
        state = self._pools.get(pool)
        if state is None:
            return None
        own = (*self.held_by(tenant.key), *self.held_by(tenant.key, Hold.KEPT))
        shared = self._shared.get(tenant.sharing, ()) if tenant.sharing.key else ()
        taken = self.first_of(pool, family, tenant, (*shared, *own))
        for span in state.spans[family]:
            number = span.first_free()
            if number is not None:
                found = address_at(family, number)
                return found if taken is None else min(found, taken, key=self._place)
        return taken

    def first_of(
        self, pool: str, family: Family, tenant: Tenant, among: Iterable[IPAddress]
    ) -> IPAddress | None:
        """The first of certain addresses of `pool` that `tenant` can have."""
        best: IPAddress | None = None
        for address in among:
            span = self._span_of(address) if family_of(address) is family else None
            if span is None or span.pool.name != pool or self.obstacle(tenant, address, new=True):
                continue
            best = address if best is None else min(best, address, key=self._place)
        return best

    def _place(self, address: IPAddress) -> tuple[int, int]:
        span = self._span_of(address)
        return (span.position if span else 0, int(address))

    def usage(self, pool: str) -> Mapping[Family, Usage]:
        """How full a pool is, per family; a shared address counts once."""
        state = self._pools[pool]
        return {one: Usage(state.size[one], state.in_use[one], state.withheld[one]) for one in Family}

    def tenants_of(self, pool: str) -> int:
        """How many tenants hold addresses of a pool."""
        return self._pools[pool].tenants

    def pools_of_tenants(self) -> dict[str, str]:
        """The name of the pool that each Service's addresses are of, by key; others are left out."""
        return {
            key: pool.name
            for (key, hold), (_, addresses) in self._tenants.items()
            if hold is Hold.USED and (pool := self.pool_of(addresses))
        }

    def tenants(self) -> Iterator[tuple[Tenant, tuple[IPAddress, ...]]]:
        """Everybody who holds something."""
        return iter(self._tenants.values())

    def in_use(self) -> Iterable[IPAddress]:
        """Every address that Services use."""
        return (address for address, used in self._uses.items() if used)

    def _span_of(self, address: IPAddress) -> Span | None:
        family, number = family_of(address), int(address)
        index = bisect_right(self._firsts[family], number) - 1
        if index < 0:
            return None
        span = self._spans[family][index]
        return None if number > span.addresses.last or span.leaves_out(number) else span

    def _count(self, tenant: Tenant, addresses: tuple[IPAddress, ...], step: int) -> None:
        if tenant.hold is Hold.LEAVING:
            return
        for address in addresses:
            self._spend(tenant.namespace, address, step)
        if tenant.hold is Hold.USED and (pool := self.pool_of(addresses)):
            self._pools[pool.name].tenants += step

    def _spend(self, namespace: str, address: IPAddress, step: int) -> None:
        span = self._span_of(address) if self._limited else None
        if span is None or span.pool.quota is None:
            return
        spent = self._pools[span.pool.name].spent
        counts = spent.setdefault(namespace, Counter())
        counts[address] += step
        if not counts[address]:
            del counts[address]
        if not counts:
            del spent[namespace]

    def _refresh(self, address: IPAddress) -> None:
        """Count an address as in use, withheld or free, whichever it is now."""
        self.reserved_changes += address in self._reserved
        holders = self._holders.get(address, {}).values()
        before, now = self._uses.get(address), None
        if any(tenant.hold is not Hold.KEPT for tenant in holders):
            now = True
        elif holders or address in self._reserved:
            now = False
        if now is before:
            return
        if now is None:
            del self._uses[address]
        else:
            self._uses[address] = now
        if span := self._span_of(address):
            state, family = self._pools[span.pool.name], span.addresses.family
            for use, step in ((before, -1), (now, 1)):
                if use is not None:
                    (state.in_use if use else state.withheld)[family] += step
            (span.give_back if now is None else span.take)(int(address))

"""Who holds which address: one value with one owner, the plan.

Every question costs the logarithm of what is held at most, however large or full a pool is; only new pools
and a sharing key cost a walk, over what is held or over that key's addresses. Which pool a Service may use
is not known here: `controller/choice.py` tells.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from controller.tenant import Port, Sharing, Tenant
from ferrite.model import Pool
from ferrite.net import (
    LARGEST_COUNT,
    AddressRange,
    Family,
    IPAddress,
    address_at,
    buggy_count,
    family_of,
    is_buggy,
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a tenant cannot have an address.

    Attributes:
        holders: keys of those who hold it, ascending.
        port: the port that a sharer already serves; None when the holders do not share with the tenant.
    """

    address: IPAddress
    holders: tuple[str, ...]
    port: Port | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Addresses of one family in a pool; saturating at `LARGEST_COUNT`."""

    size: int
    in_use: int

    @property
    def available(self) -> int:
        """Addresses nobody holds."""
        return self.size - self.in_use


class _Span:
    """One range of a pool, with its lowest free address at hand.

    Every address below `next` is taken, is left out as buggy, or waits in `freed`; so the lowest free one is
    the least of `freed`, else the first from `next` on that is not taken. `next` only grows, and passes each
    taken address once: a search costs the logarithm of what was freed, amortised.
    """

    __slots__ = ("addresses", "freed", "next", "pool", "position", "queued", "taken")

    def __init__(self, pool: Pool, position: int, addresses: AddressRange) -> None:
        self.pool, self.position, self.addresses = pool, position, addresses
        self.taken: set[int] = set()
        self.freed: list[int] = []
        self.queued: set[int] = set()  # what `freed` holds, so that it holds nothing twice
        self.next = addresses.first

    def take(self, number: int) -> None:
        self.taken.add(number)

    def give_back(self, number: int) -> None:
        self.taken.discard(number)
        if number < self.next and number not in self.queued:
            self.queued.add(number)
            heapq.heappush(self.freed, number)

    def first_free(self) -> int | None:
        while self.freed and self.freed[0] in self.taken:
            self.queued.discard(heapq.heappop(self.freed))
        if self.freed:
            return self.freed[0]
        while self.next <= self.addresses.last and not self._usable(self.next):
            self.next += 1
        return self.next if self.next <= self.addresses.last else None

    def _usable(self, number: int) -> bool:
        return number not in self.taken and not self.leaves_out(number)

    def leaves_out(self, number: int) -> bool:
        return self.pool.avoid_buggy_ips and is_buggy(address_at(self.addresses.family, number))

    @property
    def size(self) -> int:
        left_out = buggy_count(self.addresses) if self.pool.avoid_buggy_ips else 0
        return self.addresses.size - left_out


@dataclass(slots=True)
class _PoolState:
    spans: dict[Family, list[_Span]] = field(default_factory=lambda: {family: [] for family in Family})
    in_use: dict[Family, int] = field(default_factory=lambda: dict.fromkeys(Family, 0))
    size: dict[Family, int] = field(default_factory=lambda: dict.fromkeys(Family, 0))
    tenants: int = 0


class Ledger:
    """Which tenant holds which addresses, and which addresses of the pools are free."""

    def __init__(self, pools: Iterable[Pool] = ()) -> None:
        self._tenants: dict[str, tuple[Tenant, tuple[IPAddress, ...]]] = {}
        self._holders: dict[IPAddress, dict[str, Tenant]] = {}
        self._shared: dict[Sharing, set[IPAddress]] = {}
        self._pools: dict[str, _PoolState] = {}
        self._spans: dict[Family, list[_Span]] = {family: [] for family in Family}
        self._firsts: dict[Family, list[int]] = {family: [] for family in Family}
        self.openings = 0
        """Grows whenever somebody who was refused before might now be served."""
        self.set_pools(pools)

    def set_pools(self, pools: Iterable[Pool]) -> None:
        """Offer these pools from now on; whoever holds an address keeps it, inside the pools or not."""
        offered = tuple(pools)
        self._pools = {pool.name: _PoolState() for pool in offered}
        self._spans = {family: [] for family in Family}
        for pool in offered:
            for position, addresses in enumerate(pool.ranges):
                self._add_span(_Span(pool, position, addresses))
        for family, spans in self._spans.items():
            spans.sort(key=lambda span: span.addresses.first)
            self._firsts[family] = [span.addresses.first for span in spans]
        for address in self._holders:
            self._occupy(address)
        for _, held in self._tenants.values():
            self._count(held, 1)
        self.openings += 1

    def _add_span(self, span: _Span) -> None:
        state, family = self._pools[span.pool.name], span.addresses.family
        state.spans[family].append(span)
        state.size[family] = min(LARGEST_COUNT, state.size[family] + span.size)
        self._spans[family].append(span)

    def pool_of(self, addresses: Iterable[IPAddress]) -> Pool | None:
        """The one pool that offers all of these; None when there is none, or they are of several."""
        found: Pool | None = None
        for address in addresses:
            span = self._span_of(address)
            if span is None or (found is not None and span.pool is not found):
                return None
            found = span.pool
        return found

    def held_by(self, key: str) -> tuple[IPAddress, ...]:
        """The addresses that tenant `key` holds, in the order of its claim."""
        entry = self._tenants.get(key)
        return entry[1] if entry else ()

    def holders(self, address: IPAddress) -> tuple[str, ...]:
        """Keys of the tenants that hold `address`, ascending."""
        return tuple(sorted(self._holders.get(address, ())))

    def obstacle(self, tenant: Tenant, address: IPAddress) -> Obstacle | None:
        """Why `tenant` cannot have `address`; None when it can, alone or sharing, whatever the pools."""
        others = [other for key, other in self._holders.get(address, {}).items() if key != tenant.key]
        keys = tuple(sorted(other.key for other in others))
        if any(not tenant.sharing.admits(other.sharing) for other in others):
            return Obstacle(address, keys)
        for other in others:
            if common := tenant.ports & other.ports:
                return Obstacle(address, (other.key,), min(common))
        return None

    def claim(self, tenant: Tenant, addresses: tuple[IPAddress, ...]) -> None:
        """Let `tenant` hold exactly these from now on.

        Raises:
            ValueError: one of them cannot be had; ask `obstacle` first.
        """
        before = self._tenants.get(tenant.key)
        if before == (tenant, addresses) or not (before or addresses):
            return
        if any(self.obstacle(tenant, address) for address in addresses):
            raise ValueError(f"{tenant.key} cannot hold {addresses}")
        if before and (before[0] != tenant or not set(before[1]) <= set(addresses)):
            self.openings += 1
        self._drop(tenant.key)
        if not addresses:
            return
        self._tenants[tenant.key] = (tenant, addresses)
        self._count(addresses, 1)
        for address in addresses:
            holders = self._holders.setdefault(address, {})
            if not holders:
                self._occupy(address)
            holders[tenant.key] = tenant
            if tenant.sharing.key:
                self._shared.setdefault(tenant.sharing, set()).add(address)

    def release(self, key: str) -> tuple[IPAddress, ...]:
        """Take away whatever `key` holds, and say what that was."""
        dropped = self._drop(key)
        self.openings += any(self._span_of(address) for address in dropped)
        return dropped

    def _drop(self, key: str) -> tuple[IPAddress, ...]:
        entry = self._tenants.pop(key, None)
        if entry is None:
            return ()
        tenant, addresses = entry
        self._count(addresses, -1)
        for address in addresses:
            holders = self._holders[address]
            del holders[key]
            if not holders:
                self._vacate(address, tenant.sharing)
        return addresses

    def first_free(self, pool: str, family: Family, tenant: Tenant) -> IPAddress | None:
        """The first address of `pool` that `tenant` can have, or has: ranges in order, then ascending."""
        state = self._pools.get(pool)
        if state is None:
            return None
        shareable = self._first_shareable(pool, family, tenant)
        for span in state.spans[family]:
            number = span.first_free()
            if number is not None:
                found = (span.position, number)
                break
        else:
            return address_at(family, shareable[1]) if shareable else None
        return address_at(family, min(found, shareable)[1] if shareable else found[1])

    def _first_shareable(self, pool: str, family: Family, tenant: Tenant) -> tuple[int, int] | None:
        """The first address that is taken, by `tenant` itself or by others who share it."""
        best: tuple[int, int] | None = None
        shared = self._shared.get(tenant.sharing, ()) if tenant.sharing.key else ()
        for address in (*shared, *self.held_by(tenant.key)):
            span = self._span_of(address) if family_of(address) is family else None
            if span is None or span.pool.name != pool or self.obstacle(tenant, address):
                continue
            here = (span.position, int(address))
            best = here if best is None else min(best, here)
        return best

    def usage(self, pool: str) -> Mapping[Family, Usage]:
        """How full a pool is, per family; a shared address counts once."""
        state = self._pools[pool]
        return {family: Usage(state.size[family], state.in_use[family]) for family in Family}

    def tenants_of(self, pool: str) -> int:
        """How many tenants hold addresses of a pool."""
        return self._pools[pool].tenants

    def tenants(self) -> Iterator[tuple[Tenant, tuple[IPAddress, ...]]]:
        """Everybody who holds something."""
        return iter(self._tenants.values())

    def _span_of(self, address: IPAddress) -> _Span | None:
        family, number = family_of(address), int(address)
        index = bisect_right(self._firsts[family], number) - 1
        if index < 0:
            return None
        span = self._spans[family][index]
        return None if number > span.addresses.last or span.leaves_out(number) else span

    def _count(self, addresses: tuple[IPAddress, ...], step: int) -> None:
        if pool := self.pool_of(addresses):
            self._pools[pool.name].tenants += step

    def _occupy(self, address: IPAddress) -> None:
        if span := self._span_of(address):
            span.take(int(address))
            self._pools[span.pool.name].in_use[family_of(address)] += 1

    def _vacate(self, address: IPAddress, sharing: Sharing) -> None:
        del self._holders[address]
        if shared := self._shared.get(sharing):
            shared.discard(address)
            if not shared:
                del self._shared[sharing]
        if span := self._span_of(address):
            span.give_back(int(address))
            self._pools[span.pool.name].in_use[family_of(address)] -= 1

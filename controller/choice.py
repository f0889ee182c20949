"""Which pools a Service may use, and in which order they are tried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller.request import Request
from ferrite.model import Pool, ServiceAllocation
from ferrite.net import IPAddress
from ferrite.selectors import admits, matches, matches_any


@dataclass(frozen=True, slots=True)
class Offers:
    """What the configuration offers.

    Attributes:
        pools: those that count, by name, in the order of their names.
        namespaces: labels of each namespace.
        broken: names of pools that exist but do not count; who has an address of one keeps it.
        known: whether there ever was a pool: without one, nothing tells that an address is not to stay.
        pinned: pools for certain namespaces or Services, by priority; 0 comes last.
        plain: pools for everybody.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    known: bool = True
    pinned: tuple[Pool, ...] = ()
    plain: tuple[Pool, ...] = ()

    def admits(self, pool: Pool, request: Request) -> bool:
        """Whether `request` may have an address of `pool`, by its namespace and its labels."""
        selectors = pool.allocation.service_selectors if pool.allocation else ()
        return self.admits_namespace(pool, request.namespace) and admits(selectors, request.labels)

    def keeps(self, pool: Pool | None, address: IPAddress) -> bool:
        """Whether an address that `pool` does not offer any more stays with the Service that has it."""
        removal = pool.removal if pool else None
        if removal is None:
            return False
        return not removal.settled or any(address in addresses for addresses in removal.kept)

    def limit(self, pool: Pool, namespace: str) -> int | None:
        """Most addresses of `pool` for a namespace; None is no limit."""
        if pool.quota is None:
            return None
        labels = self.namespaces.get(namespace, {})
        matching = (entry.limit for entry in pool.quota.limits if matches(entry.selector, labels))
        return next(matching, pool.quota.default)

    def admits_namespace(self, pool: Pool, namespace: str) -> bool:
        """Whether Services of a namespace may have addresses of `pool`, whatever their labels."""
        allocation = pool.allocation
        return allocation is None or not allocation.by_namespace or self._is_in(allocation, namespace)

    def choices(self, request: Request) -> tuple[tuple[Pool, ...], ...]:
        """Groups of pools, searched one after the other: those pinned to this Service, then those for all."""
        pinned = tuple(pool for pool in self.pinned if self.admits(pool, request))
        return (pinned, self.plain) if pinned else (self.plain,)

    def _is_in(self, allocation: ServiceAllocation, namespace: str) -> bool:
        if namespace in allocation.namespaces:
            return True
        return matches_any(allocation.namespace_selectors, self.namespaces.get(namespace, {}))


def make_offers(
    pools: Iterable[Pool],
    namespaces: Mapping[str, Mapping[str, str]],
    broken: frozenset[str] = frozenset(),
    known: bool = True,
) -> Offers:
    """Sort out what the configuration offers; see `Offers` for the arguments."""
    offered = tuple(pools)
    return Offers(
        pools={pool.name: pool for pool in offered},
        namespaces=namespaces,
        broken=broken,
        known=known,
        pinned=tuple(sorted(filter(_is_pinned, offered), key=_rank)),
        plain=tuple(pool for pool in offered if _is_automatic(pool) and pool.allocation is None),
    )


def _is_pinned(pool: Pool) -> bool:
    allocation = pool.allocation
    restricted = allocation is not None and (allocation.by_namespace or bool(allocation.service_selectors))
    return _is_automatic(pool) and restricted


def _is_automatic(pool: Pool) -> bool:
    return pool.auto_assign and not pool.deleting


def _rank(pool: Pool) -> tuple[bool, int, str]:
    priority = pool.allocation.priority if pool.allocation else 0
    return (priority == 0, priority, pool.name)

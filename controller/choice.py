"""Which pools a Service may use, and in which order they are tried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller.request import Request
from ferrite.model import Pool, ServiceAllocation
from ferrite.selectors import admits, matches_any


@dataclass(frozen=True, slots=True)
class Offers:
    """What the configuration offers.

    Attributes:
        pools: those that count, by name, in the order of their names.
        namespaces: labels of each namespace.
        broken: names of pools that exist but do not count; who has an address of one keeps it.
        pinned: pools for certain namespaces or Services, by priority; 0 comes last.
        plain: pools for everybody.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    pinned: tuple[Pool, ...] = ()
    plain: tuple[Pool, ...] = ()

    def admits(self, pool: Pool, request: Request) -> bool:
        """Whether `request` may have an address of `pool`, by its namespace and its labels."""
        allocation = pool.allocation
        if allocation is None:
            return True
        in_namespace = not allocation.by_namespace or self._is_in(allocation, request.namespace)
        return in_namespace and admits(allocation.service_selectors, request.labels)

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
) -> Offers:
    """Sort out what the configuration offers; see `Offers` for the arguments."""
    offered = tuple(pools)
    return Offers(
        pools={pool.name: pool for pool in offered},
        namespaces=namespaces,
        broken=broken,
        pinned=tuple(sorted(filter(_is_pinned, offered), key=_rank)),
        plain=tuple(pool for pool in offered if pool.auto_assign and pool.allocation is None),
    )


def _is_pinned(pool: Pool) -> bool:
    allocation = pool.allocation
    restricted = allocation is not None and (allocation.by_namespace or bool(allocation.service_selectors))
    return pool.auto_assign and restricted


def _rank(pool: Pool) -> tuple[bool, int, str]:
    priority = pool.allocation.priority if pool.allocation else 0
    return (priority == 0, priority, pool.name)

"""What MetalLB's webhooks refuse at admission, Ferrite reports: the configuration and its problems."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.choice import Offers, make_offers
from ferrite.config.parse import NOTHING, ConfigObjects, Memory, parse
from ferrite.config.reservations import reservation_from
from ferrite.errors import ConfigError
from ferrite.kube.kinds import ADDRESS_RESERVATIONS, COMMUNITIES, IP_ADDRESS_POOLS, NAMESPACES, Kind
from ferrite.kube.world import World
from ferrite.model import Pool, Problem, Removal, Reservation
from ferrite.objects import Custom

CONFIGURATION = (IP_ADDRESS_POOLS, COMMUNITIES)
"""What the controller itself decides on; the speakers report on the rest, each for its node."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as the controller uses it, what is wrong with it, and what is remembered of it.

    Attributes:
        revision: another one whenever an address can depend on the difference.
        reservations: those that can be read, the oldest first.
        faults: why the others cannot, by key.
    """

    offers: Offers
    problems: tuple[Problem, ...]
    memory: Memory = NOTHING
    revision: int = 0
    reservations: tuple[Reservation, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)


def configuration_kinds(namespace: str) -> tuple[Kind[Custom], ...]:
    """The kinds that make the configuration, in the one namespace where they count."""
    return tuple(kind.within(namespace) for kind in CONFIGURATION)


def load(world: World, namespace: str, before: Loaded | None = None) -> Loaded:
    """Read the configuration that `world` shows.

    Bad objects become problems; the others count, and so does what counted `before`.
    """
    pools, communities = (tuple(world.objects(kind).values()) for kind in configuration_kinds(namespace))
    objects = ConfigObjects(pools=pools, communities=communities)
    config, problems, memory = parse(objects, before.memory if before else NOTHING)
    broken = {item.metadata.name for item in pools} - {pool.name for pool in config.pools}
    labels = {name: found.metadata.labels for name, found in world.objects(NAMESPACES).items()}
    known = bool(pools) or (before is not None and before.offers.known)
    offers = make_offers(config.pools, labels, frozenset(broken), known)
    same = before is not None and same_offers(before.offers, offers)
    revision = (before.revision if before else 0) + (not same)
    reservations, faults = _reservations(world)
    return Loaded(offers, problems, memory, revision, reservations, faults)


def _reservations(world: World) -> tuple[tuple[Reservation, ...], dict[str, str]]:
    found: list[Reservation] = []
    faults: dict[str, str] = {}
    items = world.objects(ADDRESS_RESERVATIONS).values()
    for item in sorted(items, key=lambda each: (each.metadata.creation_timestamp, each.key)):
        try:
            found.append(reservation_from(item))
        except ConfigError as error:
            faults[item.key] = str(error)
    return tuple(found), faults


def same_offers(old: Offers, new: Offers) -> bool:
    """Whether no address can depend on the difference: namespaces count only where pools select them."""
    if (_essence(old.pools), old.broken, old.known) != (_essence(new.pools), new.broken, new.known):
        return False
    return not any(map(_selects_namespaces, new.pools.values())) or old.namespaces == new.namespaces


def _essence(pools: Mapping[str, Pool]) -> list[Pool]:
    """Pools without what our own writes to their status change."""
    return [
        replace(pool, removal=Removal(deleting=pool.deleting)) if pool.removal else pool
        for pool in pools.values()
    ]


def _selects_namespaces(pool: Pool) -> bool:
    by_labels = pool.allocation is not None and bool(pool.allocation.namespace_selectors)
    return by_labels or (pool.quota is not None and bool(pool.quota.limits))

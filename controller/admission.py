"""What MetalLB's webhooks refuse at admission, Ferrite reports: the configuration and its problems."""

from collections.abc import Mapping
from dataclasses import dataclass

from controller.choice import Offers, make_offers
from ferrite.config.parse import NOTHING, ConfigObjects, Memory, parse
from ferrite.kube.kinds import COMMUNITIES, IP_ADDRESS_POOLS, NAMESPACES, Kind
from ferrite.kube.world import World
from ferrite.model import Pool, Problem
from ferrite.objects import Custom

CONFIGURATION = (IP_ADDRESS_POOLS, COMMUNITIES)
"""What the controller itself decides on; the speakers report on the rest, each for its node."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as the controller uses it, what is wrong with it, and what is remembered of it."""

    offers: Offers
    problems: tuple[Problem, ...]
    memory: Memory = NOTHING


def configuration_kinds(namespace: str) -> tuple[Kind[Custom], ...]:
    """The kinds that make the configuration, in the one namespace where they count."""
    return tuple(kind.within(namespace) for kind in CONFIGURATION)


def load(world: World, namespace: str, before: Memory = NOTHING) -> Loaded:
    """Read the configuration that `world` shows.

    Bad objects become problems; the others count, and so does what counted `before`.
    """
    pools, communities = (tuple(world.objects(kind).values()) for kind in configuration_kinds(namespace))
    config, problems, memory = parse(ConfigObjects(pools=pools, communities=communities), before)
    broken = {item.metadata.name for item in pools} - {pool.name for pool in config.pools}
    labels = {name: found.metadata.labels for name, found in world.objects(NAMESPACES).items()}
    return Loaded(make_offers(config.pools, labels, frozenset(broken)), problems, memory)


def same_offers(old: Offers, new: Offers) -> bool:
    """Whether no address can depend on the difference: namespaces count only where pools select them."""
    if (old.pools, old.broken) != (new.pools, new.broken):
        return False
    return not _selects_namespaces(new.pools) or old.namespaces == new.namespaces


def _selects_namespaces(pools: Mapping[str, Pool]) -> bool:
    return any(pool.allocation is not None and pool.allocation.namespace_selectors for pool in pools.values())

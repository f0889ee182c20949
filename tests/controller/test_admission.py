"""The configuration as the controller reads it."""

from typing import Any

from controller.admission import load
from ferrite.kube.kinds import IP_ADDRESS_POOLS
from ferrite.kube.world import World
from ferrite.objects import Custom, Metadata

GOOD, BAD = "192.0.2.1-192.0.2.9", "192.0.2.9-192.0.2.1"


class OnePool(World):
    """A world that shows one pool."""

    def __init__(self, addresses: str) -> None:
        super().__init__(())
        self.pool = Custom(metadata=Metadata(name="blue"), spec={"addresses": [addresses]})

    def objects(self, kind: Any) -> Any:
        return {"mine/blue": self.pool} if kind == IP_ADDRESS_POOLS.within("mine") else {}


def test_a_pool_that_counts_as_it_was_is_not_broken() -> None:
    good = load(OnePool(GOOD), "mine")
    kept = load(OnePool(BAD), "mine", good)
    assert (kept.offers.pools, kept.offers.broken) == (good.offers.pools, frozenset())
    assert [problem.name for problem in kept.problems] == ["blue"]


def test_a_pool_that_never_counted_is_broken() -> None:
    loaded = load(OnePool(BAD), "mine")
    assert (loaded.offers.pools, loaded.offers.broken) == ({}, {"blue"})

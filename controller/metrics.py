"""What Prometheus sees of the controller, collected from its last state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from controller.ledger import Usage
from ferrite.net import LARGEST_COUNT, Family
from ferrite.run.metrics import ClientCounts, client_families


@dataclass(slots=True)
class State:
    """The last state of the controller; its reconcile loop writes it.

    Attributes:
        usage: how full each pool is; empty while another replica leads.
        services: how many Services have addresses of each pool.
        waiting: Services that wait for an address that may come free.
        updates: Services decided on since the start.
        update_errors: decisions and writes that failed since the start.
        loaded: whether a configuration was read.
        stale: whether a part of the configuration does not count because it is wrong.
        writes: Service status writes by result.
    """

    usage: Mapping[str, Mapping[Family, Usage]] = field(default_factory=dict)
    services: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    leading: bool = False
    updates: int = 0
    update_errors: int = 0
    loaded: bool = False
    stale: bool = False
    writes: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("written", "conflict", "refused", "failed"), 0)
    )


class ControllerCollector(Collector):
    """Exposes a `State`; what is gone from it is gone from the metrics."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """The metrics at this moment."""
        yield from self._pools()
        yield from self._client()
        yield from self._own()

    def _pools(self) -> Iterable[Metric]:
        name = "metallb_allocator_{}addresses_{}total"
        totals = {
            family: {pool: usage[family].size for pool, usage in self._state.usage.items()}
            for family in Family
        }
        used = {
            family: {pool: usage[family].in_use for pool, usage in self._state.usage.items()}
            for family in Family
        }
        for values, part, words in ((totals, "", "Usable"), (used, "in_use_", "Used")):
            both = {
                pool: min(LARGEST_COUNT, sum(values[one][pool] for one in Family))
                for pool in self._state.usage
            }
            yield _per_pool(name.format("", part), f"{words} addresses of a pool", both)
            for family in Family:
                text = f"{words} {family.value} addresses of a pool"
                yield _per_pool(name.format(f"{family.value.lower()}_", part), text, values[family])
        services = {pool: self._state.services.get(pool, 0) for pool in self._state.usage}
        text = "Services that have addresses of a pool"
        yield _per_pool("metallb_allocator_services_allocated_total", text, services)

    def _client(self) -> Iterable[Metric]:
        state = self._state
        return client_families(ClientCounts(state.updates, state.update_errors, state.loaded, state.stale))

    def _own(self) -> Iterable[Metric]:
        prefix, state = "ferrite_controller_", self._state
        yield GaugeMetricFamily(prefix + "leading", "1 in the replica that assigns", int(state.leading))
        yield GaugeMetricFamily(
            prefix + "services_waiting", "Services that wait for an address", state.waiting
        )
        withheld = GaugeMetricFamily(
            prefix + "addresses_withheld",
            "Addresses that nobody uses and that are not free: reserved, or kept for a deleted Service",
            labels=["pool", "family"],
        )
        for pool, usage in state.usage.items():
            for family in Family:
                withheld.add_metric([pool, family.value.lower()], usage[family].withheld)
        yield withheld
        writes = CounterMetricFamily(prefix + "status_writes", "Service status writes", labels=["result"])
        for result, count in state.writes.items():
            writes.add_metric([result], count)
        yield writes


def _per_pool(name: str, text: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["pool"])
    for pool, value in values.items():
        family.add_metric([pool], value)
    return family

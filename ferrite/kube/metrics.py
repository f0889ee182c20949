"""Metrics of the reflectors, from the stores of a world, and of Events."""

import asyncio
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ferrite.kube.world import World
from ferrite.kube.writes import Events


class WorldCollector(Collector):
    """How well each kind is watched."""

    def __init__(self, world: World) -> None:
        self._world = world

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`; call it where the event loop runs."""
        lists = CounterMetricFamily("ferrite_kube_lists", "Lists begun.", labels=["kind"])
        watches = CounterMetricFamily("ferrite_kube_watches", "Watches begun.", labels=["kind"])
        ends = CounterMetricFamily(
            "ferrite_kube_watch_ends", "Ends of watches and failed lists by cause.", labels=["kind", "cause"]
        )
        objects = GaugeMetricFamily("ferrite_kube_objects", "Objects held.", labels=["kind"])
        silence = GaugeMetricFamily(
            "ferrite_kube_silence_seconds", "Since the last event or bookmark.", labels=["kind"]
        )
        now = asyncio.get_running_loop().time()
        for store in self._world.stores:
            kind = store.kind.plural
            lists.add_metric([kind], store.lists)
            watches.add_metric([kind], store.watches)
            objects.add_metric([kind], len(store.objects))
            if store.heard_at is not None:
                silence.add_metric([kind], now - store.heard_at)
            for cause, count in store.ends.items():
                ends.add_metric([kind, cause], count)
        yield from (lists, watches, ends, objects, silence)

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering it needs no event loop."""
        return iter(())


class EventsCollector(Collector):
    """How many Events were given up."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        yield CounterMetricFamily("ferrite_events_dropped", "Events given up.", self._events.dropped)

"""What Prometheus sees of a speaker, collected from its last state: what was withdrawn disappears."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ferrite.net import IPAddress
from ferrite.run.metrics import ClientCounts, client_families, untyped


@dataclass(frozen=True, slots=True)
class Announced:
    """One address of a Service that this node announces."""

    service: str
    protocol: str
    address: IPAddress


@dataclass(frozen=True, slots=True)
class L2Counts:
    """What happened for one address at layer 2 since it is announced here."""

    requests: int = 0
    responses: int = 0
    gratuitous: int = 0


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """One BGP session, in the words of the compatible metrics.

    Attributes:
        peer: its IP address, or interface for an unnumbered session.
        vrf: "" for the default one.
        flaps: how often it left Established.
        values: by the end of the metric's name, such as `updates_total`.
        bfd: likewise for BFD; None when it is not configured.
    """

    peer: str
    vrf: str
    up: bool
    flaps: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    bfd: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A speaker at one moment.

    Attributes:
        layer2: counters by address.
        live_nodes: how many nodes have a live speaker.
        refused_heartbeats: by reason.
        bgp: values of `ferrite_bgp_...` counters, by the end of the name.
        bgp_synced: whether the BGP engine has all that it should have.
    """

    node: str
    announced: tuple[Announced, ...] = ()
    layer2: Mapping[IPAddress, L2Counts] = field(default_factory=dict)
    sessions: tuple[SessionCounts, ...] = ()
    turns: int = 0
    errors: int = 0
    loaded: bool = False
    stale: bool = False
    live_nodes: int = 0
    refused_heartbeats: Mapping[str, int] = field(default_factory=dict)
    ignored_packets: Mapping[str, int] = field(default_factory=dict)
    bgp: Mapping[str, int] = field(default_factory=dict)
    bgp_synced: bool = False


class SpeakerCollector(Collector):
    """Exposes the state that `read` returns at each scrape."""

    def __init__(self, read: Callable[[], State]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """The metrics at this moment."""
        return _Families(self._read()).all()

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering it reads no state."""
        return ()


class _Families:
    """The metrics of one state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> Iterable[Metric]:
        """Every family, in the order they are shown."""
        yield self._announced()
        yield from self._layer2()
        yield from self._sessions()
        yield from self._client()
        yield from self._own()

    def _announced(self) -> Metric:
        labels = ["service", "protocol", "node", "ip"]
        family = GaugeMetricFamily("metallb_speaker_announced", "Addresses announced here", labels=labels)
        for entry in self._state.announced:
            family.add_metric([entry.service, entry.protocol, self._state.node, str(entry.address)], 1)
        return family

    def _layer2(self) -> Iterable[Metric]:
        counters = (
            ("requests_received", "Requests for an address", "requests"),
            ("responses_sent", "Answers for an address", "responses"),
            ("gratuitous_sent", "Gratuitous packets for an address", "gratuitous"),
        )
        for name, text, field_name in counters:
            rows = [
                ({"ip": str(ip)}, float(getattr(counts, field_name)))
                for ip, counts in self._state.layer2.items()
            ]
            yield untyped(f"metallb_layer2_{name}", text, rows)

    def _sessions(self) -> Iterable[Metric]:
        rows = [(_labels(session), float(session.up)) for session in self._state.sessions]
        yield _gauge("metallb_bgp_session_up", "1 while the session is established", rows)
        values = {_labels(session): session.values for session in self._state.sessions}
        yield from _families("metallb_bgp_", "BGP", values)
        bfd = {_labels(session): session.bfd for session in self._state.sessions if session.bfd is not None}
        yield from _families("metallb_bfd_", "BFD", bfd)

    def _client(self) -> Iterable[Metric]:
        state = self._state
        return client_families(ClientCounts(state.turns, state.errors, state.loaded, state.stale))

    def _own(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "ferrite_members_live", "Nodes whose speaker is alive", self._state.live_nodes
        )
        yield _by_reason("ferrite_members_refused", "Heartbeats refused", self._state.refused_heartbeats)
        yield _by_reason("ferrite_l2_ignored", "Packets not answered", self._state.ignored_packets)
        for name, value in self._state.bgp.items():
            yield CounterMetricFamily(f"ferrite_bgp_{name}", f"BGP: {name.replace('_', ' ')}", value)
        yield GaugeMetricFamily(
            "ferrite_bgp_synced", "1 while gobgpd has all that it should have", self._state.bgp_synced
        )
        flaps = CounterMetricFamily("ferrite_bgp_flaps", "BGP: how often a session left Established")
        for session in self._state.sessions:
            flaps.add_sample("ferrite_bgp_flaps_total", dict(_labels(session)), session.flaps)
        yield flaps


Labels = tuple[tuple[str, str], ...]


def _labels(session: SessionCounts) -> Labels:
    base = (("peer", session.peer),)
    return (*base, ("vrf", session.vrf)) if session.vrf else base


def _gauge(name: str, text: str, rows: Iterable[tuple[Labels, float]]) -> Metric:
    family = GaugeMetricFamily(name, text)
    for labels, value in rows:
        family.add_sample(name, dict(labels), value)
    return family


def _families(prefix: str, protocol: str, values: Mapping[Labels, Mapping[str, int]]) -> Iterable[Metric]:
    names = sorted({name for counts in values.values() for name in counts})
    for name in names:
        rows = [(dict(labels), float(counts[name])) for labels, counts in values.items() if name in counts]
        yield untyped(prefix + name, f"{protocol}: {name.replace('_', ' ')}", rows)


def _by_reason(name: str, text: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["reason"])
    for reason, count in counts.items():
        family.add_metric([reason], count)
    return family

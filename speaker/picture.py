"""What a speaker knows: views, configuration, and the decision on each Service, kept by what changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ferrite.model import Config, NodeView, ServiceView, Snapshot
from ferrite.net import IPAddress, NodeName
from ferrite.objects import SERVICE_NAME_LABEL, EndpointSlice, Node, Service
from ferrite.views import node_view, service_view
from speaker.announce import Announce, StaySilent, l2_decision
from speaker.eligible import Candidates

Decision = Announce | StaySilent
DecisionChange = tuple[Decision | None, Decision | None]
"""Before and after; None where there was or is no such Service."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which objects count: settings of the speaker."""

    me: NodeName
    lb_class: str = ""
    ignore_exclude_label: bool = False


@dataclass(slots=True)
class Picture:
    """One owner, the reconcile loop, changes it; the others get snapshots.

    A turn costs what changed: Services and EndpointSlices touch their own Service, all else touches all.
    """

    rules: Rules
    config: Config = field(default_factory=Config)
    live_nodes: frozenset[NodeName] = frozenset()
    services: dict[str, ServiceView] = field(default_factory=dict)
    nodes: dict[NodeName, NodeView] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    _slices: dict[str, dict[str, EndpointSlice]] = field(default_factory=dict)
    _service_of: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        """This moment, for decisions; its mappings are copies."""
        return Snapshot(self.config, dict(self.services), dict(self.nodes), self.live_nodes)

    def take_slices(self, keys: Iterable[str], slices: Mapping[str, EndpointSlice]) -> set[str]:
        """Take over changed EndpointSlices; returns the keys of the Services they belong to."""
        touched = set()
        for key in keys:
            before = self._service_of.pop(key, None)
            if before is not None:
                touched.add(before)
                self._drop_slice(before, key)
            present = slices.get(key)
            after = _service_key(present) if present is not None else None
            if present is not None and after is not None:
                touched.add(after)
                self._service_of[key] = after
                self._slices.setdefault(after, {})[key] = present
        return touched

    def take_services(self, keys: Iterable[str], services: Mapping[str, Service]) -> set[str]:
        """Take over changed Services; returns the keys of those whose view changed."""
        touched = set()
        for key in keys:
            service = services.get(key)
            view = self._view(service) if service is not None else None
            if view != self.services.get(key):
                touched.add(key)
            if view is None:
                self.services.pop(key, None)
            else:
                self.services[key] = view
        return touched

    def take_nodes(self, nodes: Mapping[str, Node]) -> bool:
        """Take over all Nodes; returns whether a view changed."""
        views = {
            NodeName(node.metadata.name): node_view(
                node, ignore_exclude_label=self.rules.ignore_exclude_label
            )
            for node in nodes.values()
        }
        changed = views != self.nodes
        self.nodes = views
        return changed

    def known_slices(self) -> frozenset[str]:
        """Keys of the EndpointSlices that count."""
        return frozenset(self._service_of)

    def known_services(self) -> frozenset[str]:
        """Keys of all Services that are there or were decided on."""
        return frozenset(self.services.keys() | self.decisions.keys())

    def candidates(self) -> Candidates:
        """Who may answer, as it is now; for the decisions of one turn."""
        return Candidates(self._view_of_all())

    def decide(self, keys: Iterable[str], candidates: Candidates | None = None) -> dict[str, DecisionChange]:
        """Decide on these Services, by the `candidates` of this turn; returns the decisions that changed."""
        snapshot = self._view_of_all()
        changed: dict[str, DecisionChange] = {}
        for key in keys:
            before, service = self.decisions.get(key), self.services.get(key)
            after = l2_decision(service, snapshot, self.rules.me, candidates) if service is not None else None
            if after != before:
                changed[key] = (before, after)
            if after is None:
                self.decisions.pop(key, None)
            else:
                self.decisions[key] = after
        return changed

    def announced(self) -> dict[IPAddress, frozenset[str] | None]:
        """Addresses to answer for, each with its interfaces (None: all), over all Services that have it."""
        wanted: dict[IPAddress, frozenset[str] | None] = {}
        for decision in self.decisions.values():
            if isinstance(decision, Announce):
                for address in decision.addresses:
                    wanted[address] = _joined(wanted.get(address, frozenset()), decision.interfaces)
        return wanted

    def _view_of_all(self) -> Snapshot:
        """This moment without copies: not to be kept."""
        return Snapshot(self.config, self.services, self.nodes, self.live_nodes)

    def _view(self, service: Service) -> ServiceView:
        slices = self._slices.get(service.key, {}).values()
        return service_view(service, slices, self.rules.lb_class)

    def _drop_slice(self, service: str, key: str) -> None:
        remaining = self._slices[service]
        del remaining[key]
        if not remaining:
            del self._slices[service]


def _service_key(part: EndpointSlice) -> str | None:
    name = part.metadata.labels.get(SERVICE_NAME_LABEL)
    return f"{part.metadata.namespace}/{name}" if name else None


def _joined(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other

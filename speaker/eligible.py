"""Which nodes may answer for a Service at layer 2; pure.

The same for every node that decides: what only this node knows is no part of it, or two nodes would elect
differently.
"""

from collections.abc import Hashable, Iterable, Mapping

from ferrite.model import L2Advertisement, NodeView, Pool, ServiceView, Snapshot
from ferrite.net import NodeName
from ferrite.selectors import admits, matches


def advertisements_for(
    service: ServiceView, pool: Pool, advertisements: Iterable[L2Advertisement]
) -> tuple[L2Advertisement, ...]:
    """The advertisements of the pool that are for this Service."""
    return tuple(
        advertisement
        for advertisement in advertisements
        if pool.name in advertisement.scope.pools
        and admits(advertisement.scope.service_selectors, service.labels)
    )


def includes(advertisement: L2Advertisement, node: NodeView) -> bool:
    """Whether the node is one of those the advertisement selects."""
    return admits(advertisement.scope.node_selectors, node.labels)


class Candidates:
    """Nodes that may answer, at one moment; remembered, because most Services have the same ones."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._nodes = tuple(
            node
            for node in snapshot.nodes.values()
            if node.name in snapshot.live_nodes and not node.network_unavailable and not node.excluded
        )
        self._known: dict[Hashable, dict[NodeName, int]] = {}

    def of(self, service: ServiceView, advertisements: tuple[L2Advertisement, ...]) -> Mapping[NodeName, int]:
        """Each node that may answer for a Service, with the sum of the weights that prefer it.

        A node counts when its speaker is alive, its network is available, no label excludes it, an
        advertisement selects it and, with `externalTrafficPolicy: Local`, it has an endpoint that can serve.
        """
        local = service.serving_nodes if service.local_only else None
        key = (tuple(advertisement.name for advertisement in advertisements), local)
        if key not in self._known:
            self._known[key] = {
                node.name: sum(preference_of(advertisement, node) for advertisement in advertisements)
                for node in self._nodes
                if any(includes(advertisement, node) for advertisement in advertisements)
                and (local is None or node.name in local)
            }
        return self._known[key]


def preference_of(advertisement: L2Advertisement, node: NodeView) -> int:
    """Sum of the weights for a node, 0 when the advertisement does not select it."""
    if not includes(advertisement, node):
        return 0
    return sum(
        preference.weight
        for preference in advertisement.preferences
        if matches(preference.selector, node.labels)
    )

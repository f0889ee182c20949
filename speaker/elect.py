"""Which of several nodes answers for an address: pure, and the same wherever the candidates are the same."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from ferrite.net import IPAddress, NodeName


def rank(address: IPAddress, node: NodeName) -> bytes:
    """The place of a node in the order for an address: lowest first, as MetalLB orders them."""
    return sha256(f"{node}#{address}".encode()).digest()


def elect(
    address: IPAddress, candidates: Iterable[NodeName], scores: Mapping[NodeName, int] | None = None
) -> NodeName | None:
    """The node that answers for `address`; None without candidates.

    The highest score wins (`preferredNodeSelectors`), among equals the lowest rank: losing a node that was
    not elected moves nothing, and addresses spread over the nodes.
    """
    preferred, suffix = scores or {}, f"#{address}"
    return min(
        candidates,
        key=lambda node: (-preferred.get(node, 0), sha256(f"{node}{suffix}".encode()).digest()),
        default=None,
    )

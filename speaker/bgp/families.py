"""Which families a session carries and whose next hop its routes name: pure."""

from ferrite.model import NodeView, Peer
from ferrite.net import Family, IPAddress, family_of


def carries(peer: Peer, family: Family) -> bool:
    """Whether the session with `peer` carries routes of `family`."""
    return peer.address is None or peer.dual_stack or family_of(peer.address) is family


def mixed(peer: Peer, family: Family) -> bool:
    """Whether it is IPv6 routes over an IPv4 session, where the engine's own next hop cannot be installed."""
    return peer.address is not None and family is Family.IPV6 and peer.address.version == 4


def next_hop_for(peer: Peer, family: Family, node: NodeView) -> IPAddress | None:
    """The next hop to name: the node's own IPv6 address for IPv6 routes over an IPv4 session, else None."""
    if not mixed(peer, family):
        return None
    return next((address for address in node.addresses if address.version == 6), None)

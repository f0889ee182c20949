"""Which sessions the engine should have."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ferrite.model import BFDProfile, Config, DynamicASN, NodeView, Peer
from ferrite.net import Family, NodeName
from speaker.bgp.peers import Bfd, Timers, wanted_peers

PEER = Peer("a", 64501, peer_asn=64500, address=ip_address("10.0.0.1"))
NODE = NodeView(NodeName("node"), addresses=(ip_address("fd00::2"), ip_address("10.0.0.2")))


def only(peer: Peer, node: NodeView = NODE):
    return wanted_peers(Config(peers=(peer,)), node)


def test_every_default_is_written_out() -> None:
    found = only(PEER).peers[0]
    assert found.timers == Timers(90, 30, 5, 2)
    assert (found.session.local_asn, found.session.families) == (64501, (Family.IPV4,))


def test_no_peer_needs_no_engine() -> None:
    assert wanted_peers(Config(), NODE).engine is None


@pytest.mark.parametrize(
    ("peer", "node", "expected"),
    [
        pytest.param(replace(PEER, router_id="1.1.1.1"), NODE, "1.1.1.1", id="given"),
        pytest.param(PEER, NODE, "10.0.0.2", id="ipv4-of-the-node"),
        pytest.param(PEER, NodeView(NodeName("node")), "69.232.127.133", id="checksum-of-the-name"),
    ],
)
def test_router_id(peer: Peer, node: NodeView, expected: str) -> None:
    engine = only(peer, node).engine
    assert engine is not None
    assert engine.router_id == expected


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        pytest.param(replace(PEER, hold_seconds=0), "holdTime 0s", id="hold"),
        pytest.param(
            replace(PEER, bfd=BFDProfile("fast", unsupported=("echoMode",))), "fast: echoMode", id="echo"
        ),
        pytest.param(
            replace(PEER, peer_asn=None, dynamic_asn=DynamicASN.INTERNAL, ebgp_multihop=True),
            "ebgpMultiHop",
            id="multihop-to-any",
        ),
        pytest.param(
            replace(PEER, peer_asn=None, dynamic_asn=DynamicASN.EXTERNAL),
            "dynamicASN external is not enforced: GoBGP accepts a peer of any AS, our own 64501 included",
            id="external",
        ),
    ],
)
def test_what_the_engine_cannot_do_is_said(peer: Peer, words: str) -> None:
    found = only(peer)
    assert len(found.peers) == 1
    (problem,) = found.problems
    assert words in problem.text
    assert not problem.fatal


@pytest.mark.parametrize(
    ("local_asn", "kind", "expected"),
    [
        pytest.param(None, DynamicASN.INTERNAL, 64501, id="internal"),
        pytest.param(64999, DynamicASN.INTERNAL, 64999, id="internal-to-localASN"),
        pytest.param(None, DynamicASN.EXTERNAL, 0, id="external"),
    ],
)
def test_which_asn_a_peer_may_have(local_asn: int | None, kind: DynamicASN, expected: int) -> None:
    found = only(replace(PEER, peer_asn=None, local_asn=local_asn, dynamic_asn=kind))
    assert found.peers[0].session.peer_asn == expected


def test_unnumbered_carries_both_families() -> None:
    found = only(replace(PEER, address=None, interface="eth0")).peers[0]
    assert found.session.families == (Family.IPV4, Family.IPV6)


def test_bfd_defaults() -> None:
    assert only(replace(PEER, bfd=BFDProfile("x"))).peers[0].bfd == Bfd(300, 300, 3)

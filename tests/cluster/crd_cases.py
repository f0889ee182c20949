"""Custom resources that the API server must take, and bad ones with the field and the complaint to name."""

from typing import Any

import pytest

Spec = dict[str, Any]
V1, V2 = "v1beta1", "v1beta2"
LARGE_NUMBERS = "large:4294967295:0:1"
WIDE = "2001:0db8:ffff:ffff:"


def pool(*addresses: str, **more: Any) -> tuple[str, str, Spec]:
    return "IPAddressPool", V1, {"addresses": list(addresses), **more}


def bgp(**spec: Any) -> tuple[str, str, Spec]:
    return "BGPAdvertisement", V1, spec


def layer2(**spec: Any) -> tuple[str, str, Spec]:
    return "L2Advertisement", V1, spec


def bfd(**spec: Any) -> tuple[str, str, Spec]:
    return "BFDProfile", V1, spec


def community(*aliases: tuple[str, str]) -> tuple[str, str, Spec]:
    return "Community", V1, {"communities": [{"name": name, "value": value} for name, value in aliases]}


def peer(**changes: Any) -> tuple[str, str, Spec]:
    """A peer with these changes; None takes a field away."""
    spec = {"myASN": 65000, "peerASN": 65001, "peerAddress": "192.0.2.1", **changes}
    return "BGPPeer", V2, {name: value for name, value in spec.items() if value is not None}


def old_peer(**changes: Any) -> tuple[str, str, Spec]:
    kind, _, spec = peer(**changes)
    return kind, V1, spec


def names(count: int) -> list[str]:
    """Up to 1000 different names, each as long as a name may be."""
    return [f"{number:03}".ljust(253, "x") for number in range(count)]


GOOD = [
    pytest.param(pool("192.0.2.0/24", "192.0.2.7/24", "192.0.2.7/32", "2001:db8::/64"), id="prefixes"),
    pytest.param(pool("192.0.2.9-192.0.2.10", "192.0.2.9-192.0.2.9", "9.0.0.255-10.0.0.0"), id="ranges"),
    pytest.param(pool("2001:db8::1 - 2001:db8::9", "255.255.255.0-255.255.255.255"), id="spaces-and-ends"),
    pytest.param(pool("::ffff:192.0.2.1-::ffff:192.0.2.9"), id="mapped"),
    pytest.param(
        pool(
            *(
                f"10.{number >> 8}.{number & 255}.1-10.{number >> 8}.{number & 255}.9"
                for number in range(1024)
            )
        ),
        id="most-ranges",
    ),
    pytest.param(
        pool(
            *(
                f"{WIDE}{number:04x}:ffff:ffff:fffe - {WIDE}{number:04x}:ffff:ffff:ffff"
                for number in range(1024)
            )
        ),
        id="most-ranges-of-most-length",
    ),
    pytest.param(
        pool("192.0.2.0/24", serviceAllocation={"namespaces": [name[:63] for name in names(999)]}),
        id="many-namespaces",
    ),
    pytest.param(pool("192.0.2.0/24", serviceAllocation={"priority": 1}), id="priority-only"),
    pytest.param(
        bgp(localPref=4294967295, communities=["65535:65535", "0:0", LARGE_NUMBERS, "no-export"]),
        id="attributes",
    ),
    pytest.param(bgp(serviceSelectors=[{}]), id="selector-with-default-aggregation"),
    pytest.param(bgp(serviceSelectors=[], aggregationLength=24), id="no-selector-with-aggregation"),
    pytest.param(bgp(aggregationLength=1, aggregationLengthV6=0), id="shortest-aggregation"),
    pytest.param(
        bgp(ipAddressPools=names(999), peers=names(999), communities=names(256)),
        id="most-names-of-most-length",
    ),
    pytest.param(bgp(), id="empty-bgp"),
    pytest.param(layer2(), id="empty-layer2"),
    pytest.param(layer2(preferredNodeSelectors=[{"weight": 1, "preference": {}}]), id="preference"),
    pytest.param(layer2(nodeSelectors=[{"matchLabels": {"a": "b"}}], interfaces=["eth0"]), id="layer2-nodes"),
    pytest.param(bfd(), id="empty-bfd"),
    pytest.param(
        bfd(receiveInterval=10, transmitInterval=60000, detectMultiplier=2, minimumTtl=254), id="bfd"
    ),
    pytest.param(community(("a", "1:2"), ("b", "large:1:2:3")), id="community"),
    pytest.param(community(*((name, f"large:{'0' * 200}1:2:3") for name in names(256))), id="most-aliases"),
    pytest.param(peer(), id="peer"),
    pytest.param(peer(holdTime="0s", keepaliveTime="0s", connectTime="1m"), id="no-timers"),
    pytest.param(peer(holdTime="500ms", keepaliveTime="500\u00b5s"), id="timers-below-a-second"),
    pytest.param(peer(holdTime="3s", keepaliveTime="3s"), id="equal-timers"),
    pytest.param(peer(connectTime="65535s"), id="longest-connect-time"),
    pytest.param(peer(routerID="10.0.0.1", sourceAddress="fe80::1"), id="router-id"),
    pytest.param(peer(password="a", passwordSecret={}), id="empty-secret"),
    pytest.param(peer(peerASN=None, dynamicASN="external"), id="dynamic-asn"),
    pytest.param(peer(peerAddress=None, interface="eth0"), id="unnumbered"),
    pytest.param(peer(peerASN=65000), id="ibgp"),
    pytest.param(peer(myASN=4294967295, peerASN=4294967294, localASN=4294967293), id="wide-asn"),
    pytest.param(old_peer(peerPort=0, nodeSelectors=[{"matchLabels": {"a": "b"}}]), id="old-peer"),
]

_CIDR = "spec.addresses[0]"
BAD = [
    pytest.param(pool(*["192.0.2.0/24"] * 1025), "spec.addresses", "at most 1024 items", id="entries"),
    pytest.param(bgp(communities=names(257)), "spec.communities", "at most 256 items", id="communities"),
    pytest.param(pool(), "spec.addresses", "at least 1 items", id="no-addresses"),
    pytest.param(pool("192.0.2.1"), _CIDR, 'invalid CIDR "192.0.2.1"', id="bare-address"),
    pytest.param(pool("192.0.2.0/33"), _CIDR, 'invalid CIDR "192.0.2.0/33"', id="length-of-prefix"),
    pytest.param(pool("10.0.0.0/8", ""), "spec.addresses[1]", 'invalid CIDR ""', id="second-entry"),
    pytest.param(
        pool("192.0.2.9-192.0.2.1"), _CIDR, 'start IP "192.0.2.9" is after the end IP', id="backwards"
    ),
    pytest.param(pool("10.0.0.0-9.255.255.255"), _CIDR, 'is after the end IP "9.255.255.255"', id="carry"),
    pytest.param(pool("192.0.2.1-2001:db8::1"), _CIDR, "differ in family", id="families"),
    pytest.param(pool("a-b"), _CIDR, 'invalid IP range "a-b"', id="words"),
    pytest.param(pool("192.0.2.1-"), _CIDR, 'invalid IP range "192.0.2.1-"', id="no-end"),
    pytest.param(pool("192.0.2.0/28-192.0.2.9"), _CIDR, "must be IP addresses", id="prefix-in-range"),
    pytest.param(
        pool("10.0.0.0/8", serviceAllocation={"namespaces": ["a", "a"]}),
        "spec.serviceAllocation.namespaces[1]",
        'Duplicate value: "a"',
        id="namespace-twice",
    ),
    pytest.param(
        bgp(communities=["65536:1"]),
        "spec.communities[0]",
        'community "65536:1" does not fit',
        id="over-16-bits",
    ),
    pytest.param(
        bgp(communities=["large:4294967296:0:1"]), "spec.communities[0]", "does not fit", id="over-32-bits"
    ),
    pytest.param(
        bgp(communities=["1:2:3"]), "spec.communities[0]", "invalid community format: 1:2:3", id="three-parts"
    ),
    pytest.param(
        bgp(communities=["1:1", "1:1"]),
        "spec.communities[1]",
        'Duplicate value: "1:1"',
        id="community-twice",
    ),
    pytest.param(bgp(peers=["a", "b", "a"]), "spec.peers[2]", 'Duplicate value: "a"', id="peer-twice"),
    pytest.param(
        bgp(ipAddressPools=["p", "p"]),
        "spec.ipAddressPools[1]",
        'Duplicate value: "p"',
        id="pool-twice",
    ),
    pytest.param(bgp(aggregationLength=0), "spec.aggregationLength", "equal to 1", id="aggregation-0"),
    pytest.param(bgp(aggregationLength=33), "spec.aggregationLength", "equal to 32", id="aggregation-33"),
    pytest.param(
        bgp(aggregationLengthV6=129), "spec.aggregationLengthV6", "equal to 128", id="aggregation-129"
    ),
    pytest.param(bgp(localPref=4294967296), "spec.localPref", "equal to 4294967295", id="local-pref"),
    pytest.param(
        bgp(serviceSelectors=[{}], aggregationLength=24),
        "spec",
        "serviceSelectors and aggregationLength are mutually exclusive",
        id="selector-with-aggregation",
    ),
    pytest.param(
        bgp(serviceSelectors=[{}], aggregationLengthV6=64),
        "spec",
        "serviceSelectors and aggregationLength are mutually exclusive",
        id="selector-with-aggregation-v6",
    ),
    pytest.param(
        layer2(ipAddressPools=["p", "p"]),
        "spec.ipAddressPools[1]",
        'Duplicate value: "p"',
        id="layer2-pool-twice",
    ),
    pytest.param(
        layer2(preferredNodeSelectors=[{"weight": 101, "preference": {}}]),
        "spec.preferredNodeSelectors[0].weight",
        "equal to 100",
        id="weight",
    ),
    pytest.param(bfd(detectMultiplier=1), "spec.detectMultiplier", "equal to 2", id="multiplier"),
    pytest.param(bfd(receiveInterval=9), "spec.receiveInterval", "equal to 10", id="receive"),
    pytest.param(bfd(minimumTtl=255), "spec.minimumTtl", "equal to 254", id="ttl"),
    pytest.param(
        community(("a", "1")), "spec.communities[0].value", "invalid community format: 1", id="value"
    ),
    pytest.param(
        community(("a", "1:1"), ("a", "1:2")),
        "spec.communities[1]",
        'Duplicate value: {"name":"a"}',
        id="alias-twice",
    ),
    pytest.param(peer(myASN=None), "spec.myASN", "Required value", id="no-asn"),
    pytest.param(peer(myASN=0), "spec", "missing local ASN", id="asn-0"),
    pytest.param(peer(peerASN=0), "spec", "missing peer ASN and dynamicASN", id="no-peer-asn"),
    pytest.param(
        peer(dynamicASN="internal"), "spec", "both peer ASN and dynamicASN specified", id="two-peer-asns"
    ),
    pytest.param(peer(dynamicASN="x"), "spec.dynamicASN", "Unsupported value", id="dynamic-word"),
    pytest.param(peer(localASN=0), "spec.localASN", "equal to 1", id="local-asn-0"),
    pytest.param(
        peer(peerAddress=None), "spec", "peer has no Address or Interface specified", id="no-address"
    ),
    pytest.param(peer(interface="e"), "spec", "peer has both Address and Interface", id="two-addresses"),
    pytest.param(
        peer(peerAddress="host"), "spec.peerAddress", 'invalid BGPPeer address "host"', id="address"
    ),
    pytest.param(peer(sourceAddress="x"), "spec.sourceAddress", 'invalid source IP "x"', id="source"),
    pytest.param(peer(peerPort=0), "spec.peerPort", "equal to 1", id="port"),
    pytest.param(
        peer(ebgpMultiHop=True, peerASN=65000), "spec", "invalid ebgp-multihop parameter", id="multihop-ibgp"
    ),
    pytest.param(
        peer(holdTime="2s"), "spec.holdTime", 'invalid hold time "2s": must be 0 or >=3s', id="hold"
    ),
    pytest.param(peer(holdTime="2.9s"), "spec.holdTime", "must be 0 or >=3s", id="hold-fraction"),
    pytest.param(peer(holdTime="-9s"), "spec.holdTime", "must be 0 or >=3s", id="hold-negative"),
    pytest.param(peer(holdTime="abc"), "spec.holdTime", 'invalid holdTime "abc"', id="hold-word"),
    pytest.param(
        peer(keepaliveTime="9"), "spec.keepaliveTime", 'invalid keepaliveTime "9"', id="keepalive-unit"
    ),
    pytest.param(
        peer(holdTime="9s", keepaliveTime="10s"),
        "spec",
        'invalid keepaliveTime "10s", must be lower than holdTime "9s"',
        id="keepalive-over-hold",
    ),
    pytest.param(peer(connectTime="0s"), "spec.connectTime", "between 1 seconds to 65535", id="connect-0"),
    pytest.param(
        peer(connectTime="65536s"), "spec.connectTime", "between 1 seconds to 65535", id="connect-long"
    ),
    pytest.param(
        peer(connectTime="1500ms"), "spec.connectTime", "whole number of seconds", id="connect-part"
    ),
    pytest.param(peer(routerID="::1"), "spec.routerID", 'invalid router ID "::1"', id="router-id-v6"),
    pytest.param(peer(routerID="x"), "spec.routerID", 'invalid router ID "x"', id="router-id-word"),
    pytest.param(
        peer(password="a", passwordSecret={"name": "s"}),
        "spec",
        "can not have both password and secret ref set",
        id="two-passwords",
    ),
    pytest.param(old_peer(peerASN=0), "spec", "missing peer ASN", id="old-peer-asn"),
    pytest.param(old_peer(peerAddress=None), "spec.peerAddress", "Required value", id="old-no-address"),
    pytest.param(old_peer(holdTime="2s"), "spec.holdTime", "must be 0 or >=3s", id="old-hold"),
]

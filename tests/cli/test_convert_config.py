"""What each key of MetalLB's ConfigMap becomes, and what is said where it has no equal."""

import base64

import pytest

from cli.convert import converted
from cli.convert_fields import Findings
from cli.convert_input import read

PEER = "peer-address: 192.0.2.1, my-asn: 64500, peer-asn: 64500"
HOST = "kubernetes.io/hostname"
SOME = "addresses: [192.0.2.0/28]"


def convert(text):
    """Specs by kind and name, notes, problems."""
    findings = Findings()
    made = converted(read(text), "metallb-system", findings)
    return {item.key: item.manifest.get("spec") for item in made}, findings.notes, findings.problems


def peers(*texts, rest=""):
    return convert("peers:\n" + "".join(f"- {{{text}}}\n" for text in texts) + rest)


def pools(*texts, rest=""):
    return convert("address-pools:\n" + "".join(f"- {{{text}}}\n" for text in texts) + rest)


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("auto-assign: false", "autoAssign", False),
        ("auto-assign: off", "autoAssign", False),
        ("auto-assign: true", "autoAssign", True),
        ("avoid-buggy-ips: yes", "avoidBuggyIPs", True),
        ("avoid-buggy-ips: n", "avoidBuggyIPs", False),
    ],
)
def test_a_switch_of_a_pool(key, field, value):
    made, notes, problems = pools(f"name: a, protocol: layer2, addresses: [192.0.2.0/28], {key}")
    assert made["IPAddressPool", "a"] == {"addresses": ["192.0.2.0/28"], field: value}
    assert (notes, problems) == ([], [])


@pytest.mark.parametrize(
    ("pool", "complaint"),
    [
        (f"protocol: bgp, {SOME}", "address-pools[0]: name is missing"),
        (f"name: a, {SOME}", '"a": protocol is missing: want layer2 or bgp'),
        (f"name: a, protocol: BGP, {SOME}", '"a": protocol "BGP" is unknown'),
        ("name: a, protocol: bgp", '"a": addresses is missing: the pool has no address'),
        ("name: a, protocol: bgp, addresses: []", '"a": addresses is missing: the pool has no address'),
        ("name: a, protocol: bgp, addresses: x", "addresses is not a list: 'x'"),
        ("name: a, protocol: bgp, addresses: [[1]]", "addresses[0] is not a text: ['1']"),
        ("name: a, protocol: bgp, addresses: [192.0.2.1]", 'addresses: invalid CIDR "192.0.2.1"'),
        (f"name: a, protocol: bgp, {SOME}, auto-assign: 7", "auto-assign is not true or false: '7'"),
        (
            f"name: a, protocol: bgp, {SOME}, bgp-advertisements: [{{localpref: high}}]",
            "bgp-advertisements[0].localpref is not a number: 'high'",
        ),
        (
            f"name: a, protocol: layer2, {SOME}, bgp-advertisements: [{{localpref: 1}}]",
            "bgp-advertisements cannot be in a layer2 pool",
        ),
    ],
)
def test_a_bad_pool_is_left_out_and_named(pool, complaint):
    good = "name: good, protocol: layer2, addresses: [203.0.113.0/28]"
    made, _, problems = pools(pool, good)
    assert sorted(made) == [("IPAddressPool", "good"), ("L2Advertisement", "good")]
    assert [complaint in problem for problem in problems] == [True]


def test_the_first_of_two_that_exclude_each_other_stays():
    made, _, problems = pools(
        "name: b, protocol: layer2, addresses: [192.0.2.0/28]",
        "name: a, protocol: bgp, addresses: [192.0.2.8/29]",
        "name: b, protocol: layer2, addresses: [203.0.113.0/28]",
    )
    assert sorted(made) == [("IPAddressPool", "b"), ("L2Advertisement", "b")]
    assert 'address-pools[2] "b": address-pools[0] "b" has the name b, too' in problems
    assert any('CIDR "192.0.2.8/29" in pool "a" overlaps' in problem for problem in problems)


def test_a_bgp_pool_is_announced_once_for_each_entry():
    made, notes, problems = pools(
        "name: plain, protocol: bgp, addresses: [192.0.2.0/28]",
        "name: two, protocol: bgp, addresses: [198.51.100.0/24], bgp-advertisements: "
        "[{aggregation-length: 32, localpref: 100, communities: [64500:1]}, {aggregation-length: 24}]",
    )
    assert {key: spec for key, spec in made.items() if key[0] == "BGPAdvertisement"} == {
        ("BGPAdvertisement", "plain"): {"ipAddressPools": ["plain"]},
        ("BGPAdvertisement", "two-1"): {
            "ipAddressPools": ["two"],
            "aggregationLength": 32,
            "localPref": 100,
            "communities": ["64500:1"],
        },
        ("BGPAdvertisement", "two-2"): {"ipAddressPools": ["two"], "aggregationLength": 24},
    }
    assert problems == []
    assert notes == ["BGPAdvertisement plain, two-1, two-2: nothing is announced, there is no peer"]


def test_a_bad_advertisement_leaves_the_pool_with_its_addresses():
    made, _, problems = pools(
        "name: a, protocol: bgp, addresses: [192.0.2.0/28], bgp-advertisements: [{communities: [nowhere]}]"
    )
    assert list(made) == [("IPAddressPool", "a")]
    assert problems[0].startswith(
        'address-pools[0] "a": BGPAdvertisement a: invalid community format: nowhere'
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Office"], ["office"]),
        (["my_pool"], ["my-pool"]),
        (["my_pool", "my-pool"], ["my-pool-2", "my-pool"]),
        (["A.b", "a..b"], ["a.b", "a.b-2"]),
        (["01-x"], ["01-x"]),
        (["ä"], ["unnamed"]),
        (["x" * 300], ["x" * 253]),
        (["x" * 252 + "_y"], ["x" * 252]),
        (["X" * 300, "x" * 300], ["x" * 253, "x" * 245 + "-2"]),
    ],
)
def test_names_become_those_of_objects(names, expected):
    texts = [
        f'name: "{name}", protocol: layer2, addresses: [192.0.2.{place}/32]'
        for place, name in enumerate(names)
    ]
    made, notes, problems = pools(*texts)
    by_address = {
        spec["addresses"][0]: name for (kind, name), spec in made.items() if kind == "IPAddressPool"
    }
    assert [by_address[f"192.0.2.{place}/32"] for place in range(len(names))] == expected
    assert len(notes) == sum(old != new for old, new in zip(names, expected, strict=True))
    assert all(
        "Services that ask for it by the annotation address-pool lose their address" in note for note in notes
    )
    assert problems == []


def test_communities_are_one_object_and_a_bad_one_is_told():
    made, notes, problems = convert("""\
        bgp-communities: {no-export: 65535:65281, big: large:64500:1:2, odd:name: 64500:7, wrong: 64500}
        address-pools:
        - name: a
          protocol: bgp
          addresses: [192.0.2.0/28]
          bgp-advertisements: [{communities: [no-export, odd:name, 64500:7]}]
        """)
    assert made["Community", "communities"] == {
        "communities": [
            {"name": "no-export", "value": "65535:65281"},
            {"name": "big", "value": "large:64500:1:2"},
        ]
    }
    assert made["BGPAdvertisement", "a"]["communities"] == ["no-export", "64500:7"]
    assert problems == ["config: bgp-communities.wrong is wrong: invalid community format: 64500"]
    assert "config: bgp-communities.odd:name cannot be a name any more: 64500:7 stands in its place" in notes


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        ("peer-port: 1179", "peerPort", 1179),
        ("source-address: 192.0.2.9", "sourceAddress", "192.0.2.9"),
        ("hold-time: 1m30s", "holdTime", "1m30s"),
        ("router-id: 192.0.2.9", "routerID", "192.0.2.9"),
        ("node-selectors: [{}]", "nodeSelectors", [{}]),
        ("node-selectors: [{match-labels: {rack: 7}}]", "nodeSelectors", [{"matchLabels": {"rack": "7"}}]),
        (
            f"node-selectors: [{{match-expressions: [{{key: {HOST}, operator: In, values: [a, b]}}]}}]",
            "nodeSelectors",
            [{"matchExpressions": [{"key": HOST, "operator": "In", "values": ["a", "b"]}]}],
        ),
        (
            "node-selectors: [{match-expressions: [{key: gpu, operator: DoesNotExist}]}]",
            "nodeSelectors",
            [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}],
        ),
    ],
)
def test_a_key_of_a_peer(key, field, value):
    made, notes, problems = peers(f"{PEER}, {key}")
    same = {"myASN": 64500, "peerASN": 64500, "peerAddress": "192.0.2.1"}
    assert made["BGPPeer", "peer1"] == same | {field: value}
    assert problems == []
    assert notes == ["peers: a peer had no name and needs one now: by their order peer1"]


@pytest.mark.parametrize(
    "key",
    [
        "peer-port: 0",
        "hold-time: ''",
        "password: ''",
        "node-selectors: []",
        "ebgp-multihop: false",
        "router-id: ~",
    ],
)
def test_what_says_nothing_is_not_there(key):
    made, _, problems = peers(f"{PEER}, {key}")
    assert made["BGPPeer", "peer1"] == {"myASN": 64500, "peerASN": 64500, "peerAddress": "192.0.2.1"}
    assert problems == []


@pytest.mark.parametrize(
    ("peer", "complaint"),
    [
        ("my-asn: 64500, peer-asn: 64501", "peers[0]: peer-address is missing"),
        ("peer-address: 192.0.2.1, my-asn: 64500", "peer-asn is missing"),
        ("peer-address: 192.0.2.1, my-asn: x, peer-asn: 1", "my-asn is not a number: 'x'"),
        ("peer-address: 192.0.2.1, my-asn: 0, peer-asn: 1", "missing local ASN"),
        ("peer-address: 192.0.2.1, my-asn: 1, peer-asn: 4294967296", "less than or equal to 4294967295"),
        ("peer-address: router, my-asn: 1, peer-asn: 2", 'invalid BGPPeer address "router"'),
        (f"{PEER}, peer-port: 17000", "less than or equal to 16384"),
        (f"{PEER}, hold-time: 120", "holdTime: invalid duration '120'"),
        (f"{PEER}, hold-time: 2s", "must be 0 or >=3s"),
        (f"{PEER}, hold-time: 9s, keepalive-time: 10s", 'invalid keepaliveTime "10s"'),
        (f"{PEER}, router-id: '2001:db8::1'", 'invalid router ID "2001:db8::1"'),
        (f"{PEER}, source-address: eth0", 'invalid source IP "eth0"'),
        (f"{PEER}, bfd-profile: fast", "referencing non existing bfd profile fast"),
        (f"{PEER}, ebgp-multihop: true", "invalid ebgp-multihop parameter set for an ibgp peer"),
        (f"{PEER}, node-selectors: x", "node-selectors is not a list: 'x'"),
        (f"{PEER}, node-selectors: [{{match-labels: [x]}}]", "[0].match-labels is not a mapping"),
        (f"{PEER}, node-selectors: [{{match-expressions: [{{key: a, operator: Is}}]}}]", '"Is" is not'),
    ],
)
def test_a_bad_peer_is_left_out_and_named(peer, complaint):
    made, _, problems = peers(peer, "peer-address: 192.0.2.2, my-asn: 64500, peer-asn: 64500")
    assert list(made) == [("BGPPeer", "peer2")]
    assert [problem.startswith("peers[0]") and complaint in problem for problem in problems] == [True]


def test_a_keepalive_time_alone_keeps_the_old_hold_time():
    made, notes, _ = peers(f"{PEER}, keepalive-time: 10s")
    spec = made["BGPPeer", "peer1"]
    assert (spec["holdTime"], spec["keepaliveTime"]) == ("90s", "10s")
    assert any("hold-time is written out as 90s" in note for note in notes)


def test_a_password_becomes_a_secret_before_its_peer():
    findings = Findings()
    made = converted(read(f"peers: [{{{PEER}, password: 0123}}]"), "metallb-system", findings)
    assert [item.key for item in made] == [("Secret", "peer1-password"), ("BGPPeer", "peer1")]
    secret, peer = (item.manifest for item in made)
    assert secret["type"] == "kubernetes.io/basic-auth"
    assert base64.b64decode(secret["data"]["password"]) == b"0123"
    assert peer["spec"]["passwordSecret"] == {"name": "peer1-password"}
    assert "password" not in peer["spec"]


def test_bfd_profiles_go_with_the_peers_that_name_them():
    rest = """\
bfd-profiles:
- {name: Fast, receive-interval: 180, transmit-interval: 170, detect-multiplier: 4, echo-mode: false}
- {name: fast, echo-interval: 62, minimum-ttl: 254, passive-mode: true}
- {name: ~}
- {name: wrong, detect-multiplier: 1}
"""
    external = "my-asn: 64500, peer-asn: 64501, ebgp-multihop: true"
    made, notes, problems = peers(
        f"peer-address: 192.0.2.1, {external}, bfd-profile: Fast",
        f"peer-address: 192.0.2.2, {external}, bfd-profile: fast",
        rest=rest,
    )
    assert made["BFDProfile", "fast"] == {"echoInterval": 62, "minimumTtl": 254, "passiveMode": True}
    assert made["BFDProfile", "fast-2"] == {
        "receiveInterval": 180,
        "transmitInterval": 170,
        "detectMultiplier": 4,
        "echoMode": False,
    }
    assert made["BGPPeer", "peer1"]["bfdProfile"] == "fast-2"
    assert made["BGPPeer", "peer2"]["bfdProfile"] == "fast"
    assert problems[0] == "bfd-profiles[2]: name is missing"
    assert 'bfd-profiles[3] "wrong"' in problems[1]
    assert len(problems) == 2
    assert [note.rpartition(": ")[2] for note in notes if "GoBGP" in note] == [
        f"{field} has no effect with GoBGP" for field in ("echoInterval", "passiveMode", "minimumTtl")
    ]


@pytest.mark.parametrize(
    ("selectors", "notes", "problems"),
    [
        pytest.param(("", ""), [], ["peer 192.0.2.1 already exists"], id="on-every-node"),
        pytest.param(("a", "b"), [], [], id="never-on-one-node"),
        pytest.param(("a", "a, b"), [f"has no effect on a node with {HOST}=a"], [], id="on-one-node"),
        pytest.param(("a", ""), [f"has no effect on a node with {HOST}=a"], [], id="everywhere-and-on-one"),
    ],
)
def test_two_peers_with_one_address(selectors, notes, problems):
    def peer(values):
        if not values:
            return PEER
        chosen = f"[{{match-expressions: [{{key: {HOST}, operator: In, values: [{values}]}}]}}]"
        return f"{PEER}, node-selectors: {chosen}"

    made, told, wrong = peers(*map(peer, selectors))
    assert len(made) == 2 - len(problems)
    assert [part in line for part, line in zip(problems, wrong, strict=True)] == [True] * len(problems)
    assert [part in line for part, line in zip(notes, told[1:], strict=True)] == [True] * len(notes)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("address-pools: []\nfoo: 1", "config: foo is not a key of this format, left out"),
        ("address-pools: []\npeer-autodiscovery: {}", "config: peer-autodiscovery has no equal: make"),
        (f"peers: [{{{PEER}, weight: 3}}]", 'peers[0] "192.0.2.1": weight is not a key of this format'),
        (
            f"peers: [{{{PEER}, bfdProfile: fast}}]",
            "bfdProfile is not a key of this format, left out (is it bfd",
        ),
        (f"peers: [{{{PEER}, node-selectors: [{{x: 1}}]}}]", "node-selectors[0].x is not a key"),
        (f"peers: [{{{PEER}, node-selectors: [{{}}, {{}}]}}]", "node-selectors[1] is there twice, left out"),
        (f"peers: [{{{PEER}, hold-time: 0}}]", "holdTime 0s has no effect: GoBGP cannot switch"),
        ("bfd-profiles: [{name: a, slow: 1}]", 'bfd-profiles[0] "a": slow is not a key of this format'),
        (
            "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/28, 192.0.2.0/28]}]",
            "addresses[1] is there twice, left out",
        ),
        (
            "peers: [{peer-address: 192.0.2.1, my-asn: 1, peer-asn: 2}]",
            "BGPPeer peer1: a router that is more",
        ),
        (
            f"peers: [{{{PEER}}}]\naddress-pools: [{{name: a, protocol: bgp, addresses: [192.0.2.0/28]}}]",
            "BGPAdvertisement a: routes to the iBGP peers peer1 have LOCAL_PREF 100",
        ),
    ],
)
def test_what_has_no_equal_is_noted(text, note):
    _, notes, problems = convert(text)
    assert problems == []
    assert [line for line in notes if note in line], notes

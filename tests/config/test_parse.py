"""A configuration is read object by object: each bad one has its Problem, the rest counts."""

import base64

import pytest
from hypothesis import given, strategies as st

from ferrite.config.communities import parse_community
from ferrite.config.parse import ConfigObjects, parse
from ferrite.errors import ConfigError
from ferrite.objects import Custom, Metadata, Secret


def thing(name, spec, *, created="2026-01-01T00:00:00Z", labels=None):
    metadata = Metadata(
        name=name, namespace="metallb-system", creation_timestamp=created, labels=labels or {}
    )
    return Custom(metadata=metadata, spec=spec)


def pool(name, *addresses, created="2026-01-01T00:00:00Z", labels=None, **more):
    return thing(name, {"addresses": list(addresses), **more}, created=created, labels=labels)


def peer(name, **fields):
    return thing(name, {"myASN": 64501, "peerASN": 64500, "peerAddress": "192.0.2.1", **fields})


def secret(name, kind="kubernetes.io/basic-auth", **data):
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return Secret(metadata=Metadata(name=name, namespace="metallb-system"), type=kind, data=encoded)


def problems(**objects):
    return [problem.text for problem in parse(ConfigObjects(**objects))[1]]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        pytest.param(
            pool("p", "192.0.2.9-192.0.2.1"),
            'parsing address pool p: invalid CIDR "192.0.2.9-192.0.2.1" in pool "p": invalid IP range '
            '"192.0.2.9-192.0.2.1": start IP "192.0.2.9" is after the end IP "192.0.2.1"',
            id="backwards",
        ),
        pytest.param(
            pool("p", "192.0.2.9"),
            'parsing address pool p: invalid CIDR "192.0.2.9" in pool "p": invalid CIDR "192.0.2.9"',
            id="bare-address",
        ),
        pytest.param(
            pool("p", "10.0.1.0/24", "10.0.0.0/16"),
            'CIDR "10.0.0.0/16" in pool "p" overlaps with already defined CIDR "10.0.1.0/24"',
            id="overlaps-itself",
        ),
        pytest.param(
            pool("p", "198.51.100.0/25"),
            'CIDR "198.51.100.0/25" in pool "p" overlaps with already defined CIDR "198.51.100.0/24"',
            id="overlaps-another",
        ),
        pytest.param(
            pool("p", "10.1.0.0/32", "10.1.0.255-10.1.1.0", avoidBuggyIPs=True),
            "parsing address pool p: addresses 10.1.0.0/32, 10.1.0.255-10.1.1.0: avoidBuggyIPs "
            "leaves none of them",
            id="nothing-left",
        ),
        pytest.param(
            pool("p", "10.0.0.0/24", serviceAllocation={"namespaces": ["a", "a"]}),
            "parsing address pool p: duplicate definition in namespaces field",
            id="namespace-twice",
        ),
        pytest.param(
            pool(
                "p",
                "10.0.0.0/24",
                serviceAllocation={
                    "serviceSelectors": [{"matchExpressions": [{"key": "a", "operator": "Maybe"}]}]
                },
            ),
            'parsing address pool p: "Maybe" is not a valid label selector operator\n'
            "invalid service label selector in ip pool p",
            id="operator",
        ),
    ],
)
def test_a_bad_pool_leaves_the_others(bad, text):
    good = pool("zz", "198.51.100.0/24", created="2025-01-01T00:00:00Z")
    config, found, _ = parse(ConfigObjects(pools=[bad, good]))
    assert [kept.name for kept in config.pools] == ["zz"]
    assert [(problem.kind, problem.name, problem.text) for problem in found] == [("IPAddressPool", "p", text)]


@pytest.mark.parametrize("entry", ["10.1.0.0/31", "2001:db8::/128"])
def test_a_pool_with_an_address_left_counts(entry):
    config, _, _ = parse(ConfigObjects(pools=[pool("p", "10.2.0.0/32", entry, avoidBuggyIPs=True)]))
    assert [kept.name for kept in config.pools] == ["p"]


def test_a_pool_of_buggy_addresses_counts_unless_they_are_to_be_avoided():
    assert problems(pools=[pool("p", "10.1.0.0/32")]) == []


def test_the_older_of_two_overlapping_pools_counts():
    old = pool("z", "10.0.0.0/24", created="2025-01-01T00:00:00Z")
    new = pool("a", "10.0.0.128/25", created="2026-01-01T00:00:00Z")
    config, _, _ = parse(ConfigObjects(pools=[new, old]))
    assert [kept.name for kept in config.pools] == ["z"]


def test_a_pool_with_only_a_priority_is_pinned_for_every_service():
    config, _, _ = parse(ConfigObjects(pools=[pool("p", "10.0.0.0/24", serviceAllocation={"priority": 5})]))
    allocation = config.pools[0].allocation
    assert allocation is not None
    assert (allocation.priority, len(allocation.service_selectors)) == (5, 1)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        pytest.param({"myASN": 0}, "missing local ASN", id="own-asn"),
        pytest.param({"peerASN": 0}, "missing peer ASN and dynamicASN", id="no-asn"),
        pytest.param({"dynamicASN": "external"}, "both peer ASN and dynamicASN specified", id="both-asns"),
        pytest.param({"peerASN": 0, "dynamicASN": "any"}, "invalid dynamicASN any", id="dynamic"),
        pytest.param({"peerAddress": ""}, "peer has no Address or Interface specified", id="no-address"),
        pytest.param({"interface": "e0"}, "peer has both Address and Interface specified", id="both-places"),
        pytest.param({"peerAddress": "nowhere"}, 'invalid BGPPeer address "nowhere"', id="address"),
        pytest.param({"sourceAddress": "x"}, 'invalid source IP "x"', id="source"),
        pytest.param({"routerID": "::1"}, 'invalid router ID "::1"', id="router-id"),
        pytest.param(
            {"holdTime": "2500ms"},
            'invalid BGPPeer timers: invalid hold time "2500ms": must be 0 or >=3s',
            id="hold",
        ),
        pytest.param(
            {"holdTime": "3s", "keepaliveTime": "4s"},
            'invalid BGPPeer timers: invalid keepaliveTime "4s", must be lower than holdTime "3s"',
            id="keepalive",
        ),
        pytest.param({"holdTime": "soon"}, "holdTime: invalid duration 'soon'", id="duration"),
        pytest.param(
            {"peerASN": 64501, "ebgpMultiHop": True},
            "invalid ebgp-multihop parameter set for an ibgp peer",
            id="multihop",
        ),
        pytest.param(
            {"password": "x", "passwordSecret": {"name": "s"}},
            'can not have both password and secret ref set in peer config "metallb-system"/"p"',
            id="passwords",
        ),
        pytest.param(
            {"password": "ä" * 41},
            "password is longer than 80 bytes, the limit of TCP MD5",
            id="long-password",
        ),
        pytest.param(
            {"password": "hunter2\n"},
            "password has a control character in it, such as a line break at its end",
            id="line-break",
        ),
    ],
)
def test_a_bad_peer_is_named(fields, text):
    config, found, _ = parse(ConfigObjects(peers=[peer("p", **fields), peer("q", peerAddress="192.0.2.2")]))
    assert [kept.name for kept in config.peers] == ["q"]
    assert len(found) == 1
    assert found[0].text.startswith(f"parsing peer p {text}")


@pytest.mark.parametrize(
    ("secrets", "text"),
    [
        pytest.param(
            {},
            'parsing peer tor-a secret ref not found for peer config "metallb-system"/"tor-a"\n'
            "failed to parse peer tor-a password secret",
            id="absent",
        ),
        pytest.param(
            {"md5": secret("md5", "Opaque", password="x")},
            'parsing peer tor-a secret type mismatch on "metallb-system"/"md5", type '
            '"kubernetes.io/basic-auth" is expected \nfailed to parse peer tor-a password secret',
            id="type",
        ),
        pytest.param(
            {"md5": secret("md5", user="x")},
            'parsing peer tor-a password not specified in the secret "metallb-system"/"md5"\n'
            "failed to parse peer tor-a password secret",
            id="key",
        ),
        pytest.param(
            {"md5": secret("md5", password="x" * 81)},
            'parsing peer tor-a password in the secret "metallb-system"/"md5" is longer than 80 bytes, the '
            "limit of TCP MD5\nfailed to parse peer tor-a password secret",
            id="long",
        ),
        pytest.param(
            {"md5": secret("md5", password="hunter2\n")},
            'parsing peer tor-a password in the secret "metallb-system"/"md5" has a control character in it, '
            "such as a line break at its end\nfailed to parse peer tor-a password secret",
            id="line-break",
        ),
    ],
)
def test_a_password_secret_that_is_no_use(secrets, text):
    assert problems(peers=[peer("tor-a", passwordSecret={"name": "md5"})], secrets=secrets) == [text]


def test_a_password_is_read_and_never_shown():
    secrets = {"md5": secret("md5", password="hunter2")}
    config, _, _ = parse(ConfigObjects(peers=[peer("p", passwordSecret={"name": "md5"})], secrets=secrets))
    assert config.peers[0].password == "hunter2"
    assert "hunter2" not in repr(config)
    assert "aHVudGVyMg" not in repr(secrets)


def test_a_password_of_80_bytes_is_taken():
    config, _, _ = parse(ConfigObjects(peers=[peer("p", password="ä" * 40)]))
    assert config.peers[0].password == "ä" * 40


@pytest.mark.parametrize(
    ("fields", "timers"),
    [
        pytest.param({}, (None, None), id="none"),
        pytest.param({"holdTime": "90s"}, (90, 30), id="hold"),
        pytest.param({"keepaliveTime": "10s"}, (30, 10), id="keepalive"),
        pytest.param({"holdTime": "0s", "keepaliveTime": "0s"}, (0, 0), id="off"),
        pytest.param({"holdTime": "1m30s", "keepaliveTime": "90s"}, (90, 90), id="equal"),
    ],
)
def test_one_timer_gives_the_other(fields, timers):
    config, _, _ = parse(ConfigObjects(peers=[peer("p", **fields)]))
    assert (config.peers[0].hold_seconds, config.peers[0].keepalive_seconds) == timers


def test_a_missing_bfd_profile():
    assert problems(peers=[peer("tor-a", bfdProfile="fast")]) == [
        "peer tor-a referencing non existing bfd profile fast"
    ]


def test_peers_of_other_nodes_are_not_compared():
    here = {"rack": "a"}
    objects = ConfigObjects(
        peers=[
            peer("p1", nodeSelectors=[{"matchLabels": {"rack": "a"}}]),
            peer("p2", nodeSelectors=[{"matchLabels": {"rack": "b"}}]),
            peer("p3", nodeSelectors=[{"matchLabels": {"rack": "a"}}]),
        ],
        node_labels=here,
    )
    config, found, _ = parse(objects)
    assert [kept.name for kept in config.peers] == ["p1"]
    assert [problem.text for problem in found] == [
        "peer 192.0.2.1 already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node"
    ]


def test_an_unknown_alias_takes_the_advertisement_and_nothing_else():
    objects = ConfigObjects(
        bgp_advertisements=[
            thing("bad", {"communities": ["no-transit"]}),
            thing("good", {"communities": ["blue", "65000:1"]}),
        ],
        communities=[thing("c", {"communities": [{"name": "blue", "value": "large:1:2:3"}]})],
    )
    config, found, _ = parse(objects)
    assert [problem.text for problem in found] == [
        'invalid community format: no-transit\ninvalid community "no-transit" in BGP advertisement'
    ]
    assert [str(value) for value in config.bgp_advertisements[0].communities] == ["large:1:2:3", "65000:1"]


def test_pools_of_an_advertisement_are_those_named_and_those_selected():
    pools = [
        pool("a", "10.0.0.0/24"),
        pool("b", "10.0.1.0/24", labels={"tier": "web"}),
        pool("c", "10.0.2.0/24"),
    ]
    spec = {"ipAddressPools": ["a", "nowhere"], "ipAddressPoolSelectors": [{"matchLabels": {"tier": "web"}}]}
    objects = ConfigObjects(pools=pools, l2_advertisements=[thing("some", spec), thing("all", {})])
    everywhere, some = parse(objects)[0].l2_advertisements
    assert (everywhere.name, sorted(everywhere.scope.pools)) == ("all", ["a", "b", "c"])
    assert (some.name, sorted(some.scope.pools)) == ("some", ["a", "b"])


def test_a_route_wider_than_its_pool_is_refused():
    found = problems(
        pools=[pool("p", "198.51.100.8/29")], bgp_advertisements=[thing("b", {"aggregationLength": 27})]
    )
    assert found == [
        "invalid aggregation length 27: prefix 29 in this pool is more specific than the aggregation length "
        "for addresses 198.51.100.8-198.51.100.15"
    ]


def test_two_local_preferences_for_one_route():
    objects = ConfigObjects(
        pools=[pool("p", "10.0.0.0/24")],
        bgp_advertisements=[
            thing("one", {"localPref": 100}, created="2025-01-01T00:00:00Z"),
            thing("two", {"localPref": 200}),
        ],
        node_labels={},
    )
    config, found, _ = parse(objects)
    assert [kept.name for kept in config.bgp_advertisements] == ["one"]
    assert found[0].text.startswith("invalid local preference 200: local preferernce 100 was already set")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("1", "invalid community format: 1", id="one-part"),
        pytest.param("65536:1", 'invalid section "65536" of community "65536:1"', id="too-large"),
        pytest.param("big:1:2:3", "invalid marker for large community", id="marker"),
        pytest.param("large:1:2:x", 'invalid section "x"', id="word"),
    ],
)
def test_a_bad_community_is_named(text, complaint):
    with pytest.raises(ConfigError) as caught:
        parse_community(text)
    assert complaint in str(caught.value)


@given(st.text(alphabet="large:0123456789", max_size=40))
def test_any_community_parses_or_raises_the_one_error(text):
    try:
        community = parse_community(text)
    except ConfigError:
        return
    assert parse_community(str(community)) == community


def test_an_object_of_the_wrong_shape_is_named_and_hides_its_password():
    found = problems(peers=[peer("p", password=["hunter2"])], pools=[thing("q", {"addresses": "all"})])
    assert found[0].startswith("parsing IPAddressPool q: spec.addresses:")
    assert found[1].startswith("parsing BGPPeer p: spec.password:")
    assert "hunter2" not in found[1]


@pytest.mark.parametrize(
    ("kind", "item", "place"),
    [
        pytest.param(
            "peers", thing("p", {"peerAddress": "192.0.2.1", "password": "hunter2"}), "myASN", id="gone"
        ),
        pytest.param("peers", peer("p", peerAddress={"password": "hunter2"}), "peerAddress", id="object"),
        pytest.param("peers", peer("p", myASN=["hunter2"]), "myASN", id="list"),
    ],
)
def test_what_may_hold_a_password_is_not_shown(kind, item, place):
    (found,) = problems(**{kind: [item]})
    assert found.startswith(f"parsing BGPPeer p: spec.{place}: ")
    assert "hunter2" not in found


def test_a_value_of_the_wrong_shape_is_shown():
    (found,) = problems(peers=[peer("p", myASN="many")])
    assert found.endswith(", got 'many'")

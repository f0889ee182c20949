"""What counted goes on counting, whatever is added, edited, or taken away from under it."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings, strategies as st
from test_parse import peer, pool, secret, thing

from ferrite.config.parse import NOTHING, STANDS, ConfigObjects, parse
from ferrite.config.standing import settle
from ferrite.errors import ConfigError
from ferrite.objects import Custom, Metadata

OLD, YOUNG = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
HERE = {"rack": "a"}


def after(*moments):
    """Read one moment after the other; what the last one makes."""
    memory = NOTHING
    for objects in moments:
        config, found, memory = parse(objects, memory)
    return config, [(problem.kind, problem.name, problem.text, problem.fatal) for problem in found]


def ranges(config):
    return {kept.name: [str(each) for each in kept.ranges] for kept in config.pools}


def pools(**addresses):
    """`main` is the older one."""
    return ConfigObjects(
        pools=[
            pool(name, entry, created=OLD if name == "main" else YOUNG) for name, entry in addresses.items()
        ]
    )


APART = pools(main="10.0.0.0/25", young="10.0.0.128/25")
ON_TOP = pools(main="10.0.0.0/24", young="10.0.0.128/25")
BOTH = {"main": ["10.0.0.0-10.0.0.127"], "young": ["10.0.0.128-10.0.0.255"]}
OVERLAPS = f'CIDR "10.0.0.0/24" in pool "main" overlaps with already defined CIDR "10.0.0.128/25"\n{STANDS}'


@pytest.mark.parametrize(
    ("moments", "expected", "named"),
    [
        pytest.param([APART, ON_TOP], BOTH, "main", id="the older one is edited onto the younger"),
        pytest.param([APART, ON_TOP, ON_TOP], BOTH, "main", id="and is read again"),
        pytest.param([ON_TOP], {"main": ["10.0.0.0-10.0.0.255"]}, "young", id="nothing is remembered"),
        pytest.param([ON_TOP, APART], BOTH, None, id="the older one makes room for one that never counted"),
        pytest.param(
            [APART, ON_TOP, pools(main="10.0.0.0/24")],
            {"main": ["10.0.0.0-10.0.0.255"]},
            None,
            id="what was in the way is deleted",
        ),
        pytest.param([APART, ON_TOP, APART], BOTH, None, id="the edit is taken back"),
        pytest.param(
            [APART, pools(main="10.0.0.9-10.0.0.1", young="10.0.0.128/25")], BOTH, "main", id="nonsense"
        ),
        pytest.param(
            [APART, pools(main="10.0.0.9-10.0.0.1", young="10.0.0.64/26")],
            BOTH,
            "main young",
            id="what still counts is not up for grabs",
        ),
        pytest.param(
            [APART, pools(main="10.0.0.128/25", young="10.0.0.0/25")],
            {"main": BOTH["young"], "young": BOTH["main"]},
            None,
            id="two swap",
        ),
        pytest.param(
            [APART, pools(main="10.0.0.0/26", young="10.0.0.64/26")],
            {"main": ["10.0.0.0-10.0.0.63"], "young": ["10.0.0.64-10.0.0.127"]},
            None,
            id="one moves into the room that another gives up",
        ),
        pytest.param(
            [APART, replace(APART, pools=[*APART.pools, pool("first", "10.0.0.0/16", created="2024")])],
            BOTH,
            "first",
            id="an older one appears",
        ),
        pytest.param([APART, ConfigObjects(), ON_TOP], {"main": ["10.0.0.0-10.0.0.255"]}, "young", id="gone"),
    ],
)
def test_pools(moments, expected, named):
    config, found = after(*moments)
    assert ranges(config) == expected
    assert " ".join(name for _, name, _, _ in found) == (named or "")


def test_the_newest_spec_is_a_problem_that_says_that_the_last_good_one_counts():
    assert after(APART, ON_TOP)[1] == [("IPAddressPool", "main", OVERLAPS, True)]


def test_an_object_that_was_made_anew_is_another_one():
    def of(uid, *addresses):
        return Custom(metadata=Metadata(name="p", uid=uid), spec={"addresses": list(addresses)})

    config, found = after(
        ConfigObjects(pools=[of("1", "10.0.0.0/24")]), ConfigObjects(pools=[of("2", "10.0.0.9-10.0.0.1")])
    )
    assert config.pools == ()
    assert STANDS not in found[0][2]


SECRET = {"md5": secret("md5", password="hunter2")}
ALIAS = thing("c", {"communities": [{"name": "blue", "value": "65000:1"}]})
FAST = thing("fast", {"receiveInterval": 300})


@pytest.mark.parametrize(
    ("field", "good", "bad", "text"),
    [
        pytest.param(
            "peers",
            ConfigObjects(peers=[peer("p", passwordSecret={"name": "md5"})], secrets=SECRET),
            {"secrets": {}},
            "secret ref not found",
            id="the Secret goes",
        ),
        pytest.param(
            "peers",
            ConfigObjects(peers=[peer("p", bfdProfile="fast")], bfd_profiles=[FAST]),
            {"bfd_profiles": []},
            "referencing non existing bfd profile fast",
            id="the BFD profile goes",
        ),
        pytest.param(
            "peers",
            ConfigObjects(peers=[peer("p", bfdProfile="fast")], bfd_profiles=[FAST]),
            {"bfd_profiles": [thing("fast", {"receiveInterval": 1})]},
            "parsing BFDProfile fast: spec.receiveInterval",
            id="the BFD profile goes bad",
        ),
        pytest.param(
            "bgp_advertisements",
            ConfigObjects(bgp_advertisements=[thing("b", {"communities": ["blue"]})], communities=[ALIAS]),
            {"communities": []},
            'invalid community "blue" in BGP advertisement',
            id="the community goes",
        ),
        pytest.param(
            "bgp_advertisements",
            ConfigObjects(bgp_advertisements=[thing("b", {"communities": ["blue"]})], communities=[ALIAS]),
            {"communities": [thing("c", {"communities": [{"name": "blue", "value": "1"}]})]},
            "invalid community format: 1",
            id="the community goes bad",
        ),
        pytest.param(
            "bgp_advertisements",
            ConfigObjects(
                pools=[pool("p", "10.0.0.0/24")], bgp_advertisements=[thing("b", {"aggregationLength": 26})]
            ),
            {"pools": [pool("p", "10.0.0.0/28")]},
            "invalid aggregation length 26",
            id="the pool gets too small for the routes",
        ),
        pytest.param(
            "l2_advertisements",
            ConfigObjects(l2_advertisements=[thing("l2", {"interfaces": ["eth0"]})]),
            {"l2_advertisements": [thing("l2", {"nodeSelectors": [{}, {}]})]},
            "duplicate definition of nodeSelectors",
            id="an edit",
        ),
        pytest.param(
            "peers",
            ConfigObjects(peers=[peer("a"), peer("p", peerAddress="192.0.2.2")], node_labels={}),
            {"peers": [peer("a"), peer("p", peerAddress="192.0.2.1")]},
            "peer 192.0.2.1 already exists",
            id="a second peer with one neighbor",
        ),
    ],
)
def test_it_counts_until_it_is_good_again_or_deleted(field, good, bad, text):
    ills = replace(good, **bad)
    first, none = after(good)
    kept, found = after(good, ills)
    assert none == []
    assert getattr(kept, field) == getattr(first, field) != ()
    assert len(found) == 1
    assert text in found[0][2]
    assert found[0][2].endswith(STANDS)
    assert found[0][3]
    assert after(good, ills, good) == (first, [])
    assert getattr(after(good, ills, replace(ills, **{field: []}))[0], field) == ()


def test_what_an_object_refers_to_still_changes_it():
    def with_value(value):
        aliases = thing("c", {"communities": [{"name": "blue", "value": value}]})
        return ConfigObjects(
            bgp_advertisements=[thing("b", {"communities": ["blue"]})], communities=[aliases]
        )

    config, found = after(with_value("65000:1"), with_value("65000:2"))
    assert [str(each) for each in config.bgp_advertisements[0].communities] == ["65000:2"]
    assert found == []


def test_every_peer_may_get_another_router_id_at_last():
    def with_ids(*ids):
        made = [peer(f"p{at}", peerAddress=f"192.0.2.{at}", routerID=each) for at, each in enumerate(ids)]
        return ConfigObjects(peers=made, node_labels={})

    steps = [with_ids("10.0.0.1", "10.0.0.1"), with_ids("10.0.0.2", "10.0.0.1")]
    config, found = after(*steps)
    assert [each.router_id for each in config.peers] == ["10.0.0.1", "10.0.0.1"]
    assert [name for _, name, _, _ in found] == ["p0"]
    config, found = after(*steps, with_ids("10.0.0.2", "10.0.0.2"))
    assert [each.router_id for each in config.peers] == ["10.0.0.2", "10.0.0.2"]
    assert found == []


def test_a_peer_that_counted_elsewhere_is_not_kept_for_this_node():
    here = peer("p", nodeSelectors=[{"matchLabels": HERE}])
    bad = peer("p", nodeSelectors=[{"matchLabels": HERE}], peerAddress="nowhere")
    good = ConfigObjects(peers=[here], node_labels=HERE)
    assert [each.name for each in after(good, replace(good, peers=[bad]))[0].peers] == ["p"]
    assert after(good, ConfigObjects(peers=[bad], node_labels={}))[0].peers == ()


def refuse_equal(value, others):
    if value in others:
        raise ConfigError(f"{value} twice")


@pytest.mark.parametrize(
    ("own", "standing", "counting", "refused"),
    [
        pytest.param({"a": 1, "b": 1}, {}, {"a": 1}, {"b"}, id="the first"),
        pytest.param({"a": 1, "b": 1}, {"b": 1}, {"b": 1}, {"a"}, id="what stands"),
        pytest.param({"b": 1}, {"a": 1}, {"a": 1}, {"b"}, id="what stands although its object is bad"),
        pytest.param({"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}, set(), id="a swap"),
        pytest.param(
            {"a": 2, "b": 1, "c": 3, "d": 3},
            {"a": 1, "b": 2, "d": 3},
            {"a": 2, "b": 1, "d": 3},
            {"c"},
            id="a swap beside one that has no place",
        ),
        pytest.param(
            {"a": 3, "b": 2, "c": 1}, {"b": 3, "c": 2}, {"a": 3, "b": 2, "c": 1}, set(), id="a chain"
        ),
        pytest.param(
            {"a": 2, "b": 3, "c": 9}, {"a": 1, "b": 2, "c": 3, "d": 9}, {"a": 1, "b": 2, "c": 3, "d": 9},
            {"a", "b", "c"}, id="no room is made",
        ),
        pytest.param(
            {"a": 2, "b": 4, "c": 9}, {"a": 1, "b": 2, "c": 3, "d": 9}, {"a": 2, "b": 4, "c": 3, "d": 9},
            {"c"}, id="room that is made later",
        ),
    ],
)  # fmt: skip
def test_who_counts(own, standing, counting, refused):
    def keyed(values):
        return {(name, ""): value for name, value in values.items()}

    found, complaints = settle(keyed(own), keyed(standing), refuse_equal)
    assert found == keyed(counting)
    assert {name for name, _ in complaints} == refused


@dataclass(frozen=True)
class Edit:
    """One object gets another spec, goes (None), or goes and comes again (`anew`)."""

    name: str
    spec: dict | None
    anew: bool


def numbers(most):
    return st.integers(0, most)


POOL_SPECS = st.builds(
    lambda first, last: {"addresses": [f"10.0.0.{first}-10.0.0.{last}"]}, numbers(9), numbers(9)
)
PEER_SPECS = st.builds(
    lambda at, router: {
        "myASN": 64501,
        "peerASN": 64500,
        "peerAddress": f"192.0.2.{at}" if at else "nowhere",
        "routerID": f"10.0.0.{router}",
    },
    numbers(3),
    numbers(1),
)
COMMUNITY_SPECS = st.builds(
    lambda names, value: {"communities": [{"name": name, "value": value} for name in names]},
    st.lists(st.sampled_from("xyz"), max_size=2),
    st.sampled_from(["65000:1", "65000:2", "nonsense"]),
)
ADVERTISEMENT_SPECS = st.builds(
    lambda pools, pref: {"ipAddressPools": pools, "localPref": pref},
    st.lists(st.sampled_from(["p", "q"]), min_size=1, max_size=2),
    numbers(2),
)
UNIVERSES = [
    pytest.param("pools", "pools", POOL_SPECS, id="pools"),
    pytest.param("peers", "peers", PEER_SPECS, id="peers"),
    pytest.param("communities", "aliases", COMMUNITY_SPECS, id="communities"),
    pytest.param("bgp_advertisements", "bgp_advertisements", ADVERTISEMENT_SPECS, id="advertisements"),
]


def moments_of(specs):
    """Bursts of edits: what is there, and whose object changed, one moment after the other."""
    edit = st.builds(Edit, st.sampled_from("abcd"), st.one_of(st.none(), specs, specs, specs), st.booleans())
    return st.lists(st.lists(edit, min_size=1, max_size=3), min_size=1, max_size=8)


def played(bursts):
    """The objects after each burst; `d` is the oldest, so that age and name do not agree."""
    present, uids = {}, dict.fromkeys("abcd", 0)
    for burst in bursts:
        for edit in burst:
            uids[edit.name] += edit.spec is None or edit.anew
            if edit.spec is None:
                present.pop(edit.name, None)
            else:
                metadata = Metadata(
                    name=edit.name, uid=str(uids[edit.name]), creation_timestamp=str(9 - ord(edit.name) % 9)
                )
                present[edit.name] = Custom(metadata=metadata, spec=edit.spec)
        yield {edit.name for edit in burst}, list(present.values())


def surroundings(field, items):
    offers = [pool("p", "10.0.0.0/28"), pool("q", "10.0.0.16/28")]
    return ConfigObjects(**({"pools": offers} | {field: items}), node_labels={})


@pytest.mark.parametrize(("field", "kind", "specs"), UNIVERSES)
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_object_takes_away_what_another_one_is(field, kind, specs, data):
    memory, bad = NOTHING, set()
    for edited, items in played(data.draw(moments_of(specs))):
        objects = surroundings(field, items)
        before = getattr(memory, kind)
        config, found, memory = parse(objects, memory)
        counting = getattr(memory, kind)
        there = {(item.metadata.name, item.metadata.uid) for item in items}

        # What counted and is still there counts: as it was, unless its object was edited, now or in vain.
        assert before.keys() & there <= counting.keys()
        steady = {who for who in before.keys() & there if who[0] not in edited | bad}
        assert {who: counting[who] for who in steady} == {who: before[who] for who in steady}
        bad = {problem.name for problem in found}
        assert not bad & {name for name, _ in steady}
        # What is there counts or has its problem; what is not there does neither.
        assert counting.keys() <= there
        assert {name for name, _ in there - counting.keys()} <= bad <= {name for name, _ in there}
        # Everything that counts would count by itself, together.
        assert fits(field, counting)
        # Reading again changes nothing.
        again, told, remembered = parse(objects, memory)
        assert (again, set(told), remembered) == (config, set(found), memory)
        # A good configuration is the same with memory and without.
        fresh, wrong, _ = parse(objects)
        assert wrong or (config, found) == (fresh, ())


def fits(field, counting):
    values = list(counting.values())
    if field == "pools":
        taken = [
            number for one in values for each in one.ranges for number in range(each.first, each.last + 1)
        ]
        return len(taken) == len(set(taken))
    if field == "peers":
        routers, places = {one.router_id for one in values}, {one.address for one in values}
        return len(routers) <= 1 and len(places) == len(values)
    if field == "communities":
        names = [name for one in values for name in one]
        return len(names) == len(set(names))
    preferences = {(name, one.local_pref) for one in values for name in one.scope.pools}
    return len(preferences) == len({name for name, _ in preferences})

"""Whatever stands in the ConfigMap: one error or an answer, and nothing that Ferrite would refuse."""

from contextlib import suppress

import msgspec
import yaml
from hypothesis import given, strategies as st

from cli.convert import KEYS, converted
from cli.convert_fields import Findings
from cli.convert_input import read
from crds.kinds import KINDS
from ferrite.config.parse import ConfigObjects, parse
from ferrite.errors import ConfigError
from ferrite.objects import Custom, Secret
from tests.fakes.configuration import FIELDS

SPECS = {
    (f"{kind.group}/{version.name}", kind.name): version.spec for kind in KINDS for version in kind.versions
}
NAMES = st.sampled_from(["a", "b", "A", "a_b", "a-b", "é", "", "a.b", None])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**33) | st.sampled_from(["", "a", "1", "192.0.2.1", "90s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "key", "name"]), inner),
    max_leaves=5,
)


def mapping(**keys):
    """Some of these keys, each with a fitting value or with anything."""
    named = {name.replace("_", "-"): value for name, value in keys.items()}
    rest = st.dictionaries(st.sampled_from([*named, "other"]), anything, max_size=1)
    return st.tuples(st.fixed_dictionaries({}, optional=named), rest).map(lambda two: two[0] | two[1])


addresses = st.sampled_from(
    [
        "192.0.2.0/28",
        "192.0.2.8/29",
        "198.51.100.0/24",
        "203.0.113.1-203.0.113.9",
        "2001:db8::/120",
        "192.0.2.1",
        "x",
    ]
)
communities = st.sampled_from(["64500:1", "large:1:2:3", "alias", "odd:alias", "x", "64500:99999"])
times = st.sampled_from(["0", "1s", "3s", "90s", "1m", "-3s", "9", 9])
advertisement = mapping(
    aggregation_length=st.integers(0, 40),
    aggregation_length_v6=st.integers(0, 140),
    localpref=st.integers(0, 2),
    communities=st.lists(communities, max_size=3),
)
pool = mapping(
    name=NAMES,
    protocol=st.sampled_from(["layer2", "bgp", "bgp", "arp"]),
    addresses=st.lists(addresses, max_size=2),
    auto_assign=st.booleans(),
    avoid_buggy_ips=st.sampled_from(["yes", "off", True]),
    bgp_advertisements=st.lists(advertisement, max_size=2),
)
expression = mapping(
    key=st.sampled_from(["rack", "gpu"]),
    operator=st.sampled_from(["In", "NotIn", "Exists", "Is"]),
    values=st.lists(st.sampled_from(["a", "b"]), max_size=2),
)
selector = mapping(
    match_labels=st.dictionaries(st.sampled_from(["rack", "gpu"]), st.sampled_from(["a", "b"])),
    match_expressions=st.lists(expression, max_size=2),
)
peer = mapping(
    my_asn=st.just(64500),
    peer_asn=st.sampled_from([64500, 64501]),
    peer_address=st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
    peer_port=st.integers(0, 20000),
    hold_time=times,
    keepalive_time=times,
    router_id=st.sampled_from(["192.0.2.9", "::1"]),
    source_address=st.sampled_from(["192.0.2.9", "x"]),
    node_selectors=st.lists(selector, max_size=2),
    password=st.sampled_from(["hunter2", 12345]),
    bfd_profile=NAMES,
    ebgp_multihop=st.booleans(),
)
profile = mapping(name=NAMES, detect_multiplier=st.integers(1, 300), echo_mode=st.booleans())
config = mapping(
    address_pools=st.lists(pool, max_size=4),
    peers=st.lists(peer, max_size=3),
    bgp_communities=st.dictionaries(st.sampled_from(["alias", "odd:alias"]), communities),
    bfd_profiles=st.lists(profile, max_size=2),
)


def convert(value):
    findings = Findings()
    return converted(read(yaml.safe_dump(value)), "metallb-system", findings), findings


@given(anything | st.dictionaries(st.sampled_from([*KEYS, "kind", "apiVersion", "data", "items"]), anything))
def test_any_yaml_converts_or_is_the_one_error(value):
    with suppress(ConfigError):
        convert(value)


@given(config)
def test_what_converts_is_what_ferrite_accepts(value):
    made, findings = convert(value)
    by_field = {name: [] for name in FIELDS.values()}
    secrets = {}
    for item in made:
        kind, name = item.key
        if kind == "Secret":
            secrets[name] = msgspec.convert(item.manifest, Secret)
            continue
        spec = item.manifest["spec"]
        model = SPECS[item.manifest["apiVersion"], kind]
        assert model.model_validate(spec).model_dump(by_alias=True, exclude_unset=True) == spec
        by_field[FIELDS[kind]].append(msgspec.convert(item.manifest, Custom))
    for labels in (None, {}):
        assert parse(ConfigObjects(**by_field, secrets=secrets, node_labels=labels))[1] == ()
    assert "hunter2" not in "".join(findings.notes + findings.problems)


@given(config)
def test_every_pool_becomes_one_or_is_a_problem(value):
    made, findings = convert(value)
    given = value.get("address-pools")
    pools = [item for item in made if item.key[0] == "IPAddressPool"]
    told = {
        place
        for place in range(len(given) if isinstance(given, list) else 0)
        if any(line.startswith(f"address-pools[{place}]") for line in findings.problems)
    }
    assert {f"address-pools[{place}]" for place in told} | {item.where.split(" ")[0] for item in pools} == {
        f"address-pools[{place}]" for place in range(len(given) if isinstance(given, list) else 0)
    }

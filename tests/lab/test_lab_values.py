"""What the lab decides before it touches the machine."""

import ipaddress

import pytest
import yaml
from hypothesis import given, strategies as st

from lab import rights
from lab.__main__ import guarded, parser
from lab.apps import App, endpoint_slice, pod_index
from lab.control_plane import node_object
from lab.daemons import DaemonOptions, daemon_units
from lab.router import NODE_ASN, bgp_configuration
from lab.state import LabError, State, address4, address6, node_names, write_file
from lab.toolchain import LOCK, go_version, required_version
from lab.words import table

names = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,5}){0,2}", fullmatch=True)


@pytest.mark.parametrize("name", ["", "Lab", "1st", "a_b", "../x", "a" * 40, "-a"])
def test_a_bad_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(LabError, match="--name"):
        State(name)


@given(
    mine=names,
    other=names,
    role=st.sampled_from(["lan", "cp", "router", "client", "remote", "node-1", "node-12"]),
)
def test_a_lab_never_takes_anothers_namespace_for_its_own(mine: str, other: str, role: str) -> None:
    found = State(mine).role(State(other).namespace(role))
    assert found == (role if mine == other else None)


def test_every_role_has_its_own_addresses() -> None:
    everyone = ["cp", "router", "client", *node_names(80)]
    addresses = [address4(role) for role in everyone]
    assert len(set(addresses)) == len(addresses)
    assert all(
        ipaddress.ip_address(address) in ipaddress.ip_network("192.168.1.0/24") for address in addresses
    )
    assert all(
        ipaddress.ip_address(address6(role)) in ipaddress.ip_network("fd00:30::/64") for role in everyone
    )
    pool = {f"192.168.1.{last}" for last in range(240, 251)}
    assert not pool & set(addresses)


def test_a_lab_that_is_not_up_says_how_to_start_it(tmp_path) -> None:
    with pytest.raises(LabError, match=r"lab x is not up.*python -m lab up --name x"):
        State("x", tmp_path).node_count()


def test_a_file_is_written_whole_and_closed_to_others(tmp_path) -> None:
    write_file(tmp_path / "token", "secret")
    assert (tmp_path / "token").read_text() == "secret"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_the_router_knows_every_node_twice() -> None:
    lines = bgp_configuration(2).splitlines()
    for neighbor in ("192.168.1.11", "192.168.1.12", "fd00:30::11", "fd00:30::12"):
        assert f" neighbor {neighbor} remote-as {NODE_ASN}" in lines
    assert lines.count("  neighbor fd00:30::11 activate") == 1
    assert lines.count("  neighbor 192.168.1.11 activate") == 2
    assert lines.count("  maximum-paths 8") == 2


def test_a_node_registers_both_families_and_is_ready() -> None:
    status = node_object("node-2")["status"]
    assert [address["address"] for address in status["addresses"]] == [
        "192.168.1.12",
        "fd00:30::12",
        "node-2",
    ]
    assert status["conditions"][0]["type"] == "Ready"


def test_pods_keep_their_address_and_share_it_with_no_one(tmp_path) -> None:
    state = State("x", tmp_path)
    assert pod_index(state, "default.a") == pod_index(state, "default.a")
    assert pod_index(state, "default.a") != pod_index(state, "default.b")


@pytest.mark.parametrize(("family", "address"), [("IPv4", "10.244.2.10"), ("IPv6", "fd00:10:244:2::10")])
def test_a_slice_belongs_to_its_service_and_names_its_node(family: str, address: str) -> None:
    made = endpoint_slice(App("web", "hi", 5000, ("node-2",), "default"), 10, family)
    assert made["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert made["addressType"] == family
    assert [(one["addresses"], one["nodeName"]) for one in made["endpoints"]] == [([address], "node-2")]


def test_daemons_get_one_capability_and_never_the_administrators_token(tmp_path) -> None:
    state = State("x", tmp_path)
    units = {unit.name: unit for unit in daemon_units(state, DaemonOptions(), ["node-1"])}
    assert "--bounding-set=-all,+net_raw" in units["speaker-node-1"].argv
    assert "--bounding-set=-all,+net_bind_service" in units["gobgpd-node-1"].argv
    assert "--bounding-set=-all" in units["controller"].argv
    for name in ("speaker-node-1", "controller"):
        assert not any("admin" in word for word in units[name].argv)
    assert units["gobgpd-node-1"].unlink == (str(tmp_path / "x" / "nodes" / "node-1" / "gobgp.sock"),)


@pytest.mark.parametrize(
    ("text", "complaint"), [("a: 1", "not a list"), ("- 1", "not a list"), ("[", "rules")]
)
def test_a_bad_file_of_rules_is_named(tmp_path, text: str, complaint: str) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(LabError, match=f"r.yaml.*{complaint}" if complaint != "rules" else "r.yaml"):
        rights.read_rules(tmp_path / "r.yaml")


def test_rules_become_roles_bound_to_their_account(tmp_path) -> None:
    rule = {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}
    for name in ("controller-cluster", "controller-namespace", "speaker-cluster", "speaker-namespace"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump([rule]))
    items = rights.objects("elsewhere", tmp_path)
    bound = [
        (item["kind"], item["subjects"][0]["name"]) for item in items if item["kind"].endswith("Binding")
    ]
    assert bound == [(kind, who) for who in rights.ACCOUNTS for kind in ("ClusterRoleBinding", "RoleBinding")]
    assert all(
        item["metadata"]["namespace"] == "elsewhere"
        for item in items
        if item["kind"] in ("Role", "RoleBinding")
    )


@pytest.mark.parametrize(
    ("typed", "given_on"),
    [
        (["kubectl", "get", "svc"], ["kubectl", "--", "get", "svc"]),
        (["kubectl", "-n", "x", "get", "svc"], ["kubectl", "--", "-n", "x", "get", "svc"]),
        (["kubectl", "--name", "two", "-A", "get"], ["kubectl", "--name", "two", "--", "-A", "get"]),
        (["kubectl", "--name=two", "get"], ["kubectl", "--name=two", "--", "get"]),
        (["exec", "client", "--", "ip"], ["exec", "client", "--", "ip"]),
    ],
)
def test_kubectls_arguments_stay_its_own(typed: list[str], given_on: list[str]) -> None:
    assert guarded(typed) == given_on
    assert parser().parse_args(given_on).command[-1] == given_on[-1]


def test_an_unknown_verb_ends_with_two() -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(["sideways"])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("text", "version"), [("go1.26.8\n", (1, 26, 8)), ("go1.27rc1", (1, 27)), ("devel", ()), ("", ())]
)
def test_go_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert go_version(text) == version


def test_the_pinned_toolchain_builds_every_module() -> None:
    pinned = go_version("go" + LOCK.read_text().split("==")[1].split()[0])
    for module in LOCK.parent.glob("*/go.mod"):
        assert pinned >= required_version(module.read_text()), module


def test_a_table_has_columns() -> None:
    assert table([("A", "B"), ("long", "x")]) == "A     B\nlong  x"

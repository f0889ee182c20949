"""Names, places and addresses of a lab."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from lab.state import (
    MAX_NODES,
    LabError,
    State,
    address4,
    address6,
    host_number,
    node_names,
    node_number,
    write_file,
)

ROOT = Path("/labs")


def test_every_file_lies_in_the_labs_own_folder():
    one, other = State("one", ROOT), State("other", ROOT)
    for state in (one, other):
        places = [state.control_socket, state.kubeconfig, state.internal_kubeconfig, state.port_file]
        places += [state.ready_file, state.programs_link, state.logs]
        assert len(set(places)) == len(places)
        assert all(place.parent == ROOT / state.name for place in places)


@pytest.mark.parametrize("name", ["a", "demo", "ci-2", "a-b-c-d", "a" * 16])
def test_good_names(name):
    assert State(name).name == name


@pytest.mark.parametrize("role", ["", "node-", "node-x", "nodes", "cp-2", "node-1-x"])
def test_a_namespace_of_another_kind_is_not_ours(role):
    state = State("demo")
    assert state.role(state.namespace(role)) is None


@pytest.mark.parametrize(
    "foreign", ["demo-cp", "ferrite-demo", "ferrite-other-cp", "ferrite-demo-two-cp", ""]
)
def test_a_foreign_namespace_is_not_ours(foreign):
    assert State("demo").role(foreign) is None


def test_a_part_is_made_and_closed_to_others(tmp_path):
    part = State("demo", tmp_path).part("nodes", "node-1")
    assert part == tmp_path / "demo" / "nodes" / "node-1"
    assert part.stat().st_mode & 0o777 == 0o700
    assert State("demo", tmp_path).part("nodes", "node-1") == part


def test_a_lab_is_made_once(tmp_path):
    state = State("demo", tmp_path)
    state.create()
    assert state.folder.stat().st_mode & 0o777 == 0o700
    assert state.logs.is_dir()
    with pytest.raises(FileExistsError):
        state.create()


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("12\n", 12)])
def test_a_lab_that_is_up_knows_its_nodes(tmp_path, text, count):
    state = State("demo", tmp_path)
    state.create()
    state.ready_file.write_text(text)
    assert state.node_count() == count


def test_a_lab_that_is_half_up_is_not_up(tmp_path):
    state = State("demo", tmp_path)
    state.create()
    state.ready_file.write_text("")
    with pytest.raises(LabError, match="lab demo is not up"):
        state.node_count()


@given(number=st.integers(min_value=1, max_value=MAX_NODES))
def test_names_numbers_and_addresses_of_nodes_agree(number):
    name = node_names(MAX_NODES)[number - 1]
    assert node_number(name) == number
    assert host_number(name) == 10 + number
    assert address4(name) == f"192.168.1.{10 + number}"
    assert address6(name) == f"fd00:30::{10 + number}"
    assert host_number(name) < host_number("client")


def test_the_remote_is_on_a_network_of_its_own():
    assert (address4("remote"), address6("remote")) == ("10.99.0.100", "fd00:99::100")
    assert (address4("router"), address6("router")) == ("192.168.1.200", "fd00:30::200")


def test_a_file_is_replaced_with_its_mode(tmp_path):
    path = tmp_path / "token"
    path.write_text("much longer than what comes")
    write_file(path, "new", 0o640)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]

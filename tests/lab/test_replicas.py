"""Installations beside the lab's own: they do not meet, and have no more rights than the chart gives."""

import pytest

from lab import rights
from lab.daemons import HEALTH_PORT, METRICS_PORT, DaemonOptions, daemon_units
from lab.replicas import Installation, controller_unit
from lab.state import State


@pytest.fixture
def units(tmp_path):
    """Those of three installations, and the controller of the lab itself."""
    state = State("x", tmp_path)
    installations = [Installation(f"site-{n}", n, f"example.com/site-{n}") for n in range(3)]
    made = [controller_unit(state, one, replica) for one in installations for replica in range(one.replicas)]
    [own] = [unit for unit in daemon_units(state, DaemonOptions(), ["node-1"]) if unit.name == "controller"]
    return [own, *made]


def flags(unit):
    return dict(word.split("=", 1) for word in unit.argv if word.startswith("--") and "=" in word)


def test_no_two_controllers_have_a_name_or_a_port_in_common(units) -> None:
    assert len({unit.name for unit in units}) == 7
    ports = [flags(unit)[flag] for unit in units for flag in ("--port", "--health-probe-port")]
    assert len(set(ports)) == 14
    assert {str(METRICS_PORT), str(HEALTH_PORT)} <= set(ports)


def test_replicas_differ_in_their_pod_and_in_nothing_that_they_serve(units) -> None:
    first, second = (flags(unit) for unit in units[1:3])
    assert (first["--pod-name"], second["--pod-name"]) == ("controller-0", "controller-1")
    for flag in ("--namespace", "--lb-class", "--kubeconfig"):
        assert first[flag] == second[flag]
        assert len({flags(unit).get(flag) for unit in units}) == 4


def test_replicas_never_get_the_administrators_token_nor_a_capability(units) -> None:
    for unit in units:
        assert "--bounding-set=-all" in unit.argv
        assert not any("admin" in word for word in unit.argv)


def test_only_the_accounts_that_are_wanted_get_rights() -> None:
    items = rights.objects("elsewhere", accounts=("controller",))
    bound = [item["subjects"][0]["name"] for item in items if item["kind"].endswith("Binding")]
    assert bound == ["controller", "controller"]
    assert rights.cluster_role_name("elsewhere", "controller") in [item["metadata"]["name"] for item in items]

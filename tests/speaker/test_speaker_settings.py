"""Flags of the speaker, their environment, and what a wrong one is answered with."""

import pytest

from speaker.settings import parse

ENVIRONMENT = (
    "METALLB_NODE_NAME",
    "METALLB_NAMESPACE",
    "METALLB_POD_NAME",
    "METALLB_ML_BIND_ADDR",
    "METALLB_ML_BIND_PORT",
    "METALLB_ML_SECRET_KEY_PATH",
    "KUBECONFIG",
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)


def test_defaults():
    settings = parse(["--node-name", "node-1"])
    assert settings.node_name == "node-1"
    assert (settings.bind_address, settings.bind_port, settings.key_directory) == ("", 7946, "")
    assert settings.gobgp_socket == "unix:///run/ferrite/gobgp.sock"
    assert settings.excluded_interfaces_file == "/etc/metallb/excludel2.yaml"
    assert not settings.ignore_exclude_label
    assert settings.common.namespace == "metallb-system"
    assert (settings.common.metrics.port, settings.common.health_probe_port) == (9120, 17472)


def test_the_environment_is_a_fall_back(monkeypatch):
    for name, value in zip(ENVIRONMENT, ("n", "ns", "pod", "192.0.2.1", "7000", "/key", "/k"), strict=True):
        monkeypatch.setenv(name, value)
    settings = parse([])
    common = settings.common
    assert (settings.node_name, common.namespace, common.pod_name, common.kubeconfig) == (
        "n",
        "ns",
        "pod",
        "/k",
    )
    assert (settings.bind_address, settings.bind_port, settings.key_directory) == ("192.0.2.1", 7000, "/key")
    assert parse(["--node-name", "given", "--ml-bindport", "7001"]).node_name == "given"
    assert parse(["--ml-bindport", "7001"]).bind_port == 7001


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param([], "--node-name is missing; set it or METALLB_NODE_NAME", id="no-node"),
        pytest.param(
            ["--node-name="], "--node-name is missing; set it or METALLB_NODE_NAME", id="empty-node"
        ),
        pytest.param(
            ["--node-name=n", "--ml-bindport", "70000"],
            "--ml-bindport is not a port (0 to 65535): '70000'",
            id="port",
        ),
        pytest.param(
            ["--node-name=n", "--gobgp-socket", "tcp://x"],
            "--gobgp-socket is not a unix socket (unix:///path): 'tcp://x'",
            id="socket",
        ),
        pytest.param(
            ["--node-name=n", "--gobgp-socket", "unix://relative"],
            "--gobgp-socket is not a unix socket (unix:///path): 'unix://relative'",
            id="relative-socket",
        ),
        pytest.param(
            ["--node-name=n", "--ignore-exclude-lb=maybe"],
            "--ignore-exclude-lb is not true or false: 'maybe'",
            id="boolean",
        ),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(arguments, line, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"speaker: {line}\n"


def test_a_wrong_port_in_the_environment_is_told_like_a_flag(monkeypatch, capsys):
    monkeypatch.setenv("METALLB_ML_BIND_PORT", "seven")
    with pytest.raises(SystemExit) as ended:
        parse(["--node-name", "n"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "speaker: --ml-bindport is not a number: 'seven'\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], False), (["--ignore-exclude-lb"], True), (["-ignore-exclude-lb=false"], False)],
)
def test_a_switch(given, expected):
    assert parse(["--node-name", "n", *given]).ignore_exclude_label is expected


def test_flags_that_only_metallb_needs_are_accepted_and_known_to_be_ignored():
    given = ["--host=x", "--ml-labels", "a=b", "--ml-wan-config", "--bgp-debounce-timeout", "5"]
    given += ["--frrk8s-namespace=x", "--frrk8s-secret-passthrough=true"]
    settings = parse(["--node-name", "n", *given])
    flags = {word.split("=")[0] for word in given if word.startswith("--")}
    assert set(settings.common.ignored) == flags


def test_zero_switches_servers_off():
    common = parse(["--node-name", "n", "--port", "0", "--health-probe-port", "0"]).common
    assert (common.metrics.port, common.health_probe_port) == (0, 0)


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as ended:
        parse(["--help"])
    assert ended.value.code == 0
    assert "example:\n  ferrite-speaker --node-name" in capsys.readouterr().out

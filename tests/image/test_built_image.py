"""What the built image promises: small, complete, and content with little."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 120_000_000
pytestmark = [pytest.mark.requires("image"), pytest.mark.timeout(120)]


def test_it_is_small(image) -> None:
    assert 50_000_000 < image.built.on_top_bytes <= MOST_BYTES


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param("ferrite-controller --help", "usage: controller", id="controller"),
        pytest.param("ferrite-speaker --help", "usage: speaker", id="speaker"),
        pytest.param("kubectl-ferrite version --help", "kubectl ferrite version", id="cli"),
        pytest.param("kubectl-ferrite version", "kubectl-ferrite ", id="version"),
        pytest.param("gobgpd --version", "gobgpd version 4.8.0", id="gobgpd"),
        pytest.param("python3 --version", "Python 3.", id="python"),
    ],
)
@pytest.mark.parametrize(
    "user", [pytest.param(65534, id="nobody"), pytest.param(1000680000, id="of-openshift")]
)
def test_every_program_runs_for_anybody_on_a_read_only_root(
    image, command: str, words: str, user: int
) -> None:
    done = image.run(*command.split(), user=user)
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout


def test_the_root_is_read_only_in_these_tests_and_tmp_is_not(image) -> None:
    assert image.run("touch", "/opt/ferrite/x", user=0).returncode != 0
    assert image.run("touch", "/tmp/x").returncode == 0


def test_it_is_nobody_unless_told_and_needs_no_shell(image) -> None:
    assert image.config["User"] == "65534:65534"
    assert image.config["Cmd"] == ["ferrite-controller"]
    assert "Entrypoint" not in image.config
    for name in ("ferrite-controller", "ferrite-speaker", "kubectl-ferrite"):
        first = (image.root / "opt/ferrite/bin" / name).read_text().splitlines()[0]
        assert first == "#!/opt/ferrite/bin/python3", name


def test_it_says_what_it_is(image) -> None:
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): value for name, value in image.config["Labels"].items()}
    assert set(labels) == {"title", "description", "licenses", "version", "revision", "created"}
    assert labels["licenses"] == "Apache-2.0"
    assert (
        labels["version"]
        == re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]
    )


@pytest.mark.parametrize("module", ["pip", "setuptools", "scapy", "pytest", "lab", "tests"])
def test_what_a_daemon_never_needs_is_not_in_it(image, module: str) -> None:
    done = image.run("python3", "-c", f"import {module}")
    assert f"No module named '{module}'" in done.stderr


def test_the_build_leaves_nothing_of_itself_nor_of_its_machine(image) -> None:
    gone = ("src", "out", "etc/apt/apt.conf.d/host", "etc/ssl/certs/ca-certificates.crt", "usr/bin/strip")
    assert [name for name in gone if (image.root / name).exists()] == []
    for empty in ("etc/xdg", "tmp", "var/lib/apt/lists", "var/cache/apt"):
        assert list((image.root / empty).iterdir()) == [], empty


@pytest.mark.parametrize("program", ["ferrite-controller", "ferrite-speaker", "kubectl-ferrite"])
def test_a_start_compiles_nothing(image, program: str) -> None:
    done = image.run(program, "--help", PYTHONVERBOSE="1")
    loaded = re.findall(r"^# code object from '?([^'\n]+)'?$", done.stderr, re.MULTILINE)
    assert len([name for name in loaded if name.startswith("/opt/ferrite/bytecode/")]) > 100
    assert [name for name in loaded if name.endswith(".py")] == []


def test_the_bill_of_materials_names_what_is_in_it(image) -> None:
    bill = json.loads((image.root / "usr/share/doc/ferrite/sbom.cdx.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    purls = [component["purl"] for component in bill["components"] if "purl" in component]
    assert len(purls) == len(set(purls)) == len(bill["components"]) - 1  # the operating system has none
    assert "pkg:golang/github.com/osrg/gobgp/v4@v4.8.0" in purls
    locked = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements/runtime.lock").read_text(), re.MULTILINE)
    assert [name for name, version in locked if f"pkg:pypi/{name}@{version}" not in purls] == []
    for package in ("libc6", "libssl3", "python3.11-minimal"):
        assert [purl for purl in purls if purl.startswith(f"pkg:deb/debian/{package}@")], package
    assert not [purl for purl in purls if "/binutils@" in purl or "/pip@" in purl]

"""e2e/kind/up.sh with programs that only note how they are called: what it makes and tells the suite."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lab.router import NODE_ASN, ROUTER_ASN

ROOT = Path(__file__).parents[1]
KIND = ROOT / "e2e" / "kind"
NOTE = '#!/bin/sh\necho "${0##*/} $*" >> "$CALLS"\n'
DOCKER = """case "$*" in
  "image inspect "*) exit 1 ;;
  "network inspect "*) printf 'fc00:f853:ccd:e793::/64\\n172.18.0.0/16\\n\\n' ;;
  "inspect ferrite-router "*IPv6*) echo fc00:f853:ccd:e793::7 ;;
  "inspect ferrite-router "*) echo 172.18.0.7 ;;
esac
"""


@dataclass(frozen=True)
class Run:
    """What a run called, in order, and the folder it wrote."""

    calls: list[str]
    state: Path

    @property
    def arguments(self) -> list[str]:
        return (self.state / "arguments").read_text().splitlines()


def run(folder: Path, script: str, *words: str) -> Run:
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, more in (("docker", DOCKER), ("kind", ""), ("kubectl", ""), ("helm", "")):
        (programs / name).write_text(NOTE + more)
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "FERRITE_KIND_STATE": str(folder / "state"),
    }
    subprocess.run([KIND / script, *words], env=os.environ | environment, check=True, timeout=30)
    return Run((folder / "calls").read_text().splitlines(), folder / "state")


def test_the_suite_is_told_what_is_there(tmp_path: Path):
    told = run(tmp_path, "up.sh", "example.com/ferrite:1").arguments
    assert "--image=example.com/ferrite:1" in told
    assert "--pool4=172.18.255.195-172.18.255.245" in told
    assert "--pool6=fc00:f853:ccd:e793:ffff:ffff:ffff:ffc3-fc00:f853:ccd:e793:ffff:ffff:ffff:fff5" in told
    routers = [line for line in told if line.startswith("--router-address")]
    assert routers == ["--router-address=172.18.0.7", "--router-address=fc00:f853:ccd:e793::7"]
    assert f"--router-asn={ROUTER_ASN}" in told


def test_every_machine_it_names_is_started_and_taken_away(tmp_path: Path):
    up = run(tmp_path, "up.sh")
    machines = set(re.findall(r"docker exec -i (\S+)", "\n".join(up.arguments)))
    started = {
        name for call in up.calls for name in re.findall(r"docker (?:run|create) .*--name (\S+)", call)
    }
    assert machines == started == {"ferrite-client", "ferrite-remote", "ferrite-router"}
    down = run(tmp_path, "down.sh")
    removed = next(call for call in down.calls if call.startswith("docker rm"))
    assert started <= set(removed.split())
    assert "kind delete cluster --name ferrite" in down.calls
    assert not up.state.exists()


def test_the_image_is_built_when_docker_lacks_it_and_the_nodes_get_it(tmp_path: Path):
    calls = run(tmp_path, "up.sh", "example.com/ferrite:1").calls
    assert f"docker build --tag example.com/ferrite:1 {ROOT}" in calls
    (loaded,) = [call for call in calls if call.startswith("kind load docker-image")]
    assert "example.com/ferrite:1" in loaded


@pytest.mark.requires("vtysh")
def test_the_router_takes_its_configuration(tmp_path: Path):
    folder = run(tmp_path, "up.sh").state / "frr"
    configuration = (folder / "frr.conf").read_text()
    assert f" neighbor nodes4 remote-as {NODE_ASN}\n" in configuration
    assert " bgp listen range 172.18.0.0/16 peer-group nodes4\n" in configuration
    done = subprocess.run(
        ["vtysh", "--dryrun", "--inputfile", folder / "frr.conf"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(not (ROOT / "e2e" / "conftest.py").exists(), reason="the suite is not here")
@pytest.mark.timeout(60)
def test_the_suite_knows_every_argument(tmp_path: Path):
    arguments = run(tmp_path, "up.sh").state / "arguments"
    command = [sys.executable, "-m", "pytest", "e2e", "--collect-only", "-q", f"@{arguments}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_cluster_has_three_nodes_for_pods_in_both_families():
    cluster = yaml.safe_load((KIND / "kind.yaml").read_text())
    assert cluster["networking"] == {"ipFamily": "dual"}
    assert [node["role"] for node in cluster["nodes"]] == ["control-plane", "worker", "worker", "worker"]

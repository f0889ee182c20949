"""Workflows and scripts, as far as they can be checked and run on this machine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path
    for folder in (".ci", ".github", "e2e")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and path.read_bytes().startswith((b"#!/usr/bin/env bash\n", b"#!/bin/sh\n"))
)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def run(*command: str | Path, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


@pytest.mark.requires("actionlint")
def test_actionlint_has_nothing_to_say():
    done = run("actionlint", "-no-color", "-pyflakes=", f"-shellcheck={SHELLCHECK}", *WORKFLOWS)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", SCRIPTS, ids=names(SCRIPTS))
def test_shellcheck_has_nothing_to_say(path: Path):
    done = run(SHELLCHECK, path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "\nset -euo pipefail\n" in path.read_text()
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize("path", WORKFLOWS, ids=names(WORKFLOWS))
def test_a_workflow_trusts_and_may_only_what_it_says(path: Path):
    text = path.read_text()
    workflow: dict[str, Any] = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert workflow["concurrency"]["group"].startswith(f"{path.stem}-")
    for line in text.splitlines():
        if "uses: " in line and "uses: ./" not in line:
            assert PINNED.search(line), line
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job or "uses" in job, name


def release(word: str, tag: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    script = folder / ".github" / "release.sh"
    return run(script, word, folder=folder, GITHUB_REF_NAME=tag, GITHUB_REPOSITORY="Example/Ferrite")


def version() -> str:
    chart = yaml.safe_load((ROOT / "helm" / "ferrite" / "Chart.yaml").read_text())
    return str(chart["version"])


def test_a_release_is_of_one_version():
    facts = dict(line.split("=", 1) for line in release("facts", f"v{version()}").stdout.splitlines())
    assert facts["version"] == version()
    assert facts["image"] == "ghcr.io/example/ferrite"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["created"])
    refused = release("facts", "v99.0.0")
    assert refused.returncode == 1
    assert refused.stderr == "release.sh: version of helm/ferrite/Chart.yaml is not that of tag v99.0.0\n"


def test_what_is_published_names_the_published_image(tmp_path: Path):
    files = (".github/release.sh", "helm/ferrite/values.yaml", "manifests/ferrite.yaml")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert release("name-image", f"v{version()}", tmp_path).returncode == 0
    assert (
        yaml.safe_load((tmp_path / files[1]).read_text())["image"]["repository"] == "ghcr.io/example/ferrite"
    )
    images = re.findall(r"image: (.*)", (tmp_path / files[2]).read_text())
    assert set(images) == {f'"ghcr.io/example/ferrite:{version()}"'}

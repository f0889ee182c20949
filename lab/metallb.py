"""A release of MetalLB, built from its sources: what Ferrite replaces, to be replaced for real."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.build import MODULES, cache_folder, ensure_programs
from lab.scratch import ensure_program_image
from lab.state import LabError
from lab.toolchain import go_program

MODULE = "go.universe.tf/metallb"
MANIFEST = Path("config", "manifests", "metallb-native.yaml")
PROGRAMS = {"controller": "metallb-controller", "speaker": "metallb-speaker"}
"""By the name of the container that runs it."""
DOWNLOAD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class MetalLB:
    """What a cluster without a registry needs to run it.

    Attributes:
        manifest: its own, for `kubectl apply`.
        archives: of the images that the manifest names.
    """

    manifest: Path
    archives: tuple[Path, ...]


def ensure_metallb() -> MetalLB:
    """Build it once, into the cache.

    Raises:
        LabError: its sources cannot be had, or do not build.
    """
    programs = ensure_programs(PROGRAMS.values())
    manifest = _sources() / MANIFEST
    images = container_images(manifest.read_text())
    archives = [ensure_program_image(images[name], programs / program) for name, program in PROGRAMS.items()]
    return MetalLB(manifest, tuple(archives))


def container_images(manifest: str) -> dict[str, str]:
    """Return the image of each container in a manifest, by the container's name."""
    found: dict[str, str] = {}
    for item in yaml.safe_load_all(manifest):
        template: dict[str, Any] = (item or {}).get("spec", {}).get("template", {})
        for container in template.get("spec", {}).get("containers", ()):
            found[container["name"]] = container["image"]
    return found


def _sources() -> Path:
    """The folder of its sources, in Go's cache of modules."""
    module = MODULES / "metallb"
    argv = [str(go_program(cache_folder(), module)), "mod", "download", "-json", MODULE]
    done = subprocess.run(
        argv, cwd=module, capture_output=True, text=True, check=False, timeout=DOWNLOAD_SECONDS
    )
    if done.returncode != 0:
        raise LabError(f"the sources of {MODULE} cannot be had: {done.stderr.strip()}")
    return Path(json.loads(done.stdout)["Dir"])

"""Builds images into archives outside the checkout, keyed by their contents: nothing is built twice."""

import hashlib
import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import base_image
from lab.access import write_access
from lab.build import cache_folder, only_one_builder
from lab.buildah import Build, Store
from lab.packages import ensure_packages
from lab.words import say

PACKAGES = ("buildah", "ca-certificates", "debian-archive-keyring", "debootstrap")
RECIPE = "1"  # raise it when the way of building changes: everything is then built anew
KEPT_ARCHIVES = 3


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image on this machine.

    Attributes:
        name: what a pod's `image` says.
        archive: a docker-archive, for `ctr -n k8s.io images import`.
        layers: their sizes in bytes, uncompressed, the base first.
    """

    name: str
    archive: Path
    layers: tuple[int, ...]

    @property
    def on_top_bytes(self) -> int:
        """The size of everything above the base image, uncompressed."""
        return sum(self.layers[1:])


@dataclass(frozen=True, slots=True)
class Plan:
    """An image to be built.

    Attributes:
        stem: begins the names of its archives.
        build: what buildah is told.
        below: the image its FROM names, if that is not the base.
    """

    stem: str
    build: Build
    below: BuiltImage | None = None


def ensure_built(plan: Plan) -> BuiltImage:
    """Return the image of `plan`, built if this very one is not there yet.

    Raises:
        LabError: it does not build, or Debian packages are missing and cannot be installed.
    """
    archive = archive_of(plan)
    if not archive.exists():
        with _store() as store:
            if not archive.exists():  # another run may have built it while this one waited
                _build(plan, store, archive)
                prune(archive, store.folder)
    os.utime(archive)
    return read_image(plan.build.name, archive)


def archive_of(plan: Plan) -> Path:
    """Return where the image of `plan` is, once it is built."""
    return _folder() / f"{plan.stem}-{key(plan)}.tar"


def key(plan: Plan) -> str:
    """Return a digest of all that goes into an image."""
    below = plan.below.archive.name if plan.below else base_key()
    digest = hashlib.sha256("\0".join([RECIPE, below, plan.build.name, *plan.build.arguments]).encode())
    for path in context_files(plan.build.folder):
        executable = path.stat().st_mode & 0o111
        digest.update(f"\0{path.relative_to(plan.build.folder)}\0{executable}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def base_key() -> str:
    """Return a digest of how the base image is made."""
    parts = (base_image.RECIPE, base_image.SUITE, base_image.NAME)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def context_files(folder: Path) -> list[Path]:
    """Return the files a build of `folder` can see: those its .dockerignore lets in by `!...`, or all."""
    ignore = folder / ".dockerignore"
    lines = ignore.read_text().splitlines() if ignore.exists() else ["!."]
    tops = [folder / line.removeprefix("!") for line in lines if line.startswith("!")]
    found = {path for top in tops for path in (top, *top.rglob("*"))} | {ignore}
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def read_image(name: str, archive: Path) -> BuiltImage:
    """Return the image in an archive."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None, f"{archive} is no docker-archive"
        layers = json.load(manifest)[0]["Layers"]
        return BuiltImage(name, archive, tuple(tar.getmember(layer).size for layer in layers))


def prune(newest: Path, store: Path) -> None:
    """Remove archives of the same stem that were not used of late, and the stores of former bases."""
    stem = newest.name.rpartition("-")[0]
    alike = [path for path in newest.parent.glob("*.tar") if path.name.rpartition("-")[0] == stem]
    for archive in sorted(alike, key=lambda path: path.stat().st_mtime)[:-KEPT_ARCHIVES]:
        archive.unlink()
    for former in newest.parent.glob("store-*"):
        if former != store:
            shutil.rmtree(former)


def _build(plan: Plan, store: Store, archive: Path) -> None:
    begun, name = time.monotonic(), plan.build.name
    say(f"image {name}: building (the first time a few minutes)")
    if plan.below:
        store.ask("pull", "--quiet", f"docker-archive:{plan.below.archive}")
    else:
        _have_base(store)
    access = write_access(store.folder / "access", base_image.SUITE)
    log = archive.parent / f"{plan.stem}.log"
    store.build(plan.build, access, log, lambda word: say(f"image {name}: {word}"))
    store.export(name, archive)
    say(f"image {name}: ready after {time.monotonic() - begun:.0f} s")


def _have_base(store: Store) -> None:
    if not store.has(base_image.NAME):
        say(f"image {base_image.NAME}: making it by debootstrap (about 30 s)")
        base_image.make_base(store, _folder() / "base.log")


@contextmanager
def _store() -> Iterator[Store]:
    """Give the store, with what buildah needs installed, to one run at a time."""
    ensure_packages(PACKAGES)
    with only_one_builder(_folder(), "an image"):
        store = Store(_folder() / f"store-{base_key()}")
        store.tidy()
        yield store


def _folder() -> Path:
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder

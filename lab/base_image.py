"""Makes the base image that a registry would give: Debian without documentation, by debootstrap."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from lab.access import debian_mirror
from lab.buildah import Store, run_logged

SUITE = "bookworm"
NAME = "docker.io/library/debian:bookworm-slim"  # the Dockerfile's BASE
RECIPE = "2"  # raise it when the steps below change: the base is then made anew
DPKG_RULES = "".join(
    f"{rule}\n"
    for rule in (
        "path-exclude=/usr/share/doc/*",
        "path-include=/usr/share/doc/*/copyright",
        "path-exclude=/usr/share/info/*",
        "path-exclude=/usr/share/lintian/*",
        "path-exclude=/usr/share/locale/*",
        "path-exclude=/usr/share/man/*",
    )
)
EMPTIED = (
    "tmp",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
    "var/log",
)


def make_base(store: Store, log: Path) -> None:
    """Make the base image in `store`.

    Raises:
        LabError: debootstrap or buildah fails.
    """
    container = store.ask("from", "scratch")
    try:
        root = Path(store.ask("mount", container))
        mirror = debian_mirror(SUITE)
        # In a mount namespace of its own: killed half-way, it leaves no /proc mounted in the folder.
        argv = ["unshare", "--mount", "debootstrap", "--variant=minbase", SUITE, str(root)]
        run_logged([*argv, mirror] if mirror else argv, log, lambda line: None)
        slim(root)
        store.ask("umount", container)
        store.ask("config", "--cmd", "bash", container)
        store.ask("commit", "--quiet", "--identity-label=false", container, NAME)
    finally:
        store.ask("rm", container)


def slim(root: Path) -> None:
    """Take away what Debian's slim images lack, and what debootstrap copied from the host."""
    for folder in EMPTIED:
        _remove((root / folder).iterdir())
    documents = (path for folder in (root / "usr/share/doc").iterdir() for path in folder.iterdir())
    _remove(path for path in documents if path.name != "copyright")
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(DPKG_RULES)
    (root / "etc/hostname").write_text("debian\n")
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/xdg").mkdir(
        exist_ok=True
    )  # lab.access mounts there; made by a mount, it would be in a layer


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

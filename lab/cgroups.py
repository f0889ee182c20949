"""The cgroups of nodes with a kubelet: one subtree for each node, the same in every hierarchy there is.

A node's programs and all that they start live in it, so it also tells what must end with the node.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from lab.state import LabError, State

MOUNTINFO = Path("/proc/self/mountinfo")
PROGRAMS = "programs"
"""Holds containerd, its shims and the kubelet; version 2 lets no processes beside child groups."""
CPUSETS = ("cpuset.cpus", "cpuset.mems")
END_SECONDS = 15.0
POLL_SECONDS = 0.02


def hierarchies() -> list[Path]:
    """Return where this machine has its cgroups: one folder for version 2, several for version 1."""
    return cgroup_mounts(MOUNTINFO.read_text())


def cgroup_mounts(mountinfo: str) -> list[Path]:
    """Return the mount points of cgroup hierarchies, each hierarchy once."""
    found: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        mount, _, source = line.partition(" - ")
        if source.split(" ")[0] in ("cgroup", "cgroup2"):
            device, _, point = mount.split(" ")[2:5]
            found.setdefault(device, Path(point))
    return list(found.values())


def create(name: str) -> None:
    """Make the group `name` and its group of programs in every hierarchy.

    Raises:
        LabError: this machine has no cgroups, or lets nobody make one.
    """
    places = hierarchies()
    if not places:
        raise LabError("this machine has no cgroup hierarchy mounted; kubelets need one")
    for place in places:
        try:
            _pass_controllers_on(place)
            for group in (place / name, place / name / PROGRAMS):
                group.mkdir(exist_ok=True)
                _share_processors(group)
        except OSError as error:
            raise LabError(f"cgroup {error.filename}: {error.strerror}") from None


def join_words(name: str) -> tuple[str, ...]:
    """Return the words that put a program into the node's group of programs and then become it."""
    groups = [place / name / PROGRAMS / "cgroup.procs" for place in hierarchies()]
    joins = "; ".join(f"echo $$ > {group}" for group in groups)
    return ("sh", "-ec", f'{joins}; exec "$@"', "sh")


def of_lab(state: State) -> list[str]:
    """Return the names of the groups of this lab that exist in some hierarchy."""
    prefix = state.namespace("")
    names = {path.name for place in hierarchies() for path in place.glob(f"{prefix}*")}
    return sorted(name for name in names if state.role(name) is not None)


def kill(name: str) -> None:
    """End every process in the group and below by SIGKILL; return when none is left."""
    limit = time.monotonic() + END_SECONDS
    while (pids := _pids(name)) and time.monotonic() < limit:
        _thaw(name)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def remove(name: str) -> None:
    """Remove the group and those below, once nothing runs in it."""
    limit = time.monotonic() + END_SECONDS
    for group in _groups(name):
        while group.exists():
            try:
                group.rmdir()
            except OSError:  # a process that ended just now still counts for a moment
                if time.monotonic() > limit:
                    break
                time.sleep(POLL_SECONDS)


def _groups(name: str) -> list[Path]:
    """Return the group and all below it in every hierarchy, the innermost first."""
    walks = (os.walk(place / name, topdown=False) for place in hierarchies())
    return [Path(folder) for walk in walks for folder, _, _ in walk]


def _pids(name: str) -> set[int]:
    found = set()
    for group in _groups(name):
        with suppress(OSError):
            found |= {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    return found


def _thaw(name: str) -> None:
    """Version 1 keeps even SIGKILL from what is frozen, as runc freezes for a moment to set devices."""
    for group in _groups(name):
        with suppress(OSError):
            (group / "freezer.state").write_text("THAWED")


def _pass_controllers_on(place: Path) -> None:
    """Version 2: let groups below the top have the machine's controllers; version 1 has none to pass on."""
    if (place / "cgroup.controllers").exists():
        for controller in (place / "cgroup.controllers").read_text().split():
            (place / "cgroup.subtree_control").write_text(f"+{controller}")


def _share_processors(group: Path) -> None:
    """A new cpuset of version 1 has no processors and takes no process: give it those of its parent."""
    for file in CPUSETS:
        if (group / file).exists() and not (group / "cgroup.controllers").exists():
            (group / file).write_text((group.parent / file).read_text())

"""What there is of one lab on this machine, counted by what carries its name or is inside of it."""

import os
from contextlib import suppress
from pathlib import Path

from lab.cgroups import hierarchies
from lab.node_root import KERNEL
from lab.state import State

PROC = Path("/proc")
SHARED = (  # where programs of real nodes keep things that no flag moves; no lab may touch the machine's own
    "/run/containerd",
    "/run/mount",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    "/opt/containerd",
)


class Leftovers:
    """Counts the things of a lab; network namespaces of pods have no name, so they are held.

    Only while it is held is its number no other's: the next lab on the machine gets those of the last one.
    """

    def __init__(self, name):
        self.state = State(name)
        self._networks = {}

    def look(self):
        """Hold the network namespaces of the lab and of its pods."""
        for name in self._named_networks():
            self._hold(Path("/run/netns") / name)
        for process in PROC.glob("[0-9]*"):
            with suppress(OSError):
                if self._prefix in (process / "cgroup").read_text():
                    self._hold(process / "ns" / "net")

    def end(self):
        """Hold nothing any more."""
        while self._networks:
            os.close(self._networks.popitem()[1])

    def counts(self):
        """The number of things of each kind."""
        return {
            "processes": len(self.processes()),
            "mounts": sum(map(self._is_ours, (PROC / "self" / "mountinfo").read_text().splitlines())),
            "cgroups": len(self.cgroups()),
            "networks": len(self._named_networks()),
            "folders": self.state.folder.exists() + self.state.disk.exists(),
        }

    def processes(self):
        """Those in a cgroup or in a network namespace of the lab, and those whose words name its folder."""
        found = []
        for process in PROC.glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes()
                if not words:
                    continue  # it has ended, and waits for the machine's first process to take note
                inside = self._prefix in (process / "cgroup").read_text()
                inside = inside or (process / "ns" / "net").stat().st_ino in self._networks
                if inside or os.fsencode(self.state.folder) + b"/" in words.replace(b"\0", b"/"):
                    found.append(f"{process.name}: {words!r}")
        return found

    def cgroups(self):
        """Every group of the lab, in every hierarchy."""
        return [path for place in hierarchies() for path in place.glob(f"{self._prefix}*/**/")]

    def _hold(self, path):
        """Unless it is the machine's own: a program of a node joins its cgroup before its network."""
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            number = os.fstat(descriptor).st_ino
            if number in self._networks or number == (PROC / "self" / "ns" / "net").stat().st_ino:
                os.close(descriptor)
            else:
                self._networks[number] = descriptor

    @property
    def _prefix(self):
        return self.state.namespace("")

    def _is_ours(self, line):
        return self._prefix in line or str(self.state.folder) in line or str(self.state.disk) in line

    def _named_networks(self):
        return [path.name for path in Path("/run/netns").glob(f"{self._prefix}*")]


def machine():
    """What a lab must leave as it is: places it does not own, and the kernel's settings."""
    places = {place: Path(place).exists() for place in SHARED}
    return places | {name: (PROC / "sys" / name).read_text() for name in KERNEL}

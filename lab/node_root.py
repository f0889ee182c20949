"""What a node with a kubelet has to itself: a mount namespace with folders of its own, a host name, cgroups.

Kubelet, containerd and runc keep files in places that no flag changes (`/run/containerd/s`,
`/var/lib/kubelet/device-plugins`, `/var/lib/cni`, `/var/log/containers`) and set kernel parameters of the
whole machine. So every node sees its own `/run`, `/var/lib` and `/var/log`, and a kernel already set. Its
mounts, volumes of pods too, are seen by nobody else, and are gone when the last program in it ends.
"""

import shutil
import subprocess
from contextlib import suppress
from itertools import product
from pathlib import Path

from lab import cgroups
from lab.state import LabError, State

COMMAND_SECONDS = 30
HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"))
KERNEL = {  # what a kubelet would set, under /proc/sys
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# $1 node, $2 its folder on the disk, $3 the lab's folder below /run, $4 the names in KERNEL.
# A mount is moved while nothing is shared with anybody; then all are shared as kubelets expect: slaves of
# the host's, peers of their pods'. /var/lib comes last: $2 lies in it.
SCRIPT = """
hostname "$1"
mount -n --bind "$2/log" /var/log
mount -n -t tmpfs -o mode=755 cgroup "$2/new"
mkdir "$2/new/cgroup"
mount -n --rbind /sys/fs/cgroup "$2/new/cgroup"
mount -n -t sysfs sysfs /sys
mount -n --rbind "$2/new/cgroup" /sys/fs/cgroup
umount -n -R -l "$2/new"
mount -n -t tmpfs -o mode=755 run "$2/new"
mkdir -p "$2/new/$3"
mount -n --bind "/run/$3" "$2/new/$3"
mount -n --move "$2/new" /run
for name in $4; do mount -n --bind "$2/kernel/$name" "/proc/sys/$name"; done
mount -n --bind "$2/lib" /var/lib
mount -n --make-rshared /
"""


def create(state: State, node: str) -> None:
    """Make the node's cgroups, folders and namespaces; its network namespace is there already.

    Raises:
        LabError: the machine refuses, or the lab's programs lie where no node would see them.
    """
    kubelet = state.programs_link / "kubelet"
    for path, place in product((kubelet.parent.resolve(), kubelet.resolve()), HIDDEN):
        if path.is_relative_to(place):
            raise LabError(
                f"{path}: nodes with a kubelet have a {place} of their own; keep programs elsewhere"
                " (FERRITE_CACHE, KUBEBUILDER_ASSETS)"
            )
    cgroups.create(state.namespace(node))
    _make_folders(state, node)
    _make_namespaces(state, node)


def enter_words(state: State, node: str) -> tuple[str, ...]:
    """Return the words that run a program on the node: in its namespaces and in its cgroups."""
    flags = (f"--{kind}={_file(state, node, kind)}" for kind in ("mount", "uts"))
    net = f"--net=/run/netns/{state.namespace(node)}"
    return (*cgroups.join_words(state.namespace(node)), "nsenter", net, *flags, "--")


def end(state: State, node: str) -> None:
    """Kill every process of the node, those of its containers too, and forget its mounts, not its disk."""
    cgroups.kill(state.namespace(node))
    _unmount(f"{state.namespaces / node}.")


def remove_all(state: State) -> None:
    """Take away what `create` made for every node of the lab, with all that runs in it."""
    groups = cgroups.of_lab(state)
    for group in groups:
        cgroups.kill(group)
    _unmount(str(state.namespaces))
    for group in groups:
        cgroups.remove(group)
    shutil.rmtree(state.disk, ignore_errors=True)
    with suppress(OSError):  # another lab's files are in it
        state.disk.parent.rmdir()


def snapshotter(state: State) -> str:
    """Return containerd's way to keep images on this disk: `overlayfs`, or `native` where it has none."""
    state.disk.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = state.disk / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (folder / name).mkdir(parents=True)
    options = ",".join(f"{name}dir={folder / name}" for name in ("lower", "upper", "work"))
    words = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, str(folder / "merged")]
    done = subprocess.run(words, capture_output=True, check=False, timeout=COMMAND_SECONDS)
    shutil.rmtree(folder)
    return "overlayfs" if done.returncode == 0 else "native"


def _make_folders(state: State, node: str) -> None:
    folder = state.disk / node
    for name in ("lib", "log", "new", "kernel"):
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, value in KERNEL.items():
        path = folder / "kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")


def _make_namespaces(state: State, node: str) -> None:
    """Keep them as files; those lie on a mount that no other namespace shares, as the kernel demands."""
    if not state.namespaces.exists():
        state.namespaces.mkdir(mode=0o700)
        _run("mount", "-n", "--bind", "--make-private", str(state.namespaces), str(state.namespaces))
    flags = []
    for kind in ("mount", "uts"):
        _file(state, node, kind).touch()
        flags.append(f"--{kind}={_file(state, node, kind)}")
    name = state.namespace(node)
    within = [*cgroups.join_words(name), "nsenter", f"--net=/run/netns/{name}"]
    words = [node, str(state.disk / node), str(state.folder.relative_to("/run")), " ".join(KERNEL)]
    _run(*within, "unshare", *flags, "--propagation", "slave", "sh", "-euc", SCRIPT, "sh", *words)


def _unmount(prefix: str) -> None:
    """Unmount all whose place begins so, the newest first; one that went by itself meanwhile is fine."""
    points = [line.split()[4] for line in cgroups.MOUNTINFO.read_text().splitlines()]
    for point in reversed(points):
        if point.startswith(prefix):
            command = ["umount", "-n", "--lazy", point]
            subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_SECONDS)


def _file(state: State, node: str, kind: str) -> Path:
    return state.namespaces / f"{node}.{kind}"


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS)
    if done.returncode != 0:
        raise LabError(f"{argv[0]}: {done.stderr.strip() or f'status {done.returncode}'}")

"""containerd on each node: its configuration, its unit, and images without a registry."""

import asyncio
import json
import tarfile
from pathlib import Path
from typing import Any

from lab import node_root
from lab.calls import run, until_succeeds
from lab.scratch import PAUSE_IMAGE
from lab.state import POD4, POD6, LabError, State, node_number, write_file
from lab.tasks import one_error
from lab.units import Unit

ENDPOINT = "/run/containerd/containerd.sock"  # the usual place: each node has its own /run
PLUGINS = "/usr/lib/cni"
NAMESPACE = "k8s.io"
IMPORT_SECONDS = 120.0
STOP_SECONDS = 2.0
FIRST_POD, LAST_POD = 128, 254
"""Last part of the pods' IPv4 addresses; the lower half of a node's range is for pods without a kubelet."""


def containerd_unit(state: State, node: str, snapshotter: str) -> Unit:
    """Write the node's configuration of containerd and of pod networks, and return its unit."""
    folder = state.part("nodes", node)
    write_file(folder / "containerd.toml", configuration(folder / "cni", snapshotter))
    write_file(state.part("nodes", node, "cni") / "10-lab.conflist", json.dumps(pod_network(node), indent=1))
    return Unit(
        name=f"containerd-{node}",
        argv=("containerd", "--config", str(folder / "containerd.toml")),
        namespace=state.namespace(node),
        enter=node_root.enter_words(state, node),
        stop_seconds=STOP_SECONDS,
    )


def configuration(networks: Path, snapshotter: str) -> str:
    """Return containerd's configuration.

    `restrict_oom_score_adj`: without CAP_SYS_RESOURCE nobody can lower a score, and runc ends with «can't get
    final child's PID from pipe: EOF».
    """
    return f"""version = 2
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{PLUGINS}"
  conf_dir = "{networks}"

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "{snapshotter}"
"""


def pod_network(node: str) -> dict[str, Any]:
    """Return the node's CNI configuration: each pod has a cable to the node, which routes.

    No bridge: traffic between pods of a node passes the node's own rules, as that to Services must,
    without the kernel module br_netfilter.
    """
    number = node_number(node)
    prefix4, prefix6 = f"{POD4}.{number}", f"{POD6}:{number}"
    range4 = {
        "subnet": f"{prefix4}.0/24",
        "rangeStart": f"{prefix4}.{FIRST_POD}",
        "rangeEnd": f"{prefix4}.{LAST_POD}",
    }
    range6 = {"subnet": f"{prefix6}::/64", "rangeStart": f"{prefix6}::1000", "rangeEnd": f"{prefix6}::ffff"}
    ipam = {
        "type": "host-local",
        "ranges": [[range4], [range6]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
    }
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [{"type": "ptp", "ipam": ipam}]}


async def load_image(state: State, nodes: list[str], archive: Path) -> None:
    """Import a docker-archive on every node, at the same time; a node that has its content is left alone.

    Raises:
        LabError: `archive` is none, or a containerd refuses it.
    """
    images, snapshotter = archived_images(archive), node_root.snapshotter(state)
    try:
        async with asyncio.timeout(IMPORT_SECONDS), one_error(), asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(_import(state, node, archive, images, snapshotter))
    except TimeoutError:
        raise LabError(
            f"image archive {archive}: not on every node after {IMPORT_SECONDS:.0f} s; do all run containerd?"
        ) from None


def archived_images(archive: Path) -> dict[str, str]:
    """Return the names of the images in a docker-archive, each with the digest of its configuration.

    Raises:
        LabError: the file cannot be read, or is no docker-archive with named images.
    """
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            manifest = json.load(member) if member is not None else []
        found = {tag: Path(image["Config"]).stem for image in manifest for tag in image["RepoTags"] or []}
    except OSError as error:
        raise LabError(f"image archive {archive}: {error.strerror}") from None
    except (tarfile.TarError, KeyError, ValueError):
        raise LabError(f"image archive {archive}: this is no docker-archive") from None
    if not found:
        raise LabError(f"image archive {archive}: it names no image")
    return found


async def _import(state: State, node: str, archive: Path, images: dict[str, str], snapshotter: str) -> None:
    words = [*node_root.enter_words(state, node), "ctr", "--namespace", NAMESPACE, "images"]
    await until_succeeds([*words, "list", "--quiet"])
    _, listed, _ = await run([*words, "list"], seconds=IMPORT_SECONDS)
    if holds(listed, images):
        return
    command = [*words, "import", "--snapshotter", snapshotter, "-"]
    status, _, errors = await run(command, file=archive, seconds=IMPORT_SECONDS)
    if status != 0:
        raise LabError(f"{node}: image archive {archive}: {errors.strip()}")


def holds(listed: str, images: dict[str, str]) -> bool:
    """Whether `ctr images list` shows every image under its name, with just this configuration.

    containerd names what kubelets may use twice: as it was named, and by its configuration's digest.
    """
    digests = {words[0]: words[2] for words in map(str.split, listed.splitlines()) if len(words) > 2}
    return all(
        name in digests and digests[name] == digests.get(f"sha256:{digest}")
        for name, digest in images.items()
    )

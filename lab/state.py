"""Where a lab keeps its files, what its parts are called, and the addresses they have."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

STATE_ROOT = Path("/run/ferrite-lab")
DISK_ROOT = Path("/var/lib/ferrite-lab")
REPOSITORY = Path(__file__).resolve().parent.parent
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,15}(-[a-z0-9]{1,16}){0,3}")
ROLE_PATTERN = re.compile(r"lan|cp|router|client|remote|node-[0-9]+")
MAX_NODES = 80  # node addresses are .11 to .90, below the client's .100

LAN4, LAN6 = "192.168.1", "fd00:30:"
REMOTE4, REMOTE6 = "10.99.0", "fd00:99:"
POD4, POD6 = "10.244", "fd00:10:244"
CLUSTER_CIDRS = "10.244.0.0/16,fd00:10:244::/48"
SERVICE_CIDRS = "10.96.0.0/16,fd00:10:96::/112"
API_SERVICE_ADDRESS = "10.96.0.1"
API_PORT = 6443
HOSTS = {"cp": 2, "client": 100, "router": 200}  # last part of the address on the LAN
REMOTE_HOSTS = {"remote": 100, "router": 1}


class LabError(Exception):
    """Something a person can mend: a missing right, a wrong name, a program that does not start."""


@dataclass(frozen=True, slots=True)
class State:
    """The files and names of the lab called `name`."""

    name: str
    root: Path = STATE_ROOT
    disk_root: Path = DISK_ROOT

    def __post_init__(self) -> None:
        if not NAME_PATTERN.fullmatch(self.name):
            raise LabError(f"--name {self.name!r}: use small letters, digits and dashes, a letter first")

    @property
    def folder(self) -> Path:
        """The folder that holds every file of this lab."""
        return self.root / self.name

    @property
    def disk(self) -> Path:
        """The folder for what may be large: images and volumes of nodes with a kubelet."""
        return self.disk_root / self.name

    @property
    def namespaces(self) -> Path:
        """Where nodes with a kubelet keep their namespaces."""
        return self.folder / "namespaces"

    @property
    def has_kubelets(self) -> bool:
        """Whether the nodes of this lab have a kubelet."""
        return self.namespaces.exists()

    @property
    def control_socket(self) -> Path:
        """Where the supervisor takes orders."""
        return self.folder / "control.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig for programs on the host."""
        return self.folder / "admin.kubeconfig"

    @property
    def internal_kubeconfig(self) -> Path:
        """The administrator's kubeconfig for programs inside the lab's namespaces."""
        return self.folder / "admin.internal.kubeconfig"

    @property
    def port_file(self) -> Path:
        """Holds the port on 127.0.0.1 of the host that leads to the API server."""
        return self.folder / "forward.port"

    @property
    def ready_file(self) -> Path:
        """There once `up` has finished; holds the number of nodes."""
        return self.folder / "ready"

    @property
    def programs_link(self) -> Path:
        """A link to the folder of programs this lab was started with."""
        return self.folder / "programs"

    @property
    def logs(self) -> Path:
        """One file for each unit."""
        return self.folder / "logs"

    def part(self, *names: str) -> Path:
        """Return a folder of this lab, made if need be."""
        path = self.folder.joinpath(*names)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def namespace(self, role: str) -> str:
        """Return the name of the network namespace of `role`: `cp`, `node-1`, `router`."""
        return f"ferrite-{self.name}-{role}"

    def role(self, namespace: str) -> str | None:
        """Return the role of a network namespace, or None where it is not this lab's."""
        prefix = self.namespace("")
        role = namespace.removeprefix(prefix)
        return role if namespace.startswith(prefix) and ROLE_PATTERN.fullmatch(role) else None

    def create(self) -> None:
        """Make the empty state folder, mode 0700; FRR's group gets through later (see lab.router)."""
        self.folder.mkdir(mode=0o700, parents=True)
        self.logs.mkdir(mode=0o700)

    def node_count(self) -> int:
        """Return how many nodes the lab has.

        Raises:
            LabError: the lab is not up.
        """
        try:
            return int(self.ready_file.read_text())
        except (FileNotFoundError, ValueError):
            raise LabError(
                f"lab {self.name} is not up; start it with: python -m lab up --name {self.name}"
            ) from None


def node_names(count: int) -> list[str]:
    """Return `node-1` to `node-COUNT`."""
    return [f"node-{number}" for number in range(1, count + 1)]


def node_number(node: str) -> int:
    """Return 2 for `node-2`."""
    return int(node.removeprefix("node-"))


def pod_cidrs(node: str) -> list[str]:
    """Return the networks of the node's pods, IPv4 first."""
    number = node_number(node)
    return [f"{POD4}.{number}.0/24", f"{POD6}:{number}::/64"]


def host_number(role: str) -> int:
    """Return the last part of the LAN address of `role`."""
    return HOSTS[role] if role in HOSTS else 10 + node_number(role)


def address4(role: str) -> str:
    """Return the IPv4 address of `role` on the LAN (of `remote` on its own network)."""
    return f"{REMOTE4}.{REMOTE_HOSTS[role]}" if role == "remote" else f"{LAN4}.{host_number(role)}"


def address6(role: str) -> str:
    """Return the IPv6 address of `role`; its last part reads like that of the IPv4 address."""
    return f"{REMOTE6}:{REMOTE_HOSTS[role]}" if role == "remote" else f"{LAN6}:{host_number(role)}"


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `path` whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    temporary.replace(path)

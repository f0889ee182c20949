"""The lab's programs: taken from KUBEBUILDER_ASSETS or built once, kept outside the checkout."""

import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.state import LabError
from lab.toolchain import go_program
from lab.words import say

MODULES = Path(__file__).resolve().parent / "programs"
BUILD_SECONDS = 1800
RECIPE = "1"  # raise it when the flags below change: everything is then built anew
STAMP = "k8s.io/component-base/version"
KUBERNETES_VERSION = {"gitVersion": "v1.34.4", "gitMajor": "1", "gitMinor": "34", "gitTreeState": "clean"}
KUBERNETES_FLAGS = "".join(f" -X {STAMP}.{name}={value}" for name, value in KUBERNETES_VERSION.items())


@dataclass(frozen=True, slots=True)
class Program:
    """A program, its module group, and the seconds its first build took on two cores."""

    name: str
    group: str
    package: str
    expected_seconds: int


PROGRAMS = {
    program.name: program
    for program in (
        Program("etcd", "etcd", "go.etcd.io/etcd/server/v3", 32),
        Program("gobgpd", "gobgp", "github.com/osrg/gobgp/v4/cmd/gobgpd", 40),
        Program("gobgp", "gobgp", "github.com/osrg/gobgp/v4/cmd/gobgp", 3),
        Program("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 223),
        Program("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", 58),
        Program("kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy", 18),
        Program("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", 15),
        Program("kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", 10),
        Program("kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet", 43),
        Program("helm", "helm", "helm.sh/helm/v3/cmd/helm", 136),
        Program("kube-score", "kube-score", "github.com/zegl/kube-score/cmd/kube-score", 25),
        Program("actionlint", "actionlint", "github.com/rhysd/actionlint/cmd/actionlint", 5),
        Program("metallb-controller", "metallb", "go.universe.tf/metallb/controller", 80),
        Program("metallb-speaker", "metallb", "go.universe.tf/metallb/speaker", 20),
    )
}
USUAL = tuple(name for name, program in PROGRAMS.items() if program.group != "metallb")
NEEDED_BY_UP = (
    "etcd",
    "gobgpd",
    "gobgp",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kubectl",
)
NEEDED_BY_KUBELETS = ("kube-scheduler", "kubelet")


def ensure_programs(names: Iterable[str] = USUAL) -> Path:
    """Return a folder that holds the programs called `names`, building those that are missing.

    Without names it is all that people and tests use; MetalLB is for e2e alone.

    Raises:
        LabError: a program does not build; the compiler's words went to standard error.
    """
    folder = cache_folder() / "programs" / f"all-{_digest([_key(group) for group in _groups()], _assets())}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [PROGRAMS[name] for name in names]
    missing = [program for program in wanted if not (folder / program.name).exists()]
    if missing:
        with only_one_builder(folder.parent, "programs"):
            _provide(missing, folder)
    return folder


def cache_folder() -> Path:
    """Return the folder for what is built: FERRITE_CACHE, else `ferrite` in the user's cache folder."""
    if chosen := os.environ.get("FERRITE_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ferrite"


@contextmanager
def only_one_builder(folder: Path, what: str) -> Iterator[None]:
    """Wait until no other run builds into `folder`, and keep others from it."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is building {what}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _provide(missing: list[Program], folder: Path) -> None:
    to_build = [program for program in missing if not _found(program)]
    for number, program in enumerate(to_build, start=1):
        target, count = _built(program), f"{number} of {len(to_build)}"
        say(f"program {count}: building {program.name} (about {program.expected_seconds} s)")
        begun = time.monotonic()
        _build(program, target)
        say(f"program {count}: {program.name} ready after {time.monotonic() - begun:.0f} s")
    for program in missing:
        _link(folder / program.name, _found(program) or _built(program))


def _build(program: Program, target: Path) -> None:
    module = MODULES / program.group
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = "-s -w" + (KUBERNETES_FLAGS if program.group == "kubernetes" else "")
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        output = Path(temporary) / program.name
        argv = [
            str(go_program(cache_folder(), module)),
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-mod=readonly",
        ]
        argv += ["-ldflags", flags, "-o", str(output), program.package]
        environment = os.environ | {
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "",
            "GOWORK": "off",
        }
        done = subprocess.run(argv, cwd=module, env=environment, stdout=2, check=False, timeout=BUILD_SECONDS)
        if done.returncode != 0:
            raise LabError(
                f"building {program.name} ended with status {done.returncode}; its words stand above"
            )
        output.replace(target)


def _found(program: Program) -> Path | None:
    """Return where the program is already: in the user's own folder of programs, or built earlier."""
    places = [Path(_assets()) / program.name] if _assets() else []
    return next((path for path in [*places, _built(program)] if os.access(path, os.X_OK)), None)


def _built(program: Program) -> Path:
    return cache_folder() / "programs" / f"{program.group}-{_key(program.group)}" / program.name


def _assets() -> str:
    return os.environ.get("KUBEBUILDER_ASSETS", "")


def _groups() -> list[str]:
    return sorted({program.group for program in PROGRAMS.values()})


def _key(group: str) -> str:
    return _digest(
        [(MODULES / group / name).read_text() for name in ("go.mod", "go.sum")], KUBERNETES_FLAGS + RECIPE
    )


def _digest(parts: list[str], more: str) -> str:
    return hashlib.sha256("\0".join([*parts, more]).encode()).hexdigest()[:16]


def _link(link: Path, target: Path) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target.absolute())
    temporary.replace(link)

"""Buildah with a store of its own, apart from that of the machine."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lab.access import Access
from lab.state import LabError

BUILD_SECONDS = 1800
END_SECONDS = 60
KILL_SECONDS = 30
LAST_LINES = 15
MOST_IMAGES = {"overlay": 300, "vfs": 50}  # a layer of vfs is a copy of everything below it
STAGE = re.compile(r"(?:\[(\d+)/(\d+)\] )?STEP 1/\d+: FROM \S+(?: AS (\S+))?")


@dataclass(frozen=True, slots=True)
class Build:
    """What to build: a folder with a Dockerfile, its arguments, and the name it gets."""

    name: str
    folder: Path
    arguments: tuple[str, ...] = field(default=())


class Store:
    """Images and layers in `folder`; only one process may use it at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._environment = os.environ | {"TMPDIR": str(folder / "tmp")}  # caches of build steps live there
        self.driver = self._driver()

    def ask(self, *arguments: str) -> str:
        """Run one quick command and return what it prints.

        Raises:
            LabError: it fails.
        """
        done = self._run(self.driver, arguments)
        if done.returncode != 0:
            raise LabError(f"buildah {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def has(self, name: str) -> bool:
        """Whether there is an image of that name."""
        return self._run(self.driver, ("inspect", "--type", "image", name)).returncode == 0

    def tidy(self) -> None:
        """Remove what a killed build left, and old layers when there are many."""
        self.ask("rm", "--all")
        if len(set(self.ask("images", "--all", "--quiet").split())) > MOST_IMAGES[self.driver]:
            self.ask("rmi", "--prune")

    def build(self, build: Build, access: Access, log: Path, progress: Callable[[str], None]) -> None:
        """Build an image; `progress` gets a word for each stage that begins.

        Raises:
            LabError: a step fails; the text ends with its last words.
        """

        def read(line: str) -> None:
            if found := STAGE.match(line):
                number, count, name = found.groups()
                progress(f"stage {number or 1} of {count or 1}: {name or 'the image'}")

        run_logged([*self._argv(self.driver), *build_arguments(build, access)], log, read, self._environment)

    def export(self, name: str, archive: Path) -> None:
        """Write an image as a docker-archive, whole or not at all."""
        temporary = archive.with_name(f".{archive.name}.{os.getpid()}")
        try:
            self.ask("push", "--quiet", name, f"docker-archive:{temporary}:{name}")
            temporary.replace(archive)
        finally:
            temporary.unlink(missing_ok=True)

    def _driver(self) -> str:
        """Choose layers that hold differences only, unless this folder's file system does not let them."""
        used = [name for name in ("overlay", "vfs") if (self.folder / "storage" / f"{name}-images").exists()]
        if used:
            return used[0]
        works = self._run("overlay", ("info",)).returncode == 0
        if not works:
            shutil.rmtree(self.folder / "storage", ignore_errors=True)
        return "overlay" if works else "vfs"

    def _argv(self, driver: str) -> list[str]:
        places = ["--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run")]
        return ["buildah", *places, "--storage-driver", driver]

    def _run(self, driver: str, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._argv(driver), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )


def build_arguments(build: Build, access: Access) -> list[str]:
    """Return the words after `buildah`."""
    words = ["build", "--isolation", "chroot", "--layers", "--pull-never", "--identity-label=false"]
    words += ["--file", str(build.folder / "Dockerfile"), "--tag", build.name]
    for argument in (*build.arguments, *access.arguments):
        words += ["--build-arg", argument]
    for volume in access.volumes:
        words += ["--volume", volume]
    return [*words, str(build.folder)]


def run_logged(
    argv: list[str], log: Path, read: Callable[[str], None], environment: dict[str, str] | None = None
) -> None:
    """Run a program with all its words in `log`; `read` gets each line.

    Raises:
        LabError: it fails; the text ends with its last words.
    """
    limited = ["timeout", "--foreground", f"--kill-after={KILL_SECONDS}", str(BUILD_SECONDS), *argv]
    with (
        log.open("w") as stream,
        subprocess.Popen(
            limited,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                stream.write(line)
                read(line)
        except BaseException:
            process.terminate()
            process.wait(END_SECONDS)  # it takes away what it has begun; only then may another run begin
            raise
    if process.returncode != 0:
        last = "".join(f"\n  {line}" for line in log.read_text().splitlines()[-LAST_LINES:])
        raise LabError(f"{argv[0]} ended with status {process.returncode}; the end of {log}:{last}")

"""Installs the Debian packages the lab needs, without starting their services on the host."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.state import LabError
from lab.words import say

PACKAGES = ("frr", "nftables", "iproute2", "conntrack", "curl", "iputils-arping", "procps")
POLICY = Path("/usr/sbin/policy-rc.d")
SET_ASIDE = Path("/usr/sbin/policy-rc.d.before-ferrite-lab")
REFUSAL = "#!/bin/sh\n# ferrite lab: installed packages start no service on this machine\nexit 101\n"
APT_SECONDS = 900


def ensure_packages(packages: Iterable[str] = PACKAGES) -> None:
    """Install what is missing of `packages`; unless told, of those every lab needs.

    Raises:
        LabError: this is no Debian machine, or apt-get failed.
    """
    missing = [package for package in packages if not _installed(package)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(
            f"Debian packages are missing ({', '.join(missing)}) and there is no apt-get; use Debian 12"
        )
    say(f"installing Debian packages: {' '.join(missing)}")
    with _no_service_starts():
        _apt("update", "-qq")
        _apt(
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            "-o",
            "Dpkg::Options::=--force-confold",
            *missing,
        )


def _installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        raise LabError("this is not Debian (no dpkg); the lab needs Debian 12 or a system made from it")
    argv = ["dpkg-query", "-W", "-f=${db:Status-Status}", package]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "installed"


def _apt(*arguments: str) -> None:
    argv = ["apt-get", "-o", "DPkg::Lock::Timeout=300", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    done = subprocess.run(argv, env=environment, stdout=2, check=False, timeout=APT_SECONDS)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)} ended with status {done.returncode}; its own words stand above")


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Refuse every service start while packages are installed, then leave things as they were."""
    if POLICY.exists() and POLICY.read_text() != REFUSAL:  # ours is left over only if we were killed
        POLICY.rename(SET_ASIDE)
    POLICY.write_text(REFUSAL)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if SET_ASIDE.exists():
            SET_ASIDE.rename(POLICY)

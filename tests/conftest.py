"""Capabilities: a test that lacks one skips, or fails when `--require` names it."""

import os
import shutil
import subprocess

import pytest

from lab.archives import archive_of
from lab.image import ferrite_plan


def _can_make_namespaces() -> bool:
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"fl2-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    subprocess.run(["ip", "netns", "del", name], check=True)
    return True


def _image_is_built() -> bool:
    return os.geteuid() == 0 and archive_of(ferrite_plan()).exists()


CAPABILITIES = {"netns": _can_make_namespaces, "image": _image_is_built}
_known: dict[str, bool] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require",
        action="append",
        default=[],
        metavar="NAME",
        help="fail, not skip, without this capability",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    names = [mark.args[0] for mark in item.iter_markers("requires")]
    if item.get_closest_marker("netns"):
        names.append("netns")
    for name in names:
        if name not in _known:
            probe = CAPABILITIES.get(name)
            _known[name] = probe() if probe else shutil.which(name) is not None
        if not _known[name]:
            if name in item.config.getoption("--require"):
                pytest.fail(f"--require {name}: not available here", pytrace=False)
            pytest.skip(f"needs {name}")

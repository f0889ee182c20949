"""Capabilities: a test that lacks one skips, or fails when `--require` names it."""

import os
import shutil
import subprocess
import tempfile

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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give the run a temporary folder of its own.

    pytest's own clears away what earlier runs left, and with warnings as errors it fails on what it cannot
    remove: a mount, or the files of a program that still writes.
    """
    if config.option.basetemp is None:
        folder = tempfile.TemporaryDirectory(prefix="ferrite-tests-", ignore_cleanup_errors=True)
        config.option.basetemp = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run say which capabilities must be there."""
    parser.addoption(
        "--require",
        action="append",
        default=[],
        metavar="NAME",
        help="fail, not skip, without this capability",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test that lacks a capability."""
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

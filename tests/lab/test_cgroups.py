"""Where a machine has its cgroups, and which of them are a lab's."""

from pathlib import Path

import pytest

from lab import cgroups
from lab.state import State

VERSION_1 = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:9 master:2 - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 - cgroup2 cgroup2 rw
99 31 0:29 / /elsewhere/cpu rw,relatime - cgroup cgroup rw,cpu
"""
VERSION_2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.mark.parametrize(
    ("mountinfo", "places"),
    [
        pytest.param(VERSION_1, ["cpu", "systemd", "unified"], id="version-1"),
        pytest.param(VERSION_2, ["."], id="version-2"),
        pytest.param("", [], id="none"),
    ],
)
def test_each_hierarchy_is_found_once(mountinfo, places):
    assert cgroups.cgroup_mounts(mountinfo) == [Path("/sys/fs/cgroup") / place for place in places]


@pytest.fixture
def version_1(tmp_path, monkeypatch):
    """Two hierarchies as folders; the kernel would fill them with files."""
    for name in ("cpuset", "pids"):
        (tmp_path / name).mkdir()
    lines = [f"1 1 0:{number} / {tmp_path / name} rw - cgroup cgroup rw" for number, name in enumerate(NAMES)]
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(cgroups, "MOUNTINFO", tmp_path / "mountinfo")
    return tmp_path


NAMES = ("cpuset", "pids")


def test_a_lab_knows_its_groups_and_no_others(version_1):
    for name in ("ferrite-a-node-1", "ferrite-a-node-2", "ferrite-b-node-1", "ferrite-a-b-node-1", "system"):
        (version_1 / "pids" / name).mkdir()
    assert cgroups.of_lab(State("a")) == ["ferrite-a-node-1", "ferrite-a-node-2"]


def test_groups_are_made_and_removed_in_every_hierarchy(version_1):
    cgroups.create("ferrite-a-node-1")
    (version_1 / "pids" / "ferrite-a-node-1" / "kubepods" / "pod1").mkdir(parents=True)
    made = [path.relative_to(version_1) for path in version_1.glob("*/ferrite-a-node-1/programs")]
    assert sorted(made) == [Path(name, "ferrite-a-node-1", "programs") for name in NAMES]
    cgroups.remove("ferrite-a-node-1")
    assert not list(version_1.glob("*/ferrite-*"))


def test_a_program_joins_every_hierarchy_before_it_starts(version_1):
    words = cgroups.join_words("ferrite-a-node-1")
    assert words[:2] == ("sh", "-ec")
    for name in NAMES:
        assert f"echo $$ > {version_1 / name}/ferrite-a-node-1/programs/cgroup.procs" in words[2]
    assert words[2].endswith('exec "$@"')

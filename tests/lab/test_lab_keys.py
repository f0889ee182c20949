"""When a program is built anew: its folder's name is made of all that goes into it."""

import shutil

import pytest

from lab import build


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A copy of the module files, to change."""
    copy = tmp_path / "programs"
    shutil.copytree(build.MODULES, copy)
    monkeypatch.setattr(build, "MODULES", copy)
    return copy


def keys():
    return {group: build._key(group) for group in build._groups()}


def test_the_same_files_have_the_same_key(modules):
    assert keys() == keys()
    assert len(set(keys().values())) == len(keys())


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
@pytest.mark.parametrize("group", ["etcd", "gobgp", "helm", "kubernetes"])
def test_another_version_of_a_module_is_built_anew_and_nothing_else(modules, group, name):
    before = keys()
    path = modules / group / name
    path.write_text(path.read_text() + "\n")
    after = keys()
    assert {changed for changed in before if before[changed] != after[changed]} == {group}


@pytest.mark.parametrize("name", ["RECIPE", "KUBERNETES_FLAGS"])
def test_other_flags_build_everything_anew(modules, monkeypatch, name):
    before = keys()
    monkeypatch.setattr(build, name, getattr(build, name) + "x")
    assert not set(before.values()) & set(keys().values())


def test_parts_do_not_run_into_each_other():
    assert build._digest(["ab", "c"], "") != build._digest(["a", "bc"], "")
    assert build._digest(["a"], "b") != build._digest(["b"], "a")


def test_every_program_has_a_module():
    for program in build.PROGRAMS.values():
        assert (build.MODULES / program.group / "go.mod").is_file()
        assert program.expected_seconds > 0
    assert set(build.NEEDED_BY_UP) <= build.PROGRAMS.keys()

"""Where programs come from; no compiler runs here."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import build
from lab.state import LabError


def fake_program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_the_users_own_programs_come_first(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FERRITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    own = fake_program(tmp_path / "assets", "etcd")
    assert (build.ensure_programs(["etcd"]) / "etcd").resolve() == own


def test_what_was_built_before_is_not_built_again(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FERRITE_CACHE", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    folders = [path.name for path in _groups(tmp_path)]
    assert len(folders) == len(set(folders)) > 1
    for program in build.PROGRAMS.values():
        fake_program(
            next(path for path in _groups(tmp_path) if path.name.startswith(f"{program.group}-")),
            program.name,
        )
    found = build.ensure_programs()
    assert sorted(path.name for path in found.iterdir()) == sorted(build.USUAL)
    assert "building" not in capsys.readouterr().err


def test_a_failed_build_is_one_error_and_leaves_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FERRITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    go = fake_program(tmp_path / "bin", "go")
    go.write_text('#!/bin/sh\n[ "$1" = env ] && echo go9.9 && exit 0\nexit 7\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(LabError, match="building etcd ended with status 7"):
        build.ensure_programs(["etcd"])
    assert not list((tmp_path / "cache").rglob("etcd"))


def test_the_cache_lies_where_the_user_says(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("FERRITE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.cache_folder() == tmp_path / "ferrite"


def test_the_command_line_explains_itself() -> None:
    done = subprocess.run([sys.executable, "-m", "lab", "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in done.stdout
    assert "exit status" in done.stdout


def _groups(cache: Path) -> list[Path]:
    return [cache / "programs" / f"{group}-{build._key(group)}" for group in build._groups()]

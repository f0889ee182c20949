"""Images are keyed by what they are made of; no image is built here."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from lab import archives
from lab.archives import BuiltImage, Plan
from lab.buildah import Build


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with a Dockerfile, and things its .dockerignore keeps out."""
    folder = tmp_path / "context"
    for name in ("Dockerfile", "part/one.py", "part/__pycache__/one.pyc", "notes/secret"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (folder / ".dockerignore").write_text("# comment\n*\n!Dockerfile\n!part\n**/__pycache__\n")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FERRITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


def write_archive(path: Path, sizes: list[int]) -> None:
    """A docker-archive with layers of these sizes."""
    names = [f"{number}.tar" for number in range(len(sizes))]
    contents = [bytes(size) for size in sizes] + [json.dumps([{"Layers": names}]).encode()]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in zip([*names, "manifest.json"], contents, strict=True):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_a_build_sees_what_the_dockerignore_lets_in(context: Path) -> None:
    names = [str(path.relative_to(context)) for path in archives.context_files(context)]
    assert names == [".dockerignore", "Dockerfile", "part/one.py"]


def test_without_a_dockerignore_a_build_sees_everything(context: Path) -> None:
    (context / ".dockerignore").unlink()
    names = [str(path.relative_to(context)) for path in archives.context_files(context)]
    assert names == ["Dockerfile", "notes/secret", "part/one.py"]


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        pytest.param("part/one.py", "changed", True, id="source"),
        pytest.param("part/two.py", "new", True, id="new-file"),
        pytest.param("part/__pycache__/one.pyc", "changed", False, id="bytecode"),
        pytest.param("notes/secret", "changed", False, id="kept-out"),
        pytest.param(".dockerignore", "*\n!part\n", True, id="what-is-let-in"),
    ],
)
def test_the_key_follows_what_a_build_can_see(context: Path, name: str, text: str, changes: bool) -> None:
    plan = Plan("x", Build("x:1", context))
    before = archives.key(plan)
    (context / name).write_text(text)
    assert (archives.key(plan) != before) is changes


def test_the_key_follows_modes_arguments_names_and_the_image_below(context: Path, tmp_path: Path) -> None:
    below = [BuiltImage("b", tmp_path / name, ()) for name in ("b-1.tar", "b-2.tar")]
    plans = [
        Plan("x", Build("x:1", context)),
        Plan("x", Build("x:2", context)),
        Plan("x", Build("x:1", context, ("VERSION=2",))),
        *(Plan("x", Build("x:1", context), below=image) for image in below),
    ]
    keys = [archives.key(plan) for plan in plans]
    (context / "part/one.py").chmod(0o755)
    keys.append(archives.key(plans[0]))
    assert len(set(keys)) == len(keys)


def test_what_was_built_before_is_not_built_again(
    context: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = Plan("x", Build("x:1", context))
    write_archive(archives.archive_of(plan), [1024, 512, 256])
    monkeypatch.setenv("PATH", str(tmp_path))  # no buildah, no apt-get
    built = archives.ensure_built(plan)
    assert (built.name, built.layers, built.on_top_bytes) == ("x:1", (1024, 512, 256), 768)


def test_old_archives_and_stores_go_and_others_stay(cache: Path) -> None:
    for number in range(5):
        write_archive(cache / f"x-{number}.tar", [])
        os.utime(cache / f"x-{number}.tar", (number, number))
    write_archive(cache / "x-y-9.tar", [])
    for store in ("store-old", "store-new"):
        (cache / store / "storage").mkdir(parents=True)
    archives.prune(cache / "x-4.tar", cache / "store-new")
    left = sorted(path.name for path in cache.iterdir())
    assert left == ["store-new", "x-2.tar", "x-3.tar", "x-4.tar", "x-y-9.tar"]

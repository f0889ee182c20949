"""What buildah is told, and what is made of its words; a script stands for it."""

from pathlib import Path

import pytest

from lab.access import Access
from lab.buildah import STAGE, Build, Store, build_arguments, run_logged
from lab.state import LabError

HALF_AN_ARCHIVE = """#!/bin/sh
for last; do :; done
case "$*" in *push*)
    file=${last#docker-archive:}; touch "${file%:x:1}"; echo "written: $(ls -A "${file%/*}")" >&2; exit 1
esac
"""
ONLY_VFS = '#!/bin/sh\ncase "$*" in *overlay*) exit 125;; esac\n'


def fake_buildah(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    (folder / "buildah").write_text(script)
    (folder / "buildah").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_build_is_told_its_arguments_mounts_and_never_to_pull() -> None:
    build = Build("docker.io/x/x:1", Path("/checkout"), ("VERSION=1",))
    words = build_arguments(build, Access(("/host:/image:ro",), ("SSL_CERT_FILE=/ca",)))
    text = " ".join(words)
    assert words[0] == "build"
    assert words[-1] == "/checkout"
    assert "--isolation chroot" in text
    assert "--pull-never" in words
    assert "--file /checkout/Dockerfile --tag docker.io/x/x:1" in text
    assert "--build-arg VERSION=1 --build-arg SSL_CERT_FILE=/ca --volume /host:/image:ro" in text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param("[3/9] STEP 1/6: FROM abc AS gobgpd", ("3", "9", "gobgpd"), id="named"),
        pytest.param("[9/9] STEP 1/4: FROM abc", ("9", "9", None), id="last"),
        pytest.param("STEP 1/3: FROM abc", (None, None, None), id="only-one"),
    ],
)
def test_a_stage_is_seen_to_begin(line: str, found: tuple[str | None, ...]) -> None:
    match = STAGE.match(line)
    assert match is not None
    assert match.groups() == found


def test_other_steps_are_no_stage() -> None:
    assert STAGE.match("[3/9] STEP 2/6: COPY go.mod ./") is None


@pytest.mark.parametrize(
    ("script", "driver"),
    [pytest.param("#!/bin/sh\n", "overlay", id="overlay"), pytest.param(ONLY_VFS, "vfs", id="vfs")],
)
def test_layers_of_differences_where_the_file_system_lets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, driver: str
) -> None:
    fake_buildah(tmp_path / "bin", monkeypatch, script)
    assert Store(tmp_path / "store").driver == driver


def test_a_store_stays_with_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_buildah(tmp_path / "bin", monkeypatch, "#!/bin/sh\n")
    (tmp_path / "store/storage/vfs-images").mkdir(parents=True)
    assert Store(tmp_path / "store").driver == "vfs"


def test_a_store_is_apart_from_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_buildah(tmp_path / "bin", monkeypatch, '#!/bin/sh\necho "$* in $TMPDIR"\n')
    store = Store(tmp_path / "store")
    assert store.ask("images") == (
        f"--root {store.folder}/storage --runroot {store.folder}/run --storage-driver overlay images"
        f" in {store.folder}/tmp"
    )


def test_an_error_has_buildahs_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_buildah(tmp_path / "bin", monkeypatch, '#!/bin/sh\necho "no such thing" >&2; exit 125\n')
    with pytest.raises(LabError, match="buildah rm --all: no such thing"):
        Store(tmp_path / "store").tidy()


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_buildah(tmp_path / "bin", monkeypatch, HALF_AN_ARCHIVE)
    with pytest.raises(LabError, match=r"push .*: written: \.x\.tar"):
        Store(tmp_path / "store").export("x:1", tmp_path / "x.tar")
    assert not list(tmp_path.glob("*x.tar*"))


def test_all_words_are_kept_and_each_is_read(tmp_path: Path) -> None:
    read: list[str] = []
    run_logged(["sh", "-c", "echo one; echo two >&2"], tmp_path / "log", read.append)
    assert sorted(read) == ["one\n", "two\n"]
    assert (tmp_path / "log").read_text() == "".join(read)


def test_a_failure_shows_the_last_words_and_where_all_are(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"sh ended with status 7; the end of .*log:\n  no space left"):
        run_logged(["sh", "-c", "echo no space left; exit 7"], tmp_path / "log", lambda line: None)

"""Images made of one program."""

import hashlib
import io
import json
import tarfile

import pytest

from lab import scratch
from lab.containerd import archived_images
from lab.state import LabError


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "tool"
    path.write_bytes(b"\x7fELF and so on")
    return path


def read(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: (member, tar.extractfile(member).read()) for member in tar}


def test_an_image_is_its_program_and_nothing_else(program):
    files = read(scratch.scratch_archive("ferrite.lab/tool:1", program))
    [manifest] = json.loads(files["manifest.json"][1])
    layer = files[manifest["Layers"][0]][1]
    config = files[manifest["Config"]][1]
    assert manifest["RepoTags"] == ["ferrite.lab/tool:1"]
    assert manifest["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert json.loads(config)["config"]["Entrypoint"] == ["/tool"]
    inside = read(layer)
    assert inside.keys() == {"tool"}
    assert inside["tool"][0].mode == 0o755
    assert inside["tool"][1] == program.read_bytes()


def test_the_same_program_makes_the_same_image(program):
    first = scratch.scratch_archive("a:1", program)
    assert scratch.scratch_archive("a:1", program) == first
    program.write_bytes(b"another")
    assert scratch.scratch_archive("a:1", program) != first


def test_an_archive_tells_its_images(program, tmp_path):
    path = tmp_path / "image.tar"
    path.write_bytes(scratch.scratch_archive("ferrite.lab/tool:1", program))
    [(name, digest)] = archived_images(path).items()
    assert name == "ferrite.lab/tool:1"
    assert f"{digest}.json" in read(path.read_bytes())


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 10240], ids=["empty", "text", "empty-tar"])
def test_what_is_no_archive_of_images_is_named(tmp_path, content):
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(LabError, match=f"^image archive {path}: this is no docker-archive$"):
        archived_images(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LabError, match=r"image archive .*absent\.tar: No such file or directory$"):
        archived_images(tmp_path / "absent.tar")

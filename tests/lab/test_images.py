"""The images of the lab: their names, and the Dockerfile that stands for them."""

import re
from pathlib import Path

import pytest
import yaml

from lab import archives, base_image, image

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(word: str) -> list[list[str]]:
    """The arguments of every such instruction of the Dockerfile."""
    return [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith(f"{word} ")]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        pytest.param("ferrite/ferrite:1", "docker.io/ferrite/ferrite:1", id="user"),
        pytest.param("ferrite:1", "docker.io/ferrite:1", id="bare"),
        pytest.param("registry.example/ferrite:1", "registry.example/ferrite:1", id="host"),
        pytest.param("localhost/ferrite:1", "localhost/ferrite:1", id="localhost"),
        pytest.param("registry:5000/ferrite:1", "registry:5000/ferrite:1", id="port"),
    ],
)
def test_a_runtime_reads_a_name_in_full(name: str, full: str) -> None:
    assert image.full_name(name) == full


def test_the_image_has_the_name_that_the_chart_has_for_it() -> None:
    chart = ROOT / "helm" / "ferrite"
    values = yaml.safe_load((chart / "values.yaml").read_text())
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert image.chart_image().endswith(f"{values['image']['repository']}:{about['appVersion']}")


def test_the_base_has_the_name_that_the_dockerfile_has_for_it() -> None:
    assert ["BASE=" + base_image.NAME] in instructions("ARG")
    assert base_image.NAME.endswith(f":{base_image.SUITE}-slim")


def test_every_stage_stands_on_the_one_base() -> None:
    known = {"${BASE}"}
    stages = [[word for word in words if not word.startswith("--")] for words in instructions("FROM")]
    assert len(stages) > 3
    for source, *rest in stages:
        assert source in known, source
        known |= set(rest[1:])


def test_what_the_dockerfile_copies_is_let_in() -> None:
    seen = {str(path.relative_to(ROOT)) for path in archives.context_files(ROOT)}
    copied = [
        word
        for words in instructions("COPY")
        if not words[0].startswith("--from=")
        for word in words[:-1]
        if word != "."
    ]
    assert len(copied) >= 6
    for name in copied:
        assert [path for path in seen if path == name or path.startswith(f"{name}/")], name


def test_every_package_of_the_project_is_let_in() -> None:
    tops = {path.relative_to(ROOT).parts[0] for path in archives.context_files(ROOT)}
    project = (ROOT / "pyproject.toml").read_text()
    packages = re.findall(r'"(\w+)\*"', project.partition("packages.find]")[2].splitlines()[1])
    assert len(packages) == 5
    assert set(packages) <= tops


def test_the_test_application_stands_on_ferrites_image() -> None:
    assert (image.TEST_APP / "Dockerfile").read_text().count("FROM ${BASE}\n") == 1
    assert archives.context_files(image.TEST_APP)


def test_the_base_loses_what_slim_images_lack(tmp_path: Path) -> None:
    for folder in (*base_image.EMPTIED, "etc/dpkg/dpkg.cfg.d", "usr/share/doc/bash"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name in ("var/log/apt.log", "usr/share/doc/bash/copyright", "usr/share/doc/bash/NEWS.gz"):
        (tmp_path / name).write_text("x")
    (tmp_path / "usr/share/man/man1").mkdir()
    (tmp_path / "usr/share/doc/sh").symlink_to("bash")
    (tmp_path / "etc/resolv.conf").write_text("nameserver 192.0.2.1\n")
    base_image.slim(tmp_path)
    assert [path.name for path in (tmp_path / "usr/share/doc/bash").iterdir()] == ["copyright"]
    assert not list((tmp_path / "var/log").iterdir())
    assert not list((tmp_path / "usr/share/man").iterdir())
    assert (tmp_path / "etc/resolv.conf").read_text() == ""
    assert (tmp_path / "etc/xdg").is_dir()

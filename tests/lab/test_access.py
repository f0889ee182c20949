"""What a build is told of the machine's way to the package registries."""

import os
from pathlib import Path

import pytest

from lab import access

TARGETS = """\
http://mirror.example/debian/|bookworm|main|Debian
http://mirror.example/debian/|bookworm|contrib|Debian
http://mirror.example/debian/|bookworm-updates|main|$(ORIGIN)
http://mirror.example/security/|bookworm-security|main|Debian
http://mirror.example/debian/|trixie|main|Debian
http://other.example/apt/|bookworm|main|Other
"""


def test_the_sources_are_debians_own_of_the_images_suite() -> None:
    assert access.apt_sources(TARGETS, "bookworm") == [
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
        "deb http://mirror.example/security/ bookworm-security main",
    ]


def test_a_host_of_another_suite_has_no_sources_to_offer() -> None:
    assert access.apt_sources(TARGETS, "sid") == []


def test_a_source_listed_twice_is_named_once() -> None:
    assert len(access.apt_sources(TARGETS + TARGETS, "bookworm")) == 3


def test_apt_learns_proxies_and_checks_but_no_files_of_the_host() -> None:
    dump = "\n".join(
        [
            'Acquire::http::Proxy "http://proxy.example:3128";',
            'Acquire::https::mirror.example::CaInfo "/etc/host.pem";',
            'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";',
            'Acquire::Check-Valid-Until "false";',
            'DPkg::Post-Invoke:: "reboot";',
        ]
    )
    text = access.apt_conf(dump, certificates=False)
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in text
    assert 'Acquire::Check-Valid-Until "false";' in text
    assert not [word for word in ("host.pem", "detect", "reboot", "CaInfo") if word in text]
    assert 'Acquire::https::CaInfo "/etc/xdg/ca-certificates.crt";' in access.apt_conf(
        dump, certificates=True
    )


def test_pips_environment_wins_over_its_files() -> None:
    listing = ":env:.index-url='https://env.example'\nglobal.index-url='https://file.example'\n"
    assert access.pip_settings(listing) == {"index-url": "https://env.example"}


def test_pip_gets_several_values_and_the_builds_own_certificates() -> None:
    settings = {"trusted-host": "a.example\nb.example", "cert": "/host.pem", "find-links": "/host/wheels"}
    assert access.pip_conf(settings, certificates=True) == (
        "[global]\ntrusted-host = a.example b.example\ncert = /etc/xdg/ca-certificates.crt\n"
    )
    assert access.pip_conf({}, certificates=False) == "[global]\n"


def test_gos_environment_wins_over_what_was_written() -> None:
    file = "GOFLAGS=-mod=mod\nGOPROXY=https://file.example\nGOSUMDB=off\n"
    text = access.go_env(file, {"GOPROXY": "https://env.example,direct", "GOROOT": "/go"})
    assert text == "GOPROXY=https://env.example,direct\nGOSUMDB=off\n"


def test_certificates_named_by_the_user_come_before_the_systems(tmp_path: Path) -> None:
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    own.write_text("")
    other.write_text("")
    assert access.certificate_file({"cert": str(own)}, {"SSL_CERT_FILE": str(other)}) == own
    assert (
        access.certificate_file({}, {"PIP_CERT": str(tmp_path / "gone"), "SSL_CERT_FILE": str(other)})
        == other
    )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an apt, pip and Go that are told things."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("apt-get", TARGETS), ("apt-config", 'Acquire::Retries "3";\n')):
        (programs / name).write_text(f"#!/bin/sh\ncat <<'END'\n{words}END\n")
        (programs / name).chmod(0o755)
    (tmp_path / "ca.pem").write_text("certificates")
    for name, value in {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CERT": str(tmp_path / "ca.pem"),
        "PIP_INDEX_URL": "https://index.example/simple",
        "GOENV": str(tmp_path / "none"),
        "GOPROXY": "https://go.example",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_build_gets_what_the_machine_has(machine: Path) -> None:
    folder = machine / "access"
    found = access.write_access(folder, "bookworm")
    assert found.arguments == ("GOENV=/etc/xdg/go/env", "SSL_CERT_FILE=/etc/xdg/ca-certificates.crt")
    assert f"{folder}/config:/etc/xdg:ro" in found.volumes
    assert f"{folder}/sources.list:/etc/apt/sources.list:ro" in found.volumes
    assert all(Path(volume.split(":")[0]).exists() for volume in found.volumes)
    assert "https://index.example/simple" in (folder / "config/pip/pip.conf").read_text()
    assert (folder / "config/go/env").read_text() == "GOPROXY=https://go.example\n"
    assert (folder / "config/ca-certificates.crt").read_text() == "certificates"
    assert 'Acquire::Retries "3";' in (folder / "apt.conf.d/host").read_text()
    assert access.debian_mirror("bookworm") == "http://mirror.example/debian/"


def test_nothing_mounted_hides_the_sources_of_the_base_when_the_host_has_none(machine: Path) -> None:
    found = access.write_access(machine / "access", "sid")
    assert not [volume for volume in found.volumes if "sources.list" in volume]
    assert access.debian_mirror("sid") is None

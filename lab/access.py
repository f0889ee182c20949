"""How this machine reaches the package registries, written down for the steps of an image's build.

Those steps know nothing of the host's settings. What is found here is mounted while they run, in no layer.
Proxies of the environment need no help: buildah hands them on by itself.
"""

import ast
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG = "/etc/xdg"  # in a build; pip looks there, Go is told by an argument, apt by its own configuration
CERTIFICATES = f"{CONFIG}/ca-certificates.crt"
SYSTEM_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
GO_KEYS = ("GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE")
APT_PREFIXES = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")
APT_HOST_FILES = ("proxy-auto-detect", "proxyautodetect", "cainfo", "sslcert", "sslkey")
APT_TARGETS = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
ASK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Access:
    """What a build gets: volumes as `HOST:IMAGE:ro`, and build arguments as `NAME=VALUE`."""

    volumes: tuple[str, ...]
    arguments: tuple[str, ...]


def write_access(folder: Path, suite: str) -> Access:
    """Write into `folder` what apt, pip and Go are told on this machine, and say how a build gets it.

    Every target is there in the base image: a mount whose target has to be made would leave it in a layer.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)  # an address of an index may hold a password
    pip = pip_settings(_answer(sys.executable, "-m", "pip", "config", "list"))
    trusted = certificate_file(pip, os.environ)
    sources = apt_sources(_answer("apt-get", "indextargets", "--format", APT_TARGETS), suite)
    config, apt = folder / "config", folder / "apt.conf.d"
    _write(config / "pip" / "pip.conf", pip_conf(pip, certificates=trusted is not None))
    _write(config / "go" / "env", go_env(_go_file(os.environ), os.environ))
    _write(apt / "host", apt_conf(_answer("apt-config", "dump"), certificates=trusted is not None))
    if trusted:
        shutil.copyfile(trusted, config / Path(CERTIFICATES).name)
    volumes = [f"{config}:{CONFIG}:ro", f"{apt}:/etc/apt/apt.conf.d:ro"]
    if sources:
        _write(folder / "sources.list", "".join(f"{line}\n" for line in sources))
        volumes.append(f"{folder / 'sources.list'}:/etc/apt/sources.list:ro")
    if Path("/etc/apt/auth.conf.d").is_dir():
        volumes.append("/etc/apt/auth.conf.d:/etc/apt/auth.conf.d:ro")
    arguments = [f"GOENV={CONFIG}/go/env", *([f"SSL_CERT_FILE={CERTIFICATES}"] if trusted else [])]
    return Access(tuple(volumes), tuple(arguments))


def debian_mirror(suite: str) -> str | None:
    """Return where this machine gets Debian's `suite` from; None if it does not."""
    sources = apt_sources(_answer("apt-get", "indextargets", "--format", APT_TARGETS), suite)
    return next((line.split()[1] for line in sources if line.split()[2] == suite), None)


def apt_sources(targets: str, suite: str) -> list[str]:
    """Return lines of a sources.list: what of the host's sources is Debian's `suite` or its updates."""
    releases = (suite, f"{suite}-updates", f"{suite}-security")
    found: dict[str, None] = {}  # in the host's order, each once
    for line in targets.splitlines():
        place, release, component, origin = line.split("|")
        # Without lists, apt leaves the variable as it stands.
        if release in releases and component == "main" and origin in ("Debian", "$(ORIGIN)"):
            found[f"deb {place} {release} {component}"] = None
    return list(found)


def apt_conf(dump: str, *, certificates: bool) -> str:
    """Return what of `apt-config dump` is about reaching a mirror; not what names files of the host."""
    lines = [
        line
        for line in dump.splitlines()
        if line.startswith(APT_PREFIXES) and not line.split(" ")[0].lower().endswith(APT_HOST_FILES)
    ]
    if certificates:
        lines.append(f'Acquire::https::CaInfo "{CERTIFICATES}";')
    # Debian's indexes of icons and translations would be fetched for nothing.
    return "".join(f"{line}\n" for line in [*lines, 'Acquire::Languages "none";'])


def pip_settings(listing: str) -> dict[str, str]:
    """Read `pip config list`; the environment's values win over those of files."""
    lines = [line.partition("=") for line in listing.splitlines() if "='" in line or '="' in line]
    return {
        name.rsplit(".", 1)[-1]: ast.literal_eval(value)
        for name, _, value in sorted(lines, key=lambda parts: parts[0].startswith(":env:"))
    }


def pip_conf(settings: Mapping[str, str], *, certificates: bool) -> str:
    """Return a pip.conf with what of `settings` is about reaching an index."""
    kept = {key: settings[key] for key in PIP_KEYS if key in settings}
    if certificates:
        kept["cert"] = CERTIFICATES
    return "[global]\n" + "".join(f"{key} = {' '.join(value.split())}\n" for key, value in kept.items())


def go_env(file: str, environment: Mapping[str, str]) -> str:
    """Return Go's own settings of GO_KEYS; `file` is what `go env -w` has written on this machine."""
    written = dict(line.split("=", 1) for line in file.splitlines() if "=" in line)
    settings = {key: environment.get(key) or written.get(key) for key in GO_KEYS}
    return "".join(f"{key}={value}\n" for key, value in settings.items() if value)


def certificate_file(pip: Mapping[str, str], environment: Mapping[str, str]) -> Path | None:
    """Return the file of certificates this machine trusts; None if there is none."""
    named = [pip.get("cert"), *map(environment.get, CERTIFICATE_VARIABLES)]
    usual = [ssl.get_default_verify_paths().cafile, SYSTEM_CERTIFICATES]
    return next((Path(name) for name in _given([*named, *usual]) if Path(name).is_file()), None)


def _given(names: Iterable[str | None]) -> list[str]:
    return [name for name in names if name]


def _go_file(environment: Mapping[str, str]) -> str:
    configuration = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    file = Path(environment.get("GOENV") or Path(configuration, "go", "env"))
    return file.read_text() if file.is_file() else ""


def _answer(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=ASK_SECONDS).stdout


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Writes the image's bill of materials: what is in it, as CycloneDX JSON.

The build runs it in the assembled image, with what `go version -m gobgpd` said. Same contents, same bytes.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

SPECIFICATION = "1.6"
OWN = "ferrite"
DEBIAN_FIELDS = ("Package", "Version", "Architecture", "source:Package", "db:Status-Status")
Component = dict[str, Any]


def main() -> None:
    """Print the bill of this machine; the argument is a file with the words of `go version -m`."""
    release = platform.freedesktop_os_release()
    installed = list(distributions())
    components = [
        system_component(release),
        *debian_components(_dpkg_words(), release),
        *python_components(installed),
        *go_components(Path(sys.argv[1]).read_text()),
    ]
    version = next(found.version for found in installed if found.name == OWN)
    document = bill(version, components, os.environ.get("SOURCE_DATE_EPOCH", ""))
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def bill(version: str, components: Iterable[Component], epoch: str) -> Component:
    """Return the whole document; `epoch` is the time to state in seconds since 1970, or nothing."""
    ordered = sorted(components, key=lambda component: component["bom-ref"])
    subject: Component = {"type": "container", "bom-ref": OWN, "name": OWN, "version": version}
    digest = hashlib.sha256(json.dumps([subject, ordered]).encode()).hexdigest()
    stated = {"timestamp": f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%dT%H:%M:%SZ}"} if epoch else {}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": stated | {"component": subject},
        "components": ordered,
        "dependencies": [{"ref": OWN, "dependsOn": [component["bom-ref"] for component in ordered]}],
    }


def system_component(release: dict[str, str]) -> Component:
    """Return the distribution itself, which scanners need to know whose packages the others are."""
    name, version = release["ID"], release.get("VERSION_ID", "")
    return {"type": "operating-system", "bom-ref": f"{name}-{version}", "name": name, "version": version}


def debian_components(words: str, release: dict[str, str]) -> Iterator[Component]:
    """Read lines of DEBIAN_FIELDS with tabs between them, as dpkg-query prints them."""
    distribution = f"{release['ID']}-{release.get('VERSION_ID', '')}"
    for line in words.splitlines():
        name, version, architecture, source, status = line.split("\t")
        if status != "installed":
            continue
        qualifiers = f"arch={architecture}&distro={distribution}"
        if source != name:
            qualifiers += f"&upstream={quote(source)}"
        yield _library(f"pkg:deb/{release['ID']}/{name}", name, version, qualifiers)


def python_components(found: Iterable[Distribution]) -> Iterator[Component]:
    """Return the installed distributions but Ferrite itself, which the whole document is about."""
    for distribution in found:
        name = distribution.name.lower().replace("_", "-").replace(".", "-")
        if name == OWN:
            continue
        component = _library(f"pkg:pypi/{name}", name, distribution.version)
        if licence := distribution.metadata["License-Expression"]:
            component["licenses"] = [{"expression": licence}]
        yield component


def go_components(words: str) -> Iterator[Component]:
    """Read `go version -m`: the toolchain's library, the module of the program, and those it depends on."""
    first, *lines = words.splitlines()
    yield _library("pkg:golang/stdlib", "stdlib", first.split()[-1].removeprefix("go"))
    for line in lines:
        kind, *fields = line.split()
        if kind in ("mod", "dep"):
            yield _library(f"pkg:golang/{fields[0].lower()}", fields[0], fields[1])


def _library(place: str, name: str, version: str, qualifiers: str = "") -> Component:
    purl = f"{place}@{quote(version, safe=':~')}" + (f"?{qualifiers}" if qualifiers else "")
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _dpkg_words() -> str:
    wanted = "\t".join(f"${{{field}}}" for field in DEBIAN_FIELDS) + "\n"
    argv = ["dpkg-query", "--show", f"--showformat={wanted}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout


if __name__ == "__main__":
    main()

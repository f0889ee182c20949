"""The bill of materials, from the distributions of this environment and words of dpkg and Go."""

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

from image import sbom

ROOT = Path(__file__).parents[2]
RELEASE = {"ID": "debian", "VERSION_ID": "12"}
DPKG = (
    "libc6\t2.36-9+deb12u14\tamd64\tglibc\tinstalled\n"
    "login\t1:4.13+dfsg1-1\tamd64\tshadow\tinstalled\n"
    "zlib1g\t1:1.2.13\tamd64\tzlib1g\tinstalled\n"
    "gone\t1\tamd64\tgone\tconfig-files\n"
)
GO = (
    "/out/gobgpd: go1.27.3\n"
    "\tpath\tgithub.com/osrg/gobgp/v4/cmd/gobgpd\n"
    "\tmod\tgithub.com/osrg/gobgp/v4\tv4.8.0\th1:abc=\n"
    "\tdep\tgithub.com/Example/thing\tv1.0.0\th1:def=\n"
    "\tbuild\t-trimpath=true\n"
)


def whole_bill(epoch: str = "") -> sbom.Component:
    components = [
        sbom.system_component(RELEASE),
        *sbom.debian_components(DPKG, RELEASE),
        *sbom.python_components(distributions()),
        *sbom.go_components(GO),
    ]
    return sbom.bill("1.2.3", components, epoch)


def purls(components: object) -> list[str]:
    return [component["purl"] for component in components]  # type: ignore[attr-defined]


def test_a_bill_has_the_shape_of_cyclonedx() -> None:
    bill = whole_bill()
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    assert bill["metadata"]["component"]["version"] == "1.2.3"
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references)) > 40
    assert bill["dependencies"] == [{"ref": "ferrite", "dependsOn": references}]
    for component in bill["components"]:
        assert component["name"]
        assert component["version"]
        assert component["type"] == "operating-system" or component["purl"].startswith("pkg:")


def test_debian_packages_name_their_source_and_only_what_is_installed_counts() -> None:
    assert purls(sbom.debian_components(DPKG, RELEASE)) == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12&upstream=glibc",
        "pkg:deb/debian/login@1:4.13%2Bdfsg1-1?arch=amd64&distro=debian-12&upstream=shadow",
        "pkg:deb/debian/zlib1g@1:1.2.13?arch=amd64&distro=debian-12",
    ]


def test_the_toolchain_the_program_and_its_modules_are_named() -> None:
    assert purls(sbom.go_components(GO)) == [
        "pkg:golang/stdlib@1.27.3",
        "pkg:golang/github.com/osrg/gobgp/v4@v4.8.0",
        "pkg:golang/github.com/example/thing@v1.0.0",
    ]


def test_every_locked_dependency_is_in_and_ferrite_is_no_package_of_an_index() -> None:
    text = (ROOT / "requirements" / "runtime.lock").read_text()
    locked = re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)
    found = purls(sbom.python_components(distributions()))
    assert len(locked) > 30
    assert [name for name, version in locked if f"pkg:pypi/{name}@{version}" not in found] == []
    assert not [purl for purl in found if purl.startswith("pkg:pypi/ferrite@")]


def test_a_licence_is_stated_where_the_package_states_it() -> None:
    licences = {
        component["name"]: component.get("licenses") for component in sbom.python_components(distributions())
    }
    assert licences["pydantic"] == [{"expression": "MIT"}]


@pytest.mark.parametrize(
    ("epoch", "stated"),
    [pytest.param("", None, id="not-told"), pytest.param("86400", "1970-01-02T00:00:00Z", id="told")],
)
def test_the_time_is_the_one_it_is_told(epoch: str, stated: str | None) -> None:
    assert whole_bill(epoch)["metadata"].get("timestamp") == stated


def test_like_contents_give_a_like_bill_and_others_another() -> None:
    assert whole_bill() == whole_bill()
    assert sbom.bill("1", [], "")["serialNumber"] != sbom.bill("2", [], "")["serialNumber"]

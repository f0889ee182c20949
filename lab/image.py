"""The images that the lab's container runtimes need, made without a registry."""

import re
import tomllib

from lab.archives import BuiltImage, Plan, ensure_built
from lab.buildah import Build
from lab.state import REPOSITORY

CHART = REPOSITORY / "helm" / "ferrite"
TEST_APP = REPOSITORY / "e2e" / "app"
TEST_APP_NAME = "docker.io/ferrite/e2e-app:1"


def ensure_image() -> BuiltImage:
    """Return Ferrite's own image, under the name that the chart has for it.

    Raises:
        LabError: it does not build, or Debian packages are missing and cannot be installed.
    """
    return ensure_built(ferrite_plan())


def ensure_test_app_image() -> BuiltImage:
    """Return the image of an HTTP server that greets, for pods of tests.

    Raises:
        LabError: as `ensure_image`.
    """
    ferrite = ensure_image()
    build = Build(TEST_APP_NAME, TEST_APP, (f"BASE={ferrite.name}",))
    return ensure_built(Plan("e2e-app", build, below=ferrite))


def ferrite_plan() -> Plan:
    """Return how Ferrite's own image is made."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return Plan("ferrite", Build(chart_image(), REPOSITORY, (f"VERSION={project['version']}",)))


def chart_image() -> str:
    """Return the image in the pods of the chart when no value sets another, as a runtime reads it."""
    values, about = (CHART / "values.yaml").read_text(), (CHART / "Chart.yaml").read_text()
    repository = re.search(r"^image:\n(?:  .*\n)*?  repository: (\S+)$", values, re.MULTILINE)
    version = re.search(r'^appVersion: "?([^"\s]+)"?$', about, re.MULTILINE)
    assert repository, f"{CHART} names no image"
    assert version, f"{CHART} names no version"
    return full_name(f"{repository[1]}:{version[1]}")


def full_name(name: str) -> str:
    """Return `docker.io/ferrite/ferrite:1` for `ferrite/ferrite:1`; a name that begins with a host stays."""
    host, slash, _ = name.partition("/")
    return name if slash and (host == "localhost" or "." in host or ":" in host) else f"docker.io/{name}"

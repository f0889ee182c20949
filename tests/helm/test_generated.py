"""What is generated is what its source makes now."""

import pytest
from programs import CHART, ROOT, read, rendering

SOURCE = {path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")}
IN_CHART = {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")}
PLAIN = ROOT / "manifests" / "ferrite.yaml"


def test_the_chart_has_the_crds_of_the_models():
    assert IN_CHART == SOURCE, "run make manifests"


@pytest.mark.parametrize("name", SOURCE)
def test_the_template_finds_the_place_of_its_annotation(name: str):
    assert SOURCE[name].count("\nmetadata:\n") == 1
    assert "annotations" not in read(ROOT / "crds" / name)["metadata"]


def plain(text: str) -> str:
    """What `make manifests` takes out: objects that kubectl applies are not helm's."""
    not_ours = ("app.kubernetes.io/managed-by: Helm", "helm.sh/chart:")
    return "".join(line for line in text.splitlines(keepends=True) if not line.strip().startswith(not_ours))


@pytest.mark.requires("helm")
@pytest.mark.timeout(60)
def test_the_plain_manifests_are_the_charts():
    assert PLAIN.read_text() == plain(rendering({"namespace": {"create": True}}).stdout), "run make manifests"

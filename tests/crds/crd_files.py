"""Reads the CRD manifests as users apply them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "crds"
EXAMPLES = ROOT / "docs" / "examples"


@cache
def crd(plural: str) -> dict[str, Any]:
    """The `spec` of one CustomResourceDefinition."""
    (file,) = CRDS.glob(f"*_{plural}.yaml")
    spec: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
    return spec


def version(plural: str, name: str) -> dict[str, Any]:
    """One entry of `versions`."""
    return next(each for each in crd(plural)["versions"] if each["name"] == name)


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its path: `spec.addresses[]`; label selectors are not entered."""
    yield path, schema
    if schema.get("x-kubernetes-map-type") == "atomic" and "matchLabels" in schema.get("properties", {}):
        return
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


def having(keyword: str, plural: str, name: str) -> dict[str, Any]:
    """The value of `keyword` at every node that has it, by path."""
    schema = version(plural, name)["schema"]["openAPIV3Schema"]
    return {path: node[keyword] for path, node in nodes(schema) if keyword in node}

"""Label and field selectors as the API server reads them, for the fake one."""

import re
from collections.abc import Mapping
from typing import Any

_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")


def matches(found: Mapping[str, Any], namespace: str | None, query: Mapping[str, str]) -> bool:
    """Whether a list or watch of `namespace` with these query parameters shows an object."""
    meta = found["metadata"]
    if namespace is not None and meta.get("namespace") != namespace:
        return False
    fields = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", ""),
        "involvedObject.kind": found.get("involvedObject", {}).get("kind", ""),
    }
    return _holds(query.get("labelSelector", ""), meta.get("labels", {})) and _holds(
        query.get("fieldSelector", ""), fields
    )


def _holds(selector: str, values: Mapping[str, str]) -> bool:
    return all(_term(term.strip(), values) for term in re.split(r",(?![^(]*\))", selector) if term.strip())


def _term(term: str, values: Mapping[str, str]) -> bool:
    if in_set := _SET.fullmatch(term):
        label, operator, listed = in_set.groups()
        inside = values.get(label) in [word.strip() for word in listed.split(",")]
        return inside if operator == "in" else not inside
    if "!=" in term:
        label, _, value = term.partition("!=")
        return values.get(label.strip()) != value.strip()
    if "=" in term:
        label, _, value = term.replace("==", "=").partition("=")
        return values.get(label.strip()) == value.strip()
    return term[1:] not in values if term.startswith("!") else term in values

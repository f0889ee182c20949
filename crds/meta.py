"""What every custom resource shares: the base model, label selectors, conditions, durations."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "metallb.io"
FERRITE_GROUP = "ferrite.io"
"""Kinds that MetalLB does not have."""
WITH_DEFAULT = "x-ferrite-default"
"""Marks a field whose default is written into the CRD, hence into stored objects; others only exist here."""

Extra = dict[str, Any]
UINT32_MAX = 2**32 - 1
NAME_LENGTH = 253
"""Longest community or name of one, as long as the name of a Kubernetes object may be."""
LIST_LENGTH = 256
"""Most entries of a list of communities, as CEL reads each of them; MetalLB has no bound."""
SET: Extra = {"x-kubernetes-list-type": "set"}
"""`json_schema_extra` of a list in which the API server refuses an entry that comes twice."""

_UNIT_NANOSECONDS: Mapping[str, int] = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,
    "\u03bcs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = "(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
DURATION_PATTERN = rf"^[-+]?(?:0|(?:{_PART})+)$"
"""Grammar of Go's time.ParseDuration, as CEL (RE2) reads it: without a backslash, to need no quoting."""
_DURATION = re.compile(rf"[-+]?(?:0|(?:{_PART})+)")
_DURATION_PART = re.compile(r"([0-9]*)\.?([0-9]*)([a-z\u00b5\u03bc]+)")


class Resource(BaseModel):
    """Base of all models: frozen, camelCase in JSON, and a field of a newer version is no error."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=False,
    )


def rules(*checks: tuple[str, str]) -> Extra:
    """CEL rules for `json_schema_extra`: pairs of a rule and the message.

    A message that begins with `=` is a CEL expression that makes the message, so that it can show the value.
    """
    return {"x-kubernetes-validations": [_rule(rule, message) for rule, message in checks]}


def _rule(rule: str, message: str) -> Extra:
    if message.startswith("="):
        return {"rule": rule, "messageExpression": message[1:]}
    return {"rule": rule, "message": message}


def crd_default(value: bool | int | str, extra: Extra | None = None) -> Extra:
    """`json_schema_extra` of a field whose default the API server fills in."""
    return {WITH_DEFAULT: value, **(extra or {})}


class LabelSelectorRequirementSpec(Resource):
    """A selector requirement: a label key, an operator, and values."""

    key: str = Field(description="The label key that the requirement applies to.")
    operator: str = Field(
        description="How the label's value relates to values: In, NotIn, Exists or DoesNotExist."
    )
    values: list[str] = Field(
        default_factory=list,
        description="Label values. Not empty for In and NotIn; empty for Exists and DoesNotExist.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class LabelSelectorSpec(Resource):
    """Selects objects by their labels; all parts must match, and an empty selector matches everything."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    match_expressions: list[LabelSelectorRequirementSpec] = Field(
        default_factory=list,
        description="Requirements on labels; all of them must hold.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    match_labels: dict[str, str] = Field(
        default_factory=dict, description="Labels that must be present with exactly these values."
    )


class ConditionStatus(Resource):
    """One aspect of the state of an object, as in every Kubernetes API (metav1.Condition)."""

    last_transition_time: str = Field(
        description="When the status last changed, RFC 3339.", json_schema_extra={"format": "date-time"}
    )
    message: str = Field(description="Details for people; may be empty.", max_length=32768)
    observed_generation: int | None = Field(
        default=None,
        ge=0,
        description="metadata.generation that the condition was derived from.",
        json_schema_extra={"format": "int64"},
    )
    reason: str = Field(
        description="Why the condition last changed, one CamelCase word.",
        min_length=1,
        max_length=1024,
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    )
    status: str = Field(
        description="Whether the condition holds: True, False or Unknown.",
        json_schema_extra={"enum": ["True", "False", "Unknown"]},
    )
    type: str = Field(
        description="Which aspect this is, CamelCase.",
        max_length=316,
        pattern=(
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        ),
    )


Selectors = list[LabelSelectorSpec]


def parse_duration_seconds(text: str) -> float:
    """Read a duration as Go's time.ParseDuration does: `90s`, `1m30s`, `1.5h`, `-2s`, `0`.

    Units are ns, us (also with a micro sign), ms, s, m, h; digits below a nanosecond are cut off.

    Raises:
        ValueError: `text` is no duration, or is longer than 2**63 nanoseconds (about 292 years).
    """
    if _DURATION.fullmatch(text) is None:
        raise ValueError(f"invalid duration {text!r}: want a number with a unit, such as 90s or 1m30s")
    negative = text.startswith("-")
    total = sum(_part_nanoseconds(*part) for part in _DURATION_PART.findall(text))
    if total > 2**63 - (0 if negative else 1):
        raise ValueError(f"invalid duration {text!r}: too long")
    return (-total if negative else total) / 10**9


def _part_nanoseconds(whole: str, fraction: str, unit: str) -> int:
    scale = _UNIT_NANOSECONDS[unit]
    whole = whole.lstrip("0")
    if len(whole) > 19:
        return 2**64  # more than any unit can hold; int() refuses thousands of digits
    below = fraction[:18]  # no unit has more digits than that above a nanosecond
    tenths: int = 10 ** len(below)
    return int(whole or "0") * scale + int(below or "0") * scale // tenths

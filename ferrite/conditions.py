"""Conditions of objects (metav1.Condition)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

MESSAGE_LENGTH = 32768
"""Longest message that the API server takes."""


def made_condition(
    present: Mapping[str, Any], type_: str, verdict: tuple[bool, str, str], now: str
) -> dict[str, str]:
    """A condition as it is to be; it keeps its time while its status stays the same.

    Args:
        present: the condition as it is; empty when it is not there.
        type_: of the condition.
        verdict: whether it holds, the reason, the message.
        now: RFC 3339.
    """
    holds, reason, message = verdict
    since = present.get("lastTransitionTime") if present.get("status") == str(holds) else None
    return {
        "type": type_,
        "status": str(holds),
        "reason": reason,
        "message": message[:MESSAGE_LENGTH],
        "lastTransitionTime": since or now,
    }


def apart(conditions: Iterable[Mapping[str, Any]], type_: str) -> tuple[Mapping[str, Any], list[Any]]:
    """The condition of one type, empty when it is not there; and those of all others, in their order."""
    found = list(conditions)
    own = next((each for each in found if each.get("type") == type_), {})
    return own, [each for each in found if each.get("type") != type_]


def says(present: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether a condition says what it should, whenever it began."""
    return all(present.get(part, "") == wanted[part] for part in ("status", "reason", "message"))


def rfc3339(seconds: float) -> str:
    """A time of the API, to the second; `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_rfc3339(text: str) -> int:
    """Seconds since the epoch.

    Raises:
        ValueError: `text` is no time.
    """
    return int(datetime.fromisoformat(text).timestamp())

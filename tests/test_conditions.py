"""Conditions of objects, and the times in them."""

import pytest
from hypothesis import given, strategies as st

from ferrite.conditions import MESSAGE_LENGTH, from_rfc3339, made_condition, rfc3339, says

THEN, NOW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
PRESENT = {"type": "Ready", "status": "True", "reason": "Fine", "message": "all", "lastTransitionTime": THEN}


@pytest.mark.parametrize(
    ("present", "holds", "since"),
    [
        pytest.param({}, True, NOW, id="new"),
        pytest.param(PRESENT, True, THEN, id="same-status"),
        pytest.param(PRESENT, False, NOW, id="other-status"),
        pytest.param({"status": "True"}, True, NOW, id="without-a-time"),
    ],
)
def test_its_time_is_that_of_its_status(present: dict, holds: bool, since: str) -> None:
    made = made_condition(present, "Ready", (holds, "Why", "because"), NOW)
    assert made == {
        "type": "Ready",
        "status": str(holds),
        "reason": "Why",
        "message": "because",
        "lastTransitionTime": since,
    }


def test_a_long_message_is_cut_to_what_the_api_server_takes() -> None:
    message = made_condition({}, "Ready", (True, "Why", "x" * (MESSAGE_LENGTH + 1)), NOW)["message"]
    assert len(message) == MESSAGE_LENGTH


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"lastTransitionTime": NOW}, True),
        ({"status": "False"}, False),
        ({"reason": "x"}, False),
        ({"message": "x"}, False),
    ],
)
def test_it_says_the_same_whenever_it_began(changed: dict, same: bool) -> None:
    assert says(PRESENT, {**PRESENT, **changed}) is same


@given(st.integers(0, 2**32))
def test_a_time_reads_back(seconds: int) -> None:
    assert from_rfc3339(rfc3339(seconds)) == seconds


def test_a_time_is_to_the_second_in_utc() -> None:
    assert rfc3339(0.9) == "1970-01-01T00:00:00Z"
    assert from_rfc3339("1970-01-01T02:00:00+01:00") == 3600
    with pytest.raises(ValueError, match="soon"):
        from_rfc3339("soon")

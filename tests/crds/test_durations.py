"""Durations, as Go's time.ParseDuration reads them."""

import re

import pytest
from hypothesis import given, strategies as st

from crds.meta import DURATION_PATTERN, parse_duration_seconds

LONGEST = 2**63 - 1
UNITS = {"ns": 1, "us": 10**3, "\u00b5s": 10**3, "\u03bcs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9}
likely_texts = st.text(alphabet="0123456789.+-nu\u00b5\u03bcmsh \n", max_size=24)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("0", 0, id="zero-needs-no-unit"),
        pytest.param("-0", 0, id="minus-zero"),
        pytest.param("+0", 0, id="plus-zero"),
        pytest.param("90s", 90, id="seconds"),
        pytest.param("00090s", 90, id="leading-zeros"),
        pytest.param(f"{'0' * 40}1s", 1, id="many-leading-zeros"),
        pytest.param("1m30s", 90, id="minutes"),
        pytest.param("1h1m1s1ms1us1ns", 3661.001001001, id="every-unit"),
        pytest.param("1s1s", 2, id="unit-twice"),
        pytest.param("30s1m", 90, id="any-order"),
        pytest.param("1.5h", 5400, id="fraction"),
        pytest.param(".5s", 0.5, id="fraction-only"),
        pytest.param("5.s", 5, id="dot-only"),
        pytest.param("-2.5s", -2.5, id="negative"),
        pytest.param("+3s", 3, id="plus"),
        pytest.param("5\u00b5s", 5e-6, id="micro-sign"),
        pytest.param("5\u03bcs", 5e-6, id="greek-mu"),
        pytest.param("1.9ns", 1e-9, id="below-a-nanosecond"),
        pytest.param(f"0.{'1' * 60}s", 0.111111111, id="many-digits"),
        pytest.param("9223372036854775807ns", LONGEST / 1e9, id="longest"),
        pytest.param("-9223372036854775808ns", -(2**63) / 1e9, id="longest-negative"),
    ],
)
def test_durations(text, seconds):
    assert parse_duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("3", id="no-unit"),
        pytest.param("s", id="no-number"),
        pytest.param(".", id="dot"),
        pytest.param(".s", id="dot-unit"),
        pytest.param("-", id="sign"),
        pytest.param("-.s", id="sign-dot-unit"),
        pytest.param("--1s", id="two-signs"),
        pytest.param("1s-1s", id="inner-sign"),
        pytest.param("1 s", id="space"),
        pytest.param(" 1s", id="space-before"),
        pytest.param("1s\n", id="newline"),
        pytest.param("1d", id="days"),
        pytest.param("1S", id="capital"),
        pytest.param("1e3s", id="exponent"),
        pytest.param("0x1s", id="hexadecimal"),
        pytest.param("\u0661s", id="arabic-digit"),
        pytest.param("9223372036854775808ns", id="too-long"),
        pytest.param("9223372036.854775808s", id="too-long-fraction"),
        pytest.param("-9223372036854775809ns", id="too-long-negative"),
        pytest.param("2562048h", id="too-many-hours"),
        pytest.param(f"{'9' * 5000}s", id="too-many-digits"),
    ],
)
def test_no_duration(text):
    with pytest.raises(ValueError, match=r"^invalid duration ") as caught:
        parse_duration_seconds(text)
    assert repr(text) in str(caught.value)


def outcome(text: str) -> float | str:
    """Seconds, or the complaint."""
    try:
        return parse_duration_seconds(text)
    except ValueError as error:
        return str(error)


@given(text=st.text() | likely_texts)
def test_any_text_is_read_or_refused(text):
    read = outcome(text)
    if isinstance(read, str):
        assert read.startswith(f"invalid duration {text!r}: ")
    else:
        assert abs(read) <= 2**63 / 1e9


@given(parts=st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(sorted(UNITS))), min_size=1))
def test_parts_add_up(parts):
    text = "".join(f"{number}{unit}" for number, unit in parts)
    total = sum(number * UNITS[unit] for number, unit in parts)
    assert parse_duration_seconds(text) == total / 10**9
    assert parse_duration_seconds(f"-{text}") == -total / 10**9


@given(text=likely_texts)
def test_the_api_server_reads_the_same_grammar(text):
    r"""RE2's `$` is the end of the text; Python's is `\Z`."""
    matches = re.search(DURATION_PATTERN.replace("$", r"\Z"), text) is not None
    read = outcome(text)
    assert matches == (isinstance(read, float) or "too long" in read)

"""CEL rules that are regular expressions say the same as the parsers of the daemons."""

import re

import pytest
from hypothesis import given, strategies as st

from crds.cel import community_rules, sticky_rules
from crds.meta import parse_duration_seconds
from ferrite.config.communities import parse_community
from ferrite.errors import ConfigError

numbers = st.sampled_from([0, 1, 9, 10, 99, 9999, 10000, 59999, 60000, 65535, 65536, 99999]) | st.integers(
    0, 2**33
)
edges = st.sampled_from([2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 3999999999, 4199999999, 4289999999])
sections = (
    (numbers | edges).map(str)
    | (numbers | edges).map("00{}".format)
    | st.sampled_from(["", "x", "+1", "-1", "large", " 1", "1 "])
)
communities = st.lists(sections, max_size=5).map(":".join) | st.lists(sections, min_size=3, max_size=3).map(
    lambda parts: ":".join(["large", *parts])
)


def accepted(text: str) -> bool:
    """Whether the rules of a community value accept `text`; RE2's `$` is the end of the text."""
    form, fits = (
        re.findall(r"matches\('([^']*)'\)", rule)[-1].replace("$", r"\Z")
        for rule, _ in community_rules(alias=False)
    )
    return re.search(form, text) is not None and re.search(fits, text) is not None


@given(text=communities)
def test_the_rules_accept_what_the_daemons_read(text):
    try:
        parse_community(text)
    except ConfigError:
        assert not accepted(text)
    else:
        assert accepted(text)


@pytest.mark.parametrize("bits", [16, 32])
def test_the_last_number_that_fits(bits):
    text = "0:{}" if bits == 16 else "large:0:{}:0"
    assert accepted(text.format(2**bits - 1))
    assert not accepted(text.format(2**bits))


def test_a_text_without_a_colon_may_be_a_name():
    with_names, without = community_rules(alias=True), community_rules(alias=False)
    assert with_names[0][0] == f"!self.contains(':') || {without[0][0]}"
    assert with_names[1] == without[1]


def is_sticky_time(text: str) -> bool:
    """Whether the form of `stickyFor` is right; that it is not too long is CEL's to say."""
    ((rule, _),) = sticky_rules()
    (form,) = re.findall(r"matches\('([^']*)'\)", rule)
    return text != "" and re.search(form.replace("$", r"\Z"), text) is not None


parts_of_durations = st.tuples(
    st.integers(0, 10**10).map(str) | st.sampled_from(["", "1.5", "-1", "99999", "9999999", "999999999"]),
    st.sampled_from(["h", "m", "s", "ms", ""]),
).map("".join)


@given(text=st.lists(parts_of_durations, max_size=4).map("".join))
def test_what_the_rule_of_sticky_for_accepts_the_daemons_and_cel_can_read(text):
    """No such text is longer than the 2**63 nanoseconds that CEL's `duration` can hold."""
    if is_sticky_time(text):
        assert parse_duration_seconds(text) >= 0


@pytest.mark.parametrize("text", ["24h", "1h30m", "90s", "24h0m0s", "99999h9999999m999999999s", "1h1s"])
def test_a_time_to_keep_an_address(text):
    assert is_sticky_time(text)
    assert parse_duration_seconds(text) > 0


@pytest.mark.parametrize("text", ["", "24", "1.5h", "-1h", "+1h", "500ms", "30m1h", "1h1h", "100000h", "1d"])
def test_no_time_to_keep_an_address(text):
    assert not is_sticky_time(text)

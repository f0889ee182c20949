"""CEL rules that are regular expressions say the same as the parsers of the daemons."""

import re

import pytest
from hypothesis import given, strategies as st

from crds.cel import community_rules
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

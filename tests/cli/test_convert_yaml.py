"""YAML that is read for the old format, and written for kubectl."""

from contextlib import suppress

import pytest
import yaml
from hypothesis import given, strategies as st

from cli.convert_yaml import Texts, Values, documents, yaml_text
from ferrite.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64512:1", "64512:1"),
        ("1e3", "1e3"),
        ("0123", "0123"),
        ("yes", "yes"),
        ("2024-01-01", "2024-01-01"),
        ("!!int 7", "7"),
        ("'null'", "null"),
        ("null", None),
        ("~", None),
        ("[a, {b: 1}]", ["a", {"b": "1"}]),
        ('"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": "3", "b": "2"}),
    ],
)
def test_texts_stay_texts(text, value):
    assert documents(text, Texts) == (value,)


def test_an_object_keeps_its_types():
    text = '{"a": true, "b": -12, "c": "12", "d": null, "e": "true", "f": 012, "g": 64512:1}'
    expected = {"a": True, "b": -12, "c": "12", "d": None, "e": "true", "f": "012", "g": "64512:1"}
    assert documents(text, Values) == (expected,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: key 'a' is there twice"),
        ("&a [*a]", "line 1: found unconstructable recursive node"),
        ("a: *b", "line 1: found undefined alias 'b'"),
        ("{[a]: b}", "line 1: found unhashable key"),
        ("[" * 9999, "nested too deeply"),
        ('"\\UFFFFFFFF"', ""),
        ("\x00", "unacceptable character"),
    ],
)
def test_what_is_no_yaml_is_one_error(text, complaint):
    with pytest.raises(ConfigError, match=complaint or "."):
        documents(text, Texts)


@given(st.text())
def test_any_text_is_read_or_is_the_one_error(text):
    for loader in (Texts, Values):
        with suppress(ConfigError):
            documents(text, loader)


LIKE_NUMBERS = ["1e3", "0o17", "0x1f", "1_000", "12:30:45", ".5", "1.5", "192.0.2", "2024-01-01"]


@pytest.mark.parametrize("text", ["y", "No", "on", "~", "", " a", "a: b", "-", "=", "<<", *LIKE_NUMBERS])
def test_what_a_parser_may_take_for_something_else_is_quoted(text):
    assert yaml_text([{"a": text}]) == f"---\na: '{text}'\n"


@pytest.mark.parametrize(
    "text", ["a", "192.0.2.0/24", "192.0.2.1-192.0.2.9", "kubernetes.io/hostname", "v1beta1"]
)
def test_what_nobody_can_mistake_is_not_quoted(text):
    assert yaml_text([{"a": text}]) == f"---\na: {text}\n"


words = st.text(st.sampled_from("ab1.:-#'\"\\\n\r\t {}[]&*!|>%@`,?~=e\x85\u2028\ud7ff\U0001f600"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(words, values, max_size=3))
def test_what_is_written_reads_back(manifest):
    assert list(yaml.safe_load_all(yaml_text([manifest, manifest]))) == [manifest, manifest]

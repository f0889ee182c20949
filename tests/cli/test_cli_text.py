"""How values become lines on a terminal."""

import io
import json

import pytest
from hypothesis import given, strategies as st

from cli.text import NOTHING, PLAIN, RED, Table, json_text, listed, plain, table_text, wants_colour

cells = st.text(max_size=12)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_stand_under_their_header():
    table = Table(("NAME", "X"), (("longer-name", "1"), ("", "22")))
    assert table_text(table, colour=False) == f"NAME         X\nlonger-name  1\n{NOTHING}            22\n"


@given(rows=st.lists(st.tuples(cells, cells, cells), max_size=5))
def test_a_row_is_one_line_whatever_its_author_wrote(rows):
    text = table_text(Table(("A", "B", "C"), tuple(rows), alarm=True), colour=False)
    assert text.count("\n") == len(text.splitlines()) == len(rows) + 1
    assert all(letter.isprintable() for letter in text.replace("\n", ""))


def test_a_terminal_is_not_steered_by_what_an_object_says():
    assert plain("a\x1b[2Jb\r\nc\u202e") == "a?[2Jb c?"


def test_only_a_problem_is_red():
    table = Table(("NAME", "PROBLEM"), (("good", ""), ("bad", "broken")), alarm=True)
    _, good, bad = table_text(table, colour=True).splitlines()
    assert good == f"good  {NOTHING}"
    assert bad == f"bad   {RED}broken{PLAIN}"
    assert RED not in table_text(Table(table.header, table.rows), colour=True)


@pytest.mark.parametrize(
    ("environment", "stream", "expected"),
    [
        pytest.param({}, Terminal(), True, id="terminal"),
        pytest.param({}, io.StringIO(), False, id="pipe"),
        pytest.param({"NO_COLOR": "1"}, Terminal(), False, id="unwanted"),
        pytest.param({"TERM": "dumb"}, Terminal(), False, id="dumb"),
    ],
)
def test_colour_is_for_terminals(monkeypatch, environment, stream, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(stream) is expected


@pytest.mark.parametrize(
    ("names", "text"),
    [((), ""), (("a", "b", "c"), "a, b, c"), (("a", "b", "c", "d", "e"), "a, b, c and 2 more")],
)
def test_long_lists_are_cut(names, text):
    assert listed(names) == text


def test_json_is_json():
    assert json.loads(json_text({"a": [1]})) == {"a": [1]}

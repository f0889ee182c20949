"""What the lab says, and where it goes."""

import io
import re
import sys

import pytest

from lab.words import GREEN, PLAIN, RED, Steps, fail, paint, say, show, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_and_results_go_apart(capsys):
    say("building")
    show("result")
    fail("no such lab")
    shown = capsys.readouterr()
    assert shown.out == "result\n"
    assert shown.err == "building\nlab: no such lab\n"


@pytest.mark.parametrize("error", [True, False])
def test_colour_is_for_the_terminal_that_is_written_to(monkeypatch, error):
    written, other = ("stderr", "stdout") if error else ("stdout", "stderr")
    monkeypatch.setattr(sys, written, Terminal())
    monkeypatch.setattr(sys, other, io.StringIO())
    assert paint("x", GREEN, error=error) == f"{GREEN}x{PLAIN}"
    monkeypatch.setattr(sys, written, io.StringIO())
    monkeypatch.setattr(sys, other, Terminal())
    assert paint("x", RED, error=error) == "x"


def test_steps_tell_the_seconds(capsys):
    Steps()("ready")
    assert re.fullmatch(r"    0\.\d s  ready\n", capsys.readouterr().err)


def test_columns_are_as_wide_as_their_widest_cell():
    text = table([("A", "B", "C"), ("wide", "", "end"), ("x", "y", "")])
    assert text.splitlines() == ["A     B  C", "wide     end", "x     y"]

"""The command line as a whole: words, exit statuses, one line for each error."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli import app
from cli.app import VERBS
from cli.arguments import parser_of
from ferrite.errors import ClusterError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [["--help"], *([verb.name, "--help"] for verb in VERBS)])
def test_help_has_an_example_and_the_exit_statuses(words, capsys):
    with pytest.raises(SystemExit) as ended:
        app.run(words)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:\n  " in shown
    assert "exit status: 0" in shown
    assert "kubectl ferrite" in shown


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        pytest.param([], "VERB", id="nothing"),
        pytest.param(["sideways"], "sideways", id="verb"),
        pytest.param(["status", "--sideways"], "--sideways", id="flag"),
        pytest.param(["status", "-o", "yaml"], "yaml", id="output"),
        pytest.param(["completion", "tcsh"], "tcsh", id="shell"),
        pytest.param(["status", "--name", "x"], "--name", id="abbreviation"),
    ],
)
def test_a_wrong_word_is_one_line_and_status_2(words, complaint, capsys):
    with pytest.raises(SystemExit) as ended:
        app.run(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kubectl ferrite: ")
    assert complaint in line


@pytest.mark.parametrize(
    "words",
    [
        ["-n", "x", "-o", "json", "--context", "c", "status"],
        ["status", "-n", "x", "-ojson", "--context=c"],
        ["-n", "x", "status", "-o=json", "--context", "c"],
    ],
)
def test_flags_stand_before_or_after_the_verb(words, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/k")
    parsed = parser_of(VERBS).parse_args(words)
    assert (parsed.namespace, parsed.output, parsed.context) == ("x", "json", "c")
    assert parsed.kubeconfig == "/k"


def commands(text: str) -> list[list[str]]:
    """The words of each `kubectl ferrite` in a text, up to a pipe, a redirection or a comment."""
    lines = re.findall(r"kubectl ferrite ((?![(`])[a-z].*)", text.replace("$NS", "x"))
    return [shlex.split(re.split(r"[|>#`]", line)[0]) for line in lines]


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param("\n".join(verb.examples), id=verb.name) for verb in VERBS),
        *(pytest.param(path.read_text(), id=path.name) for path in sorted((ROOT / "docs").glob("*.md"))),
    ],
)
def test_what_users_are_told_to_type_is_understood(text):
    for words in commands(text):
        parser_of(VERBS).parse_args(words)


def test_defaults(monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    parsed = parser_of(VERBS).parse_args(["status"])
    assert (parsed.namespace, parsed.output, parsed.kubeconfig) == ("metallb-system", "table", None)


def test_a_missing_kubeconfig_is_named(tmp_path, capsys):
    missing = tmp_path / "none"
    assert app.run(["status", "--kubeconfig", str(missing)]) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"kubectl ferrite: kubeconfig {missing} is not there\n")


def test_no_kubeconfig_at_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert app.run(["status"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kubectl ferrite: no kubeconfig given")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ClusterError("connection refused"), "the API server cannot be reached: connection refused"),
        (ClusterError("forbidden: x", status=403), "forbidden: x"),
    ],
)
def test_errors_of_the_cluster_in_words(error, words):
    assert app.told(error) == words


def test_version(capsys):
    assert app.run(["version"]) == 0
    line = capsys.readouterr().out
    assert app.run(["version", "-o", "json"]) == 0
    assert line == f"kubectl-ferrite {json.loads(capsys.readouterr().out)['version']}\n"


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=9) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""

"""Completion scripts: every verb and flag is there, and shells can run them."""

import asyncio
import shlex
import subprocess

import pytest

from cli.app import VERBS
from cli.arguments import Verb, parser_of
from cli.completion import SHELLS, bash, fish, grammar_of, kubectl

GRAMMAR = grammar_of(parser_of(VERBS))


def test_the_grammar_is_that_of_the_parser():
    assert list(GRAMMAR.verbs) == [verb.name for verb in VERBS]
    assert GRAMMAR.verbs["completion"].words == tuple(SHELLS)
    by_name = {name: flag for flag in GRAMMAR.all_flags for name in flag.names}
    assert by_name["-o"].values == ("table", "json")
    assert by_name["--kubeconfig"].path
    assert not by_name["--help"].takes_value


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_every_verb_and_flag(shell):
    script = SHELLS[shell](GRAMMAR)
    words = set(script.replace("'", " ").split())
    assert set(GRAMMAR.verbs) <= words
    for flag in GRAMMAR.all_flags:
        for name in flag.names:
            assert name in words or {"-l", name[2:]} <= words or {"-s", name[1:]} <= words, name


@pytest.mark.parametrize(
    ("shell", "program"), [("bash", "bash"), ("kubectl", "sh"), ("zsh", "zsh"), ("fish", "fish")]
)
def test_a_shell_can_read_its_script(shell, program):
    try:
        done = subprocess.run(
            [program, "-n"],
            input=SHELLS[shell](GRAMMAR),
            text=True,
            capture_output=True,
            check=False,
            timeout=9,
        )
    except FileNotFoundError:
        pytest.skip(f"{program} is not installed")
    assert (done.returncode, done.stderr) == (0, "")


CASES = [
    pytest.param(["st"], ["status"], id="verb"),
    pytest.param(["status", "--k"], ["--kubeconfig"], id="flag"),
    pytest.param(["status", "-o", ""], ["table", "json"], id="value"),
    pytest.param(["completion", "b"], ["bash"], id="word"),
    pytest.param(["-n", "x", "completion", "z"], ["zsh"], id="after-a-flag"),
    pytest.param(["status", "-n", ""], [], id="unknown-value"),
    pytest.param(["convert", "--from"], ["--from-configmap"], id="flag-where-files-are-taken"),
]


@pytest.mark.parametrize(("typed", "offered"), CASES)
def test_bash_offers(typed, offered):
    words = " ".join(shlex.quote(word) for word in ["kubectl-ferrite", *typed])
    press = f"COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _kubectl_ferrite; echo ${{COMPREPLY[@]}}"
    assert _output(["bash", "-c", f"{bash(GRAMMAR)}\n{press}"]).split() == offered


@pytest.mark.parametrize(("typed", "offered"), CASES)
def test_kubectl_offers(typed, offered):
    assert _output(["sh", "-c", kubectl(GRAMMAR), "sh", *typed]).split() == [*offered, ":4"]


@pytest.mark.parametrize("typed", [["status", "--kubeconfig", ""], ["convert", ""], ["convert", "con"]])
def test_kubectl_completes_files_itself(typed):
    assert _output(["sh", "-c", kubectl(GRAMMAR), "sh", *typed]).split() == [":0"]


def test_bash_offers_files_where_one_is_taken(tmp_path):
    (tmp_path / "config.yaml").touch()
    press = f"COMP_WORDS=(x convert {tmp_path}/con); COMP_CWORD=2; _kubectl_ferrite; echo ${{COMPREPLY[@]}}"
    assert _output(["bash", "-c", f"{bash(GRAMMAR)}\n{press}"]).split() == [f"{tmp_path}/config.yaml"]


def test_fish_offers_files_where_one_is_taken():
    files = [line for line in fish(GRAMMAR).splitlines() if line.endswith(" -F")]
    assert files == ["complete -c kubectl-ferrite -n '__fish_seen_subcommand_from convert' -F"]


def test_the_flag_of_one_verb_is_offered_after_that_verb_only():
    async def run(_):
        return ""

    odd = Verb("odd", "Don't", ("x",), run, lambda parser: parser.add_argument("--even", help="it's so"))
    grammar = grammar_of(parser_of((*VERBS, odd)))
    assert _output(["sh", "-c", kubectl(grammar), "sh", "odd", "--e"]).split() == ["--even", ":4"]
    assert _output(["sh", "-c", kubectl(grammar), "sh", "status", "--e"]).split() == [":4"]
    assert "-n '__fish_seen_subcommand_from odd' -l even -x -d 'it\\'s so'" in fish(grammar)


def test_the_verb_prints_the_script():
    parsed = parser_of(VERBS).parse_args(["completion", "bash"])
    parsed.grammar = GRAMMAR
    assert asyncio.run(parsed.run(parsed)) == bash(GRAMMAR)


def _output(argv: list[str]) -> str:
    return subprocess.run(argv, text=True, capture_output=True, check=True, timeout=9).stdout

"""`kubectl ferrite completion`: scripts for shells, made from the command line's own grammar.

They hold the words themselves, so that a press of the tab key starts no Python.
"""

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cli.arguments import FILE, Verb

COMMAND = "kubectl-ferrite"
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag by all its names; `values` are those it can have, `path` whether it names a file."""

    names: Words
    meaning: str
    takes_value: bool
    values: Words = ()
    path: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What may follow a verb, flags of all verbs included.

    Attributes:
        words: arguments without dashes.
        files: whether an argument without dashes is a file.
    """

    summary: str
    flags: tuple[Flag, ...]
    words: Words = ()
    files: bool = False

    @property
    def all_words(self) -> Words:
        """Everything that may come next, but values of flags."""
        return (*self.words, *(name for flag in self.flags for name in flag.names))


@dataclass(frozen=True, slots=True)
class Grammar:
    """The whole command line."""

    flags: tuple[Flag, ...]
    verbs: Mapping[str, Part]

    @property
    def first_words(self) -> Words:
        """What may come before a verb is there."""
        return (*self.verbs, *(name for flag in self.flags for name in flag.names))

    @property
    def all_flags(self) -> tuple[Flag, ...]:
        """Every flag once, those of single verbs included."""
        parts = (*self.flags, *(flag for part in self.verbs.values() for flag in part.flags))
        return tuple({flag.names: flag for flag in parts}.values())


def grammar_of(parser: argparse.ArgumentParser) -> Grammar:
    """What `parser` understands."""
    verbs: dict[str, Part] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, part in action.choices.items():
                files = any(action.metavar == FILE for action in part._actions)
                verbs[name] = Part(summaries[name], _flags(part), _words(part), files)
    return Grammar(_flags(parser), verbs)


def _flags(parser: argparse.ArgumentParser) -> tuple[Flag, ...]:
    return tuple(
        Flag(
            names=tuple(action.option_strings),
            meaning=action.help or "",
            takes_value=action.nargs != 0,
            values=tuple(action.choices or ()),
            path=action.dest == "kubeconfig",
        )
        for action in parser._actions
        if action.option_strings
    )


def _words(parser: argparse.ArgumentParser) -> Words:
    positional = (action for action in parser._actions if not action.option_strings)
    return tuple(word for action in positional for word in action.choices or ())


def bash(grammar: Grammar) -> str:
    """For bash: `source <(kubectl-ferrite completion bash)`."""
    cases = _cases(grammar, "words='{}'".format, 'COMPREPLY=($(compgen -f -- "$current")); return')
    return f"""\
_kubectl_ferrite() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local verb="" word words=""
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in ({"|".join(grammar.verbs)}) verb="$word" ;; esac
    done
{cases}
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _kubectl_ferrite {COMMAND}
"""


def zsh(grammar: Grammar) -> str:
    """For zsh: `source <(kubectl-ferrite completion zsh)`, or as a file `_kubectl-ferrite` in its fpath."""
    return f"""\
#compdef {COMMAND}
_kubectl_ferrite() {{
    local current="${{words[CURRENT]}}" previous="${{words[CURRENT-1]}}" verb="" word
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "$word" in ({"|".join(grammar.verbs)}) verb="$word" ;; esac
    done
{_cases(grammar, "compadd -- {}".format, "_files")}
}}
compdef _kubectl_ferrite {COMMAND}
"""


def kubectl(grammar: Grammar) -> str:
    """For kubectl's own completion: an executable `kubectl_complete-ferrite` in the PATH."""
    return f"""\
#!/bin/sh
verb="" previous="" current="" words=""
for word in "$@"; do
    case "$current" in ({"|".join(grammar.verbs)}) verb="$current" ;; esac
    previous="$current" current="$word"
done
{_cases(grammar, "words='{}'".format, "echo :0; exit", indent="")}
for word in $words; do
    case "$word" in ("$current"*) echo "$word" ;; esac
done
echo :4
"""


def _cases(grammar: Grammar, offer: Callable[[str], str], files: str, indent: str = "    ") -> str:
    """The choice of words that all but fish make: values of the flag before, else what the verb allows."""
    lines = ['case "$previous" in']
    for flag in grammar.all_flags:
        if flag.takes_value:
            act = files if flag.path else offer(" ".join(flag.values)) if flag.values else ":"
            lines.append(f"    ({'|'.join(flag.names)}) {act} ;;")
    lines += ['    (*) case "$verb" in', f'        ("") {offer(" ".join(grammar.first_words))} ;;']
    for name, part in grammar.verbs.items():
        act = offer(" ".join(part.all_words))
        if part.files:
            act = f'case "$current" in (-*) {act} ;; (*) {files} ;; esac'
        lines.append(f"        ({name}) {act} ;;")
    lines += ["        esac ;;", "esac"]
    return "\n".join(indent + line for line in lines)


def fish(grammar: Grammar) -> str:
    """For fish: `kubectl-ferrite completion fish | source`."""
    lines = [f"complete -c {COMMAND} -f"]
    for name, part in grammar.verbs.items():
        lines.append(
            f"complete -c {COMMAND} -n __fish_use_subcommand -a {name} -d {_fish_quoted(part.summary)}"
        )
        after = _fish_quoted(f"__fish_seen_subcommand_from {name}")
        if part.words:
            lines.append(f"complete -c {COMMAND} -n {after} -a {_fish_quoted(' '.join(part.words))}")
        if part.files:
            lines.append(f"complete -c {COMMAND} -n {after} -F")
        own = [flag for flag in part.flags if flag.names not in {each.names for each in grammar.flags}]
        lines += [f"complete -c {COMMAND} -n {after} {_fish_flag(flag)}" for flag in own]
    lines += [f"complete -c {COMMAND} {_fish_flag(flag)}" for flag in grammar.flags]
    return "\n".join(lines) + "\n"


def _fish_flag(flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    value = " -r -F" if flag.path else " -x" if flag.takes_value else ""
    values = f" -a {_fish_quoted(' '.join(flag.values))}" if flag.values else ""
    return f"{names}{value}{values} -d {_fish_quoted(flag.meaning)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: Mapping[str, Callable[[Grammar], str]] = {"bash": bash, "zsh": zsh, "fish": fish, "kubectl": kubectl}


async def show(parsed: Namespace) -> str:
    """The script for the shell."""
    return SHELLS[parsed.shell](parsed.grammar)


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(SHELLS), help="kubectl: for kubectl's own completion")


VERB = Verb(
    "completion",
    "Print a script that completes words in a shell",
    (
        "source <(kubectl-ferrite completion bash)",
        "source <(kubectl-ferrite completion zsh)",
        "kubectl-ferrite completion fish | source",
        "kubectl-ferrite completion kubectl > kubectl_complete-ferrite  # executable, in the PATH",
    ),
    show,
    _add,
)

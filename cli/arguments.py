"""The command line of `kubectl ferrite`: its flags, its verbs, and what a wrong word ends with."""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ferrite.run.arguments import DEFAULT_NAMESPACE, environment

PROGRAM = "kubectl ferrite"
OUTPUTS = ("table", "json")
FILE = "FILE"
"""What an argument without dashes that is a file is called in the help."""
DONE, FAILED, MISUSED = 0, 1, 2
"""Exit statuses: done; the cluster did not answer, refused or lacks something; a flag or a file is wrong."""
_STATUSES = "exit status: 0 done, 1 the cluster failed or refused, 2 a flag or a file is wrong"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb that was not wholly content ends with.

    Attributes:
        text: for standard output.
        told: lines for stderr.
        exit_status: one of DONE, FAILED, MISUSED.
    """

    text: str
    told: tuple[str, ...] = ()
    exit_status: int = DONE


@dataclass(frozen=True, slots=True)
class Verb:
    """One word after `kubectl ferrite`; each lives in a module of its own.

    Attributes:
        summary: half a line, without a period.
        examples: lines to copy.
        add: adds the flags that only this verb has.
        run: the text for standard output, or an Outcome; ConfigError and ClusterError are told by the caller.
    """

    name: str
    summary: str
    examples: tuple[str, ...]
    run: Callable[[argparse.Namespace], Awaitable[str | Outcome]]
    add: Callable[[argparse.ArgumentParser], None] = lambda _: None


class Parser(argparse.ArgumentParser):
    """Ends the process on a wrong word: one line on stderr, and where to read on."""

    def __init__(self, prog: str, description: str = "", epilog: str = "") -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, None, description, epilog, formatter_class=formatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """One line: `kubectl ferrite: unrecognized arguments: --x (see kubectl ferrite --help)`."""
        self.exit(MISUSED, f"{PROGRAM}: {message} (see {self.prog} --help)\n")


def parser_of(verbs: Sequence[Verb]) -> Parser:
    """The parser; the flags of all verbs may stand before the verb or after it."""
    parser = Parser(
        prog=PROGRAM,
        description="Shows what Ferrite does with the LoadBalancer Services of a cluster, and why not.",
        epilog=_epilog([verb.examples[0] for verb in verbs]),
    )
    _add_flags(parser)
    chosen = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    for verb in verbs:
        epilog = _epilog(verb.examples)
        part = chosen.add_parser(verb.name, help=verb.summary, description=f"{verb.summary}.", epilog=epilog)
        _add_flags(part, again=True)
        verb.add(part)
        part.set_defaults(run=verb.run)
    return parser


def _epilog(examples: Sequence[str]) -> str:
    return "\n".join(["examples:", *(f"  {example}" for example in examples), "", _STATUSES])


def _add_flags(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """The flags of all verbs; `again` leaves a value alone that stood before the verb."""

    def default(value: str | None) -> str | None:
        return argparse.SUPPRESS if again else value

    add = parser.add_argument
    add(
        "--kubeconfig", default=default(environment("KUBECONFIG") or None), help="path of the kubeconfig file"
    )
    add("--context", default=default(None), help="context of the kubeconfig; its current one without this")
    add(
        "-n",
        "--namespace",
        default=default(DEFAULT_NAMESPACE),
        help=f"namespace of Ferrite's custom resources ({DEFAULT_NAMESPACE})",
    )
    add("-o", "--output", default=default(OUTPUTS[0]), choices=OUTPUTS, help="table (the default) or json")

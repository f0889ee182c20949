"""`kubectl ferrite version`: which Ferrite this is; asks no cluster."""

from argparse import Namespace
from importlib.metadata import PackageNotFoundError, version

from cli.arguments import Verb
from cli.text import json_text


async def show(parsed: Namespace) -> str:
    """The version, as a line or as JSON."""
    own = installed_version()
    return json_text({"version": own}) if parsed.output == "json" else f"kubectl-ferrite {own}\n"


def installed_version() -> str:
    """The version of the installed package; `unknown` in a bare checkout."""
    try:
        return version("ferrite")
    except PackageNotFoundError:
        return "unknown"


VERB = Verb("version", "Show the version of kubectl-ferrite", ("kubectl ferrite version",), show)

"""The figures of the README, made by one command."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from bench.assign import Result, measure
from lab.cluster import Lab
from lab.daemons import DaemonOptions
from lab.tasks import until_signalled

REPOSITORY = Path(__file__).parent.parent


def main() -> None:
    """Run the benchmark that the command line names; print its table, and write its JSON where told."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("benchmark", choices=["assign"], help="assign: 1,000 waiting Services get a pool")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--kubeconfig", type=Path, help="a cluster whose controller runs; without it a lab is brought up"
    )
    parser.add_argument("--namespace", default="metallb-system", help="of the pools")
    arguments = parser.parse_args()
    result = asyncio.run(until_signalled(_assign(arguments.kubeconfig, arguments.namespace)))
    sys.stdout.write(result.table() + "\n")
    if arguments.json:
        arguments.json.write_text(json.dumps({"assign": result.document()}, indent=2) + "\n")


async def _assign(kubeconfig: Path | None, namespace: str) -> Result:
    if kubeconfig is not None:
        return await measure(kubeconfig, namespace)
    async with Lab("bench", nodes=1, step=_show) as lab:
        await lab.kubectl("apply", "-f", str(REPOSITORY / "crds"))
        await lab.start_daemons(DaemonOptions(namespace=namespace))
        await lab.daemons_ready()
        return await measure(lab.kubeconfig, namespace)


def _show(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()

"""The figures of the README, made by one command."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import uvloop

from bench.assign import measure
from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions
from lab.tasks import until_signalled

REPOSITORY = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 600.0
ELSEWHERE = ("speaker-node-1", "gobgpd-node-1", "kube-proxy-node-1")
"""In a cluster these have machines of their own; it is the controller that is measured."""


def main() -> None:
    """Run the benchmark that the command line names; print its table, and write its JSON where told."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("benchmark", choices=["assign"], help="assign: 1,000 waiting Services get a pool")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--kubeconfig", type=Path, help="a cluster whose controller runs; without it a lab is brought up"
    )
    parser.add_argument("--namespace", default="metallb-system", help="of the pools")
    parser.add_argument(
        "--whole", action="store_true", help="leave kube-proxy, speaker and gobgpd on the controller's cores"
    )
    arguments = parser.parse_args()
    if arguments.kubeconfig is None:
        sys.exit(asyncio.run(until_signalled(_in_a_lab(arguments))))
    result = uvloop.run(measure(arguments.kubeconfig, arguments.namespace))
    sys.stdout.write(result.table() + "\n")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"assign": result.document()}, indent=2) + "\n")


async def _in_a_lab(arguments: argparse.Namespace) -> int:
    """Measure on a lab of its own, from inside its network, so that nothing stands between; the status."""
    async with Lab("bench", nodes=1, step=_show) as lab:
        await lab.kubectl("apply", "-f", str(REPOSITORY / "crds"))
        await lab.start_daemons(DaemonOptions(namespace=arguments.namespace))
        await lab.daemons_ready()
        for unit in () if arguments.whole else ELSEWHERE:
            await lab.unit(unit).stop()
        again = [sys.executable, "-m", "bench", "assign", "--namespace", arguments.namespace]
        again += ["--kubeconfig", str(lab.state.internal_kubeconfig)]
        again += ["--json", str(arguments.json.resolve())] if arguments.json else []
        process = await asyncio.create_subprocess_exec(
            *exec_command(lab.state, "cp", again), cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _show(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()

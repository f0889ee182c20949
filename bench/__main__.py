"""Measures the controller on a real cluster: one table on stdout, progress on stderr."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from bench.report import Result
from bench.run import BENCHMARKS, SIMULATIONS, run_all, table_of, write_json
from bench.services import say
from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions
from lab.state import LabError
from lab.tasks import until_signalled

REPOSITORY = Path(__file__).resolve().parent.parent
LAB = "bench"
LIMIT_SECONDS = 900.0
CONTROLLER = "controller"
ELSEWHERE = ("speaker-node-1", "gobgpd-node-1", "kube-proxy-node-1")
"""In a cluster these have machines of their own; it is the controller that is measured."""
EXAMPLE = """\
benchmarks:
{benchmarks}

example:
  python -m bench                              all of them, in about six minutes
  python -m bench burst start --json out.json  two of them
  python -m bench assign --kubeconfig ~/.kube/config
  python -m bench membership                   in virtual time, without a cluster; takes an hour
"""


def main() -> None:
    """Run what the command line names; print one table, and write its figures where told."""
    parser = _parser()
    arguments = parser.parse_args()
    names = arguments.names or list(BENCHMARKS)
    if simulated := [name for name in names if name in SIMULATIONS]:
        if len(simulated) < len(names):
            parser.error(f"{', '.join(simulated)} runs in virtual time, by itself only")
        _print({name: SIMULATIONS[name]() for name in simulated}, arguments.json)
        return
    if arguments.kubeconfig is None:
        try:
            sys.exit(asyncio.run(until_signalled(_in_a_lab(arguments, names))))
        except LabError as error:
            sys.exit(f"bench: {error}")
    if not arguments.inside and (bound := [name for name in names if not BENCHMARKS[name].anywhere]):
        parser.error(
            f"--kubeconfig: {', '.join(bound)} start and end controllers, in a lab of their own only"
        )
    lab = Lab.running(LAB) if arguments.inside else None
    results = uvloop.run(run_all(names, arguments.kubeconfig, arguments.namespace, lab))
    _print(results, arguments.json)


def _print(results: Mapping[str, Result], json: Path | None) -> None:
    sys.stdout.write(table_of(results) + "\n")
    if json:
        write_json(results, json)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10}{one.summary}" for name, one in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=EXAMPLE.format(benchmarks=listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help="benchmarks; all unless told")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument(
        "--kubeconfig", type=Path, help="a cluster whose controller runs; without it a lab is brought up"
    )
    parser.add_argument("--namespace", default="metallb-system", help="of the pools")
    parser.add_argument(
        "--whole", action="store_true", help="leave kube-proxy, speaker and gobgpd on the controller's cores"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)  # of the lab's network
    return parser


def _name(text: str) -> str:
    known = (*BENCHMARKS, *SIMULATIONS)
    if text not in known:
        raise argparse.ArgumentTypeError(f"there is no benchmark {text!r}; there are {', '.join(known)}")
    return text


async def _in_a_lab(arguments: argparse.Namespace, names: Sequence[str]) -> int:
    """Measure on a lab of its own, from inside its network, so that nothing stands between; the status."""
    async with Lab(LAB, nodes=1, step=say) as lab:
        await lab.kubectl("apply", "-f", str(REPOSITORY / "crds"))
        await lab.start_daemons(DaemonOptions(namespace=arguments.namespace))
        await lab.daemons_ready()
        for unit in (CONTROLLER,) if arguments.whole else (CONTROLLER, *ELSEWHERE):
            await lab.unit(unit).stop()  # the benchmarks start controllers of their own
        again = [sys.executable, "-m", "bench", *names, "--inside", "--namespace", arguments.namespace]
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


if __name__ == "__main__":
    main()

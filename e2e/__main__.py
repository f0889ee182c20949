"""`make e2e`: a cluster with real kubelets on this machine, the images, and the promises held on it."""

import argparse
import asyncio
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.build import ensure_programs
from lab.cluster import Lab, exec_command
from lab.image import ensure_image, ensure_test_app_image
from lab.metallb import ensure_metallb
from lab.packages import PACKAGES, ensure_packages
from lab.router import ROUTER_ASN
from lab.state import LAN4, LAN6, REPOSITORY, LabError, address4, address6
from lab.tasks import until_signalled
from lab.words import Steps, fail, say

NAME = "e2e"
SUITE_SECONDS = 1500.0
MACHINES = ("client", "remote", "router")
PROGRAMS = ("helm", "kubectl")
POOLS = {
    "pool4": f"{LAN4}.230-{LAN4}.250",
    "pool6": f"{LAN6}:f000-{LAN6}:f0ff",
    "bgp-pool4": "203.0.113.0/24",
    "bgp-pool6": "fd00:113::/120",
}
"""The router has no other way to the last two than the one it is told."""
EXAMPLES = """examples:
  make e2e                                     everything
  python -m e2e -- -k bgp -x                   what follows the dashes goes to pytest
  python -m e2e --keep -- e2e/test_layer2.py   leave the cluster up, to look around in it

exit status: that of pytest; 2 when the cluster could not be made; 130 after Ctrl-C
"""


def main() -> int:
    """Make the cluster, hold the promises, take it down; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m e2e",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster up and say how to use it")
    parser.add_argument("pytest", nargs="*", metavar="ARGUMENT", help="of pytest, after --")
    arguments = parser.parse_args()
    try:
        return asyncio.run(until_signalled(run(arguments.pytest, keep=arguments.keep)))
    except LabError as error:
        fail(str(error))
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        fail("stopped; what was begun is taken away")
        return 130


async def run(words: Sequence[str], *, keep: bool) -> int:
    """Run the suite with `words` for pytest; return its exit status."""
    ensure_packages(PACKAGES)
    ensure_programs(PROGRAMS)
    ferrite, app, metallb = ensure_image(), ensure_test_app_image(), ensure_metallb()
    lab = Lab(NAME, step=Steps(), kubelets=True)
    say("bringing a cluster with three kubelets up")
    try:
        await lab.up()
        for archive in (ferrite.archive, app.archive, *metallb.archives):
            await lab.load_image(archive)
        say("images are on every node")
        options = [f"--image={ferrite.name}", f"--app-image={app.name}", f"--metallb={metallb.manifest}"]
        return await _pytest([*options, *site_options(lab), *(words or ["e2e"])])
    finally:
        if not keep:
            await lab.down()
        elif lab.state.ready_file.exists():
            say(f"the cluster is up: kubectl --kubeconfig {lab.kubeconfig} get pods -A")
            say(f"take it away with: python -m lab down --name {NAME}")


def site_options(lab: Lab) -> list[str]:
    """Describe the lab to the suite, see e2e/conftest.py."""
    programs = lab.state.programs_link
    options = [f"--kubeconfig={lab.kubeconfig}", f"--router-asn={ROUTER_ASN}"]
    options += [f"--{name}={programs / name}" for name in PROGRAMS]
    options += [f"--router-address={address('router')}" for address in (address4, address6)]
    options += [f"--{place}={_joined(exec_command(lab.state, place, ()))}" for place in MACHINES]
    options += [f"--{name}={addresses}" for name, addresses in POOLS.items()]
    power = [sys.executable, "-m", "lab", "power", "--name", lab.state.name]
    options += [f"--stop-node={_joined([*power, 'off'])} {{node}}"]
    return [*options, f"--start-node={_joined([*power, 'on'])} {{node}}"]


def _joined(words: Iterable[str | Path]) -> str:
    return shlex.join(map(str, words))


async def _pytest(arguments: Sequence[str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", *arguments), cwd=REPOSITORY, stdin=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(SUITE_SECONDS):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()  # pytest takes down what its fixtures made
            await process.wait()


if __name__ == "__main__":
    sys.exit(main())

"""`python -m lab`: the command line of the lab."""

import argparse
import asyncio
import os
import shlex
import sys
from pathlib import Path

from lab.build import ensure_programs
from lab.cluster import Lab, exec_command
from lab.daemons import DaemonOptions, start_daemons, stop_daemons
from lab.image import ensure_image
from lab.lifecycle import check_machine, take_down
from lab.packages import ensure_packages
from lab.report import status_report
from lab.state import LabError, State
from lab.tasks import until_signalled
from lab.words import Steps, fail, say, show

EXAMPLES = """examples:
  python -m lab up                          a cluster with three nodes, a router and a client
  python -m lab kubectl get nodes           ask its API server
  python -m lab exec client -- curl -s http://192.168.1.240:5000
  python -m lab exec router -- ip route     the router's table
  python -m lab power off node-2            a node dies; `power on` boots it again
  python -m lab daemons start               run Ferrite's controller and speakers
  python -m lab up --name two --nodes 5     a second lab beside the first
  python -m lab up --kubelets               one whose nodes run real pods
  python -m lab down                        take everything away

exit status: 0 done; 2 an error of the lab or of its arguments; 130 Ctrl-C;
  of exec and kubectl: the status of the program that ran
"""


KUBELETS = """nodes with a real kubelet and containerd that run real pods, a scheduler, Pod Security at level
baseline; for tests of what is installed with helm. It is ready in about 10 s instead of 6 once kubelet and
kube-scheduler are built (a minute more), installs containerd, runc, containernetworking-plugins and gcc, and
takes 150 MB of memory a node. Images come from archives only: python -m lab load"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m lab",
        description="A real Kubernetes cluster on this machine, in network namespaces.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(
        dest="verb", required=True, metavar="up|down|status|exec|kubectl|power|load|daemons|bin|image"
    )
    up = _verb(verbs, "up", "bring a lab up")
    up.add_argument("--nodes", type=int, default=3, help="how many nodes (default 3)")
    up.add_argument("--kubelets", action="store_true", help=KUBELETS)
    _verb(verbs, "down", "take a lab away; does nothing where there is none")
    _verb(verbs, "status", "show programs, namespaces and addresses")
    run = _verb(verbs, "exec", "run a command in a namespace: client, remote, router, cp, node-1…")
    run.add_argument("where", help="client, remote, router, cp, node-1…")
    run.add_argument("command", nargs=argparse.REMAINDER, help="after `--`: the command and its arguments")
    kubectl = _verb(verbs, "kubectl", "run kubectl as administrator")
    kubectl.add_argument("command", nargs=argparse.REMAINDER, help="kubectl's arguments")
    power = _verb(verbs, "power", "switch a node off with all that runs on it, or on again")
    power.add_argument("switch", choices=["off", "on"])
    power.add_argument("node", help="node-1, node-2…")
    load = _verb(verbs, "load", "give a docker-archive to the containerd of every node (up --kubelets)")
    load.add_argument(
        "archive", type=Path, help="a file as `buildah push IMAGE docker-archive:FILE` makes it"
    )
    _daemons(_verb(verbs, "daemons", "run Ferrite's controller, speakers and gobgpd in the lab"))
    verbs.add_parser("bin", help="build all programs and print the folder that holds them")
    verbs.add_parser("image", help="build Ferrite's container image and print the archive that holds it")
    return top


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text, description=text)
    verb.add_argument("--name", default="lab", help="name of the lab (default lab); several can be up")
    return verb


def _daemons(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("act", choices=["start", "stop", "status"])
    verb.add_argument("--namespace", default="metallb-system", help="default metallb-system")
    verb.add_argument("--controller-args", default="", metavar="'ARGS'", help="more arguments, in one word")
    verb.add_argument("--speaker-args", default="", metavar="'ARGS'", help="more arguments, in one word")


async def _up(arguments: argparse.Namespace) -> int:
    lab = Lab(arguments.name, arguments.nodes, Steps(), kubelets=arguments.kubelets)
    say(f"bringing lab {arguments.name} up")
    await lab.up()
    say(f"kubectl --kubeconfig {lab.kubeconfig} get nodes")
    return 0


async def _down(arguments: argparse.Namespace) -> int:
    check_machine()
    take_down(State(arguments.name))
    say(f"lab {arguments.name} is gone")
    return 0


async def _status(arguments: argparse.Namespace) -> int:
    show(await status_report(Lab.running(arguments.name)))
    return 0


async def _power(arguments: argparse.Namespace) -> int:
    lab = Lab.running(arguments.name)
    await (lab.kill_node if arguments.switch == "off" else lab.revive_node)(arguments.node)
    return 0


async def _load(arguments: argparse.Namespace) -> int:
    await Lab.running(arguments.name).load_image(arguments.archive)
    return 0


async def _daemons_verb(arguments: argparse.Namespace) -> int:
    lab = Lab.running(arguments.name)
    match arguments.act:
        case "start":
            options = DaemonOptions(
                namespace=arguments.namespace,
                controller_arguments=tuple(shlex.split(arguments.controller_args)),
                speaker_arguments=tuple(shlex.split(arguments.speaker_args)),
            )
            await start_daemons(lab.state, options)
        case "stop":
            await stop_daemons(lab.state)
        case _:
            show(await status_report(lab, daemons_only=True))
    return 0


def guarded(words: list[str]) -> list[str]:
    """Put `--` before kubectl's own arguments, so that none of them is taken for the lab's."""
    if words[:1] != ["kubectl"] or words[1:2] in (["--"], ["-h"], ["--help"]):
        return words
    own = 3 if words[1:2] == ["--name"] else 2 if words[1:2] and words[1].startswith("--name=") else 1
    return [*words[:own], "--", *words[own:]]


def _replace_by(command: list[str]) -> int:
    """Become the program, so that its terminal, signals and status are the caller's."""
    sys.stdout.flush()
    os.execvp(command[0], command)


def _exec(arguments: argparse.Namespace) -> int:
    command = _after_dashes(arguments.command)
    if not command:
        raise LabError("exec: no command; example: python -m lab exec client -- ip address")
    Lab.running(arguments.name)
    return _replace_by(exec_command(State(arguments.name), arguments.where, command))


def _after_dashes(words: list[str]) -> list[str]:
    return words[1:] if words[:1] == ["--"] else words


def _kubectl(arguments: argparse.Namespace) -> int:
    state = Lab.running(arguments.name).state
    return _replace_by(
        [
            str(state.programs_link / "kubectl"),
            "--kubeconfig",
            str(state.kubeconfig),
            *_after_dashes(arguments.command),
        ]
    )


def _bin(arguments: argparse.Namespace) -> int:
    check_machine()
    ensure_packages()
    show(str(ensure_programs()))
    return 0


def _image(arguments: argparse.Namespace) -> int:
    check_machine()
    built = ensure_image()
    say(f"image {built.name}: {built.on_top_bytes / 1e6:.1f} MB on top of the base image")
    show(str(built.archive))
    return 0


def main() -> int:
    """Run one command; return the exit status."""
    arguments = parser().parse_args(guarded(sys.argv[1:]))
    waiting = {"up": _up, "down": _down, "status": _status, "power": _power, "load": _load}
    waiting["daemons"] = _daemons_verb
    direct = {"exec": _exec, "kubectl": _kubectl, "bin": _bin, "image": _image}
    try:
        if arguments.verb in direct:
            return direct[arguments.verb](arguments)
        return asyncio.run(until_signalled(waiting[arguments.verb](arguments)))
    except LabError as error:
        fail(str(error))
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        fail("stopped; what was begun is taken away")
        return 130


if __name__ == "__main__":
    sys.exit(main())

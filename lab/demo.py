"""`make demo`: the walk-through, from an empty machine to a killed node, in plain words."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from lab.cluster import Lab
from lab.probe import watch_address
from lab.state import LAN4, REPOSITORY, LabError
from lab.tasks import until_signalled
from lab.words import BOLD, GREEN, RED, paint, say

GREETING = "Hello world v2"
PORT = 5000
L2_ADDRESS = f"{LAN4}.240"
BGP_ADDRESS = "203.0.113.1"
PATIENCE_SECONDS = 30.0
MANIFESTS = REPOSITORY / "lab" / "manifests"


class DemoError(LabError):
    """A step of the walk-through did not hold."""


class Guide:
    """Says what happens, and does it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.step = 0
        self.began = time.monotonic()

    def title(self, text: str) -> None:
        """Begin the next step."""
        self.step += 1
        say(f"\n{paint(f'{self.step}. {text}', BOLD)}")

    def told(self, text: str) -> None:
        """Say that something held."""
        say(f"   {paint('ok', GREEN)} {text}")

    async def kubectl(self, *arguments: str) -> str:
        """Show a kubectl command and what it prints."""
        say(f"   $ kubectl {' '.join(shorter(word) for word in arguments)}")
        out = await self.lab.kubectl(*arguments)
        for line in out.rstrip().splitlines():
            say(f"     {line}")
        return out

    async def run(self, where: str, *argv: str) -> str:
        """Show a command on a machine of the lab and what it prints."""
        say(f"   {where}$ {' '.join(argv)}")
        done = await self.lab.exec(where, *argv)
        for line in (done.stdout + done.stderr).rstrip().splitlines():
            say(f"     {line}")
        return done.stdout


def shorter(word: str) -> str:
    """A path inside the repository as one would type it there."""
    path = Path(word)
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else word


async def until(what: str, holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `holds()`.

    Raises:
        DemoError: it did not within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            while True:
                if await holds():
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise DemoError(f"timed out after {seconds:.0f} s waiting for {what}") from None


async def walk(lab: Lab) -> None:
    """Take every step; the first one that does not hold ends it.

    Raises:
        LabError: a step did not hold.
    """
    guide = Guide(lab)
    await start(guide)
    await layer2(guide)
    await bgp(guide)
    await fail_over(guide)
    seconds = time.monotonic() - guide.began
    say(f"\n{paint('Everything held', GREEN)}, in {seconds:.0f} s.")


async def start(guide: Guide) -> None:
    """A cluster, the kinds, the daemons."""
    guide.title("A real cluster: API server, three nodes, a router, machines outside")
    await guide.lab.up()
    await guide.kubectl("get", "nodes")
    guide.title("Ferrite: its kinds, its controller, a speaker and a gobgpd on each node")
    await guide.kubectl("apply", "-f", str(REPOSITORY / "crds"))
    await guide.lab.start_daemons()
    await guide.lab.daemons_ready()
    guide.told("controller and speakers are ready")


async def layer2(guide: Guide) -> None:
    """The seed's walk: a pool, an advertisement, an application, `curl` from outside."""
    guide.title("A pool of addresses of the LAN, answered for at layer 2")
    await guide.kubectl("apply", "-f", str(MANIFESTS / "layer2.yaml"))
    guide.title(f"An application on port {PORT}, exposed as a LoadBalancer Service")
    await guide.lab.add_app("hello", GREETING, PORT)
    await guide.kubectl("apply", "-f", str(MANIFESTS / "hello.yaml"))
    await has_address(guide, "hello", L2_ADDRESS)
    await greets(guide, "client", L2_ADDRESS)
    await until("a ServiceL2Status", lambda: announcer_known(guide.lab))
    await guide.kubectl("get", "servicel2status", "-n", "metallb-system")


async def has_address(guide: Guide, service: str, address: str) -> None:
    """Wait for the Service's address, and show it."""
    began = time.monotonic()
    await until(f"service {service} to have {address}", lambda: assigned(guide.lab, service, address))
    await guide.kubectl("get", "svc", service)
    guide.told(f"{service} has {address} ({(time.monotonic() - began) * 1000:.0f} ms after kubectl returned)")


async def assigned(lab: Lab, service: str, address: str) -> bool:
    """Whether the Service's status holds the address."""
    path = "jsonpath={.status.loadBalancer.ingress[*].ip}"
    return address in (await lab.kubectl("get", "svc", service, "-o", path)).split()


async def announcer_known(lab: Lab) -> bool:
    """Whether a ServiceL2Status names the node that answers."""
    return bool(await announcer(lab))


async def announcer(lab: Lab) -> str:
    """The node that answers for `hello`; "" while nobody is known to."""
    path = "jsonpath={.items[?(@.status.serviceName=='hello')].status.node}"
    return (await lab.kubectl("get", "servicel2status", "-n", "metallb-system", "-o", path)).strip()


async def greets(guide: Guide, where: str, address: str) -> None:
    """The greeting arrives at a machine outside the cluster."""
    url = f"http://{address}:{PORT}"

    async def answers() -> bool:
        done = await guide.lab.exec(where, "curl", "-s", "-m", "1", url)
        return GREETING in done.stdout

    await until(f"{url} to answer at {where}", answers)
    out = await guide.run(where, "curl", "-s", "-m", "2", url)
    if GREETING not in out:
        raise DemoError(f"{where}: curl {url} did not print {GREETING!r}")
    guide.told(f"{where}, a machine outside the cluster, was greeted")


async def bgp(guide: Guide) -> None:
    """The same over BGP, through the router."""
    guide.title("The same over BGP: a pool of the router's own, a peer on every node")
    await guide.kubectl("apply", "-f", str(MANIFESTS / "bgp.yaml"))
    await guide.lab.add_app("hello-bgp", GREETING, PORT)
    await guide.kubectl("apply", "-f", str(MANIFESTS / "hello-bgp.yaml"))
    await has_address(guide, "hello-bgp", BGP_ADDRESS)
    await until("a route by every node", lambda: routed(guide.lab))
    await guide.run("router", "ip", "route", "show", BGP_ADDRESS)
    guide.told("the router balances over three nodes")
    await greets(guide, "remote", BGP_ADDRESS)


async def routed(lab: Lab) -> bool:
    """Whether the router's kernel has a next hop for each node."""
    done = await lab.exec("router", "ip", "-j", "route", "show", BGP_ADDRESS)
    routes = json.loads(done.stdout or "[]")
    return bool(routes) and len(routes[0].get("nexthops", [])) == lab.nodes


async def fail_over(guide: Guide) -> None:
    """Kill the node that answers, and time the next answer."""
    node = await announcer(guide.lab)
    guide.title(f"{node} answers for {L2_ADDRESS}. Now it is killed: its cable is pulled, its programs end")

    async def kill() -> None:
        await guide.lab.cut(node)
        for unit in await guide.lab.units():
            if unit.name.endswith(f"-{node}"):
                await guide.lab.unit(unit.name).stop()

    gap = await watch_address(guide.lab, L2_ADDRESS, kill)
    if gap is None:
        raise DemoError(f"{L2_ADDRESS} did not answer again")
    guide.told(f"another node answered for {L2_ADDRESS} after {paint(f'{gap * 1000:.0f} ms', BOLD)}")
    say(
        "   Kubernetes itself takes about 40 s to take a dead node's pods out of a Service; done now by hand:"
    )
    await guide.lab.add_app("hello", GREETING, PORT, [name for name in guide.lab.node_names if name != node])
    await greets(guide, "client", L2_ADDRESS)
    await guide.kubectl("get", "svc", "hello")


async def demo(*, keep: bool) -> int:
    """Walk, then take everything down, or say how to use what was kept."""
    lab = Lab("demo", step=lambda text: say(f"   {text}"))
    if lab.state.ready_file.exists():
        say("a demo's cluster is up already; take it away with: .venv/bin/python -m lab down --name demo")
        return 1
    status = 0
    try:
        await walk(lab)
    except LabError as error:
        say(f"\n{paint('The demo failed:', RED)} {error}")
        status = 1
    finally:
        if not keep:
            await lab.down()
    if lab.state.ready_file.exists():
        say(KEPT.format(kubeconfig=lab.kubeconfig, logs=lab.state.logs))
    return status


KEPT = """
The cluster is up:
  kubectl --kubeconfig {kubeconfig} get svc,pods -A
  .venv/bin/python -m lab kubectl --name demo get svc
  .venv/bin/python -m lab exec --name demo client -- curl -s http://192.168.1.240:5000
  .venv/bin/python -m lab exec --name demo router -- ip route
  .venv/bin/python -m lab status --name demo
  logs: {logs}
Take it away with: .venv/bin/python -m lab down --name demo"""


def main() -> int:
    """Run the demo; return the exit status: 0 only if every step held."""
    parser = argparse.ArgumentParser(
        prog="python -m lab.demo",
        description="Shows Ferrite at work on a real cluster, in about a minute.",
        epilog="example: python -m lab.demo --keep",
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster up and say how to use it")
    keep = parser.parse_args().keep
    try:
        return asyncio.run(until_signalled(demo(keep=keep)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("\nstopped" + ("" if keep else "; everything was taken down"))
        return 130


if __name__ == "__main__":
    sys.exit(main())

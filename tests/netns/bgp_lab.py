"""An FRR router and a gobgpd in two namespaces joined by a cable, taken down whatever happens."""

import asyncio
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from ferrite.net import Prefix, parse_address
from lab.build import ensure_programs
from speaker.bgp.peers import GlobalSettings, PeerSettings, Session
from speaker.bgp.router import Wanted
from speaker.bgp.routes import Route
from tests.netns.namespaces import ip

FRR = Path("/usr/lib/frr")
ROUTER, NODE, ROUTER6, NODE6 = "10.77.0.1", "10.77.0.2", "2001:db8:77::1", "2001:db8:77::2"
BGPD = f"""hostname router
router bgp LOCAL
 bgp router-id {ROUTER}
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor {NODE} remote-as 64501
 neighbor {NODE} timers connect 1
 neighbor {NODE} advertisement-interval 0
 neighbor {NODE} graceful-restart
 EXTRA
 address-family ipv4 unicast
  neighbor {NODE} activate
 exit-address-family
 address-family ipv6 unicast
  neighbor {NODE} activate
 exit-address-family
"""
_numbers = itertools.count()


@dataclass
class BgpLab:
    tag: str
    folder: Path
    stack: ExitStack
    gobgpd: "subprocess.Popen[bytes] | None" = None

    @property
    def socket(self) -> str:
        return f"unix://{self.folder}/gobgp.sock"

    def start_gobgpd(self) -> None:
        program = ensure_programs(("gobgpd",)) / "gobgpd"
        (self.folder / "gobgp.sock").unlink(missing_ok=True)
        self.gobgpd = subprocess.Popen(
            f"ip netns exec {self.tag}-n {program}"
            f" --api-hosts {self.socket} --pprof-disable --metrics-path=".split(),
            stdout=subprocess.DEVNULL,
        )

    def end_gobgpd(self, how: int = signal.SIGKILL) -> None:
        if self.gobgpd is not None:
            self.gobgpd.send_signal(how)
            self.gobgpd.wait(30)
            self.gobgpd = None

    def start_router(self, *, asn: int = 64500, extra: str = "") -> None:
        (self.folder / "zebra.conf").write_text("hostname router\n")
        (self.folder / "bgpd.conf").write_text(BGPD.replace("LOCAL", str(asn)).replace("EXTRA", extra))
        for path in (self.folder, *self.folder.iterdir()):
            shutil.chown(path, "frr", "frr")
        for name in ("zebra", "bgpd"):
            daemon = subprocess.Popen(
                f"ip netns exec {self.tag}-r {FRR / name} -f {self.folder}/{name}.conf"
                f" -z {self.folder}/zserv.api -i {self.folder}/{name}.pid"
                f" --vty_socket {self.folder} -P 0".split(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.stack.callback(daemon.wait, 30)
            self.stack.callback(daemon.terminate)

    def ask(self, command: str) -> dict:
        argv = ["vtysh", "--vty_socket", str(self.folder), "-c", command + " json"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {}

    def kernel_routes(self) -> set[str]:
        found = set()
        for family in ("-4", "-6"):
            routes = json.loads(
                ip("-j", "-n", f"{self.tag}-r", family, "route", "show", "proto", "bgp") or "[]"
            )
            found |= {str(ip_network(route["dst"])) for route in routes}
        return found

    def established(self) -> bool:
        return self.neighbor().get("bgpState") == "Established"

    def neighbor(self) -> dict:
        return self.ask(f"show bgp neighbors {NODE}").get(NODE, {})

    def drops(self) -> int:
        return self.neighbor().get("connectionsDropped", -1)

    def table_version(self) -> int:
        return self.ask("show bgp ipv4 unicast").get("tableVersion", -1)


async def eventually(question: Callable[[], object], seconds: float = 45.0, what: str = "") -> None:
    """Wait until the answer is true."""
    end = asyncio.get_running_loop().time() + seconds
    while not question():
        if asyncio.get_running_loop().time() > end:
            pytest.fail(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.02)


def wanted(*prefixes: str, route: Route | None = None, **session: object) -> Wanted:
    """Routes to the one router; IPv6 ones with the node's own next hop."""
    given = {"address": ROUTER, "peer_asn": 64500, "local_asn": 64501, **session}
    peer = PeerSettings("router", Session(**given))
    routes: dict[Prefix, Route] = {}
    for text in prefixes:
        prefix, base = ip_network(text), route or Route()
        next_hop = parse_address(NODE6) if prefix.version == 6 else None
        routes[prefix] = Route(base.communities, base.local_pref, next_hop)
    return Wanted(GlobalSettings(64501, NODE), (peer,), {"router": routes})


def _needed() -> None:
    if not (FRR / "bgpd").exists():
        pytest.fail("FRR is not installed; make lab installs it", pytrace=False)


@pytest.fixture
def bgp_lab() -> Iterator[BgpLab]:
    _needed()
    tag = f"fbgp-{os.getpid()}-{next(_numbers)}"
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="fbgp"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for role in "rn":
            ip("netns", "add", f"{tag}-{role}")
            stack.callback(ip, "netns", "del", f"{tag}-{role}")
            ip("-n", f"{tag}-{role}", "link", "set", "lo", "up")
        ip(
            "-n",
            f"{tag}-r",
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            f"{tag}-n",
        )
        for role, address4, address6 in (("r", ROUTER, ROUTER6), ("n", NODE, NODE6)):
            ip("-n", f"{tag}-{role}", "addr", "add", f"{address4}/24", "dev", "eth0")
            ip("-n", f"{tag}-{role}", "addr", "add", f"{address6}/64", "dev", "eth0", "nodad")
            ip("-n", f"{tag}-{role}", "link", "set", "eth0", "up")
        lab = BgpLab(tag, folder, stack)
        stack.callback(lab.end_gobgpd)
        yield lab

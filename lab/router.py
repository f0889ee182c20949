"""The FRR router: zebra, bgpd and bfdd in the router's namespace."""

import grp
import os
import pwd
from pathlib import Path

from lab.state import State, address4, address6, node_names, write_file
from lab.units import Unit

ROUTER_ASN, NODE_ASN = 64500, 64501
FRR_PROGRAMS = Path("/usr/lib/frr")
MAXIMUM_PATHS = 8


def router_units(state: State, nodes: int) -> list[Unit]:
    """Write FRR's files and return its daemons; zebra comes first."""
    folder = state.part("router")
    _write(folder / "zebra.conf", "hostname router\nip forwarding\nipv6 forwarding\n")
    _write(folder / "bgpd.conf", bgp_configuration(nodes))
    _write(folder / "bfdd.conf", "hostname router\n")
    _give_to_frr(state, folder)
    return [_daemon(state, folder, name) for name in ("zebra", "bgpd", "bfdd")]


def bgp_configuration(nodes: int) -> str:
    """Return bgpd's configuration: every node is a neighbour, by IPv4 and by IPv6."""
    names = node_names(nodes)
    neighbors4 = [address4(node) for node in names]
    neighbors6 = [address6(node) for node in names]
    lines = [
        "hostname router",
        f"router bgp {ROUTER_ASN}",
        f" bgp router-id {address4('router')}",
        " no bgp ebgp-requires-policy",
        " no bgp default ipv4-unicast",
    ]
    for neighbor in neighbors4 + neighbors6:
        lines.append(f" neighbor {neighbor} remote-as {NODE_ASN}")
        lines.append(f" neighbor {neighbor} timers connect 1")
        lines.append(f" neighbor {neighbor} advertisement-interval 0")
    for family, neighbors in (("ipv4", neighbors4), ("ipv6", neighbors4 + neighbors6)):
        lines.append(f" address-family {family} unicast")
        lines += [f"  neighbor {neighbor} activate" for neighbor in neighbors]
        lines += [f"  maximum-paths {MAXIMUM_PATHS}", " exit-address-family"]
    return "\n".join([*lines, ""])


def vtysh_command(state: State, command: str) -> list[str]:
    """Return the command line that asks the router's daemons, to be run in its namespace."""
    return ["vtysh", "--vty_socket", str(state.folder / "router"), "-c", command]


def _daemon(state: State, folder: Path, name: str) -> Unit:
    argv = [str(FRR_PROGRAMS / name), "-f", str(folder / f"{name}.conf"), "-z", str(folder / "zserv.api")]
    argv += ["-i", str(folder / f"{name}.pid"), "--vty_socket", str(folder), "-P", "0", "--log", "stdout"]
    if name == "bfdd":
        argv += ["--bfdctl", str(folder / "bfdd.sock")]
    if name == "bgpd":
        argv += ["-l", "0.0.0.0", "-l", "::"]
    return Unit(
        name=f"router-{name}",
        argv=tuple(argv),
        namespace=state.namespace("router"),
        unlink=(str(folder / f"{name}.pid"), str(folder / f"{name}.vty")),
    )


def _write(path: Path, text: str) -> None:
    write_file(path, text, 0o640)


def _give_to_frr(state: State, folder: Path) -> None:
    """Let FRR's user, and no other, reach its folder; the state folder stays closed to the rest."""
    user, group = pwd.getpwnam("frr").pw_uid, grp.getgrnam("frr").gr_gid
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, group)
    os.chown(state.folder, 0, group)
    state.folder.chmod(0o710)

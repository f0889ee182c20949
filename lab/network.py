"""The lab's network namespaces: a LAN with everything on it, and a network behind the router."""

import subprocess
from collections.abc import Iterable

from lab.state import (
    REMOTE4,
    REMOTE6,
    LabError,
    State,
    address4,
    address6,
    node_names,
    pod_cidrs,
)

COMMAND_SECONDS = 30
POD_ROUTES = ("cp", "router")  # besides the nodes: a pod that calls out does so by its own address
SYSCTLS = (
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.dad_transmits=0",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv6.conf.default.forwarding=1",
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.conf.all.send_redirects=0",  # a client that learns a short cut no longer tests the router
    "net.ipv4.conf.default.send_redirects=0",
    "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.fib_multipath_hash_policy=1",
)


def roles(nodes: int) -> list[str]:
    """Return every namespace of a lab; the LAN's own namespace first."""
    return ["lan", "cp", "router", "client", "remote", *node_names(nodes)]


def build_network(state: State, nodes: int) -> None:
    """Make the namespaces and link them.

    Raises:
        LabError: the kernel refuses; the message has the words of `ip`.
    """
    everyone = roles(nodes)
    _ip("-batch", "-", lines=(f"netns add {state.namespace(role)}" for role in everyone))
    for role in everyone:
        _run(["ip", "netns", "exec", state.namespace(role), "sysctl", "-q", "-w", *SYSCTLS])
    hosts = [role for role in everyone if role not in ("lan", "remote")]
    _in(state, "lan", _lan_lines(state, hosts))
    _in(state, "router", _remote_link_lines(state))
    for role in hosts:
        _in(state, role, _host_lines(role, nodes))
    _in(state, "router", _router_lines())
    _in(state, "remote", _remote_lines())


def carrier(state: State, role: str, *, up: bool) -> None:
    """Pull (`up` false) or plug in the LAN cable of `role`, at the switch's end."""
    _in(state, "lan", [f"link set p-{role} {'up' if up else 'down'}"])


def add_addresses(state: State, role: str, addresses: Iterable[str], device: str = "lo") -> None:
    """Put addresses (with their length) on a device of `role`; those already there stay."""
    _in(state, role, [f"address replace {address} dev {device}" for address in addresses])


def namespaces(state: State) -> list[str]:
    """Return the namespaces of this lab that exist."""
    listed = _run(["ip", "netns", "list"]).split("\n")
    return [name for line in listed if line and state.role(name := line.split()[0]) is not None]


def namespace_pids(namespace: str) -> list[int]:
    """Return the processes inside a namespace; none if it is gone."""
    done = subprocess.run(
        ["ip", "netns", "pids", namespace],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    return [int(pid) for pid in done.stdout.split()]


def remove_namespace(namespace: str) -> None:
    """Delete a namespace; its links go with it."""
    _run(["ip", "netns", "delete", namespace])


def _lan_lines(state: State, hosts: list[str]) -> list[str]:
    lines = ["link set lo up", "link add br0 type bridge forward_delay 0 mcast_snooping 0", "link set br0 up"]
    for role in hosts:
        lines.append(f"link add p-{role} type veth peer name eth0 netns {state.namespace(role)}")
        lines.append(f"link set p-{role} master br0 up")
    return lines


def _remote_link_lines(state: State) -> list[str]:
    return [f"link add eth1 type veth peer name eth0 netns {state.namespace('remote')}"]


def _host_lines(role: str, nodes: int) -> list[str]:
    lines = [
        "link set lo up",
        "link set eth0 up",
        f"address add {address4(role)}/24 dev eth0",
        f"address add {address6(role)}/64 dev eth0 nodad",
    ]
    if role != "router":
        lines.append(f"route add default via {address4('router')}")
        lines.append(f"route add default via {address6('router')}")
    if role in POD_ROUTES or role.startswith("node-"):
        lines += [line for other in node_names(nodes) if other != role for line in _pod_routes(other)]
    return lines


def _pod_routes(node: str) -> list[str]:
    cidr4, cidr6 = pod_cidrs(node)
    return [f"route add {cidr4} via {address4(node)}", f"route add {cidr6} via {address6(node)}"]


def _router_lines() -> list[str]:
    return [
        "link set eth1 up",
        f"address add {REMOTE4}.1/24 dev eth1",
        f"address add {REMOTE6}:1/64 dev eth1 nodad",
    ]


def _remote_lines() -> list[str]:
    return [
        "link set lo up",
        "link set eth0 up",
        f"address add {address4('remote')}/24 dev eth0",
        f"address add {address6('remote')}/64 dev eth0 nodad",
        f"route add default via {REMOTE4}.1",
        f"route add default via {REMOTE6}:1",
    ]


def _in(state: State, role: str, lines: Iterable[str]) -> None:
    _ip("-n", state.namespace(role), "-batch", "-", lines=lines)


def _ip(*arguments: str, lines: Iterable[str]) -> None:
    _run(["ip", *arguments], "\n".join(lines) + "\n")


def _run(argv: list[str], text: str | None = None) -> str:
    done = subprocess.run(
        argv, input=text, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
    )
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or f'status {done.returncode}'}")
    return done.stdout

"""What a speaker is told: its flags, their environment fall-backs and every default, stated once."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass

from ferrite.net import NodeName
from ferrite.run.arguments import (
    CommonSettings,
    Parser,
    add_common,
    add_switch,
    common_settings,
    environment,
    ignored,
    port,
)

GOBGP_SOCKET = "unix:///run/ferrite/gobgp.sock"
MEMBERS_PORT = 7946
EXCLUDED_INTERFACES_FILE = "/etc/metallb/excludel2.yaml"
_EXAMPLE = """\
example:
  ferrite-speaker --node-name node-1 --pod-name speaker-x2x7k --namespace metallb-system \\
    --ml-bindaddr 192.0.2.11 --ml-secret-key-path /etc/ml_secret_key --kubeconfig ~/.kube/config

exit status: 0 after SIGTERM or SIGINT, 1 when it failed, 2 when a flag or a file is wrong
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a speaker is told.

    Attributes:
        node_name: the Node it runs on.
        bind_address: own address for heartbeats; "" switches membership off, and every Node counts as alive.
        bind_port: UDP port of heartbeats, on all nodes the same.
        key_directory: directory of the file `secretkey`, the key of heartbeats; "" is none.
        secret_name: Secret with that key in our namespace, read from the API server; "" is none.
        ignore_exclude_label: whether nodes labelled as excluded announce all the same.
        gobgp_socket: where gobgpd answers, `unix:///...`.
        excluded_interfaces_file: regular expressions of links that never answer; absent means the defaults.
    """

    common: CommonSettings
    node_name: NodeName
    bind_address: str
    bind_port: int
    key_directory: str
    secret_name: str
    ignore_exclude_label: bool
    gobgp_socket: str
    excluded_interfaces_file: str = EXCLUDED_INTERFACES_FILE


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line, or `arguments`; ends the process with status 2 when a flag is wrong."""
    parser = _parser()
    parsed = parser.parse(arguments)
    if not parsed.node_name:
        parser.error("--node-name is missing; set it or METALLB_NODE_NAME")
    if not parsed.gobgp_socket.startswith("unix:///"):
        parser.error(f"--gobgp-socket is not a unix socket (unix:///path): {parsed.gobgp_socket!r}")
    return Settings(
        common=common_settings(parser, parsed),
        node_name=NodeName(parsed.node_name),
        bind_address=parsed.ml_bindaddr,
        bind_port=parsed.ml_bindport,
        key_directory=parsed.ml_secret_key_path,
        secret_name=parsed.ml_secret_name,
        ignore_exclude_label=parsed.ignore_exclude_lb,
        gobgp_socket=parsed.gobgp_socket,
        excluded_interfaces_file=parsed.excluded_interfaces_file,
    )


def _parser() -> Parser:
    parser = Parser("speaker", "Makes the addresses of LoadBalancer Services reachable from this node.")
    parser.epilog, parser.formatter_class = _EXAMPLE, RawDescriptionHelpFormatter
    add_common(parser)
    add = parser.add_argument
    add("--node-name", default=environment("METALLB_NODE_NAME"), help="name of the Node; required")
    add("--ml-bindaddr", default=environment("METALLB_ML_BIND_ADDR"), help="own address for heartbeats")
    add(
        "--ml-bindport",
        type=port,
        default=environment("METALLB_ML_BIND_PORT", str(MEMBERS_PORT)),
        help="UDP port of heartbeats",
    )
    add(
        "--ml-secret-key-path",
        default=environment("METALLB_ML_SECRET_KEY_PATH"),
        help="directory of the file secretkey",
    )
    add(
        "--ml-secret-name",
        default=environment("METALLB_ML_SECRET_NAME"),
        help="Secret with the same key: it counts before the file, which a kubelet brings later",
    )
    add("--gobgp-socket", default=GOBGP_SOCKET, help="where gobgpd answers")
    add(
        "--excluded-interfaces-file",
        default=EXCLUDED_INTERFACES_FILE,
        help="links that never answer at layer 2",
    )
    add_switch(parser, "--ignore-exclude-lb", "announce from nodes labelled as excluded, too")
    ignored(parser, "--host", "--ml-labels", "--ml-wan-config", "--bgp-debounce-timeout")
    ignored(parser, "--frrk8s-namespace", "--frrk8s-secret-passthrough")
    return parser

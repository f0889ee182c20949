"""Command line flags of both daemons, with MetalLB's names, defaults and environment fall-backs."""

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ferrite.run.logs import LEVELS
from ferrite.run.metrics import CIPHERS, CURVES, TLS_VERSIONS, MetricsServerSettings

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
DEFAULT_NAMESPACE = "metallb-system"
METRICS_PORT = 9120
HEALTH_PORT = 17472
_SINGLE_DASH = re.compile(r"-[a-zA-Z][\w-]+(=.*)?", re.DOTALL)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommonSettings:
    """What both daemons are told.

    Attributes:
        namespace: of the custom resources, Secrets and our own pods.
        kubeconfig: path; None is the pod's service account.
        metrics: of the HTTPS server; its port 0 is off.
        health_probe_port: of /healthz and /readyz; 0 is off.
        lb_class: the `loadBalancerClass` to serve; empty serves Services without one.
        pod_name: of the pod we run in; empty when not in one.
        ignored: flags that were given and have no effect.
    """

    daemon: str
    namespace: str
    kubeconfig: str | None
    metrics: MetricsServerSettings
    health_probe_port: int
    log_level: str
    lb_class: str
    pod_name: str
    ignored: tuple[str, ...] = ()


class Parser(argparse.ArgumentParser):
    """Flags with one or two dashes; a wrong one ends the process with one line on stderr and status 2."""

    def __init__(self, daemon: str, description: str) -> None:
        super().__init__(prog=daemon, description=description, allow_abbrev=False)
        self.accepted_only: list[str] = []

    def parse(self, arguments: Sequence[str] | None = None) -> argparse.Namespace:
        """The parsed flags of the command line, or of `arguments`."""
        given = sys.argv[1:] if arguments is None else arguments
        return self.parse_args([f"-{word}" if _SINGLE_DASH.fullmatch(word) else word for word in given])

    def error(self, message: str) -> NoReturn:
        """End the process: `controller: --port is not a number: 'x'`."""
        told = re.sub(r"^argument (--[\w-]+)(/--?[\w-]+)*: ", r"\1 ", message)
        self.exit(2, f"{self.prog}: {told}\n")


def number(text: str) -> int:
    """A whole number, for `type=`."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"is not a number: {text!r}") from None


def port(text: str) -> int:
    """A TCP or UDP port from 0 to 65535, for `type=`."""
    value = number(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"is not a port (0 to 65535): {text!r}")
    return value


def boolean(text: str) -> bool:
    """A truth value as Go's flags take it, for `type=`."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"is not true or false: {text!r}")


def add_switch(parser: argparse.ArgumentParser, flag: str, meaning: str) -> None:
    """A flag that is false unless given: `--x`, `--x=true`, `--x=false`."""
    parser.add_argument(flag, nargs="?", type=boolean, const=True, default=False, help=meaning)


def environment(name: str, default: str = "") -> str:
    """A variable of the environment; one that is empty counts as absent."""
    return os.environ.get(name) or default


def _level(text: str) -> str:
    if text not in LEVELS:
        raise argparse.ArgumentTypeError(f"is not one of {', '.join(LEVELS)}: {text!r}")
    return text


def _tls_version(text: str) -> str:
    if text not in TLS_VERSIONS:
        raise argparse.ArgumentTypeError(f"is not one of {', '.join(TLS_VERSIONS)}: {text!r}")
    return text


def _known(names: Sequence[str], text: str) -> tuple[str, ...]:
    chosen = tuple(word.strip() for word in text.split(",") if word.strip())
    for word in chosen:
        if word not in names:
            raise argparse.ArgumentTypeError(f"is not known: {word!r}")
    return chosen


def _ciphers(text: str) -> tuple[str, ...]:
    return _known(tuple(CIPHERS), text)


def _curves(text: str) -> tuple[str, ...]:
    return _known(tuple(CURVES), text)


def add_common(parser: argparse.ArgumentParser) -> None:
    """The flags of both daemons."""
    add = parser.add_argument
    add("--namespace", default=environment("METALLB_NAMESPACE"), help="namespace of the custom resources")
    add("--kubeconfig", default=environment("KUBECONFIG"), help="path; empty is the pod's service account")
    add("--port", type=port, default=METRICS_PORT, help="HTTPS port of /metrics; 0 is off")
    add("--health-probe-port", type=port, default=HEALTH_PORT, help="port of the probes; 0 is off")
    add("--log-level", type=_level, default="info", help=f"one of {', '.join(LEVELS)}")
    add("--lb-class", default="", help="loadBalancerClass to serve; empty serves Services without one")
    add("--pod-name", default=environment("METALLB_POD_NAME"), help="name of the pod we run in")
    add("--tls-min-version", type=_tls_version, default="VersionTLS13", help="of the metrics server")
    add("--tls-cipher-suites", type=_ciphers, default=(), help="comma separated; only below VersionTLS13")
    add("--tls-curve-preferences", type=_curves, default=(), help="comma separated; the first counts")
    add("--metrics-cert-dir", default="", help="directory of tls.crt and tls.key; empty makes a certificate")
    ignored(parser, "--pprof-bind-address")


def ignored(parser: argparse.ArgumentParser, *flags: str) -> None:
    """Flags of MetalLB that have no meaning here: accepted with or without a value, and reported."""
    for flag in flags:
        parser.add_argument(flag, nargs="?", const="true", default=None, help="accepted and ignored")
    if isinstance(parser, Parser):
        parser.accepted_only.extend(flags)


def common_settings(parser: Parser, parsed: argparse.Namespace) -> CommonSettings:
    """What `add_common` found; ends the process when flags contradict each other."""
    if parsed.tls_cipher_suites and parsed.tls_min_version == "VersionTLS13":
        parser.error("--tls-cipher-suites needs --tls-min-version below VersionTLS13")
    given = [
        flag
        for flag in parser.accepted_only
        if getattr(parsed, flag.lstrip("-").replace("-", "_")) not in (None, "")
    ]
    return CommonSettings(
        daemon=parser.prog,
        namespace=parsed.namespace or _own_namespace(),
        kubeconfig=parsed.kubeconfig or None,
        metrics=MetricsServerSettings(
            port=parsed.port,
            cert_dir=parsed.metrics_cert_dir,
            tls_min_version=parsed.tls_min_version,
            cipher_suites=parsed.tls_cipher_suites,
            curves=parsed.tls_curve_preferences,
        ),
        health_probe_port=parsed.health_probe_port,
        log_level=parsed.log_level,
        lb_class=parsed.lb_class,
        pod_name=parsed.pod_name,
        ignored=tuple(given),
    )


def report_ignored(settings: CommonSettings) -> None:
    """Say in the log which flags have no effect; call it once logs are set up."""
    for flag in settings.ignored:
        log.warning("flag has no effect", extra={"flag": flag})


def _own_namespace() -> str:
    try:
        return Path(NAMESPACE_FILE).read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE

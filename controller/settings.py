"""What the controller is told by its command line and its environment; every default is stated here."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass

from ferrite.run.arguments import CommonSettings, Parser, add_common, common_settings, environment, ignored

WEBHOOK_FLAGS = (
    "--disable-cert-rotation",
    "--cert-dir",
    "--cert-service-name",
    "--webhook-secret",
    "--webhook-mode",
    "--webhook-http2",
)
"""MetalLB's webhook needed them; Ferrite validates in the CRDs and has none."""

_EXAMPLE = """\
example:
  ferrite-controller --pod-name controller-7d9c4 --namespace metallb-system \\
    --ml-secret-name metallb-memberlist --kubeconfig ~/.kube/config

exit status: 0 after SIGTERM or SIGINT, 1 when it failed, 2 when a flag or a file is wrong
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the controller is told.

    Attributes:
        common: what both daemons are told.
        secret_name: Secret with the speakers' key, made when it is not there; empty makes none.
        deployment: our own, with which that Secret and the Lease go; empty leaves them without an owner.
    """

    common: CommonSettings
    secret_name: str = ""
    deployment: str = ""


def read_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line; a wrong flag ends the process with one line on stderr and status 2."""
    parser = Parser("controller", "Assigns addresses to Services of type LoadBalancer.")
    parser.epilog, parser.formatter_class = _EXAMPLE, RawDescriptionHelpFormatter
    add_common(parser)
    parser.add_argument(
        "--ml-secret-name",
        default=environment("METALLB_ML_SECRET_NAME"),
        help="Secret with the speakers' key, made when it is not there",
    )
    parser.add_argument(
        "--deployment",
        default=environment("METALLB_DEPLOYMENT"),
        help="our own Deployment: the Secret and the Lease go with it",
    )
    ignored(parser, *WEBHOOK_FLAGS)
    parsed = parser.parse(arguments)
    return Settings(common_settings(parser, parsed), parsed.ml_secret_name, parsed.deployment)

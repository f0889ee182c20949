"""The command `ferrite-controller`."""

import sys
from functools import partial

from controller.app import run
from controller.settings import read_settings
from ferrite.run import supervise
from ferrite.run.arguments import report_ignored
from ferrite.run.logs import setup


def main() -> None:
    """Run the controller until a signal ends it; the process ends with its status."""
    settings = read_settings()
    setup(settings.common.log_level, "controller")
    report_ignored(settings.common)
    sys.exit(supervise.run(partial(run, settings)))


if __name__ == "__main__":
    main()

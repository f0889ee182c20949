"""The command `ferrite-speaker`."""

import sys
from functools import partial

from ferrite.run import supervise
from ferrite.run.arguments import report_ignored
from ferrite.run.logs import setup
from speaker.app import run
from speaker.settings import parse


def main() -> None:
    """Run the speaker until a signal ends it; the process ends with its status."""
    settings = parse()
    setup(settings.common.log_level, "speaker")
    report_ignored(settings.common)
    sys.exit(supervise.run(partial(run, settings)))


if __name__ == "__main__":
    main()

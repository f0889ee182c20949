"""The command `ferrite-speaker`."""

from functools import partial

from ferrite.run import supervise
from speaker.app import run
from speaker.settings import parse


def main() -> None:
    """Run the speaker until a signal ends it; the process ends with its status."""
    settings = parse()
    supervise.start(settings.common, partial(run, settings))


if __name__ == "__main__":
    main()

"""The command `ferrite-controller`."""

from functools import partial

from controller.app import run
from controller.settings import read_settings
from ferrite.run import supervise


def main() -> None:
    """Run the controller until a signal ends it; the process ends with its status."""
    settings = read_settings()
    supervise.start(settings.common, partial(run, settings))


if __name__ == "__main__":
    main()

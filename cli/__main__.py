"""The command `kubectl ferrite`: kubectl finds it in the PATH as `kubectl-ferrite`."""

import logging
import sys

from cli.app import run


def main() -> None:
    """Run one verb; the process ends with its exit status."""
    logging.getLogger().addHandler(logging.NullHandler())  # errors are one line of ours, not a library's log
    sys.exit(run())


if __name__ == "__main__":
    main()

"""`python -m crds [--check] [--out DIR]`: write the CRD manifests, or check that they are up to date."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from crds.generate import manifests

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what differs; with `--check` only name it. The exit status is 1 if a check finds a difference."""
    parser = ArgumentParser(prog="python -m crds", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail if a manifest is not current"
    )
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the manifests (default: crds/)")
    options = parser.parse_args(arguments)
    stale = stale_manifests(options.out)
    if options.check:
        for name in sorted(stale):
            sys.stderr.write(f"crds: {options.out / name} is not what the models generate; run make crds\n")
        return 1 if stale else 0
    for name, text in stale.items():
        (options.out / name).write_text(text, encoding="utf-8")
    return 0


def stale_manifests(folder: Path) -> dict[str, str]:
    """What has to be written into `folder`: the text of each manifest that is absent or differs, by name."""
    return {
        name: text
        for name, text in manifests().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    }


if __name__ == "__main__":
    sys.exit(main())

"""Compiles what Ferrite's programs import, into the folder that PYTHONPYCACHEPREFIX names.

Bytecode of every module of every dependency would take twice the room; a module that is imported after all is
compiled in memory. Bytecode is not checked against its source, which cannot change in an image.
"""

import importlib
import py_compile
import sys
from importlib.util import source_from_cache
from pathlib import Path

PROGRAMS = ("controller.__main__", "speaker.__main__", "cli.__main__")
IMPORTED_LATE = (
    "anyio._backends._asyncio",
    "anyio._core._fileio",
    "cryptography.hazmat.backends.openssl.backend",
    "encodings.idna",
)


def main() -> None:
    """Import everything, which makes Python write bytecode that is checked by time; compile the same anew."""
    for name in PROGRAMS + IMPORTED_LATE:
        importlib.import_module(name)
    if sys.pycache_prefix is None:
        sys.exit("bytecode: PYTHONPYCACHEPREFIX is not set")
    for written in Path(sys.pycache_prefix).rglob("*.pyc"):
        py_compile.compile(
            source_from_cache(str(written)),
            str(written),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


if __name__ == "__main__":
    main()

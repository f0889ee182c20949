"""The key that speakers authenticate each other with, wherever it is first."""

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

from ferrite.objects import Secret

FIELD = "secretkey"


def key_source(directory: str, secret: Callable[[], Secret | None]) -> Callable[[], bytes]:
    """Where to ask for the key: the Secret as the API server has it, else a file of `directory`.

    The file is the same Secret, mounted by the kubelet. One that was made after the pod appears there only
    after a minute or more, as do changes.

    Args:
        directory: with the file `secretkey`; "" is none.
        secret: the Secret as last seen; None while there is none.
    """

    def key() -> bytes:
        return key_of(secret()) or (file_key(Path(directory)) if directory else b"")

    return key


def key_of(secret: Secret | None) -> bytes:
    """The key in a Secret; empty when it has none that can be read."""
    try:
        return base64.b64decode(secret.data.get(FIELD, "") if secret else "", validate=True).strip()
    except binascii.Error:
        return b""


def file_key(directory: Path) -> bytes:
    """The whole content of the file; empty while it is not there, as when a kubelet replaces it."""
    try:
        return (directory / FIELD).read_bytes().strip()
    except OSError:
        return b""

"""Keeps a Secret's keys as files, as a kubelet does for a volume.

Run as `python -m lab.secret_volume KUBECONFIG NAMESPACE SECRET FOLDER…`.
"""

import base64
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

from lab.state import write_file

POLL_SECONDS = 0.3
REQUEST_SECONDS = 5.0


def read_secret(kubeconfig: Path, namespace: str, name: str) -> dict[str, bytes]:
    """Return the keys of a Secret; nothing as long as it is not there."""
    config = json.loads(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    request = urllib.request.Request(
        f"{cluster['server']}/api/v1/namespaces/{namespace}/secrets/{name}",
        headers={"Authorization": f"Bearer {user['token']}"},
    )
    trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS, context=trust) as reply:
            stored = json.load(reply).get("data") or {}
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return {}
    return {key: base64.b64decode(value) for key, value in stored.items()}


def keep_files(kubeconfig: Path, namespace: str, name: str, folders: list[Path]) -> NoReturn:
    """Write the keys into every folder whenever they change, forever."""
    written: dict[str, bytes] = {}
    while True:
        found = read_secret(kubeconfig, namespace, name)
        if found and found != written:
            for folder in folders:
                for key, value in found.items():
                    write_file(folder / key, value.decode())
            written = found
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    keep_files(Path(sys.argv[1]), sys.argv[2], sys.argv[3], [Path(folder) for folder in sys.argv[4:]])

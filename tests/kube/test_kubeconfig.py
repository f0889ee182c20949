"""Every kubeconfig that cannot be used is one line that names file, field and value, and shows no secret."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from ferrite.errors import ConfigError
from ferrite.kube import credentials
from ferrite.kube.credentials import load_credentials
from tests.fakes.http import kubeconfig

pytestmark = pytest.mark.looptime(False)  # real programs
SECRET = "geheim"
INLINE = base64.b64encode(SECRET.encode()).decode()


def config(cluster: dict[str, Any] | None = None, user: Any = None, **more: Any) -> str:
    """A kubeconfig that is good but for what is told."""
    found = yaml.safe_load(kubeconfig("https://127.0.0.1:1", SECRET))
    found["clusters"][0]["cluster"] |= cluster or {}
    if user is not None:
        found["users"][0]["user"] = user
    return yaml.safe_dump(found | more)


def plugin(command: str, *args: str) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": command, "args": list(args)}}


CASES = {
    "absent": (None, " is not there"),
    "empty": ("", " is empty"),
    "only a comment": ("# nothing\n", " is empty"),
    "no YAML": (f"a: [{SECRET}\n", " is not YAML at line 2"),
    "no text": (b"\xff\xfe", " is not UTF-8 text"),
    "a list": (f"[{SECRET}]", " is no kubeconfig: it has no fields"),
    "no context": ("a: b", ": 'current-context' is missing"),
    "other context": (config(**{"current-context": "x"}), ": Context x not found"),
    "no user": (config(users=[]), ": User me not found"),
    "user without fields": (config(users=[{"name": "me", "user": None}]), ": unusable: a field is empty"),
    "server without scheme": (config({"server": "localhost:6443"}), ": server 'localhost:6443' is no URL"),
    "server with a space": (config({"server": "http s://x:99999"}), ": server 'http s://x:99999' is no URL"),
    "server's port": (
        config({"server": "https://x:99999"}),
        ": server 'https://x:99999' is no URL: Port out",
    ),
    "server with password": (config({"server": f"ftp://u:{SECRET}@h:1"}), ": server 'h:1' is no URL"),
    "server with a user": (config({"server": f"https://u:{SECRET}@h:1"}), ": server 'h:1' has a user before"),
    "server empty": (config({"server": ""}), ": server is empty"),
    "proxy": (config({"proxy-url": "socks5://x:1"}), ": proxy-url 'socks5://x:1' is no URL"),
    "authority away": (
        config({"certificate-authority": "/no/ca"}),
        ": certificate-authority /no/ca is not there",
    ),
    "authority relative": (config({"certificate-authority": "ca"}), "/ca is not there"),
    "authority bad": (
        config({"certificate-authority": "/etc/hosts"}),
        ": certificate-authority /etc/hosts cannot",
    ),
    "authority no base64": (
        config({"certificate-authority-data": "x"}),
        ": certificate-authority-data: not base64",
    ),
    "authority inline": (
        config({"certificate-authority-data": INLINE}),
        ": certificate-authority-data cannot be",
    ),
    "certificate away": (
        config(user={"client-certificate": "/no/c", "client-key": "/no/k"}),
        ": client-certificate /no/c is not there",
    ),
    "certificate inline": (
        config(user={"client-certificate-data": INLINE, "client-key-data": INLINE}),
        ": client-certificate-data cannot be used with its client-key",
    ),
    "plugin away": (config(user=plugin("no-such")), ": exec plugin 'no-such' cannot be run: No such file"),
    "plugin fails": (
        config(user=plugin("sh", "-c", f"echo {SECRET} >&2; exit 3")),
        ": exec plugin 'sh' failed: process exited with non-zero code 3",
    ),
    "plugin prints text": (config(user=plugin("echo", SECRET)), ": exec plugin 'echo' printed no JSON"),
    "plugin prints other JSON": (
        config(user=plugin("echo", f'{{"status": {{"{SECRET}": 1}}}}')),
        ": exec plugin 'echo' printed no credentials",
    ),
}


@pytest.mark.parametrize(("content", "complaint"), CASES.values(), ids=CASES.keys())
async def test_one_that_cannot_be_used_is_named(
    content: str | bytes | None, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as refused:
        await load_credentials(str(path))
    told = str(refused.value)
    assert told.startswith(f"kubeconfig {path}")
    assert complaint in told
    assert SECRET not in told
    assert "\n" not in told


async def test_a_plugin_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "LOAD_SECONDS", 0.05)
    path = tmp_path / "config"
    path.write_text(config(user=plugin("sleep", "60")))
    async with asyncio.timeout(5):
        with pytest.raises(ConfigError, match=r"exec plugin 'sleep': nothing within 0\.05 s"):
            await load_credentials(str(path))


async def test_a_good_one_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(config())
    found = await load_credentials(str(path))
    assert (found.server, found.token, found.ssl) == ("https://127.0.0.1:1", SECRET, True)

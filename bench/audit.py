"""The API server's own account of what the controller calls."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.client import Client
from lab.cluster import Lab
from lab.control_plane import control_plane_units

API_SERVER = "kube-apiserver"
READY_SECONDS = 60.0
LOOK_SECONDS = 0.2


def policy(user: str) -> dict[str, Any]:
    """An audit policy that notes every call of one user, and nothing else."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "users": [user]}, {"level": "None"}],
    }


async def restart_with_audit(lab: Lab, client: Client, user: str) -> Path:
    """Start the API server anew so that it notes the calls of `user`; the file it notes them in."""
    rules, log = lab.state.folder / "audit-policy.json", lab.state.logs / "audit.log"
    await asyncio.to_thread(rules.write_text, json.dumps(policy(user)))
    units = control_plane_units(lab.state, kubelets=False)
    unit = next(unit for unit in units if unit.name == API_SERVER)
    flags = (f"--audit-policy-file={rules}", f"--audit-log-path={log}")
    await lab.start_unit(msgspec.structs.replace(unit, argv=(*unit.argv, *flags)))
    async with asyncio.timeout(READY_SECONDS):
        while True:
            if await _is_ready(client):
                return log
            await asyncio.sleep(LOOK_SECONDS)


async def _is_ready(client: Client) -> bool:
    try:
        await client.text("GET", "/readyz")
    except (aiohttp.ClientError, RuntimeError):
        return False
    return True


def calls(lines: Iterable[str], since: datetime, until: datetime) -> Counter[str]:
    """How many calls began in that time, by `verb resource`; a long one is noted twice and counts once."""
    found: dict[str, str] = {}
    for line in lines:
        event = json.loads(line)
        if since <= datetime.fromisoformat(event["requestReceivedTimestamp"]) < until:
            found[event["auditID"]] = f"{event['verb']} {_resource(event)}"
    return Counter(found.values())


def _resource(event: dict[str, Any]) -> str:
    reference = event.get("objectRef")
    if not reference:
        return str(event["requestURI"])
    return "/".join(reference[part] for part in ("resource", "subresource") if reference.get(part))

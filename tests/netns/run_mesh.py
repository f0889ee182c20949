"""A mesh in the namespace it is started in; says who is alive when asked."""

import asyncio
import json
import signal
import sys
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import uvloop

from ferrite.net import NodeName
from speaker.members.key import file_key
from speaker.members.mesh import Mesh, MeshSettings
from speaker.members.view import Timings


def set_nodes(mesh: Mesh, nodes: dict[str, str]) -> None:
    mesh.set_nodes({NodeName(name): (ip_address(address),) for name, address in nodes.items()})


async def main() -> None:
    settings = json.loads(sys.argv[1])
    key = partial(file_key, Path(settings["keys"]))
    timings = Timings(**settings["timings"])
    me, bind = NodeName(settings["me"]), ip_address(settings["bind"])
    mesh = Mesh(MeshSettings(me, bind, key, timings=timings), lambda: 0.0)
    set_nodes(mesh, settings["nodes"])
    running = asyncio.ensure_future(mesh.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if "nodes" in (command := json.loads(line)):
            set_nodes(mesh, command["nodes"])
        refused = {reason.value: number for reason, number in mesh.refused.items()}
        answer = {
            "live": sorted(mesh.live_nodes),
            "fresh": mesh.fresh(),
            "refused": refused,
            "waiting": mesh.waiting_for.value if mesh.waiting_for else None,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


uvloop.run(main())

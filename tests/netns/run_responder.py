"""A responder in the namespace it is started in, told what to announce by lines of JSON."""

import asyncio
import json
import sys
from ipaddress import ip_address

import uvloop

from speaker.l2.answers import Announce
from speaker.l2.links import Links, excluder
from speaker.l2.responder import Responder


async def main() -> None:
    fresh = [True]
    links = Links(excluder(["^lo$"]))
    responder = Responder(links, lambda: fresh[0])
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(links.run())
        tasks.create_task(responder.run())
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            if "fresh" in command:
                fresh[0] = command["fresh"]
            if "announce" in command:
                responder.apply(
                    {
                        ip_address(address): Announce(None if on is None else frozenset(on))
                        for address, on in command["announce"].items()
                    }
                )
            counters = {
                str(address): [each.requests_received, each.responses_sent, each.gratuitous_sent]
                for address, each in responder.counters().items()
            }
            refused = {reason.value: number for reason, number in responder.refused.items()}
            answer = {
                "usable": sorted(responder.usable_interfaces()),
                "counters": counters,
                "refused": refused,
            }
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


uvloop.run(main())

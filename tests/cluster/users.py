"""Users of a real cluster who go on whatever the API server does: Services come and go, a pool changes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from e2e.manifests import NAMESPACE, Object, service

POOL, ASKED_POOL = "fault", "fault-asked"
BASE, MORE = "198.18.7.0/26", "198.18.7.128/28"
ASKED, ASKED_FORM, ASKED_COUNT = "198.18.8.0/28", "198.18.8.{}", 16
ASKS = "metallb.io/loadBalancerIPs"
LABEL = "users"
BURST = 20
KEPT, AGAIN = 3, 5
"""A Service lives for so many steps; in so many later ones its deletion is tried again."""
PAUSE_SECONDS = 0.1


class Users:
    """One step after the other; a call that fails is a user's bad luck, and later steps make up for it."""

    def __init__(self, cluster, name: str) -> None:
        self._cluster, self._name = cluster, name
        self._numbers = count(1)
        self.steps = 0

    def step(self) -> None:
        """Make a Service that takes any address and one that asks for its own; delete old ones; edit."""
        number = next(self._numbers)
        asked = {ASKS: ASKED_FORM.format(number % ASKED_COUNT)}
        made = [
            labelled(self._name, service(f"{self._name}-any-{number}", POOL)),
            labelled(self._name, service(f"{self._name}-own-{number}", annotations=asked)),
        ]
        if old := self._old(number, AGAIN):
            self._call("delete", "service", *old, "--ignore-not-found", "--wait=false")
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": made})
        self._call("apply", "-f", "-", manifest=manifest)
        patch = json.dumps({"spec": {"addresses": [BASE, MORE][: 1 + number % 2]}})
        self._call("patch", "ipaddresspool", POOL, "-n", NAMESPACE, "--type=merge", "-p", patch)
        self.steps = number

    def make_up(self) -> None:
        """Delete what no step could delete."""
        if old := self._old(self.steps, self.steps):
            self._cluster.kubectl("delete", "service", *old, "--ignore-not-found")

    def _old(self, number: int, back: int) -> list[str]:
        numbers = range(max(1, number - KEPT - back), number - KEPT)
        return [f"{self._name}-{what}-{old}" for old in numbers for what in ("any", "own")]

    def _call(self, *words: str, manifest: str | None = None) -> None:
        self._cluster.kubectl(*words, "--request-timeout=3s", input=manifest, check=False)


@contextmanager
def busy(cluster, name: str) -> Iterator[Users]:
    """Users who go on until the block ends."""
    users, ended = Users(cluster, name), threading.Event()

    def go_on() -> None:
        while not ended.wait(PAUSE_SECONDS):
            users.step()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield users
    finally:
        ended.set()
        thread.join()


def labelled(user: str, made: Object) -> Object:
    """The object with the name of the user who makes it."""
    return made | {"metadata": made["metadata"] | {"labels": {LABEL: user}}}


def burst(cluster, user: str) -> None:
    """Many Services at once, so that as many writes of the controller are under way together."""
    made = [labelled(user, service(f"{user}-{number}", POOL)) for number in range(BURST)]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))


def go(cluster) -> None:
    """All users go, and what they made with them."""
    cluster.kubectl("delete", "service", "-l", LABEL)

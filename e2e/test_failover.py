"""What answers goes away without a word; another node takes over."""

import shlex
import subprocess
from collections.abc import Iterator

import pytest

from e2e.conftest import Apps, Figures, Offer, option
from e2e.manifests import service
from e2e.patience import wait_until
from e2e.probing import probing
from e2e.release import Release
from e2e.site import Site

COMMAND_SECONDS = 120
NODE_SECONDS = 120.0
Nodes = dict[str, dict[int, str]]


def served(apps: Apps, pool: str, name: str) -> str:
    """The address of a Service that answers a client on the LAN."""
    site = apps.site
    apps.run(name, name)
    apps.given.apply(service(name, pool, selector={"app": name}))
    address = wait_until("an address", lambda: site.address(name))
    wait_until("an answer", lambda: site.get("client", address) == name)
    wait_until("the status", lambda: site.announcer(name))
    return address


def test_a_deleted_speaker_hands_over_and_does_not_take_back(
    release: Release, apps: Apps, lan: Offer, figures: Figures
) -> None:
    lan.need(4)
    site = apps.site
    address = served(apps, lan.pool, "fail-pod")
    node = site.announcer("fail-pod")
    [pod] = release.pods("speaker", node)
    with probing(site, "client", [address]) as watch:
        site.kubectl("delete", "pod", pod, "-n", site.namespace, "--wait=false")
        wait_until("a new speaker", lambda: release.pods("speaker", node) not in ([], [pod]))
        release.wait()
        wait_until("the status", lambda: site.announcer("fail-pod"))
    figures.note("speaker of the answering node deleted", watch.of(address))
    assert site.address("fail-pod") == address
    assert site.get("client", address) == "fail-pod"


def takes_pods(site: Site) -> bool:
    """Whether no node is kept from taking pods because it was away."""
    taints = [taint for node in site.read("nodes") for taint in node["spec"].get("taints", ())]
    return not any(taint["key"].startswith("node.kubernetes.io/") for taint in taints)


@pytest.fixture
def switched(pytestconfig: pytest.Config) -> Iterator["Switch"]:
    """Switches nodes off; those are on again afterwards."""
    stop, start = option(pytestconfig, "stop_node"), option(pytestconfig, "start_node")
    switch = Switch(stop, start)
    yield switch
    switch.end()


class Switch:
    """The power switch of the nodes."""

    def __init__(self, stop: str, start: str) -> None:
        self._stop, self._start = stop, start
        self._off: list[str] = []

    def off(self, node: str) -> None:
        """Switch a node off, at once."""
        self._off.append(node)
        _run(self._stop, node)

    def end(self) -> None:
        """Switch all on again."""
        while self._off:
            _run(self._start, self._off.pop())


def _run(words: str, node: str) -> None:
    subprocess.run(shlex.split(words.format(node=node)), check=True, timeout=COMMAND_SECONDS)


def test_a_dead_nodes_address_answers_again(
    release: Release, apps: Apps, lan: Offer, nodes: Nodes, figures: Figures, switched: Switch
) -> None:
    """The pods are on other nodes: Kubernetes takes 40 s to notice that those of a dead node are gone."""
    lan.need(4)
    if len(nodes) < 3:
        pytest.skip("needs three nodes")
    site = apps.site
    address = served(apps, lan.pool, "fail-node")
    node = site.announcer("fail-node")
    apps.run("fail-node", "fail-node", tuple(other for other in nodes if other != node))
    wait_until("an answer", lambda: site.get("client", address) == "fail-node")
    with probing(site, "client", [address]) as watch:
        switched.off(node)
        wait_until("another node", lambda: site.announcer("fail-node") not in ("", node))
    figures.note("the answering node switched off", watch.of(address))
    assert site.address("fail-node") == address
    assert site.get("client", address) == "fail-node"
    switched.end()
    wait_until("every node to take pods", lambda: takes_pods(site), NODE_SECONDS)
    wait_until("everything to be ready again", release.is_ready, NODE_SECONDS)
    assert site.get("client", address) == "fail-node"

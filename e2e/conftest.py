"""What the promises are held on: options that describe a cluster, and what every test needs of it."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from e2e.given import Given
from e2e.manifests import NAMESPACE, ROUTER_ASN, application, bgp, layer2, peer, pool
from e2e.patience import wait_until
from e2e.release import Release
from e2e.site import Site

ROOT = Path(__file__).parents[1]
TEST_SECONDS = 600
POD_SECONDS = 120.0
"""A node that was just switched on takes 20 s until it runs pods."""
ORDER = (
    "test_openshift",
    "test_install",
    "test_layer2",
    "test_bgp",
    "test_failover",
    "test_upgrade",
    "test_uninstall",
    "test_convert",
    "test_migration",
)
"""What a later file needs, an earlier one has; the last two begin without Ferrite."""
PLACES = ("client", "remote", "router")
FAMILIES = (4, 6)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Describe a cluster; a test whose option is missing is skipped."""
    group = parser.getgroup("cluster")
    add = group.addoption
    add(
        "--kubeconfig",
        help="of an administrator of the cluster; `python -m e2e` makes a cluster and gives all of these",
    )
    add("--kubectl", default="kubectl", help="the program")
    add("--helm", default="helm", help="the program")
    add("--image", help="REPOSITORY:TAG of Ferrite, which the nodes have")
    add("--app-image", help="REPOSITORY:TAG of the application in e2e/app, which the nodes have")
    for place in PLACES:
        add(f"--{place}", metavar="WORDS", help=f"words before a command that is to run on {place}")
    add("--stop-node", metavar="WORDS", help="command that switches node {node} off")
    add("--start-node", metavar="WORDS", help="command that switches node {node} on again")
    add("--router-address", action="append", default=[], help="of the router; twice: IPv4 and IPv6")
    add("--router-asn", type=int, default=ROUTER_ASN, help="of the router")
    for family in FAMILIES:
        add(f"--pool{family}", help=f"IPv{family} addresses of the nodes' LAN for layer 2")
        add(f"--bgp-pool{family}", help=f"IPv{family} addresses for BGP")
    add("--metallb", help="manifest (path or URL) of a MetalLB release, to be replaced by Ferrite")
    add("--figures", type=Path, help="file for what was measured, JSON")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files into their order."""
    here = Path(__file__).parent
    own = [item for item in items if item.path.is_relative_to(here)]
    for item in own:
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))
    own.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else -1)
    items[:] = [item for item in items if item not in own] + own


@dataclass
class Figures:
    """What was measured, for people at the end of the run and for a file."""

    lines: dict[str, str] = field(default_factory=dict)

    def note(self, what: str, figure: object) -> None:
        """Keep one figure."""
        self.lines[what] = str(figure)


FIGURES = pytest.StashKey[Figures]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no figures."""
    config.stash[FIGURES] = Figures()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    lines = config.stash[FIGURES].lines
    if lines:
        terminalreporter.section("measured")
        for what, figure in lines.items():
            terminalreporter.write_line(f"{what:<58} {figure}")
    if config.option.figures and lines:
        config.option.figures.write_text(json.dumps(lines, indent=2) + "\n")


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    """Where to note what was measured."""
    return pytestconfig.stash[FIGURES]


def option(config: pytest.Config, name: str) -> str:
    """The value of an option; the test is skipped without it."""
    value = config.getoption(name)
    if not value:
        pytest.skip(f"needs --{name.replace('_', '-')}")
    return str(value)


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Site:
    """The cluster and the machines around it; pods in `default` may not do what speakers do."""
    places = {name: shlex.split(words) for name in PLACES if (words := pytestconfig.getoption(name))}
    kubeconfig = Path(option(pytestconfig, "kubeconfig"))
    found = Site(kubeconfig, pytestconfig.getoption("kubectl"), places)
    label = "pod-security.kubernetes.io/enforce=restricted"
    found.kubectl("label", "namespace", "default", label, "--overwrite")
    return found


@pytest.fixture(scope="session")
def namespace(site: Site) -> str:
    """The namespace of Ferrite, the only one where pods may use the node's network."""
    labels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
    metadata = {"name": NAMESPACE, "labels": labels}
    site.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
    return NAMESPACE


@pytest.fixture(scope="session")
def chart(pytestconfig: pytest.Config, site: Site, namespace: str) -> Release:
    """The chart; nothing is installed by asking for it."""
    image = option(pytestconfig, "image")
    return Release(site, image, ROOT / "helm" / "ferrite", pytestconfig.getoption("helm"))


@pytest.fixture(scope="session")
def release(chart: Release) -> Iterator[Release]:
    """Ferrite, installed and ready; removed at the end of the run if it is still there."""
    chart.install()
    yield chart
    chart.uninstall()


@pytest.fixture
def given(site: Site) -> Iterator[Given]:
    """What a test makes in the cluster goes with it."""
    made = Given(site)
    yield made
    made.end()


@dataclass(frozen=True)
class Offer:
    """Addresses to be announced; by family, those that the site has."""

    pool: str
    families: tuple[int, ...]

    def need(self, *families: int) -> None:
        """Skip the test where the site lacks a family."""
        for family in families:
            if family not in self.families:
                pytest.skip(f"this site has no IPv{family} addresses for pool {self.pool}")


def _offer(config: pytest.Config, name: str, prefix: str) -> tuple[Offer, tuple[str, ...]]:
    ranges = {family: config.getoption(f"{prefix}{family}") for family in FAMILIES}
    there = {family: addresses for family, addresses in ranges.items() if addresses}
    if not there:
        pytest.skip(f"needs --{prefix.replace('_', '-')}4 or 6")
    return Offer(name, tuple(there)), tuple(there.values())


@pytest.fixture(scope="session")
def lan(pytestconfig: pytest.Config, release: Release, site: Site) -> Iterator[Offer]:
    """Addresses of the LAN, announced at layer 2."""
    offer, addresses = _offer(pytestconfig, "e2e-lan", "pool")
    made = Given(site)
    made.apply(pool(offer.pool, *addresses), layer2(offer.pool, offer.pool))
    yield offer
    made.end()


@pytest.fixture(scope="session")
def routed(pytestconfig: pytest.Config, release: Release, site: Site) -> Iterator[Offer]:
    """Addresses announced to the router by every node."""
    offer, addresses = _offer(pytestconfig, "e2e-routed", "bgp_pool")
    routers = pytestconfig.getoption("router_address")
    if not routers:
        pytest.skip("needs --router-address")
    made = Given(site)
    asn = pytestconfig.getoption("router_asn")
    peers = [peer(f"e2e-router-{number}", address, peerASN=asn) for number, address in enumerate(routers)]
    made.apply(pool(offer.pool, *addresses), bgp(offer.pool, offer.pool), *peers)
    yield offer
    made.end()


@pytest.fixture(scope="session")
def nodes(site: Site) -> dict[str, dict[int, str]]:
    """Every node that takes pods, with its address by family."""
    found = {}
    for node in site.read("nodes"):
        taints = [taint["effect"] for taint in node["spec"].get("taints", [])]
        if "NoSchedule" not in taints:
            internal = [one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"]
            found[node["metadata"]["name"]] = {6 if ":" in one else 4: one for one in internal}
    return found


@dataclass
class Apps:
    """Applications as pods."""

    site: Site
    given: Given
    image: str

    def run(self, name: str, text: str = "hello", nodes: tuple[str, ...] = ()) -> None:
        """One pod on every node, or on each of `nodes`; again with other nodes, they move."""
        item = application(name, text, self.image, nodes)
        self.given.apply(item)
        wait_until(f"the pods of {name}", lambda: self._is_rolled_out(name), POD_SECONDS)

    def _is_rolled_out(self, name: str) -> bool:
        item = self.site.read("daemonset", name)
        status = item.get("status", {})
        current = status.get("observedGeneration") == item["metadata"]["generation"]
        moved = current and not status.get("numberMisscheduled")
        wanted = status.get("desiredNumberScheduled", 0)
        return moved and 0 < wanted == status.get("numberReady") == status.get("updatedNumberScheduled")


@pytest.fixture
def apps(pytestconfig: pytest.Config, site: Site, given: Given) -> Apps:
    """Applications of one test."""
    return Apps(site, given, option(pytestconfig, "app_image"))

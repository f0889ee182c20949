"""A running MetalLB is replaced by Ferrite and back again, as docs/migrate.md says: every address stays."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.conftest import Apps, Figures, option
from e2e.manifests import bgp, layer2, peer, pool, service
from e2e.patience import wait_until
from e2e.probing import probing
from e2e.release import Release
from e2e.site import Site

ROLLOUT_SECONDS = 150.0
WEBHOOKS = "validatingwebhookconfiguration/metallb-webhook-configuration"
PODS = ("pods", "-l", "app=metallb", "-o", "name")
LAYER2, BGP = "moved-l2", "moved-bgp"
WHERE = {LAYER2: "client", BGP: "remote"}

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class MetalLB:
    """A release of MetalLB by its own manifest, a path or a URL."""

    site: Site
    manifest: str

    def apply(self) -> None:
        """Install it, or put back what is missing, and wait until it is ready."""
        # Its webhook may not be served yet when its own objects are taken over.
        wait_until("the manifest to apply", lambda: self._kubectl("apply", "-f", self.manifest))
        for workload in ("deployment/controller", "daemonset/speaker"):
            wait_until(workload, lambda w=workload: self._is_rolled_out(w), ROLLOUT_SECONDS)

    def _is_rolled_out(self, workload: str) -> bool:
        return self._kubectl("rollout", "status", "--timeout=30s", workload)

    def _kubectl(self, *words: str) -> bool:
        return self.site.kubectl(*words, "-n", self.site.namespace, check=False).returncode == 0

    def end_controller(self) -> None:
        """Nobody assigns addresses any more, and nobody checks objects of its kinds."""
        self.site.kubectl("delete", WEBHOOKS)
        self.site.kubectl("delete", "deployment", "controller", "-n", self.site.namespace)

    def end_speakers(self) -> None:
        """Nobody announces addresses any more."""
        self.site.kubectl("delete", "daemonset", "speaker", "-n", self.site.namespace)

    def remove(self) -> None:
        """Remove everything of it, its kinds included; the namespace stays."""
        self.site.kubectl("delete", WEBHOOKS, "--ignore-not-found")
        self.site.kubectl("delete", "deployments,daemonsets", "--all", "-n", self.site.namespace)
        names = self.site.kubectl("get", "crd", "-o", "name").stdout.split()
        ours = [name for name in names if name.endswith(".metallb.io")]
        self.site.kubectl("delete", *ours, "--timeout=50s")


@pytest.fixture
def metallb(pytestconfig: pytest.Config, chart: Release) -> Iterator[MetalLB]:
    """A MetalLB that serves; no Ferrite."""
    found = MetalLB(chart.site, option(pytestconfig, "metallb"))
    chart.uninstall()
    found.remove()
    found.apply()
    yield found
    chart.uninstall()
    found.remove()


def served(pytestconfig: pytest.Config, apps: Apps) -> dict[str, str]:
    """Services that MetalLB has given addresses to and announces; name to address."""
    site, given = apps.site, apps.given
    router = pytestconfig.getoption("router_address")[0]
    objects = (
        pool("office", option(pytestconfig, "pool4")),
        layer2("office", "office"),
        pool("routed", option(pytestconfig, "bgp_pool4")),
        bgp("routed", "routed"),
        peer("router", router, peerASN=pytestconfig.getoption("router_asn")),
    )
    given.remember(*objects)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    wait_until("MetalLB's webhook to be served", lambda: site.apply(text) is None)
    for name, pool_name in ((LAYER2, "office"), (BGP, "routed")):
        apps.run(name, name)
        given.apply(service(name, pool_name, selector={"app": name}))
    held = {name: wait_until("an address", lambda n=name: site.address(n)) for name in WHERE}
    answer(site, held)
    return held


def answer(site: Site, held: dict[str, str]) -> None:
    """Wait until every Service answers at the address it had."""
    for name, place in WHERE.items():
        wait_until(f"{name} to answer", lambda n=name, p=place: site.get(p, held[n]) == n, 60.0)
    assert {name: site.address(name) for name in held} == held


def test_a_running_metallb_is_replaced_and_comes_back(
    pytestconfig: pytest.Config, chart: Release, metallb: MetalLB, apps: Apps, figures: Figures
) -> None:
    site = apps.site
    held = served(pytestconfig, apps)
    with probing(site, "client", [held[LAYER2]]) as over_l2, probing(site, "remote", [held[BGP]]) as over_bgp:
        metallb.end_controller()
        metallb.end_speakers()
        chart.install("--take-ownership")
        answer(site, held)
    figures.note("MetalLB replaced by Ferrite, layer 2", over_l2.of(held[LAYER2]))
    figures.note("MetalLB replaced by Ferrite, BGP", over_bgp.of(held[BGP]))
    assert site.read("ipaddresspools", "-n", site.namespace)

    with probing(site, "client", [held[LAYER2]]) as over_l2, probing(site, "remote", [held[BGP]]) as over_bgp:
        chart.uninstall()
        metallb.apply()
        answer(site, held)
    figures.note("Ferrite replaced by MetalLB, layer 2", over_l2.of(held[LAYER2]))
    figures.note("Ferrite replaced by MetalLB, BGP", over_bgp.of(held[BGP]))

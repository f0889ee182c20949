"""A running MetalLB is replaced by Ferrite and back again, as docs/migrate.md says: every address stays."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from e2e.conftest import Apps, Figures, option
from e2e.manifests import bgp, layer2, peer, pool, service
from e2e.patience import wait_until
from e2e.probing import probing
from e2e.release import Release
from e2e.site import Site

ROLLOUT_SECONDS = 240.0
WEBHOOKS = "validatingwebhookconfiguration/metallb-webhook-configuration"
CONTROLLERS = ("get", "pods", "-l", "app=metallb,component=controller", "-o", "name")
PARK = '{{"spec":{{"template":{{"spec":{{"nodeSelector":{{"ferrite.io/parked":{}}}}}}}}}}}'
LAYER2, BGP = "moved-l2", "moved-bgp"
WHERE = {LAYER2: "client", BGP: "remote"}
POOLS = {LAYER2: "office", BGP: "routed"}

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class MetalLB:
    """A release of MetalLB by its own manifest, a path or a URL."""

    site: Site
    manifest: str

    def install(self) -> None:
        """Install it and wait until it is ready."""
        self._kubectl("apply", "--server-side", "--force-conflicts", "-f", self.manifest)
        self.wait()

    def wait(self) -> None:
        """Wait until it is ready."""
        for workload in ("deployment/controller", "daemonset/speaker"):
            wait_until(workload, lambda w=workload: self._is_rolled_out(w), ROLLOUT_SECONDS)

    def _is_rolled_out(self, workload: str) -> str:
        return self._kubectl("rollout", "status", "--timeout=30s", workload)

    def _kubectl(self, *words: str) -> str:
        return self.site.kubectl("-n", self.site.namespace, *words).stdout

    def stop_controller(self) -> None:
        """A2: nobody assigns addresses any more, and nobody checks objects of its kinds."""
        self._kubectl("scale", "deployment", "controller", "--replicas=0")
        wait_until("its controller to end", lambda: not self._kubectl(*CONTROLLERS))
        self._kubectl("delete", WEBHOOKS)

    def park_speakers(self) -> None:
        """A4: nobody announces addresses any more."""
        self._kubectl("patch", "daemonset", "speaker", "--type=merge", "-p", PARK.format('"true"'))

    def come_back(self) -> None:
        """After Ferrite was uninstalled."""
        self._kubectl("patch", "daemonset", "speaker", "--type=merge", "-p", PARK.format("null"))
        self._kubectl("apply", "--server-side", "--force-conflicts", "-f", self.manifest)
        self._kubectl("scale", "deployment", "controller", "--replicas=1")
        self.wait()

    def remove(self) -> None:
        """Remove everything of it, its kinds included; the namespace stays."""
        self._kubectl("delete", WEBHOOKS, "--ignore-not-found")
        self._kubectl("delete", "deployments,daemonsets", "--all")
        names = self._kubectl("get", "crd", "-o", "name").split()
        ours = [name for name in names if name.endswith(".metallb.io")]
        if ours:
            self._kubectl("delete", *ours, "--timeout=50s")


@pytest.fixture
def metallb(pytestconfig: pytest.Config, chart: Release) -> Iterator[MetalLB]:
    """A MetalLB that serves; no Ferrite."""
    found = MetalLB(chart.site, option(pytestconfig, "metallb"))
    chart.uninstall()
    found.remove()
    found.install()
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
    for name, pool_name in POOLS.items():
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


@contextmanager
def counted(site: Site, held: dict[str, str], figures: Figures, what: str) -> Iterator[None]:
    """Note what is lost over layer 2 and over BGP while the block lasts."""
    with probing(site, "client", [held[LAYER2]]) as over_l2, probing(site, "remote", [held[BGP]]) as over_bgp:
        yield
    figures.note(f"{what}, layer 2", over_l2.of(held[LAYER2]))
    figures.note(f"{what}, BGP", over_bgp.of(held[BGP]))


def test_a_running_metallb_is_replaced_and_comes_back(
    pytestconfig: pytest.Config, chart: Release, metallb: MetalLB, apps: Apps, figures: Figures
) -> None:
    site = apps.site
    held = served(pytestconfig, apps)
    metallb.stop_controller()
    chart.apply("install", "--take-ownership")
    wait_until("Ferrite's controllers", lambda: len(chart.pods("controller")) == 2)
    assert {name: site.address(name) for name in held} == held
    with counted(site, held, figures, "MetalLB replaced by Ferrite"):
        metallb.park_speakers()
        chart.wait()
        answer(site, held)
    assert len(site.read("ipaddresspools", "-n", site.namespace)) == len(POOLS)

    with counted(site, held, figures, "Ferrite replaced by MetalLB"):
        chart.uninstall()
        metallb.come_back()
        answer(site, held)
    assert len(site.read("ipaddresspools", "-n", site.namespace)) == len(POOLS)

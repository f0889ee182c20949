"""Removed again: Services as they are, the user's objects kept and who had what, nothing else left."""

import json

from e2e.conftest import Apps, Offer
from e2e.given import Given
from e2e.manifests import Object, pool, service
from e2e.patience import wait_until
from e2e.release import Release
from e2e.site import Site

KINDS = (
    "all,configmaps,secrets,serviceaccounts,roles,rolebindings,leases,poddisruptionbudgets,networkpolicies,"
    "servicel2statuses,servicebgpstatuses,configurationstates"
)
KUBERNETES_OWN = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
"""What every namespace has; OpenShift has more."""
SILENCE_SECONDS = 90.0
CLUSTER_KINDS = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"
    "priorityclasses"
)
REMEMBERED = "remembered"
ADDRESS = "198.51.100.200"
"""Nobody announces it."""
RESERVATION: Object = {
    "apiVersion": "ferrite.io/v1alpha1",
    "kind": "AddressReservation",
    "metadata": {"name": REMEMBERED, "namespace": "default"},
    "spec": {"pool": REMEMBERED, "addresses": [ADDRESS]},
}


def test_services_stay_as_they_are_and_nothing_else_is_left(
    site: Site, release: Release, apps: Apps, given: Given, lan: Offer
) -> None:
    lan.need(4)
    apps.run("kept", "kept")
    given.apply(service("kept", lan.pool, selector={"app": "kept"}))
    address = wait_until("an address", lambda: site.address("kept"))
    wait_until("an answer", lambda: site.get("client", address) == "kept")
    given.apply(pool(REMEMBERED, f"{ADDRESS}/32", stickyFor="24h"), RESERVATION)
    given.apply(service(REMEMBERED, REMEMBERED))
    wait_until("the reserved address", lambda: site.address(REMEMBERED) == ADDRESS)
    before = site.read("service", "kept")
    specs = kept_specs(site)

    release.uninstall()

    wait_until("nothing to be left in the namespace", lambda: left(site) == KUBERNETES_OWN)
    chosen = ("-l", release.selector(), "-o", "name")
    assert site.kubectl("get", CLUSTER_KINDS, *chosen).stdout == ""
    assert site.read("service", "kept") == before
    assert specs.items() <= kept_specs(site).items()
    # The client remembers the MAC address for a while, and kube-proxy still serves whoever finds the node.
    site.exec("client", "ip", "neigh", "flush", "to", address)
    wait_until("silence", lambda: site.get("client", address, seconds=1) == "", SILENCE_SECONDS)

    release.install()
    wait_until("an answer again", lambda: site.get("client", address) == "kept")
    assert site.address("kept") == address
    assert specs.items() <= kept_specs(site).items()


def left(site: Site) -> set[str]:
    """What is there in Ferrite's namespace, aside from Events and what `kept_specs` reads."""
    return set(site.kubectl("get", KINDS, "-n", site.namespace, "-o", "name").stdout.split())


def kept_specs(site: Site) -> dict[str, str]:
    """Pools, reservations and bindings by uid: a Service that comes back later still has its address."""
    found = site.read("ipaddresspools,addressreservations,addressbindings", "-A")
    return {item["metadata"]["uid"]: json.dumps(item["spec"], sort_keys=True) for item in found}

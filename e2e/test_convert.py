"""A ConfigMap of MetalLB before v0.13 becomes manifests, and what it described is served."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from e2e.conftest import Apps, option
from e2e.manifests import NAMESPACE, NODE_ASN, Object, service
from e2e.patience import wait_until
from e2e.release import Release
from e2e.site import Site

CONVERT_SECONDS = 30
USERS_KINDS = "ipaddresspools,l2advertisements,bgpadvertisements,bgppeers,bfdprofiles,communities"


@pytest.fixture
def bare(release: Release) -> Release:
    """Ferrite without any configuration."""
    release.site.kubectl("delete", USERS_KINDS, "--all", "-n", release.site.namespace)
    return release


def converted(release: Release) -> str:
    """What `kubectl ferrite convert` makes of the ConfigMap in the cluster."""
    program = Path(sys.executable).with_name("kubectl-ferrite")
    words = [str(program), "convert", "--kubeconfig", str(release.site.kubeconfig)]
    words += ["--namespace", release.site.namespace]
    done = subprocess.run(words, capture_output=True, text=True, timeout=CONVERT_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def old_configuration(config: pytest.Config) -> Object:
    """A configuration as MetalLB had it before v0.13, in its ConfigMap."""
    asns = {"my-asn": NODE_ASN, "peer-asn": config.getoption("router_asn")}
    routed = {
        "name": "routed",
        "protocol": "bgp",
        "auto-assign": False,
        "addresses": [option(config, "bgp_pool4")],
        "bgp-advertisements": [{"aggregation-length": 32, "communities": ["lan-only"]}],
    }
    old = {
        "peers": [{**asns, "peer-address": router} for router in config.getoption("router_address")],
        "address-pools": [
            {"name": "office", "protocol": "layer2", "addresses": [option(config, "pool4")]},
            routed,
        ],
        "bgp-communities": {"lan-only": "64501:7"},
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "config", "namespace": NAMESPACE},
        "data": {"config": yaml.safe_dump(old)},
    }


def test_what_a_configmap_described_is_served(pytestconfig: pytest.Config, bare: Release, apps: Apps) -> None:
    site, given = bare.site, apps.given
    given.apply(old_configuration(pytestconfig))
    text = converted(bare)
    given.remember(*(item for item in yaml.safe_load_all(text) if item))
    site.apply(text)

    for name, pool, place in (("old-l2", "office", "client"), ("old-bgp", "routed", "remote")):
        apps.run(name, name)
        given.apply(service(name, pool, selector={"app": name}))
        address = wait_until("an address", lambda n=name: site.address(n))
        wait_until("an answer", lambda n=name, p=place, a=address: site.get(p, a) == n)
    wait_until("every daemon to find all of it valid", lambda: results(site) == {"Valid"})


def results(site: Site) -> set[str]:
    """What the daemons say of their configuration."""
    states = site.read("configurationstates", "-n", site.namespace)
    return {state.get("status", {}).get("result", "") for state in states}

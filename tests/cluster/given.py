"""Objects a test needs: small builders, and their owner, who takes them away again."""

import json

from lab.units import Order, order

NAMESPACE = "metallb-system"
PORT = 5000
ROUTER_ASN, NODE_ASN = 64500, 64501


def custom(kind, name, version="v1beta1", **spec):
    """A custom resource of Ferrite's namespace."""
    return {
        "apiVersion": f"metallb.io/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def pool(name, *addresses, **spec):
    """A pool; no Service gets its addresses that does not ask for it, so that tests do not meet."""
    return custom("IPAddressPool", name, addresses=list(addresses), **{"autoAssign": False} | spec)


def layer2(name, *pools, **spec):
    """A layer-2 advertisement of the pools."""
    return custom("L2Advertisement", name, ipAddressPools=list(pools), **spec)


def bgp(name, *pools, **spec):
    """A BGP advertisement of the pools."""
    return custom("BGPAdvertisement", name, ipAddressPools=list(pools), **spec)


def peer(name, address, version="v1beta2", **spec):
    """The router as a peer."""
    asns = {"myASN": NODE_ASN, "peerASN": ROUTER_ASN}
    return custom("BGPPeer", name, version, peerAddress=address, **asns | spec)


def service(name, pool_name=None, annotations=None, **spec):
    """A LoadBalancer Service without a selector; its EndpointSlices come from `Given.app`."""
    notes = {"metallb.io/address-pool": pool_name} if pool_name else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default", "annotations": notes | (annotations or {})},
        "spec": {"type": "LoadBalancer", "ports": [{"port": PORT}]} | spec,
    }


SIX = {"ipFamilies": ["IPv6"]}
DUAL = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}


class Given:
    """What one test or module made in the cluster; `end` takes it away, last made first."""

    def __init__(self, cluster):
        self.cluster = cluster
        self._made = []
        self._apps = []

    def apply(self, *objects):
        """Apply manifests and remember them."""
        self._made += [
            (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]) for item in objects
        ]
        self.cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def app(self, name, text="hello", nodes=None):
        """Pods behind the Service `name`, on all nodes unless told; called again, they move."""
        if name not in self._apps:
            self._apps.append(name)
            self._made += [("EndpointSlice", "default", f"{name}-v{family}") for family in "46"]
        self.cluster.do(self.cluster.lab.add_app(name, text, PORT, nodes))

    def delete(self, kind, name, namespace="default"):
        """Delete one object now."""
        self._made = [one for one in self._made if one != (kind, namespace, name)]
        self.cluster.kubectl("delete", kind, name, "-n", namespace, "--ignore-not-found")

    def end(self):
        """Take everything away."""
        groups = {}
        for kind, namespace, name in reversed(self._made):
            groups.setdefault((namespace, kind), []).append(name)
        for (namespace, kind), names in groups.items():
            self.cluster.kubectl("delete", kind, *names, "-n", namespace, "--ignore-not-found", check=False)
        for name in self._apps:
            self.cluster.do(_forget(self.cluster.lab, f"app-default.{name}-on-"))


async def _forget(lab, prefix):
    for unit in await lab.units():
        if unit.name.startswith(prefix):
            await order(lab.state.control_socket, Order(verb="forget", name=unit.name))

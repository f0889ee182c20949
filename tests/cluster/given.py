"""What a test makes in the lab's cluster: manifests, and pods without a kubelet."""

from e2e.given import Given as Made
from e2e.manifests import PORT
from lab.units import Order, order


class Given(Made):
    """What one test or module made in the cluster and on its nodes."""

    def __init__(self, cluster):
        super().__init__(cluster)
        self._lab = cluster.lab
        self._do = cluster.do
        self._apps = []

    def app(self, name, text="hello", nodes=None):
        """Pods behind the Service `name`, on all nodes unless told; called again, they move."""
        if name not in self._apps:
            self._apps.append(name)
            for family in "46":
                metadata = {"name": f"{name}-v{family}", "namespace": "default"}
                self.remember({"kind": "EndpointSlice", "metadata": metadata})
        self._do(self._lab.add_app(name, text, PORT, nodes))

    def end(self):
        """Take everything away."""
        super().end()
        for name in self._apps:
            self._do(_forget(self._lab, f"app-default.{name}-on-"))


async def _forget(lab, prefix):
    for unit in await lab.units():
        if unit.name.startswith(prefix):
            await order(lab.state.control_socket, Order(verb="forget", name=unit.name))

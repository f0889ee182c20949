from ipaddress import ip_address

import pytest

from ferrite.net import NodeName
from speaker.app import _live_nodes
from speaker.members.mesh import Mesh, MeshSettings, Waiting

ME = NodeName("node-a")


@pytest.mark.parametrize(
    ("bind", "waiting", "live"),
    [
        pytest.param(None, None, None, id="off-counts-every-node"),
        pytest.param(ip_address("192.0.2.1"), None, {ME}, id="on"),
        pytest.param(ip_address("192.0.2.1"), Waiting.KEY, set(), id="without-a-key-nobody"),
    ],
)
def test_who_counts_as_alive(bind, waiting, live):
    mesh = Mesh(MeshSettings(ME, bind, lambda: b""), lambda: 0.0)
    mesh.waiting_for = waiting
    assert _live_nodes(mesh) == live

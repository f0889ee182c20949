"""Killed, stopped and ended programs, one at a time: it heals, the others go on, no address changes."""

import signal
import time

import msgspec
import pytest

from e2e.manifests import DUAL, SIX, bgp, layer2, pool, service
from e2e.patience import wait_until
from lab.daemons import HEALTH_PORT, METRICS_PORT, DaemonOptions, daemon_units
from lab.probe import watch_address
from lab.state import address4, address6
from lab.units import Order, order

LAYER2, LAYER2_SIX, BGP = "heal-l2", "heal-l2-six", "heal-bgp"
SERVICES = {LAYER2: (LAYER2, {}), LAYER2_SIX: (LAYER2, SIX), BGP: (BGP, DUAL)}
"""Of which pool, and of which families."""
CLIENTS = {LAYER2: "client", LAYER2_SIX: "client", BGP: "remote"}
OUTAGE_SECONDS = 3.0
LEASE = "ferrite-controller"


@pytest.fixture(scope="module")
def served(ferrite, given_module, peers):
    """Services at layer 2 and over BGP that answer, of both families; name to addresses."""
    given_module.apply(
        pool(LAYER2, "192.168.1.243-192.168.1.244", "fd00:30::e0/124"),
        layer2(LAYER2, LAYER2),
        pool(BGP, "203.0.113.64/27", "fd00:113::40/124"),
        bgp(BGP, BGP),
    )
    for name, (offer, families) in SERVICES.items():
        given_module.app(name, name)
        given_module.apply(service(name, offer, **families))
    held = {name: wait_until("addresses", lambda n=name: ferrite.address(n)) for name in SERVICES}
    wait_until("everything to answer", lambda: all_answer(ferrite, held), 60.0)
    return held


def all_answer(cluster, held):
    for name, where in CLIENTS.items():
        for address in held[name].split():
            assert cluster.get(where, address) == name, f"{address} does not answer"
    four, six = held[BGP].split()
    assert cluster.hops(four) == {address4(node) for node in cluster.lab.node_names}
    assert cluster.hops(six) == {address6(node) for node in cluster.lab.node_names}
    return True


def healed(cluster, held, before, *, but):
    """Wait until `but` runs again, and all is as it was; nothing else was restarted."""
    wait_until(f"{but} to run again", lambda: running_again(cluster, before, but))
    wait_until("everything to answer", lambda: all_answer(cluster, held))
    assert {name: cluster.address(name) for name in held} == held
    after = cluster.units()
    assert after[but][1] == before[but][1] + 1
    assert {**after, but: before[but]} == before


def running_again(cluster, before, unit):
    process, restarts = cluster.units()[unit]
    return process is not None and restarts > before[unit][1]


def ready(cluster, where):
    url = f"http://127.0.0.1:{HEALTH_PORT}/readyz"
    return cluster.exec(where, "curl", "-sf", "-m", "1", url).returncode == 0


def announcer(cluster):
    return wait_until("one status", lambda: cluster.announcer(LAYER2))


def test_a_killed_controller(ferrite, given, served):
    before = ferrite.units()
    ferrite.kill("controller")
    healed(ferrite, served, before, but="controller")
    given.apply(service("heal-after-controller", LAYER2))
    wait_until("it to assign again", lambda: ferrite.address("heal-after-controller") == "192.168.1.244")


def test_a_killed_speaker_that_answers_at_layer_2(ferrite, given, served):
    before, node = ferrite.units(), announcer(ferrite)
    ferrite.kill(f"speaker-{node}")
    healed(ferrite, served, before, but=f"speaker-{node}")
    wait_until("the speaker to be ready", lambda: ready(ferrite, node))
    assert announcer(ferrite)


def test_a_killed_gobgpd(ferrite, served):
    before = ferrite.units()
    dropped = drops(ferrite, "node-2")
    ferrite.kill("gobgpd-node-2")
    wait_until("its session to end", lambda: drops(ferrite, "node-2") > dropped)
    healed(ferrite, served, before, but="gobgpd-node-2")


def drops(cluster, node):
    """How many sessions with a node the router has lost."""
    neighbor = address4(node)
    return cluster.ask_router(f"show bgp neighbors {neighbor}")[neighbor]["connectionsDropped"]


def test_an_ended_speaker_hands_over(ferrite, served):
    before, node = ferrite.units(), announcer(ferrite)

    async def end():
        await ferrite.lab.unit(f"speaker-{node}").kill(signal.SIGTERM)

    gap = ferrite.do(watch_address(ferrite.lab, served[LAYER2].split()[0], end))
    assert gap is not None
    assert gap < 1.0
    healed(ferrite, served, before, but=f"speaker-{node}")
    assert '"signal":"SIGTERM"' in ferrite.log(f"speaker-{node}")
    wait_until("the speaker to be ready", lambda: ready(ferrite, node))


def holder(cluster):
    lease = cluster.read("lease", LEASE, "-n", cluster.namespace)
    return lease["spec"].get("holderIdentity", "")


@pytest.fixture
def second_controller(ferrite):
    """A second replica that follows the first."""
    [first] = [unit for unit in _units(ferrite) if unit.name == "controller"]
    ports = (
        f"--port={METRICS_PORT + 1}",
        f"--health-probe-port={HEALTH_PORT + 1}",
        "--pod-name=controller-1",
    )
    unit = msgspec.structs.replace(first, name="controller-second", argv=(*first.argv, *ports))
    ferrite.do(ferrite.lab.start_unit(unit))
    url = f"http://127.0.0.1:{HEALTH_PORT + 1}/readyz"
    wait_until("the second", lambda: ferrite.exec("cp", "curl", "-sf", "-m", "1", url).returncode == 0)
    yield unit.name
    ferrite.do(order(ferrite.lab.state.control_socket, Order(verb="forget", name=unit.name)))
    wait_until("the first to lead", lambda: holder(ferrite).startswith("controller-0"))


def test_a_stopped_controller_loses_its_lease_and_does_not_act_when_it_wakes(
    ferrite, given, served, second_controller
):
    before = ferrite.units()
    assert holder(ferrite).startswith("controller-0")
    ferrite.kill("controller", signal.SIGSTOP)
    try:
        given.apply(service("heal-by-second", LAYER2))
        wait_until("the second to assign", lambda: ferrite.address("heal-by-second") == "192.168.1.244")
        assert holder(ferrite).startswith("controller-1")
        given.delete("Service", "heal-by-second")
        given.apply(service("heal-for-second", LAYER2))
        wait_until("the same address", lambda: ferrite.address("heal-for-second") == "192.168.1.244")
    finally:
        ferrite.kill("controller", signal.SIGCONT)
    given.apply(service("heal-too-many", LAYER2))
    text = 'Failed to allocate IP for "default/heal-too-many": no available IPs in pool heal-l2'
    wait_until("the refusal", lambda: text in " ".join(ferrite.events("heal-too-many", "AllocationFailed")))
    assert holder(ferrite).startswith("controller-1")
    assert ferrite.address("heal-for-second") == "192.168.1.244"
    assert ferrite.units() == before  # nobody was restarted
    assert all_answer(ferrite, served)


def test_a_dead_api_server_stops_no_traffic(ferrite, given, served):
    before, answers = ferrite.units(), []
    ferrite.kill("kube-apiserver")
    ferrite.do(ferrite.lab.unit("kube-apiserver").stop())
    limit = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < limit:
        answers.append(all_answer(ferrite, served))
    ferrite.do(ferrite.lab.unit("kube-apiserver").start())
    wait_until("the API server", lambda: ferrite.kubectl("get", "--raw", "/readyz").stdout == "ok")
    assert all(answers)

    given.apply(service("heal-after-api", LAYER2))
    given.app("heal-after-api", "again")
    address = wait_until("an address", lambda: ferrite.address("heal-after-api"))
    wait_until("it to answer", lambda: ferrite.get("client", address) == "again")
    assert all_answer(ferrite, served)
    assert {name: ferrite.address(name) for name in served} == served
    for name, (process, _) in ferrite.units().items():
        if name.startswith(("speaker", "gobgpd", "controller")) and name in before:
            assert process == before[name][0], f"{name} was restarted"


def _units(cluster):
    return daemon_units(cluster.lab.state, DaemonOptions(), cluster.lab.node_names)

"""What a decision leads to: answers, routes, statuses, reports, Events and metrics."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ferrite.kube.kinds import SERVICES
from ferrite.kube.world import World
from ferrite.kube.writes import Events
from ferrite.model import (
    BFDProfile,
    BGPAdvertisement,
    Config,
    L2Advertisement,
    NodeView,
    Peer,
    Pool,
    Problem,
    Scope,
    ServiceView,
    Snapshot,
)
from ferrite.net import NodeName, parse_range
from ferrite.run.latest import Latest
from speaker.announce import Announce, Silence, StaySilent
from speaker.bgp.keep import BgpReport
from speaker.bgp.router import BfdState, Messages, PeerState, SessionState
from speaker.l2.links import Links
from speaker.l2.responder import Responder
from speaker.members.mesh import Mesh, MeshSettings
from speaker.metrics import Announced
from speaker.outlets import Gate, Outlets, sessions_of, state_of
from speaker.picture import Picture, Rules
from speaker.reconcile import Outcome, Reconciler
from tests.speaker.objects import service

ME, OTHER = NodeName("node-a"), NodeName("node-b")
WEB = "default/web"
V4 = ip_address("192.0.2.1")
POOL = Pool("blue", (parse_range("192.0.2.0/24"),))
BOTH = Config(
    pools=(POOL,),
    l2_advertisements=(L2Advertisement("l2", Scope(frozenset({"blue"}))),),
    bgp_advertisements=(BGPAdvertisement("bgp", Scope(frozenset({"blue"}))),),
    peers=(Peer("tor", 64512, 64513, address=ip_address("10.0.0.1")),),
)
VIEW = ServiceView(key=WEB, is_load_balancer=True, addresses=(V4,), assigned=True, has_endpoints=True)


class KnownServices(World):
    """A world that shows one Service."""

    def objects(self, kind: Any) -> Any:
        return {WEB: service(WEB, str(V4))} if kind == SERVICES else {}


@dataclass
class Recorded(Events):
    """Events as they are recorded."""

    told: list[tuple[str, str]] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)

    def record(self, regarding: Any, kind: Any, type: Any, reason: str, message: str) -> None:  # noqa: A002
        self.told.append((reason, message))

    def outdate(self, regarding: Any, kind: Any) -> None:
        self.outdated.append(regarding.key)


def outlets() -> Outlets:
    """Real parts that were never started: nothing here opens a socket."""
    mesh = Mesh(MeshSettings(ME, None, None), lambda: 0.0)
    gate = Gate(mesh)
    responder = Responder(Links(lambda _: False), gate)
    return Outlets(ME, KnownServices(()), Recorded(), responder, mesh, gate)


def outcome(config: Config = BOTH, views: tuple[ServiceView, ...] = (VIEW,), **parts: Any) -> Outcome:
    nodes = {
        name: NodeView(name, addresses=(ip_address(f"10.0.0.1{at}"),)) for at, name in enumerate((ME, OTHER))
    }
    snapshot = Snapshot(config, {view.key: view for view in views}, nodes, frozenset(nodes))
    decisions = {view.key: Announce(view.addresses, None) for view in views}
    addresses = {address: None for view in views for address in view.addresses}
    return Outcome(snapshot, **({"announced": addresses, "decisions": decisions} | parts))


async def test_an_address_is_answered_for_at_once():
    parts = outlets()
    parts.act(outcome(announced={V4: frozenset({"eth1"})}))
    assert parts.responder.counters().keys() == {V4}
    parts.act(outcome(announced={}))
    assert not parts.responder.counters()


async def test_members_learn_which_nodes_there_are():
    parts = outlets()
    parts.act(outcome())
    assert parts.mesh.live_nodes == {ME, OTHER}


async def test_routes_go_to_the_engine_with_their_peers():
    parts = outlets()
    parts.act(outcome())
    wanted = parts.routing.value
    assert wanted is not None
    assert wanted.engine is not None
    assert [peer.name for peer in wanted.peers] == ["tor"]
    assert wanted.routes["tor"].keys() == {ip_network("192.0.2.1/32")}


async def test_a_node_that_is_not_there_yet_has_no_peers():
    parts, made = outlets(), outcome()
    parts.act(replace(made, snapshot=replace(made.snapshot, nodes={})))
    assert parts.routing.value is not None
    assert parts.routing.value.peers == ()
    assert parts.routing.value.engine is None


async def test_statuses_say_who_answers_on_what_and_to_which_peers():
    parts = outlets()
    parts.act(outcome(decisions={WEB: Announce((V4,), frozenset({"eth1", "eth0"}))}))
    wanted = parts.statuses.value
    assert wanted is not None
    assert wanted.interfaces == {WEB: ("eth0", "eth1")}
    assert wanted.peers == {WEB: ("tor",)}
    assert wanted.live_nodes == {ME, OTHER}


async def test_a_silent_service_has_no_layer_2_status():
    parts = outlets()
    parts.act(outcome(decisions={WEB: StaySilent(Silence.NOT_ELECTED)}))
    assert parts.statuses.value is not None
    assert parts.statuses.value.interfaces == {}


async def test_a_report_names_each_object_that_does_not_count():
    parts = outlets()
    parts.act(
        outcome(
            problems=(
                Problem("IPAddressPool", "blue", "wrong"),
                Problem("Community", "alias", "unknown"),
                Problem("BGPPeer", "tor", "has no effect", fatal=False),
            )
        )
    )
    assert parts.report.value is not None
    assert parts.report.value.objects == ("Community alias: unknown", "IPAddressPool blue: wrong")
    parts.act(outcome())
    assert parts.report.value.objects == ()


async def test_a_report_names_each_peer_that_the_engine_refuses():
    parts, refused = outlets(), (Problem("BGPPeer", "tor", "peer tor: no such interface"),)
    parts.take_refused(refused)
    assert parts.report.value is None
    parts.act(outcome())
    assert parts.report.value is not None
    assert parts.report.value.objects == ("BGPPeer tor: peer tor: no such interface",)
    parts.take_refused(())
    assert parts.report.value.objects == ()
    parts.take_refused(refused)
    assert parts.report.value.objects == ("BGPPeer tor: peer tor: no such interface",)


async def test_bgp_is_told_when_it_begins_and_logged_when_it_ends(caplog):
    caplog.set_level("INFO")
    parts = outlets()
    parts.act(outcome())
    parts.act(outcome())
    assert parts.events.told == [("nodeAssigned", 'announcing from node "node-a" with protocol "bgp"')]
    parts.act(outcome(views=(replace(VIEW, has_endpoints=False),)))
    assert parts.events.outdated == [VIEW.key]
    parts.act(outcome())
    parts.act(outcome(views=()))
    assert [(each.message, each.__dict__.get("reason")) for each in caplog.records] == [
        ("service announced", None),
        ("service withdrawn", "noEndpoints"),
        ("service announced", None),
        ("service withdrawn", "serviceDeleted"),
    ]


async def test_fields_without_effect_are_told_once(caplog):
    caplog.set_level("WARNING")
    slow = BFDProfile("slow", unsupported=("echoMode",))
    config = replace(BOTH, peers=(replace(BOTH.peers[0], bfd=slow),))
    parts = outlets()
    parts.act(outcome(config))
    parts.act(outcome(config))
    assert [each.message for each in caplog.records] == ["field has no effect"]
    assert "echoMode" in caplog.records[0].__dict__["problem"]


async def test_what_is_announced_is_counted_by_protocol():
    parts = outlets()
    assert parts.announced() == ()
    parts.act(outcome())
    assert parts.announced() == (Announced(WEB, "layer2", V4), Announced(WEB, "bgp", V4))
    parts.act(outcome(replace(BOTH, peers=()), decisions={WEB: StaySilent(Silence.NOT_ELECTED)}))
    assert parts.announced() == ()


@pytest.mark.parametrize(
    ("session", "up"), [(SessionState.ESTABLISHED, True), (SessionState.OPEN_CONFIRM, False)]
)
def test_a_session_is_up_when_it_is_established(session, up):
    (counts,) = sessions_of([PeerState("tor", "10.0.0.1:179", session)])
    assert (counts.peer, counts.vrf, counts.up, counts.bfd) == ("10.0.0.1:179", "", up, None)


def test_sessions_in_the_words_of_the_compatible_metrics():
    state = PeerState(
        "tor",
        "10.0.0.1:179",
        announced=1,
        received=2,
        sent_messages=Messages(3, 4, 5, 6, 7, 8),
        received_messages=Messages(9, 10, 11, 12, 13, 14),
        bfd=BfdState(up=True, downs=15, packets_sent=16, packets_received=17),
    )
    (counts,) = sessions_of([state])
    assert counts.values == {
        "announced_prefixes_total": 1,
        "received_prefixes_total": 2,
        "opens_sent": 3,
        "notifications_sent": 4,
        "updates_total": 5,
        "keepalives_sent": 6,
        "route_refresh_sent": 7,
        "total_sent": 8,
        "opens_received": 9,
        "updates_total_received": 11,
        "keepalives_received": 12,
        "total_received": 14,
    }
    assert counts.bfd == {
        "session_up": 1,
        "session_down_events": 15,
        "control_packet_output": 16,
        "control_packet_input": 17,
    }


async def test_the_state_for_metrics():
    parts, latest = outlets(), Latest[BgpReport]()
    reconciler = Reconciler(parts.world, Picture(Rules(ME)), parts.events, "mine")
    before = state_of(parts, latest, reconciler)
    assert (before.loaded, before.stale, before.announced, before.sessions) == (False, False, (), ())
    parts.act(outcome())
    reconciler.turns, reconciler.errors = 4, 1
    reconciler.problems = (Problem("IPAddressPool", "bad", "wrong"),)
    tor = PeerState("tor", "10.0.0.1:179", flaps=5)
    latest.set(BgpReport(sessions=(tor,), turns=6, failures=1, drifts=2, replays=3))
    after = state_of(parts, latest, reconciler)
    assert (after.node, after.turns, after.errors, after.loaded, after.stale) == (ME, 4, 1, True, True)
    assert after.live_nodes == 2
    assert after.layer2.keys() == {V4}
    assert [(session.peer, session.flaps) for session in after.sessions] == [("10.0.0.1:179", 5)]
    assert after.bgp == {"turns": 6, "failures": 1, "drifts": 2, "replays": 3}
    assert after.bgp_synced
    latest.set(BgpReport(turns=7, refused=(Problem("BGPPeer", "tor", "peer tor: no such interface"),)))
    assert not state_of(parts, latest, reconciler).bgp_synced
    reconciler.problems = (Problem("BGPPeer", "tor", "has no effect", fatal=False),)
    assert not state_of(parts, latest, reconciler).stale


async def published(parts: Outlets) -> list[str]:
    """What was published since this was last asked."""
    found = []
    for name in ("routing", "statuses", "report"):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await getattr(parts, name).changed()
                found.append(name)
    return found


async def test_only_what_differs_is_published():
    parts = outlets()
    parts.act(outcome())
    assert await published(parts) == ["routing", "statuses", "report"]
    parts.act(outcome())  # a resync
    assert await published(parts) == []
    parts.act(outcome(problems=(Problem("Community", "alias", "unknown"),)))
    assert await published(parts) == ["report"]
    parts.act(outcome(decisions={}))
    assert await published(parts) == ["statuses", "report"]


async def test_the_very_same_outcome_needs_nothing_done():
    parts, made = outlets(), outcome()
    parts.act(made)
    parts.responder.apply({})
    parts.act(made)
    assert not parts.responder.counters()
    parts.act(outcome())  # a resync gives back what somebody else took away
    assert parts.responder.counters().keys() == {V4}


async def test_the_very_same_outcome_opens_the_gate_after_membership_did():
    parts, made = outlets(), outcome()
    parts.act(made)
    parts.mesh.openings += 1
    parts.act(made)
    assert parts.gate.decided == parts.mesh.openings


class TurningMesh:
    """Membership whose word changes."""

    is_on = True

    def __init__(self) -> None:
        self.openings, self.now_fresh = 0, False

    def fresh(self) -> bool:
        return self.now_fresh


def test_the_gate_opens_only_once_a_decision_was_made_since():
    mesh = TurningMesh()
    gate = Gate(mesh)
    assert not gate()
    mesh.openings, mesh.now_fresh = 1, True
    assert not gate()  # what was decided before may be another's
    gate.decided = 1
    assert gate()
    mesh.now_fresh = False
    assert not gate()
    mesh.openings, mesh.now_fresh = 2, True
    assert not gate()

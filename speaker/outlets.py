"""What a decision leads to: answers on the links, routes, statuses, reports and metrics."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ferrite.kube.kinds import SERVICES
from ferrite.kube.world import World
from ferrite.kube.writes import ConfigurationReport, Events
from ferrite.model import Problem
from ferrite.net import NodeName
from ferrite.run.latest import Latest
from speaker.announce import Announce
from speaker.bgp.keep import BgpReport
from speaker.bgp.peers import WantedPeers, wanted_peers
from speaker.bgp.router import PeerState, SessionState, Wanted as WantedRouting
from speaker.bgp.routes import WantedRoutes, wanted_routes
from speaker.l2.answers import Announce as Answer
from speaker.l2.responder import Responder
from speaker.members.mesh import Mesh
from speaker.metrics import Announced, L2Counts, SessionCounts, State
from speaker.reconcile import Outcome, Reconciler, tell_announced, tell_withdrawn
from speaker.status import Wanted as WantedStatus

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Gate:
    """Whether this node may answer at layer 2; asked for every packet.

    Only while membership says so, and only once a decision was made since it does: what was decided while
    this node was cut off, or alone at its start, may be another's by now.
    """

    mesh: Mesh
    decided: int = 0

    def __call__(self) -> bool:
        """Whether it may, now."""
        return self.mesh.fresh() and (not self.mesh.is_on or 0 < self.mesh.openings == self.decided)


@dataclass(slots=True)
class Outlets:
    """Hands a decision on to those who act on it; they come to it in their own time.

    Attributes:
        routing, statuses, report: what the BGP loop, the status writer and the reporter read.
    """

    me: NodeName
    world: World
    events: Events
    responder: Responder
    mesh: Mesh
    gate: Gate
    routing: Latest[WantedRouting] = field(default_factory=Latest)
    statuses: Latest[WantedStatus] = field(default_factory=Latest)
    report: Latest[ConfigurationReport] = field(default_factory=Latest)
    outcome: Outcome | None = None
    routes: WantedRoutes = field(default_factory=WantedRoutes)
    limits: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()

    def act(self, outcome: Outcome) -> None:
        """Answer at once, and publish the rest; the outcome of the turn before needs nothing done."""
        if outcome is self.outcome and self.gate.decided == self.mesh.openings:
            return
        snapshot = outcome.snapshot
        self.mesh.set_nodes({name: node.addresses for name, node in snapshot.nodes.items()})
        self.responder.apply(
            {address: Answer(interfaces) for address, interfaces in outcome.announced.items()}
        )
        if self.gate.decided != self.mesh.openings:
            self.gate.decided = self.mesh.openings
            self.responder.announce_again()
        here = snapshot.nodes.get(self.me)
        peers = wanted_peers(snapshot.config, here) if here is not None else WantedPeers()
        before, self.routes = self.routes, wanted_routes(snapshot, self.me)
        self.routing.change(WantedRouting(peers.engine, peers.peers, self.routes.routes))
        self.statuses.change(WantedStatus(_interfaces(outcome), self.routes.announced, snapshot.live_nodes))
        self._tell_limits(peers)
        self.outcome = outcome
        self._report(outcome)
        self._tell(before.announced, self.routes)

    def take_refused(self, peers: tuple[Problem, ...]) -> None:
        """Report which peers the BGP engine refuses."""
        self.refused = peers
        if self.outcome is not None:
            self._report(self.outcome)

    def _report(self, outcome: Outcome) -> None:
        self.report.change(ConfigurationReport.of((*outcome.problems, *self.refused)))

    def _tell(self, before: Mapping[str, tuple[str, ...]], after: WantedRoutes) -> None:
        """Log what BGP announces and withdraws, and tell the Services' users."""
        for key in after.announced.keys() - before.keys():
            log.info("service announced", extra={"service": key, "protocol": "bgp"})
            tell_announced(self.events, self.world.objects(SERVICES).get(key), self.me, "bgp")
        for key in before.keys() - after.announced.keys():
            silence = after.silent.get(key)
            reason = silence.value if silence is not None else "serviceDeleted"
            tell_withdrawn(self.events, self.world.objects(SERVICES).get(key), key, reason, "bgp")

    def _tell_limits(self, peers: WantedPeers) -> None:
        """Log, on change, which fields of peers have no effect."""
        if peers.problems != self.limits:
            for problem in peers.problems:
                log.warning("field has no effect", extra={"object": problem.name, "problem": problem.text})
        self.limits = peers.problems

    def announced(self) -> tuple[Announced, ...]:
        """Every address that is announced here now, for metrics."""
        if self.outcome is None:
            return ()
        services = self.outcome.snapshot.services
        layer2 = [
            Announced(key, "layer2", address)
            for key, decision in self.outcome.decisions.items()
            if isinstance(decision, Announce)
            for address in decision.addresses
        ]
        bgp = [
            Announced(key, "bgp", address)
            for key, peers in self.routes.announced.items()
            if peers and key in services
            for address in services[key].addresses
        ]
        return (*layer2, *bgp)


def _interfaces(outcome: Outcome) -> dict[str, tuple[str, ...]]:
    return {
        key: tuple(sorted(decision.interfaces or ()))
        for key, decision in outcome.decisions.items()
        if isinstance(decision, Announce)
    }


def sessions_of(states: Iterable[PeerState]) -> tuple[SessionCounts, ...]:
    """BGP sessions in the words of the compatible metrics."""
    return tuple(
        SessionCounts(
            peer=state.neighbor,
            vrf="",
            up=state.session is SessionState.ESTABLISHED,
            flaps=state.flaps,
            values={
                "announced_prefixes_total": state.announced,
                "received_prefixes_total": state.received,
                "opens_sent": state.sent_messages.opens,
                "opens_received": state.received_messages.opens,
                "notifications_sent": state.sent_messages.notifications,
                "updates_total": state.sent_messages.updates,
                "updates_total_received": state.received_messages.updates,
                "keepalives_sent": state.sent_messages.keepalives,
                "keepalives_received": state.received_messages.keepalives,
                "route_refresh_sent": state.sent_messages.route_refreshes,
                "total_sent": state.sent_messages.total,
                "total_received": state.received_messages.total,
            },
            bfd=_bfd(state),
        )
        for state in states
    )


def _bfd(state: PeerState) -> dict[str, int] | None:
    if state.bfd is None:
        return None
    return {
        "session_up": int(state.bfd.up),
        "control_packet_input": state.bfd.packets_received,
        "control_packet_output": state.bfd.packets_sent,
        "session_down_events": state.bfd.downs,
    }


def state_of(outlets: Outlets, latest: Latest[BgpReport], reconciler: Reconciler) -> State:
    """What Prometheus sees of this speaker now."""
    bgp = latest.value or BgpReport()
    return State(
        node=outlets.me,
        announced=outlets.announced(),
        layer2={
            address: L2Counts(counts.requests_received, counts.responses_sent, counts.gratuitous_sent)
            for address, counts in outlets.responder.counters().items()
        },
        sessions=sessions_of(bgp.sessions),
        turns=reconciler.turns,
        errors=reconciler.errors,
        loaded=outlets.outcome is not None,
        stale=any(problem.fatal for problem in reconciler.problems),
        live_nodes=len(outlets.mesh.live_nodes),
        refused_heartbeats={reason.value: count for reason, count in outlets.mesh.refused.items()},
        ignored_packets={reason.value: count for reason, count in outlets.responder.refused.items()},
        bgp={
            "turns": bgp.turns,
            "failures": bgp.failures,
            "drifts": bgp.drifts,
            "replays": bgp.replays,
        },
        bgp_synced=bgp.is_synced,
    )

"""Our values to GoBGP's messages and back; nothing here talks to anybody.

Enums and conventions are those of GoBGP v4's API. Messages hold what a hostile or newer engine may say, so
what cannot be read is left out, never guessed.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network

from ferrite.model import Community
from ferrite.net import Family, IPAddress, Prefix, family_of
from speaker.bgp.pb import gobgp_pb2 as pb
from speaker.bgp.peers import DEFERRAL_SECONDS, RESTART_SECONDS, Bfd, GlobalSettings, PeerSettings, Timers
from speaker.bgp.router import BfdState, Messages, PeerState, PresentPeer, SessionState
from speaker.bgp.routes import Route

TABLE_VRF = 5
UNICAST = 1
IMPORT = 1
ACCEPT, REJECT = 1, 2
ROUTE_TYPE_LOCAL = 3
BFD_UP = 1
ORIGIN_IGP = 0
ROUTE_TARGET = 2
MICROSECONDS = 1000
GUARD_POLICY = "ferrite-only-own-routes"
DESCRIPTION = "ferrite "
LISTEN_NOWHERE = -1
_AFI = {Family.IPV4: 1, Family.IPV6: 2}
_UNSPECIFIED = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}
_STATES = dict(enumerate(SessionState, start=1))


def family_message(family: Family) -> pb.Family:
    """Unicast of that family."""
    return pb.Family(afi=_AFI[family], safi=UNICAST)


def start_message(engine: GlobalSettings) -> pb.StartBgpRequest:
    """The engine's identity; it listens nowhere."""
    known = pb.Global(asn=engine.asn, router_id=engine.router_id, listen_port=LISTEN_NOWHERE)
    return pb.StartBgpRequest(**{"global": known})


def engine_of(message: pb.GetBgpResponse) -> GlobalSettings | None:
    """Who the engine is; None when it was not told yet."""
    known = getattr(message, "global")
    return GlobalSettings(known.asn, known.router_id) if known.asn else None


def guard_policy_message() -> pb.Policy:
    """Take our own routes only: the import policy applies to them too, so they are accepted by name."""
    statement = pb.Statement(
        name=GUARD_POLICY,
        conditions=pb.Conditions(route_type=ROUTE_TYPE_LOCAL),
        actions=pb.Actions(route_action=ACCEPT),
    )
    return pb.Policy(name=GUARD_POLICY, statements=[statement])


def guard_message() -> pb.SetPolicyAssignmentRequest:
    """Everything else that comes in is refused."""
    assignment = pb.PolicyAssignment(
        name="global", direction=IMPORT, policies=[pb.Policy(name=GUARD_POLICY)], default_action=REJECT
    )
    return pb.SetPolicyAssignmentRequest(assignment=assignment)


def is_guard(assignment: pb.PolicyAssignment) -> bool:
    """Whether an assignment is the one of `guard_message`."""
    names = [policy.name for policy in assignment.policies]
    return names == [GUARD_POLICY] and assignment.default_action == REJECT


def vrf_message(name: str, number: int) -> pb.AddVrfRequest:
    """A peer's own table; its route distinguisher and target never reach the peer."""
    target = pb.RouteTarget(
        two_octet_as_specific=pb.TwoOctetAsSpecificExtended(
            is_transitive=True, sub_type=ROUTE_TARGET, asn=1, local_admin=number
        )
    )
    distinguisher = pb.RouteDistinguisher(
        two_octet_asn=pb.RouteDistinguisherTwoOctetASN(admin=1, assigned=number)
    )
    return pb.AddVrfRequest(
        vrf=pb.Vrf(name=name, id=number, rd=distinguisher, import_rt=[target], export_rt=[target])
    )


def peer_message(peer: PeerSettings, *, restarting: bool = False) -> pb.Peer:
    """A peer with every default written out.

    Args:
        peer: as wanted.
        restarting: the engine died and the peer may hold our routes as stale (RFC 4724 section 4.1).
    """
    session = peer.session
    return pb.Peer(
        conf=pb.PeerConf(
            auth_password=session.password,
            description=DESCRIPTION + session.fingerprint,
            local_asn=session.local_asn,
            neighbor_address=session.address,
            neighbor_interface=session.interface,
            peer_asn=session.peer_asn,
            vrf=peer.name,
        ),
        ebgp_multihop=pb.EbgpMultihop(enabled=session.multihop_ttl > 0, multihop_ttl=session.multihop_ttl),
        timers=pb.Timers(config=_timers_message(peer.timers)),
        transport=pb.Transport(
            local_address=session.source_address,
            remote_port=session.port,
            bind_interface=session.bind_interface,
        ),
        graceful_restart=_graceful_restart(session.graceful_restart, restarting=restarting),
        afi_safis=[_afi_safi(family, session.graceful_restart) for family in session.families],
        bfd=_bfd_message(peer.bfd),
    )


def _timers_message(timers: Timers) -> pb.TimersConfig:
    return pb.TimersConfig(
        connect_retry=timers.connect,
        hold_time=timers.hold,
        keepalive_interval=timers.keepalive,
        idle_hold_time_after_reset=timers.idle_after_reset,
    )


def _graceful_restart(enabled: bool, *, restarting: bool) -> pb.GracefulRestart | None:
    if not enabled:
        return None
    return pb.GracefulRestart(
        enabled=True,
        restart_time=RESTART_SECONDS,
        deferral_time=DEFERRAL_SECONDS,
        local_restarting=restarting,
    )


def _afi_safi(family: Family, graceful_restart: bool) -> pb.AfiSafi:
    return pb.AfiSafi(
        config=pb.AfiSafiConfig(family=family_message(family), enabled=True),
        mp_graceful_restart=pb.MpGracefulRestart(config=pb.MpGracefulRestartConfig(enabled=graceful_restart)),
    )


def _bfd_message(bfd: Bfd | None) -> pb.BfdPeerConfig | None:
    if bfd is None:
        return None
    return pb.BfdPeerConfig(
        enabled=True,
        desired_minimum_tx_interval=bfd.transmit_ms * MICROSECONDS,
        required_minimum_receive=bfd.receive_ms * MICROSECONDS,
        detection_multiplier=bfd.multiplier,
    )


def present_peer(message: pb.Peer) -> PresentPeer:
    """A peer as the engine has it; one that somebody else added has an empty fingerprint."""
    conf, config, bfd = message.conf, message.timers.config, message.bfd
    ours = conf.description.startswith(DESCRIPTION)
    return PresentPeer(
        fingerprint=conf.description.removeprefix(DESCRIPTION) if ours else "",
        address=conf.neighbor_address,
        interface=conf.neighbor_interface,
        timers=Timers(
            hold=config.hold_time,
            keepalive=config.keepalive_interval,
            connect=config.connect_retry,
            idle_after_reset=config.idle_hold_time_after_reset,
        ),
        bfd=Bfd(
            receive_ms=bfd.required_minimum_receive // MICROSECONDS,
            transmit_ms=bfd.desired_minimum_tx_interval // MICROSECONDS,
            multiplier=bfd.detection_multiplier,
        )
        if bfd.enabled
        else None,
    )


def neighbor_of(message: pb.Peer) -> str:
    """The peer's interface, else its address: what tells peers apart in the engine."""
    return message.conf.neighbor_interface or message.conf.neighbor_address or message.state.neighbor_address


def peer_state(message: pb.Peer, last_error: str = "") -> PeerState:
    """How a session is."""
    state, families = message.state, [afi_safi.state for afi_safi in message.afi_safis]
    return PeerState(
        name=message.conf.vrf,
        neighbor=f"{neighbor_of(message)}:{message.transport.remote_port or 179}",
        session=_STATES.get(state.session_state, SessionState.IDLE),
        peer_asn=state.peer_asn or message.conf.peer_asn,
        last_error=last_error or _refusal_words(message),
        announced=sum(family.advertised for family in families),
        received=sum(family.received for family in families),
        sent_messages=_messages(state.messages.sent),
        received_messages=_messages(state.messages.received),
        bfd=BfdState(
            up=state.bfd_state.session_state == BFD_UP,
            downs=state.bfd_state.failure_transitions,
            packets_sent=state.bfd_state.bfd_async.transmitted_packets,
            packets_received=state.bfd_state.bfd_async.received_packets,
        )
        if message.bfd.enabled
        else None,
    )


def _messages(count: pb.Message) -> Messages:
    return Messages(count.open, count.notification, count.update, count.keepalive, count.refresh, count.total)


def path_message(prefix: Prefix, route: Route, *, withdraw: bool = False) -> pb.Path:
    """A route as a path; without a next hop the unspecified address, which the engine replaces by its own."""
    family = family_of(prefix)
    next_hop = str(route.next_hop) if route.next_hop is not None else _UNSPECIFIED[family]
    nlri = pb.NLRI(prefix=pb.IPAddressPrefix(prefix_len=prefix.prefixlen, prefix=str(prefix.network_address)))
    attributes = [pb.Attribute(origin=pb.OriginAttribute(origin=ORIGIN_IGP))]
    if family is Family.IPV4:
        attributes.append(pb.Attribute(next_hop=pb.NextHopAttribute(next_hop=next_hop)))
    else:
        reach = pb.MpReachNLRIAttribute(family=family_message(family), next_hops=[next_hop], nlris=[nlri])
        attributes.append(pb.Attribute(mp_reach=reach))
    if route.local_pref:
        attributes.append(pb.Attribute(local_pref=pb.LocalPrefAttribute(local_pref=route.local_pref)))
    attributes += _communities_message(route.communities)
    return pb.Path(nlri=nlri, pattrs=attributes, family=family_message(family), is_withdraw=withdraw)


def _communities_message(communities: Iterable[Community]) -> Iterable[pb.Attribute]:
    standard = [one.parts[0] << 16 | one.parts[1] for one in communities if not one.is_large]
    large = [
        pb.LargeCommunity(global_admin=one.parts[0], local_data1=one.parts[1], local_data2=one.parts[2])
        for one in communities
        if one.is_large
    ]
    if standard:
        yield pb.Attribute(communities=pb.CommunitiesAttribute(communities=standard))
    if large:
        yield pb.Attribute(large_communities=pb.LargeCommunitiesAttribute(communities=large))


def routes_of(destinations: Iterable[pb.Destination]) -> Mapping[Prefix, Route]:
    """The routes of a peer's table: those that we added, their route distinguisher cut off."""
    routes: dict[Prefix, Route] = {}
    for destination in destinations:
        own = [path for path in destination.paths if not _learned(path)]
        prefix = _prefix_of(destination.prefix)
        if own and prefix is not None:
            routes[prefix] = _route_of(own[0])
    return routes


def _learned(path: pb.Path) -> bool:
    return path.neighbor_ip not in ("", "<nil>", "invalid IP")


def _prefix_of(text: str) -> Prefix | None:
    """Read `1:2:192.0.2.1/32` or `1:2:2001:db8::1/128`: the distinguisher is the first two numbers."""
    try:
        return ip_network(text.split(":", 2)[2])
    except (IndexError, ValueError):
        return None


def _route_of(path: pb.Path) -> Route:
    communities: list[Community] = []
    local_pref, next_hop = 0, ""
    for attribute in path.pattrs:
        match attribute.WhichOneof("attr"):
            case "local_pref":
                local_pref = attribute.local_pref.local_pref
            case "next_hop":
                next_hop = attribute.next_hop.next_hop
            case "mp_reach" if attribute.mp_reach.next_hops:
                next_hop = attribute.mp_reach.next_hops[0]
            case "communities":
                communities += _standard(attribute.communities.communities)
            case "large_communities":
                communities += _large(attribute.large_communities.communities)
            case _:
                pass
    return Route(tuple(sorted(communities)), local_pref, _next_hop_of(next_hop))


def _standard(numbers: Iterable[int]) -> list[Community]:
    return [Community((number >> 16, number & 0xFFFF)) for number in numbers]


def _large(parts: Iterable[pb.LargeCommunity]) -> list[Community]:
    return [Community((one.global_admin, one.local_data1, one.local_data2)) for one in parts]


def _next_hop_of(text: str) -> IPAddress | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if address.is_unspecified else address


_REASONS = {
    1: "administratively down",
    2: "hold timer expired",
    3: "notification sent",
    4: "notification received",
    5: "read failed",
    6: "write failed",
    7: "idle timer expired",
    8: "restart timer expired",
    9: "graceful restart",
    10: "invalid message",
    11: "hard reset",
    12: "deconfigured",
    13: "wrong peer AS",
}


def _refusal_words(message: pb.Peer) -> str:
    """Why a session never came up, from its counters: the engine tells reasons of established ones only."""
    received, sent = message.state.messages.received, message.state.messages.sent
    if received.keepalive:
        return ""
    if received.notification:
        return "the peer refuses our OPEN"
    if received.open and sent.notification:
        asn = message.conf.peer_asn
        return "the peer's OPEN was refused" + (f": is its AS number {asn}?" if asn else "")
    return ""


def disconnect_words(state: pb.PeerState) -> str:
    """Why a session went down, in plain words."""
    reason = _REASONS.get(state.disconnect_reason, f"reason {state.disconnect_reason}")
    return f"{reason}: {state.disconnect_message}" if state.disconnect_message else reason

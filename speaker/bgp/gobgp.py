"""GoBGP v4 over its unix socket: reads what it has, applies differences, tells when it is gone.

One task owns a `GobgpRouter`. Every call has a time limit, and every failure is a `RouterError`.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from ferrite.errors import RouterError
from ferrite.net import Family, Prefix
from speaker.bgp import wire
from speaker.bgp.pb import gobgp_pb2 as pb
from speaker.bgp.peers import PeerSettings
from speaker.bgp.router import Changes, PeerState, RouterState
from speaker.bgp.routes import Route

log = logging.getLogger(__name__)

SERVICE = "/api.GoBgpService/"
CALL_SECONDS = 2.0
BULK_SECONDS = 30.0
"""For reading or writing whole tables: 10,000 routes take about a second."""
BATCH = 500
CHANNEL_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
)
BROKEN = (grpc.aio.AioRpcError, DecodeError)
SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
"""With these nothing was refused: the engine is away, hangs, or was left."""
Answer = TypeVar("Answer", bound=Message)


class Refused(RouterError):  # noqa: N818 - what the engine does
    """The engine answered, and does not do what it was asked."""


@asynccontextmanager
async def open_gobgp(socket: str) -> AsyncIterator["GobgpRouter"]:
    """Talk to the gobgpd that listens on `socket` (`unix:///...`); it need not be there yet."""
    async with grpc.aio.insecure_channel(socket, options=CHANNEL_OPTIONS) as channel:
        yield GobgpRouter(channel)


class GobgpRouter:
    """A `Router` over GoBGP.

    Attributes:
        restarting: it lost an engine with routes, so that peers with graceful restart may hold stale ones.
        last_errors: why a session went down last, by peer's address or interface.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.restarting = False
        self.had_peers = False
        self.last_errors: dict[str, str] = {}

    async def state(self) -> RouterState:
        """Read what the engine has.

        Raises:
            RouterError: it does not answer, or is not GoBGP v4.
        """
        engine = wire.engine_of(await self._call("GetBgp", pb.GetBgpRequest(), pb.GetBgpResponse))
        if engine is None:
            self.restarting, self.had_peers = self.restarting or self.had_peers, False
            return RouterState()
        vrfs = await self._read("ListVrf", pb.ListVrfRequest(), pb.ListVrfResponse)
        tables = {answer.vrf.name: answer.vrf.id for answer in vrfs}
        answers = await self._read("ListPeer", pb.ListPeerRequest(), pb.ListPeerResponse)
        peers = {
            answer.peer.conf.vrf or wire.neighbor_of(answer.peer): wire.present_peer(answer.peer)
            for answer in answers
        }
        self.had_peers = self.had_peers or bool(peers)
        request = pb.ListPolicyAssignmentRequest(name="global", direction=wire.IMPORT)
        assignments = await self._read("ListPolicyAssignment", request, pb.ListPolicyAssignmentResponse)
        guarded = any(wire.is_guard(answer.assignment) for answer in assignments)
        routes = {name: await self._routes(name) for name in tables}
        return RouterState(engine, tables, peers, routes, guarded)

    async def apply(self, changes: Changes) -> Mapping[str, str]:
        """Apply a difference: what goes first, then identity, tables, routes, and peers last.

        Returns:
            Why the engine refused what belongs to a peer, by the peer's name; the others are served all the
            same. Where there is one, read the state again.

        Raises:
            RouterError: the engine did not answer, or refused what belongs to all; read the state again.
        """
        refused: dict[str, str] = {}
        await self._remove(changes, refused)
        await self._prepare(changes)
        for name, number in changes.add_tables.items():
            await _guarded(refused, name, self._do("AddVrf", wire.vrf_message(name, number)))
        missing = changes.add_tables.keys() & refused.keys()
        for name in sorted((changes.set_routes.keys() | changes.withdraw.keys()) - missing):
            send = self._send(name, changes.set_routes.get(name, {}), changes.withdraw.get(name, ()))
            await _guarded(refused, name, send)
        for peer in changes.add_peers:
            if peer.name not in refused:
                await _guarded(refused, peer.name, self._add_peer(peer))
        for peer in changes.update_peers:
            await _guarded(refused, peer.name, self._update_peer(peer))
        self.restarting = False
        return refused

    async def _remove(self, changes: Changes, refused: dict[str, str]) -> None:
        for name, gone in changes.remove_peers.items():
            request = pb.DeletePeerRequest(address=gone.address, interface=gone.interface)
            await _guarded(refused, name, self._do("DeletePeer", request))
        for name in changes.remove_tables:
            if name not in refused:  # a table goes after its peer
                await _guarded(refused, name, self._do("DeleteVrf", pb.DeleteVrfRequest(name=name)))

    async def _update_peer(self, peer: PeerSettings) -> None:
        await self._do("UpdatePeer", pb.UpdatePeerRequest(peer=wire.peer_message(peer)))

    async def sessions(self) -> tuple[PeerState, ...]:
        """Read how the sessions are, with their counters."""
        request = pb.ListPeerRequest(enable_advertised=True)
        peers = [answer.peer for answer in await self._read("ListPeer", request, pb.ListPeerResponse)]
        known = {wire.neighbor_of(peer) for peer in peers}
        self.last_errors = {
            neighbor: text for neighbor, text in self.last_errors.items() if neighbor in known
        }
        return tuple(
            wire.peer_state(peer, self.last_errors.get(wire.neighbor_of(peer), "")) for peer in peers
        )

    async def watch(self) -> AsyncIterator[None]:
        """Yield at each change of a session, and once at the start; ends when the engine is gone.

        Raises:
            RouterError: the stream broke.
        """
        call = self.channel.unary_stream(
            SERVICE + "WatchEvent",
            request_serializer=pb.WatchEventRequest.SerializeToString,
            response_deserializer=pb.WatchEventResponse.FromString,
        )(pb.WatchEventRequest(peer=pb.WatchEventRequest.Peer()))
        try:
            async for event in call:
                state = event.peer.peer.state
                if state.disconnect_reason:
                    self.last_errors[wire.neighbor_of(event.peer.peer)] = wire.disconnect_words(state)
                yield None
        except BROKEN as error:
            raise _router_error("WatchEvent", error) from None
        finally:
            call.cancel()

    async def _add_peer(self, peer: PeerSettings) -> None:
        message = wire.peer_message(peer, restarting=self.restarting)
        await self._do("AddPeer", pb.AddPeerRequest(peer=message))
        self.had_peers = True

    async def _prepare(self, changes: Changes) -> None:
        """Tell the engine who it is, and refuse what comes in."""
        if changes.start is not None:
            await self._do("StartBgp", wire.start_message(changes.start))
        if changes.guard:
            known = await self._read("ListPolicy", pb.ListPolicyRequest(), pb.ListPolicyResponse)
            if all(answer.policy.name != wire.GUARD_POLICY for answer in known):
                await self._do("AddPolicy", pb.AddPolicyRequest(policy=wire.guard_policy_message()))
            await self._do("SetPolicyAssignment", wire.guard_message())

    async def _routes(self, table: str) -> Mapping[Prefix, Route]:
        routes: dict[Prefix, Route] = {}
        for family in Family:
            request = pb.ListPathRequest(
                table_type=wire.TABLE_VRF, name=table, family=wire.family_message(family), batch_size=BATCH
            )
            answers = await self._read("ListPath", request, pb.ListPathResponse, BULK_SECONDS)
            routes.update(wire.routes_of(answer.destination for answer in answers))
        return routes

    async def _send(self, table: str, changed: Mapping[Prefix, Route], gone: tuple[Prefix, ...]) -> None:
        """Add and withdraw routes of one table: a single one by a call of its own, more by a stream."""
        paths = [wire.path_message(prefix, Route(), withdraw=True) for prefix in gone]
        paths += [wire.path_message(prefix, route) for prefix, route in changed.items()]
        if len(paths) == 1 and not gone:
            request = pb.AddPathRequest(table_type=wire.TABLE_VRF, vrf_id=table, path=paths[0])
            await self._do("AddPath", request)
            return
        call = self.channel.stream_unary(
            SERVICE + "AddPathStream",
            request_serializer=pb.AddPathStreamRequest.SerializeToString,
            response_deserializer=pb.GetBgpRequest.FromString,
        )
        requests = (
            pb.AddPathStreamRequest(table_type=wire.TABLE_VRF, vrf_id=table, paths=batch)
            for batch in _batches(paths)
        )
        try:
            await call(requests, timeout=BULK_SECONDS)
        except BROKEN as error:
            raise _router_error("AddPathStream", error) from None

    async def _do(self, method: str, request: Message) -> None:
        await self._call(method, request, pb.GetBgpRequest)  # its answer is empty: any message reads it

    async def _call(self, method: str, request: Message, answer: type[Answer]) -> Answer:
        call = self.channel.unary_unary(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            result: Answer = await call(request, timeout=CALL_SECONDS)
        except BROKEN as error:
            raise _router_error(method, error) from None
        return result

    async def _read(
        self, method: str, request: Message, answer: type[Answer], limit: float = CALL_SECONDS
    ) -> list[Answer]:
        call = self.channel.unary_stream(
            SERVICE + method,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            return [item async for item in call(request, timeout=limit)]
        except BROKEN as error:
            raise _router_error(method, error) from None


async def _guarded(refused: dict[str, str], name: str, call: Awaitable[None]) -> None:
    """Await a call for a peer; why it was refused, unless something before it was, goes into `refused`."""
    try:
        await call
    except Refused as error:
        refused.setdefault(name, str(error))


def _batches(paths: list[pb.Path]) -> Iterator[list[pb.Path]]:
    remaining = iter(paths)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _router_error(method: str, error: grpc.aio.AioRpcError | DecodeError) -> RouterError:
    if isinstance(error, DecodeError):
        return RouterError(f"gobgpd: {method}: its answer cannot be read")
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return RouterError(f"gobgpd does not know {method}: it is older than v4, which is not supported")
    if error.code() in SILENT:
        return RouterError(f"gobgpd: {method}: {error.code().name}: {error.details()}")
    return Refused(f"gobgpd: {method}: {error.details()}")

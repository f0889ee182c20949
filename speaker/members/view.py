"""Who is alive, and whether this speaker may still answer; the time comes in, in seconds of one clock.

Every heartbeat echoes the last one that its sender heard from its receiver. That says three things at once:
it was made just now, so it is no recording; the other hears us; and until when it will take us for alive,
counted from the moment *we* sent what it echoes. So a speaker that falls silent `Timings.silence` after that
moment is silent before any other gives it up (`Timings.detection`): cut off, hung or stopped alike.

A node is alive if it was heard itself, or by a node that was: one broken path moves nothing.

Whoever appears, at its start, after it hung or was cut off, or because its Node came back, knows too little
to decide: its settling round lasts until every node has heard it and was heard, at most `Timings.detection`.
In it the speaker answers for nothing and says so, and the others keep what they have until it is over.
"""

import heapq
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from ferrite.net import NodeName
from speaker.members.heartbeat import LOST_MS, MAX_SIGHTINGS, Heartbeat, Kind, name_hash

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds; `interval < silence < detection` must hold.

    Attributes:
        interval: between heartbeats.
        silence: after the last heartbeat of ours that a majority is known to have heard, we stop answering.
        detection: after the last sign of a node it counts as dead.
        forget: after that a dead node no longer counts for the majority, if there is one.
        api_age: without a judgement by others, our last success at the API server may be so old.
    """

    interval: float = 0.07
    silence: float = 0.5
    detection: float = 0.6
    forget: float = 60.0
    api_age: float = 3.0


class Verdict(Enum):
    """What became of a heartbeat; the values label metrics. The first three are no refusals."""

    COUNTED = "counted"
    LEFT = "left"
    GREETING = "greeting"
    UNCONFIRMED = "unconfirmed"
    NOT_FOR_US = "notForUs"
    UNKNOWN_NODE = "unknownNode"
    REPLAYED = "replayed"


class Standing(Enum):
    """On what grounds this speaker may answer."""

    HEARD = "heard"
    ALONE = "alone"
    STARTING = "starting"
    UNJUDGED = "unjudged"
    CUT_OFF = "cutOff"


@dataclass(slots=True)
class _Peer:
    incarnation: int = 0
    sequence: int = 0
    left: int = 0
    member: bool = False
    starting: bool = False
    heard: float = NEVER
    witnessed: float = NEVER
    echoed: float = NEVER
    """When we sent what it last echoed."""

    @property
    def sign(self) -> float:
        return max(self.heard, self.witnessed)


@dataclass(slots=True)
class View:
    """What one speaker knows of the others; all methods are called by one task."""

    me: NodeName
    incarnation: int
    timings: Timings = field(default_factory=Timings)
    _sequence: int = 0
    _sent: dict[int, float] = field(default_factory=dict)
    _peers: dict[NodeName, _Peer] = field(default_factory=dict)
    _by_hash: dict[bytes, _Peer] = field(default_factory=dict)
    _appeared: float | None = None
    """When the last settling round began; None while there is no Node of ours."""
    _settled: bool = False
    _was_cut_off: bool = False
    _ticked: float = NEVER

    def set_nodes(self, names: frozenset[NodeName], now: float) -> bool:
        """Say which nodes there are; returns whether a settling round begins: our own is there (again)."""
        others = names - {self.me}
        self._peers = {name: self._peers.get(name) or _Peer() for name in sorted(others)}
        self._by_hash = {name_hash(name): peer for name, peer in self._peers.items()}
        appears = self.me in names and self._appeared is None
        if appears:
            self._settle(now)
        elif self.me not in names:
            self._appeared = None
        self._settled = self._settled or self._is_known_to_all()
        return appears

    def tick(self, now: float) -> None:
        """Call at least every `interval`; a gap shows that this speaker was not running."""
        if self._appeared is not None and now - self._ticked > self.timings.silence:
            self._settle(now)
        self._ticked = now
        standing = self.standing(now)
        self._was_cut_off = self._was_cut_off or standing is Standing.CUT_OFF
        if standing is Standing.HEARD:
            for peer in self._peers.values():
                if peer.member and now - peer.sign > self.timings.forget:
                    peer.member = False

    def _settle(self, now: float) -> None:
        self._appeared, self._settled, self._was_cut_off = now, not self._peers, False

    def _is_known_to_all(self) -> bool:
        """Whether every other node has heard us since we appeared, and we it."""
        appeared = self._appeared
        return appeared is not None and all(peer.echoed >= appeared for peer in self._peers.values())

    def beats(self, now: float) -> tuple[Heartbeat, ...]:
        """One heartbeat for each other node."""
        return tuple(self._beats(tuple(self._peers), now, self._kind(now)))

    def farewells(self, now: float) -> tuple[Heartbeat, ...]:
        """The last heartbeat for each other node."""
        return tuple(self._beats(tuple(self._peers), now, Kind.LEAVING))

    def greeting(self, name: NodeName, now: float) -> Heartbeat:
        """A heartbeat for one node, out of turn."""
        return self._beats((name,), now, self._kind(now))[0]

    def _kind(self, now: float) -> Kind:
        silent = self.standing(now) in (Standing.STARTING, Standing.CUT_OFF)
        return Kind.STARTING if silent else Kind.ALIVE

    def _beats(self, names: tuple[NodeName, ...], now: float, kind: Kind) -> list[Heartbeat]:
        self._sequence += 1
        self._sent[self._sequence] = now
        for old in tuple(self._sent):
            if now - self._sent[old] <= self.timings.detection:
                break
            del self._sent[old]
        sightings = self._sightings(now)
        beats: list[Heartbeat] = []
        for name in names:
            peer = self._peers[name]
            heard = (peer.incarnation, peer.sequence)
            beats.append(Heartbeat(self.me, name, self.incarnation, self._sequence, *heard, kind, sightings))
        return beats

    def _sightings(self, now: float) -> dict[bytes, int]:
        members = [(who, peer) for who, peer in self._by_hash.items() if peer.member]
        # More than fit take turns.
        start = self._sequence * MAX_SIGHTINGS % len(members) if len(members) > MAX_SIGHTINGS else 0
        chosen = islice(members[start:] + members[:start], MAX_SIGHTINGS)
        return {who: self._age_ms(peer, now) for who, peer in chosen}

    def _age_ms(self, peer: _Peer, now: float) -> int:
        age = now - peer.heard
        lost = peer.starting or age > self.timings.detection
        return LOST_MS if lost else min(int(age * 1000) + 1, LOST_MS - 1)

    def heard(self, beat: Heartbeat, now: float) -> Verdict:
        """Take an authenticated heartbeat into account."""
        if beat.destination != self.me or beat.sender == self.me:
            return Verdict.NOT_FOR_US
        peer = self._peers.get(beat.sender)
        if peer is None:
            return Verdict.UNKNOWN_NODE
        sent = self._sent.get(beat.echo_sequence) if beat.echo_incarnation == self.incarnation else None
        fresh = sent is not None and now - sent <= self.timings.detection
        rises = (beat.incarnation, beat.sequence) > (peer.incarnation, peer.sequence)
        # A clock set back makes a later start look earlier: an echo of what we sent just now proves it.
        restarted = fresh and beat.incarnation != peer.incarnation
        if not (rises or restarted) or beat.incarnation == peer.left:
            return Verdict.REPLAYED
        if beat.kind is Kind.LEAVING:
            return self._leave(peer, beat)
        is_new = beat.incarnation != peer.incarnation
        peer.incarnation, peer.sequence = beat.incarnation, beat.sequence
        if sent is None or not fresh:
            return Verdict.GREETING if is_new else Verdict.UNCONFIRMED
        peer.member, peer.heard, peer.echoed = True, now, max(peer.echoed, sent)
        peer.starting = beat.kind is Kind.STARTING
        if self._was_cut_off and now < self.answers_until():
            # The others have its addresses, and not all of them know yet that it is back.
            self._settle(now)
        self._settled = self._settled or self._is_known_to_all()
        self._witness(beat, now)
        return Verdict.COUNTED

    def _leave(self, peer: _Peer, beat: Heartbeat) -> Verdict:
        if beat.echo_incarnation != self.incarnation:
            return Verdict.UNCONFIRMED
        peer.incarnation, peer.sequence = beat.incarnation, beat.sequence
        peer.left, peer.member = beat.incarnation, False
        peer.heard = peer.witnessed = peer.echoed = NEVER
        return Verdict.LEFT

    def _witness(self, beat: Heartbeat, now: float) -> None:
        for who, age_ms in beat.sightings.items():
            other = self._by_hash.get(who)
            if other is None or (other.left and other.left == other.incarnation):
                continue
            other.member = True
            if age_ms != LOST_MS:
                seen = now - age_ms / 1000
                other.witnessed = max(other.witnessed, seen)
                other.starting = other.starting and seen < other.heard

    def live(self, now: float) -> frozenset[NodeName]:
        """The nodes that are alive and past their start, this one included."""
        detection = self.timings.detection
        alive = (
            name for name, peer in self._peers.items() if not peer.starting and now - peer.sign <= detection
        )
        return frozenset((self.me, *alive))

    def next_loss(self, now: float) -> float | None:
        """When the next live node is lost if nothing is heard; None when no other is alive."""
        ends = (peer.sign + self.timings.detection for peer in self._peers.values())
        return min((end for end in ends if end >= now), default=None)

    def answers_until(self) -> float:
        """Until when a majority, as far as proven, takes this speaker for alive; never when none does."""
        members = [peer.echoed for peer in self._peers.values() if peer.member]
        if not members:
            return NEVER
        # Of n speakers, this one included, a majority needs n // 2 others.
        needed = (len(members) + 1) // 2
        return heapq.nlargest(needed, members)[-1] + self.timings.silence

    def standing(self, now: float) -> Standing:
        """On what grounds this speaker may answer now."""
        if self._appeared is None:
            return Standing.STARTING
        if not self._settled and now - self._appeared < self.timings.detection:
            return Standing.STARTING
        if now < self.answers_until():
            return Standing.HEARD
        if not self._peers:
            return Standing.ALONE
        if now - self._ticked > self.timings.silence:
            return Standing.STARTING
        members = sum(peer.member for peer in self._peers.values())
        return Standing.CUT_OFF if members >= 2 else Standing.UNJUDGED

    def fresh(self, now: float, api_age: float) -> bool:
        """Whether this speaker may answer; `api_age` is seconds since the API server last took a request."""
        match self.standing(now):
            case Standing.HEARD | Standing.ALONE:
                return True
            case Standing.UNJUDGED:
                return api_age <= self.timings.api_age
            case Standing.STARTING | Standing.CUT_OFF:
                return False

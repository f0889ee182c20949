"""Many speakers on one network in virtual time: `View`s driven as `speaker/members/mesh.py` drives them.

Everything random comes from one seed. What of the mesh matters is here: when it ticks, beats, looks at who is
alive, and what it sends at once; that a process which wakes finds old datagrams waiting; that decisions
follow a little later than what is known; and that every answer asks for freshness.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from ferrite.net import IPAddress, NodeName
from speaker.elect import elect
from speaker.members.heartbeat import Heartbeat, Kind, Unreadable, seal, unseal
from speaker.members.mesh import Keys
from speaker.members.view import Timings, Verdict, View

DELAY_SECONDS = (0.0001, 0.002)
DECIDING_SECONDS = (0.0005, 0.005)
"""Between a change among the members and the decisions that follow from it."""

API_CHECK_SECONDS = 1.0
WAITING_DATAGRAMS = 250
"""What fits a socket's buffer by default while its process hangs; later ones are dropped."""

EAGER_NODES = 100
"""Among more, looking at all of them after each datagram would take hours."""

Lost = Callable[[NodeName, NodeName], bool]
"""Whether a datagram from one to another is lost."""

Datagram = Heartbeat | bytes
Act = Callable[[], None]
KeyOf = Callable[[NodeName, float], bytes]
"""The key that a node has at a time."""

owner = cache(elect)
"""As `elect`, remembered."""


def reliable(sender: NodeName, to: NodeName) -> bool:
    """Lose nothing."""
    return False


def names(many: int) -> tuple[NodeName, ...]:
    """Nodes to simulate."""
    return tuple(NodeName(f"node-{number}") for number in range(many))


@dataclass(slots=True, eq=False)
class Speaker:
    """One node's speaker, as the simulation keeps it.

    Attributes:
        stood: seconds its clock stood still, all in all.
        life: rises when the process ends, so that its timers die with it.
        decided: whom its present decisions count as alive.
        api: whether it reaches the API server.
    """

    name: NodeName
    view: View
    keys: Keys | None = None
    running: bool = True
    hung: bool = False
    stood: float = 0.0
    life: int = 0
    beat_at: float = 0.0
    due: bool = False
    api: bool = True
    api_at: float = 0.0
    noted: tuple[frozenset[NodeName], bool] = (frozenset(), False)
    decided: frozenset[NodeName] = frozenset()
    waiting: deque[Datagram] = field(default_factory=deque)


@dataclass(slots=True)
class Loss:
    """A speaker began to count another as dead; both names, and when."""

    by: NodeName
    of: NodeName
    at: float


class Simulation:
    """Speakers, the datagrams between them, and what happens to both.

    Attributes:
        lost: which datagrams are lost; asked for each.
        losses: every time a speaker that runs stopped counting one as alive.
        gaps: how often a speaker that ran had to fall silent.
        sent, received: datagrams by node.
    """

    def __init__(self, many: int, seed: int, *, key: KeyOf | None = None) -> None:
        """Have `many` speakers that start at about the same time, on a network that loses nothing.

        With `key`, datagrams are sealed.
        """
        self.now = 1000.0
        self.random = random.Random(seed)
        self.lost: Lost = reliable
        self.losses: list[Loss] = []
        self.gaps: Counter[NodeName] = Counter()
        self.sent: Counter[NodeName] = Counter()
        self.received: Counter[NodeName] = Counter()
        self.refused: Counter[Unreadable | Verdict] = Counter()
        self.timings = Timings()
        self.all = frozenset(names(many))
        self._key = key
        self._incarnations = count(1)
        self._order = count()
        self._events: list[tuple[float, int, Act]] = []
        self.speakers = {name: self._new(name) for name in names(many)}
        for speaker in self.speakers.values():
            self._start(speaker)

    # What happens.

    def at(self, when: float, act: Act) -> None:
        """Do something at a time."""
        heapq.heappush(self._events, (when, next(self._order), act))

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end, events = self.now + seconds, self._events
        while events and events[0][0] <= end:
            self.now, _, act = heapq.heappop(events)
            act()
        self.now = end

    def settle(self, seconds: float = 3.0) -> None:
        """Let all speakers find each other, and count from then on."""
        self.run(seconds)
        self.losses.clear()
        for counter in (self.gaps, self.sent, self.received):
            counter.clear()
        self.refused.clear()

    def lossy(self, share: float) -> Lost:
        """Lose that share of the datagrams, each way."""
        chance = self.random.random
        return lambda sender, to: chance() < share

    def crash(self, name: NodeName) -> None:
        """End one without a word."""
        speaker = self.speakers[name]
        speaker.running, speaker.life = False, speaker.life + 1

    def leave(self, name: NodeName) -> None:
        """End one as SIGTERM does."""
        speaker = self.speakers[name]
        for _ in range(3):
            self._send(speaker, speaker.view.farewells(self._clock(speaker)))
        self.crash(name)

    def restart(self, name: NodeName) -> None:
        """Start one that ended."""
        self.speakers[name] = speaker = self._new(name)
        self._start(speaker)

    def hang(self, name: NodeName) -> None:
        """Stop a process; the kernel keeps datagrams for it."""
        self.speakers[name].hung = True

    def wake(self, name: NodeName, stood: float = 0.0) -> None:
        """Continue a process; its clock may have stood still.

        What waits in its socket is read before or after its timers run: either happens.
        """
        speaker = self.speakers[name]
        speaker.hung, speaker.stood = False, speaker.stood + stood
        late = speaker.due
        if late and self.random.random() < 0.5:
            self._turn(speaker, speaker.life)
            late = False
        while speaker.waiting:
            self._take(speaker, speaker.waiting.popleft())
        if late:
            self._turn(speaker, speaker.life)

    # What can be seen.

    def live(self, name: NodeName) -> frozenset[NodeName]:
        """Whom one counts as alive now."""
        speaker = self.speakers[name]
        return speaker.view.live(self._clock(speaker))

    def answering(self, address: IPAddress) -> tuple[NodeName, ...]:
        """Who would answer a request for an address that comes now."""
        return tuple(
            speaker.name
            for speaker in self.speakers.values()
            if speaker.running
            and not speaker.hung
            and owner(address, speaker.decided) == speaker.name
            and self._fresh(speaker)
        )

    # How a mesh drives its view.

    def _new(self, name: NodeName) -> Speaker:
        view = View(name, next(self._incarnations), self.timings)
        key = self._key
        return Speaker(name, view, Keys(lambda: key(name, self.now)) if key else None)

    def _start(self, speaker: Speaker) -> None:
        speaker.api_at = self.now
        first = self.now + self.random.uniform(0, self.timings.interval)
        speaker.beat_at = first
        if speaker.view.set_nodes(self.all, self.now):
            self._send(speaker, speaker.view.beats(self.now))
        self._later(speaker, first)
        self._check_api(speaker, speaker.life)

    def _clock(self, speaker: Speaker) -> float:
        return self.now - speaker.stood

    def _fresh(self, speaker: Speaker) -> bool:
        return speaker.view.fresh(self._clock(speaker), self.now - speaker.api_at)

    def _check_api(self, speaker: Speaker, life: int) -> None:
        if life == speaker.life and len(self.all) <= 2:
            if speaker.api and not speaker.hung:
                speaker.api_at = self.now
            self.at(self.now + API_CHECK_SECONDS, lambda: self._check_api(speaker, life))

    def _later(self, speaker: Speaker, when: float) -> None:
        life = speaker.life
        self.at(when, lambda: self._turn(speaker, life))

    def _turn(self, speaker: Speaker, life: int) -> None:
        if life != speaker.life:
            return
        speaker.due = speaker.hung
        if speaker.hung:
            return
        now, interval = self._clock(speaker), self.timings.interval
        speaker.view.tick(now)
        if now >= speaker.beat_at:
            self._send(speaker, speaker.view.beats(now))
            speaker.beat_at = max(speaker.beat_at + interval, now + interval / 2)
        self._note(speaker)
        loss = speaker.view.next_loss(now)
        until = speaker.beat_at if loss is None else min(speaker.beat_at, loss + 0.001)
        self._later(speaker, max(until, now + 0.001) + speaker.stood)

    def _send(self, speaker: Speaker, beats: Iterable[Heartbeat]) -> None:
        name, uniform, lost = speaker.name, self.random.uniform, self.lost
        keys = speaker.keys.read(self.now) if speaker.keys else ()
        for beat in beats:
            self.sent[name] += 1
            if not lost(name, beat.destination):
                datagram = seal(beat, keys) if keys else beat
                to = beat.destination
                when = self.now + uniform(*DELAY_SECONDS)
                self.at(when, lambda to=to, datagram=datagram: self._arrive(to, datagram))  # type: ignore[misc]

    def _arrive(self, to: NodeName, datagram: Datagram) -> None:
        speaker = self.speakers[to]
        if not speaker.running:
            return
        if not speaker.hung:
            self._take(speaker, datagram)
        elif len(speaker.waiting) < WAITING_DATAGRAMS:
            speaker.waiting.append(datagram)

    def _take(self, speaker: Speaker, datagram: Datagram) -> None:
        self.received[speaker.name] += 1
        beat = datagram
        if isinstance(beat, bytes):
            read = unseal(beat, speaker.keys.read(self.now) if speaker.keys else ())
            if isinstance(read, Unreadable):
                self.refused[read] += 1
                return
            beat = read
        now = self._clock(speaker)
        verdict = speaker.view.heard(beat, now)
        if verdict is Verdict.GREETING:
            self._send(speaker, (speaker.view.greeting(beat.sender, now),))
        elif verdict not in (Verdict.COUNTED, Verdict.LEFT):
            self.refused[verdict] += 1
        # A heartbeat of one that lives changes nothing for a speaker to which everybody does. Among very
        # many, its own timer notes what changed: late, but for losses, which it waits for.
        steady = beat.kind is Kind.ALIVE and speaker.noted == (self.all, True)
        if not steady and len(self.all) <= EAGER_NODES:
            self._note(speaker)

    def _note(self, speaker: Speaker) -> None:
        live, fresh = seen = (self.live(speaker.name), self._fresh(speaker))
        before, was_fresh = speaker.noted
        if seen == speaker.noted:
            return
        speaker.noted = seen
        self.losses += [Loss(speaker.name, gone, self.now) for gone in before - live]
        self.gaps[speaker.name] += was_fresh and not fresh
        life, when = speaker.life, self.now + self.random.uniform(*DECIDING_SECONDS)
        self.at(when, lambda: self._decide(speaker, life))
        if fresh and not was_fresh:
            self._send(speaker, speaker.view.beats(self._clock(speaker)))

    def _decide(self, speaker: Speaker, life: int) -> None:
        if life == speaker.life and not speaker.hung:
            speaker.decided = speaker.noted[0]


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answered for some addresses, looked at every `step` seconds.

    Attributes:
        longest_double: seconds in one piece that two answered for one address.
        longest_none: seconds in one piece that nobody did.
        moves: how often another answered than did before.
    """

    longest_double: float
    longest_none: float
    moves: int


def watch(
    simulation: Simulation, addresses: Iterable[IPAddress], seconds: float, step: float = 0.001
) -> Answers:
    """Let time pass and look who answers."""
    addresses = tuple(addresses)
    double, none = dict.fromkeys(addresses, 0), dict.fromkeys(addresses, 0)
    last: dict[IPAddress, NodeName] = {}
    longest_double = longest_none = moves = 0
    for _ in range(round(seconds / step)):
        simulation.run(step)
        for address in addresses:
            who = simulation.answering(address)
            double[address] = double[address] + 1 if len(who) > 1 else 0
            none[address] = none[address] + 1 if not who else 0
            longest_double = max(longest_double, double[address])
            longest_none = max(longest_none, none[address])
            if len(who) == 1:
                moves += last.get(address, who[0]) != who[0]
                last[address] = who[0]
    return Answers(longest_double * step, longest_none * step, moves)

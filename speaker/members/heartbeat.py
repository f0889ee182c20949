"""The datagram that speakers tell each other that they live: authenticated, made for one receiver.

Layout, network byte order:

    magic "Fe" | version u8 | kind u8 | tags u8 | incarnation u64 | sequence u64 | echo incarnation u64
    | echo sequence u64 | length u8, sender | length u8, destination | count u8, count x (hash 8, age u16)
    | tags x HMAC-SHA256 of everything before them

There are two tags while a key is changed: one by the new key, one by the old. A recorded datagram proves
nothing later: it counts only if it echoes what its receiver sent just now (`speaker/members/view.py`).
"""

import hashlib
import hmac
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ferrite.net import NodeName

VERSION = 1
MAX_SIGHTINGS = 80
"""So that a datagram fits the smallest MTU of IPv6, 1280 bytes, but for names of the greatest length."""

LOST_MS = 0xFFFF
"""The age of a member that is known but not heard."""

_MAGIC = b"Fe"
_HEAD = struct.Struct("!2sBBBQQQQ")
_SIGHTING = struct.Struct("!8sH")
_TAG_BYTES = 32
_MOST_TAGS = 2
_MOST_BYTES = 2048


class Kind(Enum):
    """What a datagram says of its sender."""

    ALIVE = 1
    LEAVING = 2
    STARTING = 3
    """It runs, but answers for nothing yet: no address is its."""


class Unreadable(Enum):
    """Why bytes are no heartbeat of ours; the values label metrics."""

    TRUNCATED = "truncated"
    NOT_OURS = "notOurs"
    OTHER_VERSION = "otherVersion"
    WRONG_KEY = "wrongKey"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One speaker to one other.

    Attributes:
        incarnation: the sender's start, nanoseconds since 1970.
        sequence: rises with every heartbeat of an incarnation, from 1.
        echo_incarnation: the receiver's, as last heard; 0 when never.
        echo_sequence: the receiver's, as last heard.
        sightings: by `name_hash`, milliseconds since the sender heard that node itself, or `LOST_MS`.
    """

    sender: NodeName
    destination: NodeName
    incarnation: int
    sequence: int
    echo_incarnation: int = 0
    echo_sequence: int = 0
    kind: Kind = Kind.ALIVE
    sightings: Mapping[bytes, int] = field(default_factory=dict, hash=False)


def name_hash(name: NodeName) -> bytes:
    """Eight bytes that stand for a node's name."""
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def seal(beat: Heartbeat, keys: Sequence[bytes]) -> bytes:
    """The datagram of `beat`, readable by whoever has one of the first two of `keys`."""
    tags = keys[:_MOST_TAGS]
    body = b"".join(
        (
            _HEAD.pack(
                *(_MAGIC, VERSION, beat.kind.value, len(tags)),
                *(beat.incarnation, beat.sequence, beat.echo_incarnation, beat.echo_sequence),
            ),
            _text(beat.sender),
            _text(beat.destination),
            bytes((len(beat.sightings),)),
            *(_SIGHTING.pack(who, age) for who, age in beat.sightings.items()),
        )
    )
    return body + b"".join(_tag(key, body) for key in tags)


def unseal(data: bytes, keys: Sequence[bytes]) -> Heartbeat | Unreadable:
    """Read a datagram; nothing of it is believed before a tag by one of `keys` is right."""
    if len(data) < _HEAD.size + _TAG_BYTES or len(data) > _MOST_BYTES:
        return Unreadable.TRUNCATED
    if data[:2] != _MAGIC:
        return Unreadable.NOT_OURS
    if data[2] != VERSION:
        return Unreadable.OTHER_VERSION
    tags = data[4]
    end = len(data) - tags * _TAG_BYTES
    if not 1 <= tags <= _MOST_TAGS or end < _HEAD.size:
        return Unreadable.MALFORMED
    body = data[:end]
    given = [data[at : at + _TAG_BYTES] for at in range(end, len(data), _TAG_BYTES)]
    if not any(hmac.compare_digest(_tag(key, body), tag) for key in keys for tag in given):
        return Unreadable.WRONG_KEY
    return _read(body)


def _read(body: bytes) -> Heartbeat | Unreadable:
    _, _, kind, _, incarnation, sequence, echo_incarnation, echo_sequence = _HEAD.unpack_from(body)
    try:
        sender, at = _read_text(body, _HEAD.size)
        destination, at = _read_text(body, at)
        entries = body[at + 1 :]
        if body[at] > MAX_SIGHTINGS or len(entries) != body[at] * _SIGHTING.size:
            return Unreadable.MALFORMED
        sightings = dict(_SIGHTING.iter_unpack(entries))
        return Heartbeat(
            NodeName(sender),
            NodeName(destination),
            incarnation,
            sequence,
            echo_incarnation,
            echo_sequence,
            Kind(kind),
            sightings,
        )
    except (IndexError, ValueError):  # too short; not UTF-8, or no such kind
        return Unreadable.MALFORMED


def _text(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


def _read_text(body: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + body[at]
    if end > len(body):
        raise IndexError
    return body[at + 1 : end].decode(), end


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")

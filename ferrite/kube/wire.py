"""What the API server sends, decoded: lists, watch events, errors. Pure; the bytes are not trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from ferrite.errors import ClusterError, Conflict, Gone
from ferrite.objects import Object, Struct

T = TypeVar("T", bound=Struct)
O = TypeVar("O", bound=Object)  # noqa: E741 - T of objects that are listed and watched

L = TypeVar("L")
Body = Mapping[str, Any] | Struct
GONE = 410
LONGEST_RETRY_AFTER_SECONDS = 60.0
"""No server may put a client off for longer: what was to be written would wait that long."""


class EventType(Enum):
    """Types of watch events that are yielded; ERROR is raised instead."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[O]):
    """One event of a watch.

    Attributes:
        key: of the object; empty for a bookmark.
        version: the resource version to go on from.
        object: None for a bookmark, for a deletion, and when it could not be decoded.
        problem: why it could not be decoded; empty when it could.
    """

    type: EventType
    key: str
    version: str
    object: O | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[O]):
    """One page of a list, or all pages put together.

    Attributes:
        version: resource version of the list.
        unreadable: key -> problem of the objects that could not be decoded.
        next_token: for the next page; empty on the last.
    """

    objects: tuple[O, ...]
    version: str
    unreadable: Mapping[str, str]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    """The resource versions of the objects on one page of a list; `next_token` as in `Page`."""

    versions: tuple[str, ...]
    next_token: str = ""


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _Head(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()

    @property
    def key(self) -> str:
        meta = self.metadata
        return f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name


class _ListMeta(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""
    next_token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: tuple[msgspec.Raw, ...] | None = None


class _Versioned(msgspec.Struct, frozen=True):
    metadata: _ListMeta


class _Versions(msgspec.Struct, frozen=True):
    metadata: _ListMeta
    items: tuple[_Versioned, ...] | None = None


class _Line(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


class _Details(msgspec.Struct, frozen=True, rename="camel"):
    retry_after_seconds: float = 0


class _Status(msgspec.Struct, frozen=True):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


_heads = msgspec.json.Decoder(_Head)
_lists = msgspec.json.Decoder(_List)
_versions = msgspec.json.Decoder(_Versions)
_lines = msgspec.json.Decoder(_Line)
_statuses = msgspec.json.Decoder(_Status)
_encoder = msgspec.json.Encoder()


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def encoded(body: Body) -> bytes:
    """A body as JSON."""
    return _encoder.encode(body)


def decoded(body: bytes, kind: type[T]) -> T:
    """The one object of an answer.

    Raises:
        ClusterError: it is not such an object.
    """
    try:
        found: T = _decoder(kind).decode(body)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"answer is not a {kind.__name__}: {error}", reason="Unreadable") from None
    return found


def page_of(body: bytes, kind: type[O]) -> Page[O]:
    """One page of a list; an object that cannot be decoded does not spoil the others.

    Raises:
        ClusterError: it is not a list.
    """
    page = _list_of(body, _lists)
    objects: list[O] = []
    unreadable: dict[str, str] = {}
    decode = _decoder(kind).decode
    for item in page.items or ():
        try:
            objects.append(decode(item))
        except msgspec.ValidationError as error:
            unreadable[_head(item).key] = str(error)
    return Page(tuple(objects), page.metadata.resource_version, unreadable, page.metadata.next_token)


def versions_of(body: bytes) -> Versions:
    """One page of a list, its versions alone.

    Raises:
        ClusterError: it is not a list.
    """
    page = _list_of(body, _versions)
    return Versions(
        tuple(item.metadata.resource_version for item in page.items or ()), page.metadata.next_token
    )


def version_number(version: str) -> int:
    """A resource version as every API server that stores in etcd has it; 0 for anything else."""
    return int(version) if version.isdigit() else 0


def _list_of(body: bytes, lists: msgspec.json.Decoder[L]) -> L:
    try:
        return lists.decode(body)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"answer is not a list: {error}", reason="Unreadable") from None


def event_of(line: bytes, kind: type[O]) -> WatchEvent[O]:
    """One line of a watch.

    Raises:
        Gone: an ERROR event with code 410.
        ClusterError: any other ERROR event, or a line that is no event.
    """
    try:
        read = _lines.decode(line)
        if read.type in ("ADDED", "MODIFIED"):
            return _changed(EventType(read.type), read.object, kind)
        if read.type == "ERROR":
            raise error_of(0, bytes(read.object))
        head = _heads.decode(read.object)
        return WatchEvent(EventType(read.type), head.key, head.metadata.resource_version)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ClusterError(f"watch line is no event: {error}", reason="Unreadable") from None


def _changed(type_: EventType, raw: msgspec.Raw, kind: type[O]) -> WatchEvent[O]:
    try:
        found = _decoder(kind).decode(raw)
    except msgspec.ValidationError as error:
        head = _head(raw)
        return WatchEvent(type_, head.key, head.metadata.resource_version, None, str(error))
    return WatchEvent(type_, found.key, found.metadata.resource_version, found)


def _head(raw: msgspec.Raw) -> _Head:
    try:
        return _heads.decode(raw)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"object without metadata: {error}", reason="Unreadable") from None


def error_of(status: int, body: bytes, retry_after: str | None = None) -> ClusterError:
    """The error of an answer from 400, or of an ERROR event (status 0: then its own code counts).

    Args:
        status: of the answer.
        body: a Kubernetes Status, or whatever a proxy in between wrote.
        retry_after: the header, if there is one; only seconds are understood.
    """
    try:
        said = _statuses.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Status(message=body[:128].decode(errors="replace"))
    code = status or said.code
    wait = _seconds(retry_after)
    if wait is None and said.details is not None and said.details.retry_after_seconds > 0:
        wait = said.details.retry_after_seconds
    kind = {409: Conflict, GONE: Gone}.get(code, ClusterError)
    text = said.message or f"the API server answered {code}"
    if wait is not None:
        wait = min(wait, LONGEST_RETRY_AFTER_SECONDS)
    return kind(text, status=code, reason=said.reason, retry_after=wait)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


class Lines:
    """Cuts a stream of chunks into lines; lines may be longer than chunks (a Secret has up to 1 MiB)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that are complete now, empty ones left out."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return (line for line in lines if line)

    def close(self) -> None:
        """The stream has ended.

        Raises:
            ClusterError: in the middle of a line.
        """
        if self._rest.strip():
            raise ClusterError("the stream was cut in the middle of a line", reason="Truncated")

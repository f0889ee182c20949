"""What the fake API server is made of: errors, faults, its history and its paths."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from ferrite.errors import ClusterError
from ferrite.kube.kinds import AnyKind
from ferrite.kube.transport import Call
from ferrite.kube.wire import error_of

Json = dict[str, Any]


class ApiError(Exception):
    """An answer from 400 on."""

    def __init__(self, status: int, reason: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after
        self.body = {"kind": "Status", "code": status, "reason": reason, "message": message}


class Dropped(Exception):  # noqa: N818 - what happens to the connection
    """The connection is reset instead of answered."""


@dataclass
class Fault:
    """What happens to the next `times` calls for which `when` holds, instead of an answer.

    `error` None with `stall` False resets the connection; `stall` never answers.
    """

    when: Callable[[Call], bool]
    error: ApiError | None = None
    stall: bool = False
    times: int = 1


@dataclass
class Change:
    """One entry of the history."""

    revision: int
    type: str
    kind: AnyKind
    key: str
    new: Json
    old: Json | None


@dataclass
class Target:
    """What a path means."""

    kind: AnyKind
    namespace: str | None = None
    key: str | None = None
    subresource: str = ""


@dataclass(eq=False)
class OpenWatch:
    """A watch that a client has open; `how` makes it end badly."""

    target: Target
    how: str = ""
    sent: int = 0


def client_error(error: ApiError | Dropped) -> ClusterError:
    if isinstance(error, Dropped):
        return ClusterError("connection reset", reason="ConnectionResetError")
    retry_after = None if error.retry_after is None else str(error.retry_after)
    return error_of(error.status, json.dumps(error.body).encode(), retry_after)


def watch_line(type_: str, found: Json) -> bytes:
    """One event of a watch."""
    return json.dumps({"type": type_, "object": found}).encode() + b"\n"


async def broken_lines(how: str) -> AsyncGenerator[bytes, None]:
    """How a watch goes wrong: end, reset, truncate, gone, error, garbage, stall."""
    match how:
        case "end":
            return
        case "reset":
            raise Dropped
        case "truncate":
            yield b'{"type":"MODIFIED","object":{"meta'
        case "gone":
            yield watch_line("ERROR", ApiError(410, "Expired", "too old resource version").body)
        case "error":
            yield watch_line("ERROR", ApiError(500, "InternalError", "etcd has gone").body)
        case "garbage":
            yield b"<html>not json</html>\n"
        case "stall":
            await asyncio.Event().wait()
        case _:
            raise ValueError(how)

"""A fake API server that keeps state: revisions, watches, conflicts, selectors, pages, and faults on demand.

`FakeApi` answers calls in memory through `FakeTransport` (fake time, no sockets); `tests/fakes/http.py` puts
it behind a real port.
"""

import asyncio
import copy
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from ferrite.errors import ClusterError
from ferrite.kube import kinds as known
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import AnyKind
from ferrite.kube.transport import Call
from ferrite.run.backoff import EARLY_SECONDS
from tests.fakes.parts import (
    ApiError,
    Change,
    Dropped,
    Fault,
    Json,
    OpenWatch,
    Target,
    broken_lines,
    client_error,
    watch_line,
)
from tests.fakes.patching import applied, merged
from tests.fakes.selection import matches

HISTORY = 1000
BOOKMARK_SECONDS = 60.0
ALL_KINDS = tuple(value for value in vars(known).values() if isinstance(value, known.Kind))


@dataclass
class FakeApi:
    """The state of the fake cluster; declare which kinds it has."""

    kinds: tuple[AnyKind, ...] = ALL_KINDS
    revision: int = 1
    oldest: int = 0
    store: dict[str, dict[str, Json]] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    watches: list[OpenWatch] = field(default_factory=list)
    users: dict[str, tuple[str, bool]] = field(default_factory=dict)  # token -> name, may read /metrics
    bookmarks: bool = True
    down: bool = False
    pages: dict[str, tuple[list[Json], int]] = field(default_factory=dict)
    observers: list[Callable[[Change], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    # What tests do by themselves.

    def cluster(self) -> Cluster:
        """A client of this server."""
        return Cluster(FakeTransport(self))

    def objects(self, kind: AnyKind) -> dict[str, Json]:
        """The stored objects by key."""
        return self.store.setdefault(str(kind), {})

    def seed(self, kind: AnyKind, key: str, **parts: Any) -> Json:
        """Create or replace an object as somebody else would; `parts` are its top-level fields."""
        namespace, _, name = key.rpartition("/")
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **copy.deepcopy(parts)}
        body["metadata"] = {
            "name": name,
            **({"namespace": namespace} if namespace else {}),
            **body.get("metadata", {}),
        }
        return self._put(kind, key, body, self.objects(kind).get(key))

    def remove(self, kind: AnyKind, key: str) -> None:
        """Delete an object as somebody else would; absent is fine."""
        if key in self.objects(kind):
            self._delete(kind, key)

    def compact(self) -> None:
        """Forget the history: versions of before are too old, continue tokens too."""
        self.oldest = self.revision
        self.history.clear()
        self.pages.clear()

    def break_watches(self, how: str, kind: AnyKind | None = None) -> None:
        """Make open watches go wrong: end, reset, truncate, gone, error, garbage, stall."""
        for watch in self.watches:
            if kind is None or str(watch.target.kind) == str(kind):
                watch.how = how
                self._wake(watch.target.kind)

    def calls_of(self, method: str, part: str = "") -> list[Call]:
        """The calls so far with a method whose path contains `part`, watches left out."""
        return [c for c in self.calls if c.method == method and part in c.path and "watch" not in c.query]

    # Answers.

    async def answer(self, call: Call) -> Json:
        """The JSON of an answer; raises ApiError or Dropped."""
        await self.meet_faults(call)
        target = self.target(call.path)
        body = json.loads(call.body) if call.body else {}
        if call.method == "GET":
            return self._get(target) if target.key else self._list(target, call)
        if call.method == "POST":
            return self._create(target, body)
        if call.method == "DELETE":
            self._present(target)
            self._delete(target.kind, target.key or "")
            return {"kind": "Status", "status": "Success"}
        if call.method == "PUT":
            return self._replace(target, body)
        return self._patch(target, body, call.content_type)

    async def meet_faults(self, call: Call) -> None:
        """Raise or hang as the faults say."""
        self.calls.append(call)
        if self.down:
            raise Dropped
        for fault in self.faults:
            if fault.times > 0 and fault.when(call):
                fault.times -= 1
                if fault.stall:
                    await asyncio.Event().wait()
                raise fault.error or Dropped()

    def target(self, path: str) -> Target:
        """What a path means; 404 when no kind is served there."""
        parts = path.strip("/").split("/")
        group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
        version = parts[1] if parts[0] == "api" else parts[2]
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        for kind in self.kinds:
            if (kind.group, kind.version, kind.plural) == (group, version, rest[0]):
                name = rest[1] if len(rest) > 1 else None
                key = f"{namespace}/{name}" if namespace and name else name
                return Target(kind, namespace, key, rest[2] if len(rest) > 2 else "")
        raise ApiError(404, "NotFound", "the server could not find the requested resource")

    def _present(self, target: Target) -> Json:
        found = self.objects(target.kind).get(target.key or "")
        if found is None:
            raise ApiError(404, "NotFound", f'{target.kind} "{target.key}" not found')
        return found

    def _get(self, target: Target) -> Json:
        return self._present(target)

    def _selected(self, target: Target, call: Call) -> list[Json]:
        return [
            found
            for key, found in sorted(self.objects(target.kind).items())
            if matches(found, target.namespace, call.query)
        ]

    def _list(self, target: Target, call: Call) -> Json:
        limit = int(call.query.get("limit", "0")) or 10**9
        token = call.query.get("continue")
        if token and token not in self.pages:
            raise ApiError(410, "Expired", "The provided continue parameter is too old")
        items, revision = self.pages[token] if token else (self._selected(target, call), self.revision)
        page, rest = items[:limit], items[limit:]
        metadata: Json = {"resourceVersion": str(revision)}
        if rest:
            metadata["continue"] = f"{revision}-{len(self.pages)}"
            self.pages[metadata["continue"]] = (rest, revision)
        return {"kind": f"{target.kind.kind}List", "metadata": metadata, "items": page}

    def _create(self, target: Target, body: Json) -> Json:
        if target.kind.kind == "TokenReview":
            name, _ = self.users.get(body["spec"]["token"], ("", False))
            return {"metadata": {}, "status": {"authenticated": bool(name), "user": {"username": name}}}
        if target.kind.kind == "SubjectAccessReview":
            allowed = (body["spec"]["user"], True) in self.users.values()
            return {"metadata": {}, "status": {"allowed": allowed}}
        if target.kind.namespaced:
            body.setdefault("metadata", {}).setdefault("namespace", target.namespace)
        name = body["metadata"]["name"]
        key = f"{target.namespace}/{name}" if target.kind.namespaced else name
        if key in self.objects(target.kind):
            raise ApiError(409, "AlreadyExists", f'{target.kind} "{key}" already exists')
        if target.kind.group == known.METALLB:
            body.pop("status", None)
        return self._put(target.kind, key, body, None)

    def _replace(self, target: Target, body: Json) -> Json:
        old = self._present(target)
        return self._update(target, old, body)

    def _patch(self, target: Target, body: Json, content_type: str) -> Json:
        key = target.key or ""
        if "apply" in content_type:
            old = self.objects(target.kind).get(key)
            if old is None and target.subresource:
                raise ApiError(404, "NotFound", f'{target.kind} "{key}" not found')
            if old is None:
                return self._put(target.kind, key, body, None)
            return self._update(target, old, applied(old, body))
        old = self._present(target)
        return self._update(target, old, merged(old, body))

    def _update(self, target: Target, old: Json, body: Json) -> Json:
        version = body.get("metadata", {}).get("resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified")
        new = copy.deepcopy(body)
        if target.subresource == "status":
            new = {**copy.deepcopy(old), "status": new.get("status", {})}
            if not target.kind.group:  # built-in kinds keep changes of metadata in a status write
                new["metadata"] |= {
                    part: body["metadata"][part]
                    for part in ("labels", "annotations")
                    if part in body["metadata"]
                }
        elif target.kind.group == known.METALLB and "status" in old:
            new["status"] = old["status"]
        return self._put(target.kind, target.key or "", new, old)

    def _put(self, kind: AnyKind, key: str, body: Json, old: Json | None) -> Json:
        meta = body.setdefault("metadata", {})
        before = old["metadata"] if old else {}
        meta["uid"] = before.get("uid") or f"uid-{self.revision + 1}"
        meta["creationTimestamp"] = before.get("creationTimestamp") or "2024-01-01T00:00:00Z"
        meta["generation"] = before.get("generation", 0) + (
            old is None or old.get("spec") != body.get("spec")
        )
        if old:
            meta["resourceVersion"] = before["resourceVersion"]
            if body == old:
                return old
        if meta.get("deletionTimestamp") and not meta.get("finalizers"):
            self._forget(kind, key)
            return body
        self.revision += 1
        meta["resourceVersion"] = str(self.revision)
        self.objects(kind)[key] = body
        self._record(Change(self.revision, "MODIFIED" if old else "ADDED", kind, key, body, old))
        return body

    def _delete(self, kind: AnyKind, key: str) -> None:
        found = self.objects(kind)[key]
        if found["metadata"].get("finalizers"):
            new = copy.deepcopy(found)
            new["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:01Z"
            self._put(kind, key, new, found)
        else:
            self._forget(kind, key)

    def _forget(self, kind: AnyKind, key: str) -> None:
        old = self.objects(kind).pop(key)
        self.revision += 1
        last = copy.deepcopy(old)
        last["metadata"]["resourceVersion"] = str(self.revision)
        self._record(Change(self.revision, "DELETED", kind, key, last, old))

    def _record(self, change: Change) -> None:
        self.history.append(change)
        while len(self.history) > HISTORY:
            self.oldest = self.history.pop(0).revision
        for observer in self.observers:
            observer(change)
        self._wake(change.kind)

    def _wake(self, kind: AnyKind) -> None:
        self._changed.pop(str(kind), asyncio.Event()).set()

    def _since(self, revision: int) -> Iterator[Change]:
        """The changes after a revision, oldest first."""
        recent = takewhile(lambda change: change.revision > revision, reversed(self.history))
        return reversed(tuple(recent))

    # Watches.

    async def watch(self, call: Call) -> AsyncGenerator[bytes, None]:
        """The lines of a watch; raises ApiError before the first one."""
        await self.meet_faults(call)
        watch = OpenWatch(self.target(call.path))
        self.watches.append(watch)
        try:
            yield b""
            async for line in self._lines(watch, call):
                yield line
        finally:
            self.watches.remove(watch)

    async def _lines(self, watch: OpenWatch, call: Call) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + int(call.query.get("timeoutSeconds", "3600"))
        bookmark = loop.time() + BOOKMARK_SECONDS
        at = int(call.query["resourceVersion"])
        if at < self.oldest:
            yield watch_line("ERROR", ApiError(410, "Expired", "too old resource version").body)
            return
        while loop.time() + EARLY_SECONDS < ends:
            changed = self._changed[str(watch.target.kind)]
            for change in self._since(at):
                at = change.revision
                for line in _told(watch.target, change, call):
                    yield line
            if watch.how:
                async for line in broken_lines(watch.how):
                    yield line
                return
            if self.bookmarks and loop.time() + EARLY_SECONDS >= bookmark:
                bookmark = loop.time() + BOOKMARK_SECONDS
                at = self.revision
                yield watch_line(
                    "BOOKMARK", {"metadata": {"resourceVersion": str(at), "creationTimestamp": None}}
                )
            with suppress(TimeoutError):
                async with asyncio.timeout_at(min(ends, bookmark)):
                    await changed.wait()


def _told(target: Target, change: Change, call: Call) -> Iterator[bytes]:
    """The line a watcher gets: an object that its selectors no longer match is deleted to it."""
    if str(change.kind) != str(target.kind):
        return
    now = change.type != "DELETED" and matches(change.new, target.namespace, call.query)
    before = change.old is not None and matches(change.old, target.namespace, call.query)
    if now:
        yield watch_line("MODIFIED" if before else "ADDED", change.new)
    elif before:
        yield watch_line("DELETED", change.new)


class FakeTransport:
    """Calls into a FakeApi without sockets."""

    def __init__(self, api: FakeApi) -> None:
        self._api = api

    async def answer(self, call: Call) -> Json:
        """The JSON of an answer."""
        return await self._api.answer(call)

    def lines(self, call: Call) -> AsyncGenerator[bytes, None]:
        """The lines of a watch, an empty one when it begins."""
        return self._api.watch(call)

    async def request(self, call: Call) -> bytes:
        """See `ferrite.kube.transport.Transport`."""
        try:
            async with asyncio.timeout(call.seconds):
                return json.dumps(await self.answer(call)).encode()
        except TimeoutError:
            raise ClusterError("no answer", reason="Timeout") from None
        except (ApiError, Dropped) as error:
            raise client_error(error) from None

    async def stream(self, call: Call, silence_seconds: float) -> AsyncGenerator[bytes, None]:
        """See `ferrite.kube.transport.Transport`."""
        lines = self.lines(call)
        try:
            while True:
                try:
                    async with asyncio.timeout(silence_seconds):
                        line = await anext(lines)
                except StopAsyncIteration:
                    return
                yield line
        except TimeoutError:
            raise ClusterError("silent", reason="Silent") from None
        except (ApiError, Dropped) as error:
            raise client_error(error) from None
        finally:
            await lines.aclose()

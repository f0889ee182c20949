"""Calls to the API server, in frozen structs; its errors are `Conflict`, `Gone` and `ClusterError`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from random import random
from typing import Any, TypeVar

import msgspec

from ferrite.kube.credentials import load_credentials
from ferrite.kube.kinds import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS, Kind
from ferrite.kube.transport import Call, Transport, open_transport
from ferrite.kube.wire import (
    Body,
    EventType,
    Lines,
    Page,
    Versions,
    WatchEvent,
    decoded,
    encoded,
    event_of,
    page_of,
    version_number,
    versions_of,
)
from ferrite.objects import Object, Struct

T = TypeVar("T", bound=Struct)
P = TypeVar("P", Page[Any], Versions)
O = TypeVar("O", bound=Object)  # noqa: E741 - T of objects that are listed and watched

PAGE_SIZE = 500
LIST_SECONDS = 30.0
WATCH_SECONDS = 290
"""The server ends a watch after that; plus up to 60 by chance, so that watches do not end together."""
SILENCE_SECONDS = 90.0
"""Bookmarks come about once a minute: longer silence is a lost connection."""
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Cluster:
    """The API server; every call has a time limit."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._answered = asyncio.Event()

    async def answered(self) -> None:
        """Wait until the API server answers a call that is not a refusal."""
        await self._answered.wait()

    async def _request(self, call: Call) -> bytes:
        body = await self._transport.request(call)
        self._hear()
        return body

    def _hear(self) -> None:
        self._answered.set()  # whoever waits goes on; who comes later waits for the next answer
        self._answered.clear()

    async def get(self, kind: Kind[T], key: str) -> T:
        """One object; ClusterError with status 404 when it is not there."""
        return await self._call(kind, "GET", kind.path(key))

    async def list(self, kind: Kind[O]) -> tuple[tuple[O, ...], str]:
        """All objects of a kind and the resource version to watch from; unreadable objects are left out."""
        page = await self.listing(kind)
        return page.objects, page.version

    async def listing(self, kind: Kind[O]) -> Page[O]:
        """As `list`, with the objects that could not be decoded.

        Raises:
            Gone: the list took so long that its continue token expired; start again.
        """
        objects: list[O] = []
        unreadable: dict[str, str] = {}
        version = ""
        async for page in self._pages(kind, lambda body: page_of(body, kind.type)):
            objects.extend(page.objects)
            unreadable.update(page.unreadable)
            version = page.version
        return Page(tuple(objects), version, unreadable)

    async def newest(self, kind: Kind[Any]) -> str:
        """The latest resource version of any object of a kind; "0" where there is none."""
        latest = 0
        async for page in self._pages(kind, versions_of):
            latest = max((latest, *map(version_number, page.versions)))
        return str(latest)

    async def _pages(self, kind: Kind[Any], read: Callable[[bytes], P]) -> AsyncGenerator[P, None]:
        """The pages of a list of all objects of a kind, each as `read` reads it."""
        query = {**kind.selectors(), "limit": str(PAGE_SIZE)}
        while True:
            page = read(await self._request(Call("GET", kind.path(), query, seconds=LIST_SECONDS)))
            yield page
            if not page.next_token:
                return
            query["continue"] = page.next_token

    async def create(self, kind: Kind[T], body: Body, namespace: str | None = None) -> T:
        """Create an object in `namespace`, else in that of the body or the kind; Conflict if it is there."""
        sent = _typed(kind, body)
        place = namespace or sent.get("metadata", {}).get("namespace") or kind.namespace
        return await self._call(kind, "POST", kind.collection(place), sent)

    async def replace(self, kind: Kind[T], key: str, body: Body, subresource: str = "") -> T:
        """PUT: with `metadata.resourceVersion` in the body, Conflict if the object is another by now."""
        return await self._call(kind, "PUT", kind.path(key, subresource), _typed(kind, body))

    async def merge_patch(self, kind: Kind[T], key: str, body: Body, subresource: str = "") -> T:
        """JSON merge patch (RFC 7386); Conflict as for `replace`."""
        return await self._call(kind, "PATCH", kind.path(key, subresource), body, content_type=MERGE_PATCH)

    async def apply(
        self, kind: Kind[T], key: str, body: Body, field_manager: str, subresource: str = ""
    ) -> T:
        """Server-side apply with force: the fields in the body become those of `field_manager`."""
        query = {"fieldManager": field_manager, "force": "true"}
        path = kind.path(key, subresource)
        return await self._call(kind, "PATCH", path, _typed(kind, body), query, APPLY_PATCH)

    async def delete(self, kind: Kind[Any], key: str, version: str = "") -> None:
        """Delete an object, of this `version` if given; ClusterError with status 404 when it is not there."""
        options = {"preconditions": {"resourceVersion": version}} if version else None
        await self._request(Call("DELETE", kind.path(key), {}, encoded(options) if options else None))

    async def watch(self, kind: Kind[O], version: str) -> AsyncGenerator[WatchEvent[O], None]:
        """Events after `version`, bookmarks included, until the server ends the watch.

        The first is a bookmark at `version` itself: the server has accepted the watch.

        Raises:
            Gone: `version` is too old.
            ClusterError: the watch was refused, cut or silent.
        """
        query = {
            **kind.selectors(),
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS + int(60 * random())),
        }
        lines = Lines()
        call = Call("GET", kind.path(), query, seconds=LIST_SECONDS)
        async with aclosing(self._transport.stream(call, SILENCE_SECONDS)) as chunks:
            async for chunk in chunks:
                if not chunk:
                    self._hear()
                    yield WatchEvent(EventType.BOOKMARK, "", version)
                for line in lines.feed(chunk):
                    yield event_of(line, kind.type)
        lines.close()

    async def authorised(self, token: str, path: str = "/metrics") -> bool:
        """Whether the bearer of `token` may GET the URL `path` (TokenReview, SubjectAccessReview).

        Raises:
            ClusterError: the API server did not say.
        """
        review = await self.create(TOKEN_REVIEWS, {"spec": {"token": token}})
        if not review.status.authenticated:
            return False
        user = review.status.user
        spec = {
            "user": user.username,
            "uid": user.uid,
            "groups": user.groups,
            "extra": user.extra,
            "nonResourceAttributes": {"path": path, "verb": "get"},
        }
        return (await self.create(SUBJECT_ACCESS_REVIEWS, {"spec": spec})).status.allowed

    async def _call(
        self,
        kind: Kind[T],
        method: str,
        path: str,
        body: Body | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> T:
        sent = None if body is None else encoded(body)
        answer = await self._request(Call(method, path, query or {}, sent, content_type))
        return decoded(answer, kind.type)


def _typed(kind: Kind[Any], body: Body) -> dict[str, Any]:
    """The body with `apiVersion` and `kind`, which the API server wants of custom resources."""
    fields: Mapping[str, Any] = msgspec.to_builtins(body) if isinstance(body, msgspec.Struct) else body
    return {"apiVersion": kind.api_version, "kind": kind.kind, **fields}


@asynccontextmanager
async def open_cluster(
    kubeconfig: str | None, daemon: str, context: str | None = None
) -> AsyncGenerator[Cluster, None]:
    """The cluster that `kubeconfig` names, in its current context or in `context`, or that the pod runs in.

    Nothing is asked of the API server here: it may be away, and the first list is tried until it succeeds.

    Raises:
        ConfigError: there are no usable credentials; the text names the file.
    """
    credentials = await load_credentials(kubeconfig, context)
    async with open_transport(credentials, f"ferrite-{daemon}/{_version()}") as transport:
        yield Cluster(transport)


def _version() -> str:
    try:
        return version("ferrite")
    except PackageNotFoundError:
        return "0"

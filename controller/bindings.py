"""AddressBindings: what is written down so that a deleted Service gets its addresses back.

One object for each Service, so that a change costs one write however many there are, and a person may delete
one to free the addresses at once.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from controller.binding import Binding, binding_from, binding_name, binding_spec
from crds.reservation import AddressBindingSpec
from ferrite.conditions import from_rfc3339, rfc3339
from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import ADDRESS_BINDINGS
from ferrite.kube.watch import NOT_FOUND
from ferrite.kube.world import World
from ferrite.objects import Custom

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Written:
    """Our last write for a Service: with its version, or with the version that it deleted."""

    binding: Binding | None
    version: str = ""
    deleted: str = ""


class BindingStore:
    """The AddressBindings of one term of leadership: as the watch shows them, or newer ones that we wrote."""

    def __init__(self, cluster: Cluster, world: World, namespace: str) -> None:
        self._cluster, self._world, self._namespace = cluster, world, namespace
        self._kind = ADDRESS_BINDINGS.within(namespace)
        self._written: dict[str, _Written] = {}  # until the watch shows it
        self._had: set[str] = set()

    def all(self) -> Iterable[Binding]:
        """Everything that is written down and can be read."""
        for item in self._world.objects(self._kind).values():
            if binding := _read(item):
                self._had.add(binding.key)
                yield binding

    def stored(self, key: str) -> Binding | None:
        """What is written down for the Service `key`."""
        if written := self._written.get(key):
            if not self._is_shown(key, written):
                return written.binding
            del self._written[key]
        shown = self._shown(key)
        return _read(shown) if shown else None

    def _is_shown(self, key: str, written: _Written) -> bool:
        if written.version:
            return self._world.shows(self._kind, written.version)
        shown = self._shown(key)
        return shown is None or shown.metadata.resource_version != written.deleted

    def lost(self, key: str) -> bool:
        """Whether somebody else deleted what was written down for `key`; told once."""
        lost = key in self._had and self.stored(key) is None
        if lost:
            self._had.discard(key)
        return lost

    async def write(self, key: str, wanted: Binding | None) -> None:
        """Make what is written down for `key` equal to `wanted`.

        Raises:
            ClusterError: it failed, also when somebody else wrote.
        """
        if self.stored(key) == wanted:
            return
        try:
            if wanted is None:
                self._written[key] = await self._delete(key)
                self._had.discard(key)
            elif version := await self._put(wanted):
                self._written[key] = _Written(wanted, version)
                self._had.add(key)
        except ClusterError as error:
            if isinstance(error, Conflict) or error.status == NOT_FOUND:
                self._written.pop(key, None)  # somebody else wrote or deleted it: the watch tells
            raise

    async def _put(self, wanted: Binding) -> str:
        until = None if wanted.until is None else rfc3339(wanted.until)
        spec = binding_spec(wanted, until).model_dump(by_alias=True, exclude_defaults=True)
        metadata = {"name": wanted.name, "namespace": self._namespace}
        body = {"metadata": metadata, "spec": spec}
        if version := self._version(wanted.key):
            body = {**body, "metadata": {**metadata, "resourceVersion": version}}
            answer = await self._cluster.replace(self._kind, self._path(wanted.key), body)
        else:
            try:
                answer = await self._cluster.create(self._kind, body)
            except ClusterError as error:
                if error.status != NOT_FOUND:
                    raise
                # The kind is not installed: an address without a memory is better than none.
                log.warning("binding not written", extra={"service": wanted.key, "error": str(error)})
                return ""
        return answer.metadata.resource_version

    async def _delete(self, key: str) -> _Written:
        version = self._version(key)
        try:
            await self._cluster.delete(self._kind, self._path(key), version)
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
        return _Written(None, deleted=version)

    def _version(self, key: str) -> str:
        if key in self._written:
            return self._written[key].version
        shown = self._shown(key)
        return shown.metadata.resource_version if shown else ""

    def _shown(self, key: str) -> Custom | None:
        return self._world.objects(self._kind).get(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._namespace}/{binding_name(key)}"


def _read(item: Custom) -> Binding | None:
    try:
        spec = AddressBindingSpec.model_validate(item.spec)
        until = from_rfc3339(spec.until) if spec.until else None
        return binding_from(spec, until)
    except (ValidationError, ValueError) as error:
        text = str(error).splitlines()[0]
        log.warning("binding not understood", extra={"binding": item.metadata.name, "error": text})
        return None

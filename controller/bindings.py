"""AddressBindings: what is written down so that a deleted Service gets its addresses back.

One object for each Service, so that a change costs one write however many there are, and a person may delete
one to free the addresses at once.
"""

import logging
from collections.abc import Iterable

from pydantic import ValidationError

from controller.binding import Binding, binding_from, binding_spec
from crds.reservation import AddressBindingSpec
from ferrite.conditions import from_rfc3339, rfc3339
from ferrite.errors import ClusterError, Conflict
from ferrite.kube.cluster import Cluster
from ferrite.kube.kinds import ADDRESS_BINDINGS
from ferrite.kube.watch import NOT_FOUND
from ferrite.kube.world import World
from ferrite.objects import Custom

log = logging.getLogger(__name__)


class BindingStore:
    """The AddressBindings of one term of leadership: as the watch shows them, or newer ones that we wrote."""

    def __init__(self, cluster: Cluster, world: World, namespace: str) -> None:
        self._cluster, self._world, self._namespace = cluster, world, namespace
        self._kind = ADDRESS_BINDINGS.within(namespace)
        self._written: dict[
            str, tuple[Binding | None, str]
        ] = {}  # with its version, until the watch shows it
        self._had: set[str] = set()

    def all(self) -> Iterable[Binding]:
        """Everything that is written down and can be read."""
        for item in self._world.objects(self._kind).values():
            if binding := _read(item):
                self._had.add(binding.key)
                yield binding

    def stored(self, key: str) -> Binding | None:
        """What is written down for the Service `key`."""
        shown = self._shown(key)
        if key in self._written:
            binding, version = self._written[key]
            if version != (shown.metadata.resource_version if shown else ""):
                return binding
            del self._written[key]
        return _read(shown) if shown else None

    def lost(self, key: str) -> bool:
        """Whether somebody else deleted what was written down for `key`."""
        return key in self._had and self.stored(key) is None

    async def write(self, key: str, wanted: Binding | None) -> None:
        """Make what is written down for `key` equal to `wanted`.

        Raises:
            ClusterError: it failed; a Conflict when somebody else wrote.
        """
        if self.stored(key) == wanted:
            return
        try:
            version = await (self._delete(key) if wanted is None else self._put(wanted))
        except Conflict:
            self._written.pop(key, None)
            raise
        self._written[key] = (wanted, version)
        (self._had.discard if wanted is None else self._had.add)(key)

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

    async def _delete(self, key: str) -> str:
        try:
            await self._cluster.delete(self._kind, self._path(key), self._version(key))
        except ClusterError as error:
            if error.status != NOT_FOUND:
                raise
        return ""

    def _version(self, key: str) -> str:
        if key in self._written:
            return self._written[key][1]
        shown = self._shown(key)
        return shown.metadata.resource_version if shown else ""

    def _shown(self, key: str) -> Custom | None:
        return self._world.objects(self._kind).get(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._namespace}/{key.replace('/', '.')}"


def service_of(binding_key: str) -> str:
    """Key of the Service that an AddressBinding is for; neither part of it has a dot."""
    return binding_key.partition("/")[2].replace(".", "/", 1)


def _read(item: Custom) -> Binding | None:
    try:
        spec = AddressBindingSpec.model_validate(item.spec)
        until = from_rfc3339(spec.until) if spec.until else None
        return binding_from(spec, until)
    except (ValidationError, ValueError) as error:
        text = str(error).splitlines()[0]
        log.warning("binding not understood", extra={"binding": item.metadata.name, "error": text})
        return None

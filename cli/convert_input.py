"""Finds in a text what can be converted: the ConfigMap, its bare content, and objects of `metallb.io`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from cli.convert_check import KINDS
from cli.convert_fields import Fields, Findings, shown
from cli.convert_names import Converted, Maker
from cli.convert_pools import ADDRESS_POOL, OldPool, read_pool
from cli.convert_yaml import Texts, Values, documents
from cli.text import listed
from crds.kinds import KINDS as CUSTOM_RESOURCES
from ferrite.errors import ConfigError

KEY = "config"
"""The one key of the ConfigMap's data that MetalLB reads."""
Read = tuple[tuple[object, object], ...]
"""Documents twice: with all scalars as texts, and as what they are."""
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GROUP = "metallb.io/"
_REPORTS = frozenset({"ServiceL2Status", "ServiceBGPStatus", "ConfigurationState"})
_MODELS = {
    (f"{_GROUP}{version.name}", kind.name): version.spec
    for kind in CUSTOM_RESOURCES
    for version in kind.versions
    if kind.name in KINDS and version.spec is not None
}


@dataclass(slots=True)
class Found:
    """What a text holds.

    Attributes:
        configs: contents in the format of the ConfigMap, each with a name for complaints.
        pools: AddressPools, a kind that MetalLB had for a while.
        objects: those that need no conversion.
        namespaces: where the objects were.
    """

    configs: list[tuple[str, Any]] = field(default_factory=list)
    pools: list[OldPool] = field(default_factory=list)
    objects: list[Converted] = field(default_factory=list)
    namespaces: set[str] = field(default_factory=set)


def read(text: str) -> Read:
    """The documents of a text.

    Raises:
        ConfigError: it is not YAML.
    """
    return tuple(zip(documents(text, Texts), documents(text, Values), strict=True))


def find(read: Read, maker: Maker, findings: Findings) -> Found:
    """Find what can be converted.

    Raises:
        ConfigError: there is nothing of the kind.
    """
    search = _Search(maker, findings)
    for plain, typed in read:
        search.look_at(plain, typed)
    found = search.found
    if not (found.configs or found.pools or found.objects or findings.problems):
        seen = f"; there is {listed(search.strangers)}" if search.strangers else ""
        raise ConfigError(
            "nothing to convert: want a ConfigMap of MetalLB with the key config, the content of that key, "
            f"or objects of metallb.io{seen}"
        )
    return found


class _Search:
    """Goes through the objects of a text."""

    def __init__(self, maker: Maker, findings: Findings) -> None:
        self.maker, self.findings, self.found = maker, findings, Found()
        self.strangers: list[str] = []

    def look_at(self, plain: object, typed: object) -> None:
        """One document, or one item of a list."""
        if isinstance(plain, dict) and isinstance(typed, dict):
            if "kind" not in plain:
                self.found.configs.append(("config", plain))
            elif isinstance(plain.get("items"), list):
                for inner, same in zip(plain["items"], typed["items"], strict=True):
                    self.look_at(inner, same)
            else:
                self._object(plain, typed)
        elif plain is not None:
            self.findings.problem(f"{shown(plain)} is neither an object nor a configuration")

    def _object(self, plain: Mapping[str, Any], typed: Mapping[str, Any]) -> None:
        head = Fields(plain, "an object", self.findings)
        version, kind = head.text("apiVersion"), head.text("kind")
        metadata = Fields(plain.get("metadata") or {}, kind, self.findings)
        name, namespace = metadata.text("name"), metadata.text("namespace")
        where = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
        kept = _kept(metadata)
        known = True
        if kind == "ConfigMap":
            known = self._config_map(where, plain)
        elif kind == "AddressPool" and version.startswith(_GROUP):
            fields = Fields(typed.get("spec"), where, self.findings)
            pool = read_pool(fields, name, ADDRESS_POOL, kept)
            self.found.pools += [pool] if pool else []
        elif (version, kind) in _MODELS:
            self._present(where, name, typed, kept)
        else:
            known = False
            if not (version.startswith(_GROUP) and kind in _REPORTS):
                self.findings.note(f"{where}: {version} {kind} has no equal in Ferrite, left out")
        if known:
            self.found.namespaces.add(namespace)
        else:
            self.strangers.append(where)

    def _config_map(self, where: str, plain: Mapping[str, Any]) -> bool:
        """Whether it is MetalLB's: only that has the key."""
        content = Fields(plain.get("data") or {}, where, self.findings, "data.")
        if KEY not in content:
            self.findings.note(f"{where}: has no key {KEY}, left out")
            return False
        try:
            self.found.configs += config_of(where, content.text(KEY))
        except ConfigError as error:
            self.findings.problem(str(error))
        content.left_over()
        return True

    def _present(self, where: str, name: str, typed: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        version, kind = typed["apiVersion"], typed["kind"]
        if not name:
            self.findings.problem(f"{where}: metadata.name is missing")
            return
        given = typed.get("spec") or {}
        try:
            spec = _MODELS[version, kind].model_validate(given).model_dump(by_alias=True, exclude_unset=True)
        except ValidationError as error:
            self.findings.problem(f"{where}: {_complaint(error)}")
            return
        for path in _lost(given, spec, "spec"):
            self.findings.note(f"{where}: {path} is not a field of Ferrite's, left out")
        self.maker.reserve(kind, [name])
        manifest = self.maker.make(kind, name, spec, metadata) | {"apiVersion": version}
        self.found.objects.append(Converted(where, manifest))


def config_of(where: str, content: str) -> list[tuple[str, Any]]:
    """What the key of a ConfigMap holds.

    Raises:
        ConfigError: it is not YAML, or not one document.
    """
    try:
        found = [(where, each) for each in documents(content, Texts) if each is not None]
    except ConfigError as error:
        raise ConfigError(f"{where}: {KEY}: {error}") from None
    if len(found) != 1:
        raise ConfigError(f"{where}: {KEY} holds {len(found)} documents, not one")
    return found


def _kept(metadata: Fields) -> dict[str, dict[str, str]]:
    """Labels and annotations; the rest of the metadata is the API server's."""
    labels, annotations = metadata.pairs("labels"), metadata.pairs("annotations")
    annotations.pop(APPLIED, None)
    both = {"labels": labels, "annotations": annotations}
    return {name: values for name, values in both.items() if values}


def _complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(["spec", *(str(part) for part in first["loc"])])
    value = "" if "password" in where.lower() else f", got {shown(first['input'])}"
    return f"{where}: {first['msg']}{value}"


def _lost(given: object, kept: object, path: str) -> Iterator[str]:
    """Paths of what the model does not know."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key in kept:
                yield from _lost(value, kept[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(given, list) and isinstance(kept, list):
        for index, (value, same) in enumerate(zip(given, kept, strict=False)):
            yield from _lost(value, same, f"{path}[{index}]")

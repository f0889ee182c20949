"""Names of Kubernetes objects for things that had other names, or none."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LONGEST = 253
_LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FORBIDDEN = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Converted:
    """An object of the new kinds.

    Attributes:
        where: what it was made of, for complaints.
        owner: kind and name of an object that it is of no use without.
    """

    where: str
    manifest: Mapping[str, Any]
    owner: tuple[str, str] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Kind and name."""
        return self.manifest["kind"], self.manifest["metadata"]["name"]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes manifests of one namespace; no two of a kind get the same name."""

    namespace: str
    _used: set[tuple[str, str]] = field(default_factory=set)

    def reserve(self, kind: str, wanted: Sequence[str]) -> dict[str, str]:
        """A name of an object for each of these names, all different.

        A name that is one already stays; the others come after, in their order.
        """
        rest = [name for name in wanted if not is_name(name)]
        return {name: self._free(kind, name) for name in [*filter(is_name, wanted), *rest]}

    def make(
        self, kind: str, name: str, spec: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The manifest of an object of `metallb.io`, in the version that is stored."""
        version = "v1beta2" if kind == "BGPPeer" else "v1beta1"
        return {
            "apiVersion": f"metallb.io/{version}",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, **(metadata or {})},
            "spec": dict(spec),
        }

    def _free(self, kind: str, wanted: str) -> str:
        name, number = object_name(wanted), 2
        start = name
        while (kind, name) in self._used:
            name, number = f"{start[: LONGEST - 8].rstrip('-.')}-{number}", number + 1
        self._used.add((kind, name))
        return name


def is_name(text: str) -> bool:
    """Whether `text` is a name of an object (RFC 1123 subdomain)."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def object_name(text: str) -> str:
    """The name of an object that is nearest to `text`: lower case, what is not allowed as a dash."""
    labels = (_FORBIDDEN.sub("-", label).strip("-") for label in text.lower().split("."))
    name = ".".join(label for label in labels if label)
    return name[:LONGEST].rstrip("-.") or "unnamed"

"""What a test makes in the cluster goes with it."""

import json

from e2e.manifests import Object
from e2e.site import Site


class Given:
    """What one test or module made in the cluster; `end` takes it away, last made first."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._made: list[tuple[str, str, str]] = []

    def apply(self, *objects: Object) -> None:
        """Apply manifests and remember them."""
        self.remember(*objects)
        self.site.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def remember(self, *objects: Object) -> None:
        """Take these away at the end, whoever makes them."""
        for item in objects:
            self._made.append((item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]))

    def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        """Delete one object now."""
        self._made = [one for one in self._made if one != (kind, namespace, name)]
        self.site.kubectl("delete", kind, name, "-n", namespace, "--ignore-not-found")

    def end(self) -> None:
        """Take everything away."""
        groups: dict[tuple[str, str], list[str]] = {}
        for kind, namespace, name in reversed(self._made):
            groups.setdefault((namespace, kind), []).append(name)
        self._made.clear()
        for (namespace, kind), names in groups.items():
            where = ["-n", namespace] if namespace else []
            self.site.kubectl("delete", kind, *names, *where, "--ignore-not-found", check=False)

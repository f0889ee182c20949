"""Patches as the API server applies them, for the fake one."""

from tests.fakes.parts import Json


def merged(old: Json, patch: Json) -> Json:
    """RFC 7386."""
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            base = new.get(name)
            new[name] = merged(base if isinstance(base, dict) else {}, value)
        else:
            new[name] = value
    return new


def applied(old: Json, body: Json) -> Json:
    """Server-side apply with force, coarsely: conditions are merged by type, everything else as a patch."""
    new = merged(old, body)
    theirs = old.get("status", {}).get("conditions", [])
    ours = body.get("status", {}).get("conditions", [])
    if ours:
        types = {condition["type"] for condition in ours}
        new["status"]["conditions"] = [c for c in theirs if c["type"] not in types] + ours
    return new

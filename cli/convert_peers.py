"""Peers, BFD profiles and communities of the ConfigMap to objects of their own, passwords to Secrets."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.convert_fields import Fields, Findings
from cli.convert_names import Converted, Maker
from ferrite.config.communities import parse_community
from ferrite.config.peers import BASIC_AUTH
from ferrite.errors import ConfigError

COMMUNITIES = "communities"
OLD_HOLD_TIME = "90s"
_PEER_TEXTS = {
    "peer-address": "peerAddress",
    "source-address": "sourceAddress",
    "router-id": "routerID",
    "hold-time": "holdTime",
    "keepalive-time": "keepaliveTime",
}
_PROFILE_NUMBERS = {
    "receive-interval": "receiveInterval",
    "transmit-interval": "transmitInterval",
    "detect-multiplier": "detectMultiplier",
    "echo-interval": "echoInterval",
    "minimum-ttl": "minimumTtl",
}
_PROFILE_FLAGS = {"echo-mode": "echoMode", "passive-mode": "passiveMode"}


def convert_profiles(profiles: Sequence[Fields], maker: Maker) -> tuple[list[Converted], dict[str, str]]:
    """The BFDProfiles, and the name of each by the name that peers know."""
    found: dict[str, tuple[Fields, dict[str, Any]]] = {}
    for fields in profiles:
        before = len(fields.findings.problems)
        name = fields.text("name")
        spec: dict[str, Any] = {new: fields.number(old) for old, new in _PROFILE_NUMBERS.items()}
        spec |= {new: fields.flag(old) for old, new in _PROFILE_FLAGS.items()}
        fields.left_over()
        if not name:
            fields.complain("name", "is missing")
        if name in found:
            fields.complain("name", f"is that of another profile, too: {name}")
        if len(fields.findings.problems) == before:
            found[name] = (fields, _given(spec))
    names = maker.reserve("BFDProfile", list(found))
    for name, (fields, _) in found.items():
        if names[name] != name:
            fields.note("name", f"{name} cannot be the name of an object: it is {names[name]} now")
    return [
        Converted(fields.where, maker.make("BFDProfile", names[name], spec))
        for name, (fields, spec) in found.items()
    ], names


def convert_communities(config: Fields, maker: Maker) -> tuple[list[Converted], dict[str, str]]:
    """The object with the aliases; and the values of aliases that cannot be in it, for use in their place."""
    key = "bgp-communities"
    aliases: list[dict[str, str]] = []
    literals: dict[str, str] = {}
    for alias, value in config.pairs(key).items():
        try:
            parse_community(value)
        except ConfigError as error:
            config.complain(f"{key}.{alias}", f"is wrong: {error}")
            continue
        if ":" in alias:
            config.note(f"{key}.{alias}", f"cannot be a name any more: {value} stands in its place")
            literals[alias] = value
        else:
            aliases.append({"name": alias, "value": value})
    if not aliases:
        return [], literals
    (name,) = maker.reserve("Community", [COMMUNITIES]).values()
    return [Converted(key, maker.make("Community", name, {"communities": aliases}))], literals


def convert_peers(
    peers: Sequence[Fields], profiles: Mapping[str, str], maker: Maker, findings: Findings
) -> Iterator[Converted]:
    """The BGPPeers, called by their place in the list, each after the Secret that it names."""
    names = list(maker.reserve("BGPPeer", [f"peer{place}" for place in range(1, len(peers) + 1)]).values())
    if names:
        called = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        findings.note(f"peers: a peer had no name and needs one now: by their order {called}")
    for fields, name in zip(peers, names, strict=True):
        yield from _peer(fields, name, profiles, maker)


def _peer(fields: Fields, name: str, profiles: Mapping[str, str], maker: Maker) -> Iterator[Converted]:
    before = len(fields.findings.problems)
    spec: dict[str, Any] = {"myASN": fields.number("my-asn"), "peerASN": fields.number("peer-asn")}
    spec |= {new: fields.text(old).strip() or None for old, new in _PEER_TEXTS.items()}
    spec["peerPort"] = fields.number("peer-port") or None
    profile = fields.text("bfd-profile")
    spec["bfdProfile"] = profiles.get(profile, profile) or None
    spec["ebgpMultiHop"] = fields.flag("ebgp-multihop") or None
    spec["nodeSelectors"] = _selectors(fields) or None
    password = fields.text("password", secret=True)
    fields.left_over()
    for old, new in (("my-asn", "myASN"), ("peer-asn", "peerASN"), ("peer-address", "peerAddress")):
        if spec[new] is None and old not in fields:
            fields.complain(old, "is missing")
    if len(fields.findings.problems) > before:
        return
    if spec["keepaliveTime"] and not spec["holdTime"]:
        spec["holdTime"] = OLD_HOLD_TIME
        fields.note(
            "hold-time",
            f"is written out as {OLD_HOLD_TIME}: left out, it would be three times keepaliveTime now",
        )
    if password:
        spec["passwordSecret"] = {"name": f"{name}-password"}
        yield _secret(fields, name, password, maker)
    yield Converted(fields.where, maker.make("BGPPeer", name, _given(spec)))


def _secret(fields: Fields, peer: str, password: str, maker: Maker) -> Converted:
    name = f"{peer}-password"
    fields.note(
        "password", f"is in the Secret {name} now: do not commit the manifests to a repository as they are"
    )
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": maker.namespace},
        "type": BASIC_AUTH,
        "data": {"password": base64.b64encode(password.encode()).decode()},
    }
    return Converted(fields.where, manifest, ("BGPPeer", peer))


def _selectors(fields: Fields) -> list[dict[str, Any]]:
    """Selectors of nodes; what comes again is left out with a note, as the new kind refuses it."""
    found: list[dict[str, Any]] = []
    for part in fields.parts("node-selectors"):
        labels = part.pairs("match-labels")
        expressions: list[dict[str, Any]] = []
        for each in part.parts("match-expressions"):
            values = each.texts("values") or None
            expression = {"key": each.text("key"), "operator": each.text("operator"), "values": values}
            each.left_over()
            _add(expressions, _given(expression), each)
        part.left_over()
        _add(found, _given({"matchLabels": labels or None, "matchExpressions": expressions or None}), part)
    return found


def _add(found: list[dict[str, Any]], new: dict[str, Any], fields: Fields) -> None:
    if new in found:
        fields.findings.note(f"{fields.where}: {fields.path.removesuffix('.')} is there twice, left out")
    else:
        found.append(new)


def _given(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if value is not None}

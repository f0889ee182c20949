"""What Ferrite itself makes of the objects, before anybody applies them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import msgspec

from cli.convert_fields import Findings
from cli.convert_names import Converted
from cli.text import listed
from ferrite.config.advertisements import refuse_conflict
from ferrite.config.parse import ConfigObjects, parse
from ferrite.config.peers import BASIC_AUTH, refuse_same_neighbor
from ferrite.errors import ConfigError
from ferrite.model import BGPAdvertisement, Config, LabelSelector, NodeView, Operator, Peer
from ferrite.net import NodeName, parse_address
from ferrite.objects import Custom, Metadata, Secret
from ferrite.selectors import admits
from speaker.bgp.peers import wanted_peers

Key = tuple[str, str]
Labels = Mapping[str, str]
V = TypeVar("V", Peer, BGPAdvertisement)

KINDS = ("IPAddressPool", "L2Advertisement", "BFDProfile", "Community", "BGPPeer", "BGPAdvertisement")
"""The kinds that a configuration is made of."""
ANY_NODE: Labels = {}
_NODE = NodeView(NodeName("node"), addresses=(parse_address("192.0.2.1"), parse_address("2001:db8::1")))


def checked(converted: Sequence[Converted], findings: Findings) -> list[Converted]:
    """The objects that Ferrite can use; why it cannot use one is a problem, what has no effect a note."""
    kept = _without_namesakes(converted, findings)
    places = {item.key: place for place, item in enumerate(kept)}
    config, problems, _ = parse(_objects(kept))
    bad: set[Key] = set()
    for problem in problems:
        key = (problem.kind, problem.name)
        bad.add(key)
        findings.problem(f"{kept[places[key]].where}: {problem.kind} {problem.name}: {problem.text}")
    for key, labels, text in _all_conflicts(config, places):
        line = f"{kept[places[key]].where}: {key[0]} {key[1]}: {text}"
        if labels == ANY_NODE:
            bad.add(key)
            findings.problem(line)
        else:
            where = ", ".join(f"{name}={value}" for name, value in labels.items())
            findings.note(f"{line}; so it has no effect on a node with {where}")
    _note_limits(config, kept, bad, findings)
    return [item for item in kept if item.key not in bad and item.owner not in bad]


def _without_namesakes(converted: Sequence[Converted], findings: Findings) -> list[Converted]:
    found: dict[Key, Converted] = {}
    for item in converted:
        if item.key in found:
            kind, name = item.key
            findings.problem(f"{item.where}: {found[item.key].where} is a {kind} {name}, too")
        found.setdefault(item.key, item)
    return list(found.values())


def _objects(converted: Iterable[Converted]) -> ConfigObjects:
    """As the API server would list them; who comes first counts as older."""
    found: dict[str, list[Custom]] = {kind: [] for kind in KINDS}
    secrets: dict[str, Secret] = {}
    for place, item in enumerate(converted):
        kind, name = item.key
        if kind == "Secret":
            secrets[name] = msgspec.convert(item.manifest, Secret)
            continue
        given = item.manifest["metadata"]
        metadata = Metadata(
            name=name,
            namespace=given["namespace"],
            creation_timestamp=f"{place:09}",
            labels=given.get("labels", {}),
        )
        found[kind].append(Custom(metadata=metadata, spec=item.manifest["spec"]))
        reference = item.manifest["spec"].get("passwordSecret", {}).get("name")
        if kind == "BGPPeer" and reference:
            secrets.setdefault(reference, _stand_in(reference))
    return ConfigObjects(
        pools=found["IPAddressPool"],
        l2_advertisements=found["L2Advertisement"],
        bgp_advertisements=found["BGPAdvertisement"],
        peers=found["BGPPeer"],
        bfd_profiles=found["BFDProfile"],
        communities=found["Community"],
        secrets=secrets,
    )


def _stand_in(name: str) -> Secret:
    """A Secret that is in the cluster and none of what is converted."""
    return Secret(metadata=Metadata(name=name), type=BASIC_AUTH, data={"password": "eA=="})


def _all_conflicts(config: Config, places: Mapping[Key, int]) -> Iterator[tuple[Key, Labels, str]]:
    """What excludes each other on one node: the younger object, the labels of such a node, and why."""
    peers = sorted(config.peers, key=lambda peer: places["BGPPeer", peer.name])
    for name, labels, why in _conflicts(peers, lambda peer: peer.node_selectors, refuse_same_neighbor):
        yield ("BGPPeer", name), labels, why
    ads = sorted(config.bgp_advertisements, key=lambda ad: places["BGPAdvertisement", ad.name])

    def refuse(ad: BGPAdvertisement, older: Sequence[BGPAdvertisement]) -> None:
        refuse_conflict(ad, older, config.pools)

    for name, labels, why in _conflicts(ads, lambda ad: ad.scope.node_selectors, refuse):
        yield ("BGPAdvertisement", name), labels, why


def _conflicts(
    values: Sequence[V],
    selectors: Callable[[V], tuple[LabelSelector, ...]],
    refuse: Callable[[V, Sequence[V]], None],
) -> Iterator[tuple[str, Labels, str]]:
    """Each value that `refuse` refuses, once, with the first kind of node where it does."""
    refused: set[str] = set()
    for labels in (ANY_NODE, *_nodes(selector for value in values for selector in selectors(value))):
        older: list[V] = []
        for value in values:
            if not admits(selectors(value), labels):
                continue
            try:
                refuse(value, older)
            except ConfigError as error:
                if value.name not in refused:
                    yield value.name, labels, str(error)
                refused.add(value.name)
            else:
                older.append(value)


def _nodes(selectors: Iterable[LabelSelector]) -> list[Labels]:
    """Labels of nodes that these selectors select, each value of theirs once."""
    found: dict[tuple[tuple[str, str], ...], Labels] = {}
    for selector in selectors:
        wanted = {part.key: part.values for part in selector.requirements if part.operator is Operator.IN}
        there = {part.key: "" for part in selector.requirements if part.operator is Operator.EXISTS}
        first = there | {key: values[0] for key, values in wanted.items()}
        for key, values in wanted.items():
            for value in values:
                labels = first | {key: value}
                found.setdefault(tuple(sorted(labels.items())), labels)
        found.setdefault(tuple(sorted(first.items())), first)
    return list(found.values())


def _note_limits(config: Config, kept: Sequence[Converted], bad: set[Key], findings: Findings) -> None:
    """What GoBGP does otherwise than the BGP engines of MetalLB."""
    where = {item.key: item.where for item in kept}
    peers = [peer for peer in config.peers if ("BGPPeer", peer.name) not in bad]
    ads = [ad for ad in config.bgp_advertisements if ("BGPAdvertisement", ad.name) not in bad]
    for peer in peers:
        for problem in wanted_peers(Config(peers=(replace(peer, node_selectors=()),)), _NODE).problems:
            findings.note(f"{where['BGPPeer', peer.name]}: {problem.text}")
    near = [peer.name for peer in peers if peer.my_asn != peer.peer_asn and not peer.ebgp_multihop]
    if near:
        findings.note(
            f"BGPPeer {listed(near)}: a router that is more than one hop away needs ebgpMultiHop: true; "
            "MetalLB's native mode reached it without"
        )
    internal = [peer.name for peer in peers if peer.my_asn == peer.peer_asn]
    unset = [ad.name for ad in ads if not ad.local_pref]
    if internal and unset:
        findings.note(
            f"BGPAdvertisement {listed(unset)}: routes to the iBGP peers {listed(internal)} have LOCAL_PREF "
            "100 where none is given; MetalLB's native mode sent 0"
        )
    if ads and not peers:
        findings.note(
            f"BGPAdvertisement {listed(ad.name for ad in ads)}: nothing is announced, there is no peer"
        )

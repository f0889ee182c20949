"""All custom resources to one `Config`: whatever is wrong becomes a `Problem`, the rest counts."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from crds.advertisement import BGPAdvertisementSpec, CommunitySpec, L2AdvertisementSpec
from crds.peer import BFDProfileSpec, BGPPeerSpec
from crds.pool import IPAddressPoolSpec
from ferrite.config.advertisements import bgp_advertisement_from, l2_advertisement_from, refuse_conflict
from ferrite.config.communities import Aliases, aliases_from, refuse_same_alias
from ferrite.config.peers import bfd_profile_from, peer_from, refuse_same_neighbor
from ferrite.config.pools import pool_from, refuse_overlap, with_removal
from ferrite.config.standing import Identity, Refuse, excludes_nothing, settle
from ferrite.errors import ConfigError
from ferrite.model import (
    BFDProfile,
    BGPAdvertisement,
    Config,
    L2Advertisement,
    LabelSelector,
    Peer,
    Pool,
    Problem,
)
from ferrite.objects import Custom, Secret
from ferrite.selectors import admits

S = TypeVar("S", bound=BaseModel)
V = TypeVar("V")
N = TypeVar("N", Pool, L2Advertisement, BGPAdvertisement, Peer)
STANDS = "what the object said before still counts"
"""Last line of a problem, where that is so."""


@dataclass(frozen=True, slots=True)
class ConfigObjects:
    """The objects that make a configuration, in any order.

    Attributes:
        secrets: of Ferrite's namespace, by name.
        node_labels: labels of the node that decides. With them, peers and BGP advertisements that do not
            select this node are left out before anything is compared; without, all count.
    """

    pools: Iterable[Custom] = ()
    l2_advertisements: Iterable[Custom] = ()
    bgp_advertisements: Iterable[Custom] = ()
    peers: Iterable[Custom] = ()
    bfd_profiles: Iterable[Custom] = ()
    communities: Iterable[Custom] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    node_labels: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What counted, kind by kind and object by object: what `parse` remembers from one time to the next."""

    pools: Mapping[Identity, Pool] = field(default_factory=dict)
    aliases: Mapping[Identity, Aliases] = field(default_factory=dict)
    profiles: Mapping[Identity, BFDProfile] = field(default_factory=dict)
    l2_advertisements: Mapping[Identity, L2Advertisement] = field(default_factory=dict)
    bgp_advertisements: Mapping[Identity, BGPAdvertisement] = field(default_factory=dict)
    peers: Mapping[Identity, Peer] = field(default_factory=dict)


NOTHING = Memory()


def parse(objects: ConfigObjects, before: Memory = NOTHING) -> tuple[Config, tuple[Problem, ...], Memory]:
    """Read a configuration.

    What counted `before` goes on counting until its own object is deleted, or says something else that is
    good: neither adding nor editing an object takes away what works. Where nothing counted before, the older
    of two objects that exclude each other counts.
    """
    problems: list[Problem] = []
    reader = _Reader(problems, objects.node_labels)
    pools = reader.pools(objects.pools, before.pools)
    aliases = reader.aliases(objects.communities, before.aliases)
    profiles = reader.profiles(objects.bfd_profiles, before.profiles)
    known, values = _by_name(pools), ChainMap(*map(dict, aliases.values()))
    by_name = {profile.name: profile for profile in profiles.values()}
    l2 = reader.l2_advertisements(objects.l2_advertisements, known, before.l2_advertisements)
    bgp = reader.bgp_advertisements(objects.bgp_advertisements, known, values, before.bgp_advertisements)
    peers = reader.peers(objects.peers, by_name, objects.secrets, before.peers)
    config = Config(known, _by_name(l2), _by_name(bgp), _by_name(peers))
    return config, tuple(problems), Memory(pools, aliases, profiles, l2, bgp, peers)


def _oldest_first(items: Iterable[Custom]) -> list[Custom]:
    return sorted(items, key=lambda item: (item.metadata.creation_timestamp, item.metadata.name))


def _by_name(values: Mapping[Identity, N]) -> tuple[N, ...]:
    return tuple(sorted(values.values(), key=lambda value: value.name))


class _Reader:
    """Reads kind after kind, and collects the problems of all."""

    def __init__(self, problems: list[Problem], node_labels: Mapping[str, str] | None) -> None:
        self.problems = problems
        self.node_labels = node_labels

    def read(
        self,
        kind: tuple[str, type[S]],
        items: Iterable[Custom],
        make: Callable[[Custom, S], V | None],
        before: Mapping[Identity, V],
        refuse: Refuse[V] = excludes_nothing,
    ) -> dict[Identity, V]:
        """The values that count.

        `make` reads one object by itself; with None it leaves the object out, no problem.
        """
        own: dict[Identity, V] = {}
        complaints: dict[Identity, str] = {}
        for item in _oldest_first(items):
            who = (item.metadata.name, item.metadata.uid)
            try:
                value = make(item, _validated(kind, item))
            except ConfigError as error:
                complaints[who] = str(error)
            else:
                own |= {} if value is None else {who: value}
        standing = {who: value for who, value in before.items() if who in own or who in complaints}
        counting, refused = settle(own, standing, refuse)
        for who, text in (complaints | refused).items():
            told = f"{text}\n{STANDS}" if who in counting else text
            self.problems.append(Problem(kind[0], who[0], told))
        return counting

    def pools(self, items: Iterable[Custom], before: Mapping[Identity, Pool]) -> dict[Identity, Pool]:
        """Pools, no two of which overlap."""

        def make(item: Custom, spec: IPAddressPoolSpec) -> Pool:
            return pool_from(item.metadata.name, spec, item.metadata.labels)

        found = tuple(items)
        counting = self.read(("IPAddressPool", IPAddressPoolSpec), found, make, before, refuse_overlap)
        for item in found:
            who = (item.metadata.name, item.metadata.uid)
            if who in counting:
                counting[who] = with_removal(counting[who], item, before.get(who))
        return counting

    def aliases(self, items: Iterable[Custom], before: Mapping[Identity, Aliases]) -> dict[Identity, Aliases]:
        """Communities by the name that advertisements use, for each Community object."""

        def make(_: Custom, spec: CommunitySpec) -> Aliases:
            return aliases_from(spec)

        return self.read(("Community", CommunitySpec), items, make, before, refuse_same_alias)

    def profiles(
        self, items: Iterable[Custom], before: Mapping[Identity, BFDProfile]
    ) -> dict[Identity, BFDProfile]:
        """BFD profiles."""

        def make(item: Custom, spec: BFDProfileSpec) -> BFDProfile:
            return bfd_profile_from(item.metadata.name, spec)

        return self.read(("BFDProfile", BFDProfileSpec), items, make, before)

    def l2_advertisements(
        self, items: Iterable[Custom], pools: tuple[Pool, ...], before: Mapping[Identity, L2Advertisement]
    ) -> dict[Identity, L2Advertisement]:
        """L2 advertisements of all nodes: the election needs to know what others may answer."""

        def make(item: Custom, spec: L2AdvertisementSpec) -> L2Advertisement:
            return l2_advertisement_from(item.metadata.name, spec, pools)

        return self.read(("L2Advertisement", L2AdvertisementSpec), items, make, before)

    def bgp_advertisements(
        self,
        items: Iterable[Custom],
        pools: tuple[Pool, ...],
        aliases: Aliases,
        before: Mapping[Identity, BGPAdvertisement],
    ) -> dict[Identity, BGPAdvertisement]:
        """BGP advertisements that select this node, no two of which contradict each other."""

        def make(item: Custom, spec: BGPAdvertisementSpec) -> BGPAdvertisement | None:
            made = bgp_advertisement_from(item.metadata.name, spec, pools, aliases)
            return made if self._here(made.scope.node_selectors) else None

        here = {who: ad for who, ad in before.items() if self._here(ad.scope.node_selectors)}
        refuse = self._on_one_node(partial(refuse_conflict, pools=pools))
        return self.read(("BGPAdvertisement", BGPAdvertisementSpec), items, make, here, refuse)

    def peers(
        self,
        items: Iterable[Custom],
        profiles: Mapping[str, BFDProfile],
        secrets: Mapping[str, Secret],
        before: Mapping[Identity, Peer],
    ) -> dict[Identity, Peer]:
        """Peers of this node, no two of which have the same neighbor."""

        def make(item: Custom, spec: BGPPeerSpec) -> Peer | None:
            made = peer_from((item.metadata.namespace, item.metadata.name), spec, profiles, secrets)
            return made if self._here(made.node_selectors) else None

        here = {who: peer for who, peer in before.items() if self._here(peer.node_selectors)}
        return self.read(("BGPPeer", BGPPeerSpec), items, make, here, self._on_one_node(refuse_same_neighbor))

    def _here(self, selectors: tuple[LabelSelector, ...]) -> bool:
        return self.node_labels is None or admits(selectors, self.node_labels)

    def _on_one_node(self, refuse: Refuse[V]) -> Refuse[V]:
        """`refuse`, unless the objects of all nodes are read: those of two nodes need not agree."""
        return excludes_nothing if self.node_labels is None else refuse


def _validated(kind: tuple[str, type[S]], item: Custom) -> S:
    word, model = kind
    try:
        return model.model_validate(item.spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"parsing {word} {item.metadata.name}: spec.{where}: {first['msg']}{_shown(where, first)}"
        ) from None


def _shown(where: str, first: Mapping[str, Any]) -> str:
    """The value that is wrong; nothing where it is a password, or may hold one as a dict or list does."""
    value = first["input"]
    if isinstance(value, dict | list) or "password" in where.lower():
        return ""
    return f", got {str(value)[:80]!r}"

"""All custom resources to one `Config`: whatever is wrong becomes a `Problem`, the rest counts."""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from crds.advertisement import BGPAdvertisementSpec, CommunitySpec, L2AdvertisementSpec
from crds.peer import BFDProfileSpec, BGPPeerSpec
from crds.pool import IPAddressPoolSpec
from ferrite.config.advertisements import bgp_advertisement_from, l2_advertisement_from, refuse_conflict
from ferrite.config.communities import aliases_from
from ferrite.config.peers import bfd_profile_from, peer_from, refuse_same_neighbor
from ferrite.config.pools import pool_from, refuse_overlap
from ferrite.errors import ConfigError
from ferrite.model import (
    BFDProfile,
    BGPAdvertisement,
    Community,
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
Aliases = Mapping[str, Community]


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


def parse(objects: ConfigObjects) -> tuple[Config, tuple[Problem, ...]]:
    """Read a configuration.

    Of two objects that exclude each other the older one counts, so that adding an object never takes away
    what works.
    """
    problems: list[Problem] = []
    reader = _Reader(problems, objects.node_labels)
    pools = reader.pools(objects.pools)
    aliases = reader.aliases(objects.communities)
    profiles = reader.profiles(objects.bfd_profiles)
    config = Config(
        pools=pools,
        l2_advertisements=reader.l2_advertisements(objects.l2_advertisements, pools),
        bgp_advertisements=reader.bgp_advertisements(objects.bgp_advertisements, pools, aliases),
        peers=reader.peers(objects.peers, profiles, objects.secrets),
    )
    return config, tuple(problems)


def _oldest_first(items: Iterable[Custom]) -> list[Custom]:
    return sorted(items, key=lambda item: (item.metadata.creation_timestamp, item.metadata.name))


def _by_name(values: Iterable[N]) -> tuple[N, ...]:
    return tuple(sorted(values, key=lambda value: value.name))


class _Reader:
    """Reads kind after kind, and collects the problems of all."""

    def __init__(self, problems: list[Problem], node_labels: Mapping[str, str] | None) -> None:
        self.problems = problems
        self.node_labels = node_labels

    def read(
        self,
        kind: str,
        items: Iterable[Custom],
        model: type[S],
        make: Callable[[Custom, S, Sequence[V]], V | None],
    ) -> list[V]:
        """The values of the objects that are right, oldest first.

        `make` also gets the values of the older objects; with None it leaves the object out, no problem.
        """
        values: list[V] = []
        for item in _oldest_first(items):
            try:
                value = make(item, _validated(kind, item, model), values)
            except ConfigError as error:
                self.problems.append(Problem(kind, item.metadata.name, str(error)))
            else:
                values += [] if value is None else [value]
        return values

    def pools(self, items: Iterable[Custom]) -> tuple[Pool, ...]:
        """Pools that overlap no older one."""

        def make(item: Custom, spec: IPAddressPoolSpec, older: Sequence[Pool]) -> Pool:
            pool = pool_from(item.metadata.name, spec, item.metadata.labels)
            refuse_overlap(pool, older)
            return pool

        return _by_name(self.read("IPAddressPool", items, IPAddressPoolSpec, make))

    def aliases(self, items: Iterable[Custom]) -> Mapping[str, Community]:
        """Communities by the name that advertisements use."""

        def make(_: Custom, spec: CommunitySpec, older: Sequence[Aliases]) -> Aliases:
            return aliases_from(spec, ChainMap(*map(dict, older)))

        return ChainMap(*map(dict, self.read("Community", items, CommunitySpec, make)))

    def profiles(self, items: Iterable[Custom]) -> Mapping[str, BFDProfile]:
        """BFD profiles by name."""

        def make(item: Custom, spec: BFDProfileSpec, _: Sequence[BFDProfile]) -> BFDProfile:
            return bfd_profile_from(item.metadata.name, spec)

        return {profile.name: profile for profile in self.read("BFDProfile", items, BFDProfileSpec, make)}

    def l2_advertisements(
        self, items: Iterable[Custom], pools: tuple[Pool, ...]
    ) -> tuple[L2Advertisement, ...]:
        """L2 advertisements of all nodes: the election needs to know what others may answer."""

        def make(item: Custom, spec: L2AdvertisementSpec, _: Sequence[L2Advertisement]) -> L2Advertisement:
            return l2_advertisement_from(item.metadata.name, spec, pools)

        return _by_name(self.read("L2Advertisement", items, L2AdvertisementSpec, make))

    def bgp_advertisements(
        self, items: Iterable[Custom], pools: tuple[Pool, ...], aliases: Mapping[str, Community]
    ) -> tuple[BGPAdvertisement, ...]:
        """BGP advertisements that select this node and contradict no older one."""

        def make(
            item: Custom, spec: BGPAdvertisementSpec, older: Sequence[BGPAdvertisement]
        ) -> BGPAdvertisement | None:
            advertisement = bgp_advertisement_from(item.metadata.name, spec, pools, aliases)
            if not self._here(advertisement.scope.node_selectors):
                return None
            if self.node_labels is not None:
                refuse_conflict(advertisement, older, pools)
            return advertisement

        return _by_name(self.read("BGPAdvertisement", items, BGPAdvertisementSpec, make))

    def peers(
        self, items: Iterable[Custom], profiles: Mapping[str, BFDProfile], secrets: Mapping[str, Secret]
    ) -> tuple[Peer, ...]:
        """Peers of this node whose neighbor no older one has."""

        def make(item: Custom, spec: BGPPeerSpec, older: Sequence[Peer]) -> Peer | None:
            peer = peer_from((item.metadata.namespace, item.metadata.name), spec, profiles, secrets)
            if not self._here(peer.node_selectors):
                return None
            if self.node_labels is not None:
                refuse_same_neighbor(peer, older)
            return peer

        return _by_name(self.read("BGPPeer", items, BGPPeerSpec, make))

    def _here(self, selectors: tuple[LabelSelector, ...]) -> bool:
        return self.node_labels is None or admits(selectors, self.node_labels)


def _validated(kind: str, item: Custom, model: type[S]) -> S:
    try:
        return model.model_validate(item.spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        shown = "" if "password" in where.lower() else f", got {str(first['input'])[:80]!r}"
        raise ConfigError(
            f"parsing {kind} {item.metadata.name}: spec.{where}: {first['msg']}{shown}"
        ) from None

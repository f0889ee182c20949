"""L2Advertisement and BGPAdvertisement objects, with MetalLB's complaints."""

from collections.abc import Iterable, Mapping

from crds.advertisement import BGPAdvertisementSpec, L2AdvertisementSpec
from ferrite.config.communities import resolve
from ferrite.config.labels import selector_from, selectors_from, unique
from ferrite.errors import ConfigError
from ferrite.model import BGPAdvertisement, Community, L2Advertisement, NodePreference, Pool, Scope
from ferrite.net import Family
from ferrite.selectors import matches_any


def l2_advertisement_from(name: str, spec: L2AdvertisementSpec, pools: Iterable[Pool]) -> L2Advertisement:
    """Read one L2Advertisement; its scope names the pools among `pools` that it applies to.

    Raises:
        ConfigError: a selector or a list is wrong.
    """
    return L2Advertisement(
        name=name,
        scope=_scope(name, spec, pools),
        interfaces=tuple(sorted(set(spec.interfaces))),
        preferences=_preferences(name, spec),
    )


def bgp_advertisement_from(
    name: str, spec: BGPAdvertisementSpec, pools: Iterable[Pool], aliases: Mapping[str, Community]
) -> BGPAdvertisement:
    """Read one BGPAdvertisement.

    Raises:
        ConfigError: a selector, a list, a community or a length is wrong.
    """
    known = tuple(pools)
    advertisement = BGPAdvertisement(
        name=name,
        scope=_scope(name, spec, known),
        aggregation_length=spec.aggregation_length,
        aggregation_length_v6=spec.aggregation_length_v6,
        local_pref=spec.local_pref,
        communities=tuple(
            sorted({resolve(text, aliases) for text in unique(spec.communities, "communities")})
        ),
        peers=frozenset(unique(spec.peers, "peers")),
    )
    _refuse_lengths(advertisement)
    for pool in known:
        if pool.name in advertisement.scope.pools:
            _refuse_split(advertisement, pool)
    return advertisement


def refuse_conflict(
    advertisement: BGPAdvertisement, others: Iterable[BGPAdvertisement], pools: Iterable[Pool]
) -> None:
    """Check LOCAL_PREF against advertisements of the same node that count already.

    Only advertisements without Service selectors are compared: with them it depends on the Service, and is
    found when its routes are made.

    Raises:
        ConfigError: the same route would have two values.
    """
    if advertisement.scope.service_selectors:
        return
    families = {pool.name: {addresses.family for addresses in pool.ranges} for pool in pools}
    for other in others:
        shared = other.scope.pools & advertisement.scope.pools
        comparable = not other.scope.service_selectors
        same_peers = not (advertisement.peers and other.peers) or bool(advertisement.peers & other.peers)
        same_length = any(
            _length(advertisement, family) == _length(other, family)
            for pool in shared
            for family in families[pool]
        )
        if comparable and same_peers and same_length and advertisement.local_pref != other.local_pref:
            raise ConfigError(
                f"invalid local preference {advertisement.local_pref}: local preferernce {other.local_pref} "
                "was already set for the same type of BGP update. Check existing BGP advertisements with "
                "common pools and aggregation lengths"
            )


def _length(advertisement: BGPAdvertisement, family: Family) -> int:
    ipv4 = family is Family.IPV4
    return advertisement.aggregation_length if ipv4 else advertisement.aggregation_length_v6


def _scope(name: str, spec: L2AdvertisementSpec | BGPAdvertisementSpec, pools: Iterable[Pool]) -> Scope:
    names = unique(spec.ip_address_pools, "ipAddressPools")
    selectors = selectors_from(
        spec.ip_address_pool_selectors, "ipAddressPoolSelectors", f"failed to parse pool selector for {name}"
    )
    everywhere = not names and not selectors
    return Scope(
        pools=frozenset(
            pool.name
            for pool in pools
            if everywhere or pool.name in names or matches_any(selectors, pool.labels)
        ),
        node_selectors=selectors_from(
            spec.node_selectors, "nodeSelectors", f"failed to parse node selector for {name}"
        ),
        service_selectors=selectors_from(
            spec.service_selectors, "serviceSelectors", f"failed to parse service selector for {name}"
        ),
    )


def _preferences(name: str, spec: L2AdvertisementSpec) -> tuple[NodePreference, ...]:
    try:
        return tuple(
            NodePreference(preferred.weight, selector_from(preferred.preference))
            for preferred in spec.preferred_node_selectors
        )
    except ConfigError as error:
        raise ConfigError(f"{error}\nfailed to parse preferred node selectors for {name}") from None


def _refuse_lengths(advertisement: BGPAdvertisement) -> None:
    if not advertisement.scope.service_selectors:
        return
    for field, length, default in (
        ("aggregationLength", advertisement.aggregation_length, 32),
        ("aggregationLengthV6", advertisement.aggregation_length_v6, 128),
    ):
        if length != default:
            raise ConfigError(
                f"serviceSelectors and {field} are mutually exclusive, both cannot be set in "
                f"{advertisement.name}"
            )


def _refuse_split(advertisement: BGPAdvertisement, pool: Pool) -> None:
    """Refuse a route that would be wider than an entry of the pool: it would cover addresses of others."""
    for addresses in pool.ranges:
        ipv4 = addresses.family is Family.IPV4
        length = advertisement.aggregation_length if ipv4 else advertisement.aggregation_length_v6
        if length == addresses.family.bits:
            continue
        widest = min(prefix.prefixlen for prefix in addresses.prefixes())
        if length < widest:
            raise ConfigError(
                f"invalid aggregation length {length}: prefix {widest} in this pool is more specific than "
                f"the aggregation length for addresses {addresses}"
            )

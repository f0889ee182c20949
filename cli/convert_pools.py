"""Address pools of the old formats to IPAddressPools and the advertisements that the pools held."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.convert_fields import Fields, Findings
from cli.convert_names import Converted, Maker
from ferrite.net import parse_range

LAYER2, BGP = "layer2", "bgp"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a format spells the keys of a pool that have more than one word."""

    auto_assign: str
    avoid_buggy_ips: str
    advertisements: str
    length: str
    length_v6: str
    local_pref: str


CONFIG_MAP = Spelling(
    "auto-assign",
    "avoid-buggy-ips",
    "bgp-advertisements",
    "aggregation-length",
    "aggregation-length-v6",
    "localpref",
)
ADDRESS_POOL = Spelling(
    "autoAssign",
    "avoidBuggyIPs",
    "bgpAdvertisements",
    "aggregationLength",
    "aggregationLengthV6",
    "localPref",
)


@dataclass(frozen=True, slots=True)
class OldPool:
    """A pool that was read without a problem.

    Attributes:
        advertisements: specs of BGPAdvertisements without their pool; empty is one with every default.
    """

    where: str
    name: str
    protocol: str
    spec: Mapping[str, Any]
    advertisements: tuple[Mapping[str, Any], ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_pool(
    fields: Fields, name: str, spelling: Spelling, metadata: Mapping[str, Any] | None = None
) -> OldPool | None:
    """Read one pool; None, and its problems are told, when something is wrong with it."""
    before = len(fields.findings.problems)
    if not name:
        fields.complain("name", "is missing")
    protocol = fields.text("protocol")
    if protocol not in (LAYER2, BGP):
        what = (
            f'"{protocol}" is unknown: want layer2 or bgp' if protocol else "is missing: want layer2 or bgp"
        )
        fields.complain("protocol", what)
    spec: dict[str, Any] = {"addresses": _addresses(fields)}
    for new, old in (("autoAssign", spelling.auto_assign), ("avoidBuggyIPs", spelling.avoid_buggy_ips)):
        if (flag := fields.flag(old)) is not None:
            spec[new] = flag
    advertisements = tuple(_advertisement(part, spelling) for part in fields.parts(spelling.advertisements))
    if advertisements and protocol == LAYER2:
        fields.complain(spelling.advertisements, "cannot be in a layer2 pool")
    fields.left_over()
    if len(fields.findings.problems) > before:
        return None
    return OldPool(fields.where, name, protocol, spec, advertisements, metadata or {})


def _addresses(fields: Fields) -> list[str]:
    before = len(fields.findings.problems)
    addresses = [text.strip() for text in fields.texts("addresses")]
    if not addresses and len(fields.findings.problems) == before:
        fields.complain("addresses", "is missing: the pool has no address")
    for text in addresses:
        try:
            parse_range(text)
        except ValueError as error:
            fields.complain("addresses:", str(error))
    return addresses


def _advertisement(fields: Fields, spelling: Spelling) -> dict[str, Any]:
    values = {
        "aggregationLength": fields.number(spelling.length),
        "aggregationLengthV6": fields.number(spelling.length_v6),
        "localPref": fields.number(spelling.local_pref),
        "communities": fields.texts("communities") or None,
    }
    fields.left_over()
    return {name: value for name, value in values.items() if value is not None}


def convert_pools(
    pools: Iterable[OldPool], literals: Mapping[str, str], maker: Maker, findings: Findings
) -> Iterator[Converted]:
    """The objects that the pools become; their names differ.

    `literals` are aliases of communities that cannot be names any more, and what they stand for.
    """
    single = list(pools)
    names = maker.reserve("IPAddressPool", [pool.name for pool in single])
    for pool in single:
        name = names[pool.name]
        if name != pool.name:
            findings.note(
                f"{pool.where}: this cannot be the name of an object, the pool is {name} now; Services that "
                "ask for it by the annotation address-pool lose their address unless the annotation is "
                "changed while neither MetalLB's nor Ferrite's controller runs"
            )
        yield Converted(pool.where, maker.make("IPAddressPool", name, pool.spec, pool.metadata))
        yield from _advertisements(pool, name, literals, maker)


def without_namesakes(
    pools: Iterable[OldPool], present: Mapping[str, str], findings: Findings
) -> list[OldPool]:
    """Of pools with one name the first; `present` are IPAddressPools that are there already, and where."""
    taken = dict(present)
    single: list[OldPool] = []
    for pool in pools:
        if pool.name in taken:
            findings.problem(f"{pool.where}: {taken[pool.name]} has the name {pool.name}, too")
            continue
        taken[pool.name] = pool.where
        single.append(pool)
    return single


def _advertisements(
    pool: OldPool, pool_name: str, literals: Mapping[str, str], maker: Maker
) -> Iterator[Converted]:
    owner = ("IPAddressPool", pool_name)
    kind = "L2Advertisement" if pool.protocol == LAYER2 else "BGPAdvertisement"
    specs = pool.advertisements or ({},)
    several = len(specs) > 1
    for number, spec in enumerate(specs, start=1):
        wanted = f"{pool_name}-{number}" if several else pool_name
        own = {"ipAddressPools": [pool_name], **spec}
        if "communities" in spec:
            own["communities"] = list(dict.fromkeys(literals.get(one, one) for one in spec["communities"]))
        (name,) = maker.reserve(kind, [wanted]).values()
        where = f"{pool.where}, advertisement {number}" if several else pool.where
        yield Converted(where, maker.make(kind, name, own), owner)

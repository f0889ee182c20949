"""IPAddressPool objects to pools, with MetalLB's complaints."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from crds.meta import parse_duration_seconds
from crds.pool import IPAddressPoolSpec, OnRemoval, QuotaSpec, ServiceAllocationSpec
from ferrite.config.labels import selector_from, selectors_from
from ferrite.errors import ConfigError
from ferrite.model import LabelSelector, Pool, Quota, QuotaLimit, Removal, ServiceAllocation
from ferrite.net import AddressRange, Prefix, buggy_count, parse_range, parse_reach
from ferrite.objects import Custom


def pool_from(name: str, spec: IPAddressPoolSpec, labels: Mapping[str, str] | None = None) -> Pool:
    """Read one pool by itself; whether it overlaps another is for `refuse_overlap`.

    Raises:
        ConfigError: an entry of `addresses` or a selector is wrong, two entries overlap, or none is left.
    """
    try:
        if not spec.addresses:
            raise ConfigError("pool has no prefixes defined")
        pool = Pool(
            name=name,
            ranges=_ranges(name, spec.addresses),
            labels=dict(labels or {}),
            auto_assign=spec.auto_assign,
            avoid_buggy_ips=spec.avoid_buggy_ips,
            allocation=_allocation(name, spec.service_allocation),
            sticky_seconds=_sticky_seconds(spec.sticky_for),
            quota=_quota(name, spec.quota),
            removal=Removal() if spec.on_removal is OnRemoval.KEEP else None,
        )
    except ConfigError as error:
        raise ConfigError(f"parsing address pool {name}: {error}") from None
    for index, addresses in enumerate(pool.ranges):
        _refuse(name, addresses, pool.ranges[:index])
    if pool.avoid_buggy_ips and all(each.size == buggy_count(each) for each in pool.ranges):
        raise ConfigError(
            f"parsing address pool {name}: addresses {', '.join(map(str, spec.addresses))}: avoidBuggyIPs "
            "leaves none of them"
        )
    return pool


def with_removal(pool: Pool, item: Custom, before: Pool | None) -> Pool:
    """A pool with `onRemoval: Keep`, and what becomes of addresses in use that it does not offer any more.

    Until the object's status is of its present generation, whatever the pool offered `before` may be in use.
    """
    if pool.removal is None:
        return pool
    metadata, status = item.metadata, item.status
    settled = status.get("observedGeneration") == metadata.generation
    kept = _kept(status.get("kept"))
    if not settled and before is not None:
        kept += before.ranges + (before.removal.kept if before.removal else ())
    removal = Removal(
        generation=metadata.generation,
        kept=tuple(dict.fromkeys(kept)),
        settled=settled,
        deleting=metadata.deletion_timestamp is not None,
    )
    return replace(pool, removal=removal)


def _kept(texts: Any) -> tuple[AddressRange, ...]:  # noqa: ANN401 - a field of a status
    found: list[AddressRange] = []
    for text in texts if isinstance(texts, list) else ():
        with suppress(ValueError):
            found.append(parse_reach(str(text)))
    return tuple(found)


def refuse_overlap(pool: Pool, others: Iterable[Pool]) -> None:
    """Check a pool against those that count already.

    Raises:
        ConfigError: an address is in one of them too.
    """
    for other in others:
        for addresses in pool.ranges:
            _refuse(pool.name, addresses, other.ranges)


def _ranges(name: str, entries: Iterable[str]) -> tuple[AddressRange, ...]:
    ranges = []
    for entry in entries:
        try:
            ranges.append(parse_range(entry))
        except ValueError as error:
            raise ConfigError(f'invalid CIDR "{entry}" in pool "{name}": {error}') from None
    return tuple(ranges)


def _refuse(name: str, addresses: AddressRange, others: Iterable[AddressRange]) -> None:
    for other in others:
        if addresses.overlaps(other):
            mine, theirs = _overlapping(addresses, other)
            raise ConfigError(f'CIDR "{mine}" in pool "{name}" overlaps with already defined CIDR "{theirs}"')


def _overlapping(addresses: AddressRange, other: AddressRange) -> tuple[Prefix, Prefix]:
    shared = max(addresses.first, other.first)
    return _holding(addresses, shared), _holding(other, shared)


def _holding(addresses: AddressRange, number: int) -> Prefix:
    return next(
        prefix for prefix in addresses.prefixes() if number <= int(prefix.broadcast_address)
    )  # ascending, and the range holds the number


def _sticky_seconds(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        seconds = parse_duration_seconds(text)
    except ValueError as error:
        raise ConfigError(f"stickyFor: {error}") from None
    if seconds <= 0:
        raise ConfigError(f'stickyFor: invalid duration "{text}": must be above zero')
    return seconds


def _quota(name: str, spec: QuotaSpec | None) -> Quota | None:
    if spec is None:
        return None
    limits = []
    for entry in spec.limits:
        try:
            limits.append(QuotaLimit(selector_from(entry.namespace_selector), entry.limit))
        except ConfigError as error:
            raise ConfigError(
                f"{error}\ninvalid namespace label selector in quota of ip pool {name}"
            ) from None
    return Quota(spec.default, tuple(limits))


def _allocation(name: str, spec: ServiceAllocationSpec | None) -> ServiceAllocation | None:
    if spec is None:
        return None
    if len(set(spec.namespaces)) != len(spec.namespaces):
        raise ConfigError("duplicate definition in namespaces field")
    by_namespace = selectors_from(
        spec.namespace_selectors, "namespaceSelectors", f"invalid namespace label selector in ip pool {name}"
    )
    by_service = selectors_from(
        spec.service_selectors, "serviceSelectors", f"invalid service label selector in ip pool {name}"
    )
    if not (spec.namespaces or by_namespace or by_service):
        by_service = (LabelSelector(),)  # priority alone pins the pool for every Service
    return ServiceAllocation(
        priority=spec.priority,
        namespaces=frozenset(spec.namespaces),
        namespace_selectors=by_namespace,
        service_selectors=by_service,
    )

"""What a pool says beyond its addresses: stickiness, quotas, and what becomes of addresses in use."""

from typing import Any

import pytest

from crds.pool import IPAddressPoolSpec
from ferrite.config.parse import NOTHING, ConfigObjects, parse
from ferrite.config.pools import pool_from, with_removal
from ferrite.config.reservations import reservation_from
from ferrite.errors import ConfigError
from ferrite.model import LabelSelector, Operator, Quota, QuotaLimit, Removal, Requirement, Reservation
from ferrite.net import parse_address, parse_range
from ferrite.objects import Custom, Metadata

GOLD = {"namespaceSelector": {"matchLabels": {"tier": "gold"}}, "limit": 3}
WIDE, SMALL = "192.0.2.0/24", "192.0.2.0/28"


def read(**fields: Any):
    return pool_from("blue", IPAddressPoolSpec.model_validate({"addresses": [WIDE], **fields}))


def item(
    addresses: str = WIDE,
    generation: int = 1,
    status: dict | None = None,
    removal: str | None = "Keep",
    deleted: str | None = None,
) -> Custom:
    spec = {"addresses": [addresses]} | ({"onRemoval": removal} if removal else {})
    metadata = Metadata(name="blue", uid="u", generation=generation, deletion_timestamp=deleted)
    return Custom(metadata=metadata, spec=spec, status=status or {})


def test_nothing_of_it_is_on_by_itself() -> None:
    pool = read()
    assert (pool.sticky_seconds, pool.quota, pool.removal, pool.deleting) == (0.0, None, None, False)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("24h", 86400.0), ("1h30m", 5400.0)])
def test_stickiness(text: str, seconds: float) -> None:
    assert read(stickyFor=text).sticky_seconds == seconds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            "soon", "parsing address pool blue: stickyFor: invalid duration .soon.", id="no-duration"
        ),
        pytest.param(
            "0s",
            'parsing address pool blue: stickyFor: invalid duration "0s": must be above zero',
            id="zero",
        ),
    ],
)
def test_a_wrong_duration_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read(stickyFor=text)


def test_a_quota() -> None:
    selector = LabelSelector((Requirement("tier", Operator.IN, ("gold",)),))
    assert read(quota={"default": 2, "limits": [GOLD]}).quota == Quota(2, (QuotaLimit(selector, 3),))
    assert read(quota={}).quota == Quota()


def test_a_wrong_selector_of_a_quota_is_named() -> None:
    wrong = {"matchExpressions": [{"key": "a", "operator": "In", "values": []}]}
    with pytest.raises(ConfigError, match="invalid namespace label selector in quota of ip pool blue"):
        read(quota={"limits": [{"namespaceSelector": wrong, "limit": 1}]})


@pytest.mark.parametrize(("text", "removal"), [("Keep", Removal()), ("Reassign", None)])
def test_what_becomes_of_addresses_in_use(text: str, removal: Removal | None) -> None:
    assert read(onRemoval=text).removal == removal


@pytest.mark.parametrize(
    ("status", "settled"),
    [
        pytest.param({}, False, id="no-status"),
        pytest.param({"observedGeneration": 1}, False, id="of-an-older-generation"),
        pytest.param({"observedGeneration": 2}, True, id="of-this-generation"),
    ],
)
def test_until_the_status_is_of_this_generation_all_that_was_offered_may_be_in_use(
    status: dict, settled: bool
) -> None:
    before = pool_from("blue", IPAddressPoolSpec(addresses=[WIDE], on_removal="Keep"))
    now = pool_from("blue", IPAddressPoolSpec(addresses=[SMALL], on_removal="Keep"))
    shown = item(SMALL, 2, {**status, "kept": ["192.0.2.77", "192.0.2.80-192.0.2.81"]})
    removal = with_removal(now, shown, before).removal
    assert removal is not None
    listed = (parse_range("192.0.2.77/32"), parse_range("192.0.2.80-192.0.2.81"))
    assert removal.kept == (listed if settled else (*listed, parse_range(WIDE)))
    assert (removal.settled, removal.generation) == (settled, 2)


def test_what_was_kept_before_goes_on_being_kept_until_the_status_is_settled() -> None:
    first = parse(ConfigObjects(pools=[item(WIDE)]))
    second = parse(ConfigObjects(pools=[item(SMALL, 2)]), first[2])
    third = parse(ConfigObjects(pools=[item("192.0.2.0/32", 3)]), second[2])
    [pool] = third[0].pools
    assert pool.removal is not None
    assert set(pool.removal.kept) == {parse_range(WIDE), parse_range(SMALL)}
    settled = item("192.0.2.0/32", 3, {"observedGeneration": 3, "kept": ["192.0.2.9"]})
    [pool] = parse(ConfigObjects(pools=[settled]), third[2])[0].pools
    assert pool.removal == Removal(3, (parse_range("192.0.2.9/32"),))


def test_a_pool_that_is_deleted_is_known_to_go() -> None:
    [pool] = parse(ConfigObjects(pools=[item(deleted="2026-01-01T00:00:00Z")]))[0].pools
    assert pool.deleting
    [pool] = parse(ConfigObjects(pools=[item(removal=None, deleted="2026-01-01T00:00:00Z")]))[0].pools
    assert not pool.deleting


@pytest.mark.parametrize("kept", [None, "192.0.2.1", 7, [], ["x", "192.0.2.9-192.0.2.1", 7]])
def test_nonsense_in_the_status_keeps_nothing(kept: Any) -> None:
    shown = item(status={"observedGeneration": 1, "kept": kept})
    [pool] = parse(ConfigObjects(pools=[shown]), NOTHING)[0].pools
    assert pool.removal is not None
    assert pool.removal.kept == ()


def test_a_bad_edit_goes_on_counting_as_it_was_and_keeping() -> None:
    first = parse(ConfigObjects(pools=[item()]))
    config, problems, _ = parse(ConfigObjects(pools=[item("x", 2)]), first[2])
    assert [problem.name for problem in problems] == ["blue"]
    [pool] = config.pools
    assert pool.ranges == (parse_range(WIDE),)
    assert pool.removal is not None
    assert not pool.removal.settled


def test_pools_come_in_the_order_of_their_names() -> None:
    named = [
        Custom(
            metadata=Metadata(name=name, uid=name, creation_timestamp=str(at)),
            spec={"addresses": [f"198.18.{at}.0/24"]},
        )
        for at, name in enumerate("cab")
    ]
    assert [pool.name for pool in parse(ConfigObjects(pools=named))[0].pools] == ["a", "b", "c"]


# Reservations.


def reserve(**spec: Any) -> Custom:
    return Custom(metadata=Metadata(name="vip", namespace="team"), spec=spec)


def test_a_reservation() -> None:
    made = reservation_from(reserve(pool="blue", addresses=["192.0.2.1", "192.0.2.1"], services="web-*"))
    assert made == Reservation("team/vip", "blue", (parse_address("192.0.2.1"),), "web-*")
    assert made.namespace == "team"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param({"addresses": ["192.0.2.1"]}, "spec.pool: Field required", id="no-pool"),
        pytest.param(
            {"pool": "blue", "addresses": ["x"]}, "spec.addresses: invalid IP address 'x'", id="no-address"
        ),
        pytest.param({"pool": "blue", "addresses": []}, "spec.addresses: ", id="nothing"),
        pytest.param(
            {"pool": "blue", "addresses": ["192.0.2.1"], "services": "Web"}, "spec.services: ", id="pattern"
        ),
    ],
)
def test_a_wrong_reservation_names_the_field(spec: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        reservation_from(reserve(**spec))

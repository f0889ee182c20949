from cProfile import Profile

import pytest
from hypothesis import example, given, strategies as st

from controller.ledger import Ledger
from controller.tenant import Port, Sharing, Tenant
from ferrite.model import Pool
from ferrite.net import LARGEST_COUNT, Family, IPAddress, address_at, is_buggy, parse_address, parse_range


def pool(*ranges: str, name: str = "blue", avoid_buggy_ips: bool = False) -> Pool:
    return Pool(name, tuple(parse_range(text) for text in ranges), avoid_buggy_ips=avoid_buggy_ips)


def tenant(key: str, sharing: str = "", *ports: int, backend: str = "") -> Tenant:
    return Tenant(key, Sharing(sharing, backend), frozenset(Port("TCP", port) for port in ports))


ONE = parse_address("192.0.2.1")


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        pytest.param(tenant("a", "k", 80), tenant("b", "k", 443), True, id="same-key-other-port"),
        pytest.param(tenant("a", "k", 80), tenant("b", "k", 80), False, id="same-port"),
        pytest.param(tenant("a", "k", 80), tenant("b", "j", 443), False, id="other-key"),
        pytest.param(tenant("a", "", 80), tenant("b", "", 443), False, id="no-keys"),
        pytest.param(tenant("a", "k", 80, backend="x"), tenant("b", "k", 443), False, id="other-backend"),
    ],
)
def test_sharing(first: Tenant, second: Tenant, allowed: bool) -> None:
    ledger = Ledger([pool("192.0.2.0/28")])
    ledger.claim(first, (ONE,))
    assert (ledger.obstacle(second, ONE) is None) is allowed
    if not allowed:
        with pytest.raises(ValueError, match="cannot hold"):
            ledger.claim(second, (ONE,))


def test_the_only_holder_may_change_its_key() -> None:
    ledger = Ledger([pool("192.0.2.0/28")])
    ledger.claim(tenant("a", "k", 80), (ONE,))
    ledger.claim(tenant("a", "j", 80), (ONE,))
    assert ledger.obstacle(tenant("b", "k", 443), ONE)
    assert ledger.obstacle(tenant("b", "j", 443), ONE) is None


def test_a_sharer_lands_on_the_shared_address() -> None:
    ledger = Ledger([pool("192.0.2.0/28")])
    ledger.claim(tenant("z"), (parse_address("192.0.2.0"),))
    ledger.claim(tenant("a", "k", 80), (ONE,))
    assert ledger.first_free("blue", Family.IPV4, tenant("b", "k", 443)) == ONE
    assert ledger.first_free("blue", Family.IPV4, tenant("b", "k", 80)) == parse_address("192.0.2.2")


def test_ranges_are_tried_in_their_order_not_by_number() -> None:
    ledger = Ledger([pool("192.0.2.8-192.0.2.8", "192.0.2.1-192.0.2.2")])
    assert ledger.first_free("blue", Family.IPV4, tenant("a")) == parse_address("192.0.2.8")
    ledger.claim(tenant("a"), (parse_address("192.0.2.8"),))
    assert ledger.first_free("blue", Family.IPV4, tenant("b")) == ONE


def test_buggy_addresses_are_neither_given_nor_counted() -> None:
    ledger = Ledger([pool("192.0.2.0/24", avoid_buggy_ips=True)])
    assert ledger.first_free("blue", Family.IPV4, tenant("a")) == ONE
    assert ledger.pool_of([parse_address("192.0.2.255")]) is None
    assert ledger.usage("blue")[Family.IPV4].size == 254


def test_who_holds_an_address_of_a_deleted_pool_keeps_it() -> None:
    ledger = Ledger([pool("192.0.2.0/28")])
    ledger.claim(tenant("a"), (ONE,))
    ledger.set_pools([pool("198.51.100.0/28")])
    assert ledger.held_by("a") == (ONE,)
    assert ledger.pool_of([ONE]) is None
    ledger.set_pools([pool("192.0.2.1-192.0.2.2", name="green")])
    assert ledger.usage("green")[Family.IPV4].in_use == 1
    assert ledger.first_free("green", Family.IPV4, tenant("b")) == parse_address("192.0.2.2")


def test_counts_saturate() -> None:
    ledger = Ledger([pool("2001:db8::/32", "2001:db9::/48", "192.0.2.0/30")])
    usage = ledger.usage("blue")
    assert usage[Family.IPV6].size == usage[Family.IPV6].available == LARGEST_COUNT
    assert usage[Family.IPV4].size == 4
    ledger.claim(tenant("a"), (parse_address("2001:db8::1"),))
    assert ledger.usage("blue")[Family.IPV6].available == LARGEST_COUNT


def test_a_full_pool_costs_no_walk() -> None:
    ledger = Ledger([pool("10.0.0.0/16"), pool("2001:db8::/64", name="six")])
    first = 10 << 24
    ledger.claim(tenant("n/all"), tuple(address_at(Family.IPV4, first + number) for number in range(64_900)))
    numbers = range(64_900, 65_400)
    for number in numbers:
        ledger.claim(tenant(f"n/{number}"), (address_at(Family.IPV4, first + number),))
    assert ledger.first_free("blue", Family.IPV4, tenant("x")) == address_at(Family.IPV4, first + 65_400)
    with Profile() as profile:
        for number in numbers:
            ledger.release(f"n/{number}")
            found = ledger.first_free("blue", Family.IPV4, tenant("x"))
            assert found == address_at(Family.IPV4, first + number)
            ledger.claim(tenant(f"n/{number}"), (found,))
            assert ledger.first_free("six", Family.IPV6, tenant("x")) == parse_address("2001:db8::")
    calls = sum(entry.callcount for entry in profile.getstats())
    assert calls < 1_000 * len(numbers)  # a walk over the range would need 65,000 for each


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "release", "search", "pools"]),
        st.integers(0, 7),
        st.integers(0, 270),
        st.sampled_from(["", "", "k"]),
        st.integers(80, 82),
    ),
    max_size=60,
)
LAYOUTS = (
    (pool("192.0.2.250-192.0.3.5", "192.0.2.3-192.0.2.6", avoid_buggy_ips=True),),
    (pool("192.0.2.0-192.0.2.9"), pool("192.0.2.250-192.0.3.4", name="green")),
)


def naive_first(pools: tuple[Pool, ...], name: str, held: dict[str, tuple[Tenant, IPAddress]], who: Tenant):
    for one in pools:
        for addresses in one.ranges if one.name == name else ():
            for number in range(addresses.first, addresses.last + 1):
                address = address_at(Family.IPV4, number)
                if one.avoid_buggy_ips and is_buggy(address):
                    continue
                others = [other for other, has in held.values() if has == address and other.key != who.key]
                if all(who.sharing.admits(o.sharing) and not who.ports & o.ports for o in others):
                    return address
    return None


@given(steps=steps)
@example(steps=[("take", 0, 0, "", 80), ("pools", 0, 1, "", 80), ("search", 0, 0, "", 80)])
def test_it_equals_a_naive_ledger(steps: list[tuple[str, int, int, str, int]]) -> None:
    layout = LAYOUTS[0]
    ledger, held = Ledger(layout), dict[str, tuple[Tenant, IPAddress]]()
    for act, who, offset, key, port in steps:
        someone = tenant(f"n/{who}", key, port)
        address = address_at(Family.IPV4, int(parse_address("192.0.2.0")) + offset)
        if act == "release":
            ledger.release(someone.key)
            held.pop(someone.key, None)
        elif act == "pools":
            layout = LAYOUTS[offset % 2]
            ledger.set_pools(layout)
        elif act == "search":
            found = ledger.first_free("blue", Family.IPV4, someone)
            assert found == naive_first(layout, "blue", held, someone)
        elif ledger.obstacle(someone, address) is None:
            ledger.claim(someone, (address,))
            held[someone.key] = (someone, address)
        for one in layout:
            inside = {has for _, has in held.values() if ledger.pool_of([has]) is one}
            assert ledger.usage(one.name)[Family.IPV4].in_use == len(inside)
        assert {key: (who, (has,)) for key, (who, has) in held.items()} == {
            who.key: (who, has) for who, has in ledger.tenants()
        }

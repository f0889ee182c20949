"""Addresses, ranges and counts."""

import re
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from ferrite.net import (
    AddressRange,
    Family,
    address_at,
    buggy_count,
    is_buggy,
    masked,
    parse_address,
    parse_range,
    parse_reach,
    reaches,
)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        pytest.param("192.0.2.0/24", "192.0.2.0", "192.0.2.255", id="prefix"),
        pytest.param("192.0.2.77/24", "192.0.2.0", "192.0.2.255", id="host-bits"),
        pytest.param("192.0.2.7/32", "192.0.2.7", "192.0.2.7", id="one-address"),
        pytest.param("192.0.2.10-192.0.2.20", "192.0.2.10", "192.0.2.20", id="range"),
        pytest.param(" 192.0.2.10 - 192.0.2.20 ", "192.0.2.10", "192.0.2.20", id="spaces"),
        pytest.param("2001:db8::/126", "2001:db8::", "2001:db8::3", id="v6-prefix"),
        pytest.param("2001:db8::5-2001:db8::5", "2001:db8::5", "2001:db8::5", id="v6-range"),
    ],
)
def test_an_entry_of_a_pool(text, first, last):
    addresses = parse_range(text)
    assert (address_at(addresses.family, addresses.first), address_at(addresses.family, addresses.last)) == (
        ip_address(first),
        ip_address(last),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("192.0.2.9", 'invalid CIDR "192.0.2.9"', id="bare-address"),
        pytest.param("192.0.2.0/33", 'invalid CIDR "192.0.2.0/33"', id="too-long"),
        pytest.param("192.0.2.0/255.255.255.0", 'invalid CIDR "192.0.2.0/255.255.255.0"', id="mask"),
        pytest.param("", 'invalid CIDR ""', id="empty"),
        pytest.param("x-192.0.2.1", 'invalid start IP "x"', id="start"),
        pytest.param("192.0.2.1-", 'invalid end IP ""', id="end"),
        pytest.param(
            "192.0.2.9-192.0.2.1", 'start IP "192.0.2.9" is after the end IP "192.0.2.1"', id="back"
        ),
        pytest.param("192.0.2.9-2001:db8::1", "differ in family", id="families"),
        pytest.param("fe80::1%eth0-fe80::2", "invalid start IP", id="zone"),
    ],
)
def test_a_bad_entry_is_named(text, complaint):
    with pytest.raises(ValueError, match=re.escape(complaint)) as caught:
        parse_range(text)
    assert text in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_range_or_a_value_error(text):
    try:
        addresses = parse_range(text)
    except ValueError:
        return
    assert addresses.size >= 1


@given(st.ip_addresses())
def test_an_address_reads_back(address):
    if getattr(address, "scope_id", None):
        return
    assert parse_address(str(address)) == address


@given(st.integers(0, 2**16), st.integers(0, 2000))
def test_buggy_addresses_are_counted_without_a_walk(first, length):
    base = int(ip_address("10.0.0.0"))
    addresses = AddressRange(base + first, base + first + length, Family.IPV4)
    walked = sum(is_buggy(address_at(Family.IPV4, n)) for n in range(addresses.first, addresses.last + 1))
    assert buggy_count(addresses) == walked


@given(st.ip_addresses(), st.integers(0, 2**20))
def test_prefixes_of_a_range_hold_exactly_its_addresses(address, length):
    family = Family.IPV4 if address.version == 4 else Family.IPV6
    last = min(int(address) + length, 2**family.bits - 1)
    addresses = AddressRange(int(address), last, family)
    prefixes = list(addresses.prefixes())
    assert sum(prefix.num_addresses for prefix in prefixes) == addresses.size
    assert all(prefix.network_address in addresses for prefix in prefixes)


@given(st.ip_addresses(), st.data())
def test_a_mask_keeps_the_address_inside(address, data):
    length = data.draw(st.integers(0, address.max_prefixlen))
    assert address in masked(address, length)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["192.0.2.9"], ["192.0.2.9"], id="one"),
        pytest.param(
            ["192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.2"], ["192.0.2.1-192.0.2.3"], id="in-a-row"
        ),
        pytest.param(["192.0.2.1", "192.0.2.3"], ["192.0.2.1", "192.0.2.3"], id="with-a-gap"),
        pytest.param(
            ["::1", "0.0.0.0", "::2"],
            ["0.0.0.0", "::1-::2"],
            id="ipv4-comes-first",
        ),
        pytest.param(
            ["255.255.255.255", "::1:0:0"], ["255.255.255.255", "::1:0:0"], id="families-do-not-join"
        ),
    ],
)
def test_addresses_as_the_fewest_ranges(addresses, expected):
    assert [each.shortest for each in reaches(map(ip_address, addresses))] == expected


@given(st.sets(st.integers(0, 40)), st.sampled_from([Family.IPV4, Family.IPV6]))
def test_ranges_of_addresses_read_back_and_hold_exactly_these(numbers, family):
    found = [parse_reach(each.shortest) for each in reaches(address_at(family, one) for one in numbers)]
    assert {n for each in found for n in range(each.first, each.last + 1)} == numbers
    assert all(after.first > before.last + 1 for before, after in pairwise(found))


@pytest.mark.parametrize("text", ["", "x", "192.0.2.0/24", "192.0.2.9-192.0.2.1", "192.0.2.1-"])
def test_what_is_neither_an_address_nor_a_range_is_refused(text):
    with pytest.raises(ValueError, match="invalid"):
        parse_reach(text)

import struct
from ipaddress import IPv4Interface
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ferrite.errors import ConfigError
from speaker.l2 import netlink
from speaker.l2.links import DEFAULT_EXCLUDES, KnownLinks, Link, excluder, read_excludes
from speaker.l2.netlink import AddressMessage, LinkMessage

MAC = b"\x02\0\0\0\0\x01"
FLAGS = netlink.IFF_UP | netlink.IFF_BROADCAST | netlink.IFF_LOWER_UP


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def link_body(family: int = 0) -> bytes:
    head = struct.pack("=BxHiII", family, 1, 7, FLAGS, 0)
    return head + attribute(3, b"eth0\0") + attribute(1, MAC) + attribute(10, struct.pack("=i", 3))


def test_a_link_is_read() -> None:
    (read,) = netlink.parse(message(16, link_body()))
    assert read == LinkMessage(7, "eth0", MAC, FLAGS, 3, 1, gone=False)


def test_what_a_bridge_tells_of_its_port_is_left_out() -> None:
    assert list(netlink.parse(message(17, link_body(family=7)))) == []


def test_an_address_is_read() -> None:
    body = struct.pack("=BBBBi", 2, 24, 0x80, 0, 7) + attribute(2, b"\xc0\0\x02\x01")
    (read,) = netlink.parse(message(20, body))
    assert read == AddressMessage(7, IPv4Interface("192.0.2.1/24"), usable=True, gone=False)


@given(st.binary(max_size=300), st.sampled_from([16, 17, 20, 21, 2, 3]))
def test_any_bytes_are_read_or_left_out(body: bytes, kind: int) -> None:
    list(netlink.parse(body))
    list(netlink.parse(message(kind, body)))


def test_links_and_addresses_add_up() -> None:
    known = KnownLinks()
    address = IPv4Interface("192.0.2.1/24")
    known.note(LinkMessage(7, "eth0", MAC, FLAGS, 0, 1, gone=False))
    known.note(LinkMessage(8, "veth1", MAC, FLAGS, 0, 1, gone=False))
    known.note(AddressMessage(7, address, usable=True, gone=False))
    assert known.present(excluder(DEFAULT_EXCLUDES)) == (Link(7, "eth0", MAC, FLAGS, 0, 1, (address,)),)
    known.note(LinkMessage(7, "eth0", MAC, FLAGS, 0, 1, gone=True))
    assert known.present(excluder(DEFAULT_EXCLUDES)) == ()


@pytest.mark.parametrize(
    ("link", "usable"),
    [
        pytest.param(Link(1, "a", MAC, FLAGS), True, id="plain"),
        pytest.param(Link(1, "a", MAC, FLAGS, master=2), False, id="enslaved"),
        pytest.param(Link(1, "a", MAC, FLAGS & ~netlink.IFF_UP), False, id="down"),
        pytest.param(Link(1, "a", MAC, FLAGS | netlink.IFF_NOARP), False, id="noarp"),
        pytest.param(Link(1, "a", b"", FLAGS), False, id="no-mac"),
        pytest.param(Link(1, "a", MAC, FLAGS & ~netlink.IFF_BROADCAST), False, id="no-broadcast"),
    ],
)
def test_where_arp_is_answered(link: Link, usable: bool) -> None:
    assert link.does_arp is usable


def test_the_exclude_file(tmp_path: Path) -> None:
    file = tmp_path / "excludel2.yaml"
    assert read_excludes(file) == ()
    file.write_text("announcedInterfacesToExclude: ['^docker.*', '^lo$']\n")
    excluded = excluder(read_excludes(file))
    assert [name for name in ("docker0", "lo", "lo0", "eth0") if excluded(name)] == ["docker0", "lo"]


@pytest.mark.parametrize("text", ["announcedInterfacesToExclude: 5", "[", "- a"])
def test_a_wrong_exclude_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "excludel2.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"excludel2\.yaml"):
        read_excludes(file)


def test_a_wrong_pattern_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'\('"):
        excluder(["("])

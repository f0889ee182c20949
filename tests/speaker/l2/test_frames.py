from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, strategies as st
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from speaker.l2.frames import (
    ArpRequest,
    ArpTemplate,
    Malformed,
    NeighborTemplate,
    Solicitation,
    gratuitous_arp,
    parse_arp,
    parse_solicitation,
    solicited_node,
)

MAC, ASKER = "02:00:00:00:00:01", "02:00:00:00:00:02"
MAC_BYTES = bytes.fromhex(MAC.replace(":", ""))
VIP, VIP6 = IPv4Address("192.0.2.9"), IPv6Address("2001:db8::9")
LINK_LOCAL, ASKER6 = IPv6Address("fe80::1"), IPv6Address("fe80::2")
GROUP = "ff02::1:ff00:9"


def arp(**fields: object) -> bytes:
    return bytes(
        Ether(src=ASKER, dst="ff:ff:ff:ff:ff:ff")
        / ARP(**{"op": 1, "hwsrc": ASKER, "psrc": "192.0.2.2", "pdst": str(VIP)} | fields)
    )


def solicit(option: Packet | None = None, **fields: object) -> bytes:
    packet = Ether(src=ASKER, dst="33:33:ff:00:00:09") / IPv6(
        **{"src": str(ASKER6), "dst": GROUP, "hlim": 255} | fields
    )
    packet /= ICMPv6ND_NS(tgt=str(VIP6))
    return bytes(packet / option) if option is not None else bytes(packet)


def test_an_arp_reply_is_what_the_asker_expects() -> None:
    request = parse_arp(arp())
    assert isinstance(request, ArpRequest)
    frame = Ether(ArpTemplate(MAC_BYTES, VIP).reply(request))
    assert (frame.dst, frame.src) == (ASKER, MAC)
    reply = frame[ARP]
    assert (reply.op, reply.hwsrc, reply.psrc, reply.hwdst, reply.pdst) == (
        2,
        MAC,
        str(VIP),
        ASKER,
        "192.0.2.2",
    )


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param(arp(op=2), Malformed.NOT_REQUEST, id="reply"),
        pytest.param(arp(hwsrc="ff:ff:ff:ff:ff:ff"), Malformed.BAD_SENDER, id="broadcast-sender"),
        pytest.param(arp(hwlen=8), Malformed.NOT_ETHERNET_IPV4, id="hardware-length"),
        pytest.param(arp()[:41], Malformed.TRUNCATED, id="short"),
        pytest.param(solicit(), Malformed.NOT_ARP, id="other-protocol"),
    ],
)
def test_an_arp_frame_is_refused(frame: bytes, reason: Malformed) -> None:
    assert parse_arp(frame) is reason


OPTION = ICMPv6NDOptSrcLLAddr(lladdr=ASKER)


@pytest.mark.parametrize("solicited", [True, False])
def test_an_advertisement_has_right_flags_and_checksum(solicited: bool) -> None:
    template = NeighborTemplate(MAC_BYTES, LINK_LOCAL, VIP6)
    request = parse_solicitation(solicit(OPTION))
    assert isinstance(request, Solicitation)
    data = template.reply(request) if solicited else template.unsolicited()
    frame = Ether(data)
    advertisement = frame[ICMPv6ND_NA]
    flags = (advertisement.S, advertisement.O, advertisement.R)
    assert flags == (int(solicited), int(not solicited), 0)
    assert (advertisement.tgt, frame[ICMPv6NDOptDstLLAddr].lladdr) == (str(VIP6), MAC)
    assert (frame[IPv6].src, frame[IPv6].hlim) == (str(LINK_LOCAL), 255)
    assert (frame.dst, frame[IPv6].dst) == (
        (ASKER, str(ASKER6)) if solicited else ("33:33:00:00:00:01", "ff02::1")
    )
    given_sum = advertisement.cksum
    del advertisement.cksum
    assert Ether(bytes(frame))[ICMPv6ND_NA].cksum == given_sum


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        pytest.param(solicit(), Malformed.NO_SOURCE_LINK_LAYER, id="no-option"),
        pytest.param(solicit(src="::"), Malformed.NO_SOURCE_LINK_LAYER, id="duplicate-detection"),
        pytest.param(solicit(OPTION, hlim=64), Malformed.BAD_HOP_LIMIT, id="routed"),
        pytest.param(solicit(OPTION)[:-1] + b"\x77", Malformed.BAD_CHECKSUM, id="checksum"),
        pytest.param(solicit(OPTION)[:-1], Malformed.TRUNCATED, id="short"),
        pytest.param(
            solicit(ICMPv6NDOptSrcLLAddr(lladdr=ASKER, len=0)), Malformed.BAD_OPTION, id="zero-length"
        ),
        pytest.param(
            solicit(ICMPv6NDOptSrcLLAddr(lladdr=ASKER, len=9)), Malformed.BAD_OPTION, id="long-option"
        ),
        pytest.param(arp() + bytes(60), Malformed.NOT_SOLICITATION, id="other-protocol"),
    ],
)
def test_a_solicitation_is_refused(frame: bytes, reason: Malformed) -> None:
    assert parse_solicitation(frame) is reason


def test_a_unicast_probe_needs_no_option() -> None:
    request = parse_solicitation(solicit(dst=str(VIP6)))
    assert isinstance(request, Solicitation)
    assert request.sender_mac.hex(":") == ASKER


def test_gratuitous_frames_are_a_request_and_a_reply() -> None:
    frames = [Ether(data) for data in gratuitous_arp(MAC_BYTES, VIP)]
    assert [frame[ARP].op for frame in frames] == [1, 2]
    for frame in frames:
        assert (frame.dst, frame.src, frame[ARP].hwsrc) == ("ff:ff:ff:ff:ff:ff", MAC, MAC)
        assert (frame[ARP].psrc, frame[ARP].pdst, frame[ARP].hwdst) == (
            str(VIP),
            str(VIP),
            "ff:ff:ff:ff:ff:ff",
        )


def test_the_solicited_node_group_is_that_of_the_rfc() -> None:
    assert (
        solicited_node(IPv6Address("4037::01:800:200e:8c6c").packed)
        == IPv6Address("ff02::1:ff0e:8c6c").packed
    )


START = solicit(OPTION)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda tail: START[:54] + tail)))
def test_any_bytes_parse_or_give_a_reason(data: bytes) -> None:
    assert isinstance(parse_arp(data), ArpRequest | Malformed)
    assert isinstance(parse_solicitation(data), Solicitation | Malformed)

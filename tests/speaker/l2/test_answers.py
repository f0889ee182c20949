from ipaddress import IPv6Address

import pytest

from speaker.l2.answers import Announce, Ignored, why_ignored
from speaker.l2.frames import BROADCAST, ArpRequest, Solicitation, multicast_mac, solicited_node

MAC, OTHER = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
VIP, VIP6 = b"\xc0\0\x02\x09", IPv6Address("2001:db8::9").packed
GROUP = solicited_node(VIP6)


def asked(destination: bytes, target: bytes = VIP) -> ArpRequest:
    return ArpRequest(destination, OTHER, b"\xc0\0\x02\x02", target)


def solicited(destination: bytes, group: bytes) -> Solicitation:
    return Solicitation(destination, OTHER, IPv6Address("fe80::2").packed, group, VIP6)


@pytest.mark.parametrize(
    ("request_", "announce", "reason"),
    [
        pytest.param(asked(BROADCAST), Announce(), None, id="broadcast"),
        pytest.param(asked(MAC), Announce(), None, id="own-mac"),
        pytest.param(asked(OTHER), Announce(), Ignored.OTHER_DESTINATION, id="other-mac"),
        pytest.param(
            asked(BROADCAST, b"\xc0\0\x02\x0a"), Announce(), Ignored.NOT_ANNOUNCED, id="other-address"
        ),
        pytest.param(asked(BROADCAST), Announce(frozenset({"eth0"})), None, id="listed"),
        pytest.param(
            asked(BROADCAST), Announce(frozenset({"eth1"})), Ignored.OTHER_INTERFACE, id="not-listed"
        ),
        pytest.param(solicited(multicast_mac(GROUP), GROUP), Announce(), None, id="group"),
        pytest.param(solicited(MAC, VIP6), Announce(), None, id="unicast"),
        pytest.param(solicited(OTHER, VIP6), Announce(), Ignored.OTHER_DESTINATION, id="unicast-other"),
        pytest.param(
            solicited(MAC, GROUP[:-1] + b"\0"), Announce(), Ignored.OTHER_DESTINATION, id="other-group"
        ),
    ],
)
def test_which_request_is_answered(
    request_: ArpRequest | Solicitation, announce: Announce, reason: Ignored | None
) -> None:
    assert why_ignored(request_, "eth0", MAC, {VIP: announce, VIP6: announce}) is reason

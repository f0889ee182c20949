"""Which request gets an answer, and why the others do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from speaker.l2.frames import BROADCAST, ArpRequest, Solicitation, multicast_mac, solicited_node


@dataclass(frozen=True, slots=True)
class Announce:
    """How one address is announced: on these interfaces, or on all when None."""

    interfaces: frozenset[str] | None = None

    def on(self, interface: str) -> bool:
        """Whether the address is announced on `interface`."""
        return self.interfaces is None or interface in self.interfaces


class Ignored(Enum):
    """Why a well-formed request gets no answer; the values label metrics."""

    OTHER_DESTINATION = "otherDestination"
    NOT_ANNOUNCED = "notAnnounced"
    OTHER_INTERFACE = "otherInterface"
    NOT_FRESH = "notFresh"


def why_ignored(
    request: ArpRequest | Solicitation, interface: str, mac: bytes, announced: Mapping[bytes, Announce]
) -> Ignored | None:
    """Why `request`, received on `interface` that has `mac`, is not answered; None when it is.

    `announced` is keyed by packed address.
    """
    if not _is_for_us(request, mac):
        return Ignored.OTHER_DESTINATION
    announce = announced.get(request.target)
    if announce is None:
        return Ignored.NOT_ANNOUNCED
    if not announce.on(interface):
        return Ignored.OTHER_INTERFACE
    return None


def _is_for_us(request: ArpRequest | Solicitation, mac: bytes) -> bool:
    if isinstance(request, ArpRequest):
        return request.destination in (BROADCAST, mac)
    group = solicited_node(request.target)
    if request.group not in (group, request.target):
        return False
    return request.destination in (mac, multicast_mac(group))

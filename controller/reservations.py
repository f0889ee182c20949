"""Which addresses are reserved: of two reservations for one the older counts; quotas hold for them, too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller.choice import Offers
from controller.ledger import Ledger
from ferrite.model import Reservation
from ferrite.net import IPAddress


@dataclass(frozen=True, slots=True)
class ReservedAddress:
    """One address of a reservation.

    Attributes:
        services: keys of the Services that use it, ascending.
        problem: why it is not reserved, or not yet; empty when it is.
    """

    address: IPAddress
    services: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reserved:
    """What came of all reservations.

    Attributes:
        addresses: those reserved, and for whom.
        problems: why an address is not, by reservation and address.
        over_quota: whether a quota was in the way; then a release may change the outcome.
    """

    addresses: Mapping[IPAddress, Reservation] = field(default_factory=dict)
    problems: Mapping[tuple[str, IPAddress], str] = field(default_factory=dict)
    over_quota: bool = False


class Reservations:
    """The reservations there are, and what came of them; holds their addresses back in the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._all: tuple[Reservation, ...] = ()
        self._reserved = Reserved()
        self._settled_at: int | None = None  # the ledger's openings then

    def set(self, reservations: tuple[Reservation, ...]) -> None:
        """These are there now, the oldest first."""
        self._all, self._settled_at = reservations, None

    def reconsider(self) -> None:
        """Settle them anew: the pools are others."""
        self._settled_at = None

    def settle(self, offers: Offers) -> bool:
        """Decide what is reserved if something changed that can matter; whether it did."""
        short = self._reserved.over_quota and self._settled_at != self._ledger.openings
        if self._settled_at is not None and not short:
            return False
        concerns = bool(self._all or self._reserved.addresses)
        if concerns:
            self._ledger.reserve({})
            self._reserved = settle(self._all, offers, self._ledger)
            self._ledger.reserve(self._reserved.addresses)
        self._settled_at = self._ledger.openings
        return concerns

    def usage(self) -> dict[str, tuple[ReservedAddress, ...]]:
        """Each address of each reservation by its key, and who uses it now."""
        return {
            each.key: tuple(
                _reserved(each, address, self._reserved, self._ledger) for address in each.addresses
            )
            for each in self._all
        }


def settle(reservations: Iterable[Reservation], offers: Offers, ledger: Ledger) -> Reserved:
    """Decide what is reserved.

    Args:
        reservations: oldest first.
        offers: the pools, and who may use them.
        ledger: without reservations; tells what each namespace has already.
    """
    reserved: dict[IPAddress, Reservation] = {}
    problems: dict[tuple[str, IPAddress], str] = {}
    taken: dict[tuple[str, str], set[IPAddress]] = {}
    over_quota = False
    for each in reservations:
        general = _refused(each, offers)
        spent = taken.setdefault((each.pool, each.namespace), set())
        if not (general or spent):
            spent.update(ledger.spent(each.pool, each.namespace))
        for address in each.addresses:
            problem = general or _unreservable(each, address, ledger, reserved)
            if not problem and (problem := _over(each, {*spent, address}, offers)):
                over_quota = True
            if problem:
                problems[each.key, address] = problem
            else:
                reserved[address] = each
                spent.add(address)
    return Reserved(reserved, problems, over_quota)


def _reserved(
    reservation: Reservation, address: IPAddress, reserved: Reserved, ledger: Ledger
) -> ReservedAddress:
    services = ledger.holders(address)
    problem = reserved.problems.get((reservation.key, address), "")
    others = [key for key in services if not reservation.admits(key)]
    if not problem and others:
        problem = f"{address} is in use by {', '.join(others)}; it is reserved once that ends"
    return ReservedAddress(address, services, problem)


def _refused(reservation: Reservation, offers: Offers) -> str:
    pool = offers.pools.get(reservation.pool)
    if pool is None:
        return f'unknown pool "{reservation.pool}"'
    if pool.deleting:
        return f"pool {pool.name} is being deleted"
    if not offers.admits_namespace(pool, reservation.namespace):
        return f"pool {pool.name} is not for namespace {reservation.namespace}"
    return ""


def _unreservable(
    reservation: Reservation, address: IPAddress, ledger: Ledger, reserved: Mapping[IPAddress, Reservation]
) -> str:
    pool = ledger.pool_of((address,))
    if pool is None or pool.name != reservation.pool:
        return f"pool {reservation.pool} does not offer {address}"
    if other := reserved.get(address):
        return f"{address} is reserved by {other.key}, which is older"
    return ""


def _over(reservation: Reservation, spent: set[IPAddress], offers: Offers) -> str:
    limit = offers.limit(offers.pools[reservation.pool], reservation.namespace)
    if limit is None or len(spent) <= limit:
        return ""
    return f"namespace {reservation.namespace} may have {limit} addresses of pool {reservation.pool} at most"

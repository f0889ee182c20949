"""AddressReservation objects to reservations; whether an address can be reserved the controller tells."""

from pydantic import ValidationError

from crds.reservation import AddressReservationSpec
from ferrite.errors import ConfigError
from ferrite.model import Reservation
from ferrite.net import IPAddress, parse_address
from ferrite.objects import Custom


def reservation_from(item: Custom) -> Reservation:
    """Read one reservation.

    Raises:
        ConfigError: a field is wrong.
    """
    try:
        spec = AddressReservationSpec.model_validate(item.spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"spec.{where}: {first['msg']}") from None
    addresses = tuple(dict.fromkeys(_address(text) for text in spec.addresses))
    return Reservation(item.key, spec.pool, addresses, spec.services)


def _address(text: str) -> IPAddress:
    try:
        return parse_address(text)
    except ValueError as error:
        raise ConfigError(f"spec.addresses: {error}") from None

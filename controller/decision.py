"""What can become of a Service, as values."""

from dataclasses import dataclass
from enum import Enum

from controller.request import Standing
from controller.tenant import Note
from ferrite.net import IPAddress


class Unowned(Enum):
    """Why a Service is left as it is."""

    NOT_LOAD_BALANCER = Standing.NOT_LOAD_BALANCER.value
    OTHER_CLASS = Standing.OTHER_CLASS.value
    FOREIGN_ADDRESS = "ForeignAddress"


@dataclass(frozen=True, slots=True)
class Keep:
    """Its status says what it should."""

    key: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Assign:
    """Its status is to list exactly these addresses, all of `pool`."""

    key: str
    addresses: tuple[IPAddress, ...]
    pool: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Clear:
    """Nothing is to be left of what we wrote: it asks for no address any more."""

    key: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """It cannot have what it asks for; the last of `notes` says why.

    Attributes:
        clear: whether the status lists something of ours that it must not keep.
    """

    key: str
    notes: tuple[Note, ...]
    clear: bool = False

    @property
    def why(self) -> Note:
        """The reason, and the sentence that goes with it."""
        return self.notes[-1]


@dataclass(frozen=True, slots=True)
class Leave:
    """It is not ours: nothing of it is touched."""

    key: str
    why: Unowned
    notes: tuple[Note, ...] = ()


Decision = Keep | Assign | Clear | Refuse | Leave

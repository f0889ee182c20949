"""What can become of a Service, as values."""

from dataclasses import dataclass
from enum import Enum

from controller.request import Standing
from controller.tenant import Cause, Note
from ferrite.net import IPAddress


class Unowned(Enum):
    """Why a Service is left as it is."""

    NOT_LOAD_BALANCER = Standing.NOT_LOAD_BALANCER.value
    OTHER_CLASS = Standing.OTHER_CLASS.value
    FOREIGN_ADDRESS = "ForeignAddress"
    NO_POOL_YET = "NoPoolYet"
    """There never was a pool: an address may be another implementation's, whatever it is marked with."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a Service's condition says: whether it has an address, why, and the sentence for people."""

    holds: bool
    cause: Cause
    text: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Its status lists what it should: `addresses`, of `pool`.

    Attributes:
        missing: why it has no address of the second family that it would like.
    """

    key: str
    addresses: tuple[IPAddress, ...]
    pool: str
    notes: tuple[Note, ...] = ()
    missing: str = ""

    @property
    def verdict(self) -> Verdict:
        """What the condition is to say."""
        return _assigned(self.addresses, self.pool, self.missing)


@dataclass(frozen=True, slots=True)
class Assign:
    """Its status is to list exactly these addresses, all of `pool`; `missing` as in `Keep`."""

    key: str
    addresses: tuple[IPAddress, ...]
    pool: str
    notes: tuple[Note, ...] = ()
    missing: str = ""

    @property
    def verdict(self) -> Verdict:
        """What the condition is to say."""
        return _assigned(self.addresses, self.pool, self.missing)


@dataclass(frozen=True, slots=True)
class Clear:
    """Nothing is to be left of what we wrote: it asks for no address any more."""

    key: str
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """It cannot have what it asks for; the last of `notes` says why.

    Attributes:
        verdict: what the condition is to say; it holds where the Service keeps what it had.
        clear: whether the status lists something of ours that it must not keep.
    """

    key: str
    notes: tuple[Note, ...]
    verdict: Verdict
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


def _assigned(addresses: tuple[IPAddress, ...], pool: str, missing: str) -> Verdict:
    text = f"{', '.join(map(str, addresses))} of pool {pool}"
    if missing:
        return Verdict(True, Cause.ONE_FAMILY_ASSIGNED, f"{text}; {missing}")
    return Verdict(True, Cause.ASSIGNED, text)

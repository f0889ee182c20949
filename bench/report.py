"""What benchmarks say: rows of one table, and percentiles."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

HEAD = ("what", "measured", "budget")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        measured: a figure with its unit.
        budget: what it may be at most (at least, where the text says so); empty where there is none.
        within: whether it is.
    """

    what: str
    measured: str
    budget: str = ""
    within: bool = True


class Result(Protocol):
    """What one benchmark measured."""

    @property
    def within_budget(self) -> bool:
        """Whether every figure with a budget keeps it."""

    def document(self) -> dict[str, Any]:
        """For the JSON file."""

    def rows(self) -> tuple[Row, ...]:
        """For people."""


def percentile(values: Iterable[float], share: float) -> float:
    """The least of `values` that is not exceeded by `share` (0 to 1) of them; nearest rank.

    Raises:
        ValueError: there are no values.
    """
    ranked = sorted(values)
    if not ranked:
        raise ValueError("no percentile of nothing")
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def rounded(values: Iterable[float], digits: int = 3) -> tuple[float, ...]:
    """As they are written to the JSON file."""
    return tuple(round(value, digits) for value in values)


def table(rows: Sequence[Row]) -> str:
    """The table; a figure over its budget says so."""
    cells = [
        HEAD,
        *((row.what, row.measured, row.budget + " OVER" * (not row.within)) for row in rows),
    ]
    first, second, third = (max(len(line[column]) for line in cells) for column in range(len(HEAD)))
    return "\n".join(
        f"{what:<{first}}  {measured:>{second}}  {budget:<{third}}".rstrip()
        for what, measured, budget in cells
    )

"""Tables, colour and JSON: values to text; pure but for the question whether a person is looking."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

import msgspec

BOLD, RED, PLAIN = "\033[1m", "\033[31m", "\033[0m"
NOTHING = "-"
"""Stands where there is nothing to show, so that columns can be told apart."""
GAP = "  "


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header; the last column may be long and, with `alarm`, is red where it says something."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    alarm: bool = False


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what goes there: a terminal, of a user who did not say no (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table_text(table: Table, *, colour: bool) -> str:
    """The table in columns, each line ended."""
    rows = [tuple(plain(cell) or NOTHING for cell in row) for row in table.rows]
    widths = [max(len(cell) for cell in column) for column in zip(table.header, *rows, strict=True)]
    header = _line(table.header, widths)
    lines = [f"{BOLD}{header}{PLAIN}" if colour else header]
    for row in rows:
        if colour and table.alarm and row[-1] != NOTHING:
            start = GAP.join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False))
            lines.append(f"{start}{GAP}{RED}{row[-1]}{PLAIN}")
        else:
            lines.append(_line(row, widths))
    return "".join(f"{line}\n" for line in lines)


def plain(text: str) -> str:
    """One line that a terminal shows as it is: what an object's author wrote must not move its cursor."""
    one_line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in one_line)


def json_text(value: object) -> str:
    """Indented JSON, ended."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def listed(values: Iterable[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    names = tuple(values)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

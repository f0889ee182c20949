"""What the lab says to the person at the terminal."""

import sys
import time

BOLD, GREEN, YELLOW, RED, PLAIN = "\033[1m", "\033[32m", "\033[33m", "\033[31m", "\033[0m"


def paint(text: str, colour: str, *, error: bool = True) -> str:
    """Colour `text` if the stream it goes to is a terminal."""
    stream = sys.stderr if error else sys.stdout
    return f"{colour}{text}{PLAIN}" if stream.isatty() else text


def say(text: str) -> None:
    """Print progress; standard output is left to results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(text: str) -> None:
    """Print a result on standard output."""
    sys.stdout.write(f"{text}\n")


def fail(text: str) -> None:
    """Print the one line that says what went wrong."""
    say(f"{paint('lab:', RED)} {text}")


class Steps:
    """Prints each step with the seconds since the beginning."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def __call__(self, text: str) -> None:
        """Print one step."""
        say(f"  {time.monotonic() - self._begin:5.1f} s  {text}")


def table(rows: list[tuple[str, ...]]) -> str:
    """Return `rows` as text in columns, the first row being the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join(lines)

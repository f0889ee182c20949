"""Reads one mapping of the old format, key by key, and collects what is wrong and what is left over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from reprlib import Repr

from cli.text import plain

_TRUE, _FALSE = frozenset({"true", "yes", "on", "y"}), frozenset({"false", "no", "off", "n"})
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_repr = Repr()
_repr.maxstring = _repr.maxother = _LONGEST = 60


def _letters(key: object) -> str:
    return str(key).lower().replace("-", "").replace("_", "")


def shown(value: object) -> str:
    """A value for a complaint, cut short wherever it is long or deep."""
    text = _repr.repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


@dataclass(slots=True)
class Findings:
    """What there is to tell, each once, in the order it was found.

    Attributes:
        notes: what has no equal, or means something else now.
        problems: objects that are left out, and why.
    """

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Something to know before the manifests are applied."""
        self._add(self.notes, text)

    def problem(self, text: str) -> None:
        """Something for a person to mend."""
        self._add(self.problems, text)

    @staticmethod
    def _add(lines: list[str], text: str) -> None:
        line = plain(text)
        if line not in lines:
            lines.append(line)


class Fields:
    """One mapping; `left_over` tells in the end what nobody asked for.

    A key that is absent, null or of the wrong kind gives what is empty; the last is a problem.

    Args:
        value: what the parser made of it.
        where: the object it belongs to, for complaints.
        path: leads from that object here: empty, or ending with a dot.
    """

    def __init__(self, value: object, where: str, findings: Findings, path: str = "") -> None:
        self.where, self.path, self.findings = where, path, findings
        self._asked: set[object] = set()
        self._values: dict[object, object] = value if isinstance(value, dict) else {}
        if not isinstance(value, dict):
            what = f"{path.removesuffix('.')} " if path else ""
            findings.problem(f"{where}: {what}is not a mapping: {shown(value)}")

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def complain(self, key: str, text: str) -> None:
        """Say what is wrong with a key."""
        self.findings.problem(f"{self.where}: {self.path}{key} {text}")

    def note(self, key: str, text: str) -> None:
        """Say what a key means now."""
        self.findings.note(f"{self.where}: {self.path}{key} {text}")

    def text(self, key: str, *, secret: bool = False) -> str:
        """A text; a secret one is never shown."""
        value = self.ask(key)
        return "" if value is None else self._scalar(key, value, secret=secret) or ""

    def number(self, key: str) -> int | None:
        """A whole number; its limits are left to the model of the new kind."""
        text = self.text(key)
        if not text:
            return None
        if _NUMBER.fullmatch(text):
            return int(text)
        self.complain(key, f"is not a number: {shown(text)}")
        return None

    def flag(self, key: str) -> bool | None:
        """A truth value, in the words of YAML 1.1."""
        text = self.text(key)
        if not text:
            return None
        if text.lower() not in _TRUE | _FALSE:
            self.complain(key, f"is not true or false: {shown(text)}")
        return text.lower() in _TRUE

    def texts(self, key: str) -> list[str]:
        """A list of texts; one that comes again is left out with a note, as the new kinds refuse it."""
        found: list[str] = []
        for index, value in self._entries(key):
            text = self._scalar(f"{key}[{index}]", value)
            if text is None:
                continue
            if text in found:
                self.note(f"{key}[{index}]", f"is there twice, left out: {shown(text)}")
            else:
                found.append(text)
        return found

    def parts(self, key: str) -> Iterator["Fields"]:
        """A list of mappings."""
        for index, value in self._entries(key):
            yield Fields(value, self.where, self.findings, f"{self.path}{key}[{index}].")

    def pairs(self, key: str) -> dict[str, str]:
        """A mapping of texts to texts."""
        value = self.ask(key)
        if not isinstance(value, dict):
            if value is not None:
                self.complain(key, f"is not a mapping: {shown(value)}")
            return {}
        texts = {str(name): self._scalar(f"{key}.{name}", text) for name, text in value.items()}
        return {name: text for name, text in texts.items() if text is not None}

    def items(self, key: str) -> list[object]:
        """A list of anything."""
        return [value for _, value in self._entries(key)]

    def left_over(self) -> None:
        """Note every key that nobody asked for; one of them, bfdProfile, is in MetalLB's own example."""
        known = {_letters(key): key for key in self._asked}
        for key in self._values:
            if key not in self._asked:
                near = known.get(_letters(key))
                hint = f" (is it {near}?)" if near else ""
                self.note(str(key), f"is not a key of this format, left out{hint}")

    def ask(self, key: str) -> object:
        """What stands there, whatever it is."""
        self._asked.add(key)
        return self._values.get(key)

    def _entries(self, key: str) -> list[tuple[int, object]]:
        value = self.ask(key)
        if isinstance(value, list):
            return list(enumerate(value))
        if value is not None:
            self.complain(key, f"is not a list: {shown(value)}")
        return []

    def _scalar(self, key: str, value: object, *, secret: bool = False) -> str | None:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int)):
            return str(value)
        self.complain(key, "is not a text" if secret else f"is not a text: {shown(value)}")
        return None

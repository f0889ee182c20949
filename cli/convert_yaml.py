"""YAML in, where texts stay texts, and out again, where no parser takes a text for anything else."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from ferrite.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*|[0-9]+(?:\.[0-9]+){3}[0-9./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


class Texts(yaml.SafeLoader):
    """For the old format: every scalar but null is the text that stands there, since its key says what it is.

    A password may be `1e3`, and a community `64512:1`, which YAML 1.1 takes for a number to the base of 60.
    """

    yaml_implicit_resolvers = {"<": [(_MERGE, re.compile("<<$"))]}  # noqa: RUF012 - PyYAML's own way
    yaml_constructors = {None: lambda loader, node: loader.value(node)}  # noqa: RUF012

    def value(self, node: yaml.Node) -> object:
        """What a node holds, whatever its tag says."""
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node)
            return self.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        # JSON writes what is beyond 16 bits as two escapes, which PyYAML does not join.
        text = str(node.value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
        return text if quoted else self.plain(text)

    def plain(self, text: str) -> object:
        """What a scalar without quotes means."""
        return None if text in _NULLS else text


class Values(Texts):
    """For Kubernetes objects: decimal numbers, true and false are what they are."""

    def plain(self, text: str) -> object:
        """What a scalar without quotes means."""
        if text in ("true", "false"):
            return text == "true"
        return int(text) if _WHOLE.fullmatch(text) else super().plain(text)


def _refuse_twice(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            if key.value in seen:
                problem = f"key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)


def documents(text: str, loader: type[Texts]) -> tuple[Any, ...]:
    """What the documents of a YAML or JSON text hold.

    Raises:
        ConfigError: it is neither, or has a key twice; the text says in which line.
    """
    try:
        return tuple(yaml.load_all(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigError(f"{where}{error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the latter two: an escape beyond Unicode
        raise ConfigError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ConfigError("nested too deeply") from None


class _Dumper(yaml.SafeDumper):
    """Quotes each text that some YAML parser takes for a number, a date or a truth value."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out: kubectl's users know no anchors."""
        return True


def _text_node(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    style = None if plain else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def yaml_text(manifests: Iterable[Mapping[str, Any]]) -> str:
    """The objects as YAML documents, each begun by `---`."""
    return "".join(
        "---\n" + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        for manifest in manifests
    )

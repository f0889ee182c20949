"""Communities and their aliases, with MetalLB's complaints."""

from collections.abc import Iterable, Mapping

from crds.advertisement import CommunitySpec
from ferrite.errors import ConfigError
from ferrite.model import Community

Aliases = Mapping[str, Community]
"""Communities by the name that advertisements use."""


def parse_community(text: str) -> Community:
    """Read a community as routers print it.

    `65000:100` is a standard community, two 16-bit numbers (RFC 1997);
    `large:65000:1:2` is a large one, three 32-bit numbers (RFC 8092).

    Raises:
        ConfigError: `text` is neither, or a number does not fit.
    """
    parts = text.split(":")
    if len(parts) == 2:
        return Community(tuple(_number(part, 16, text) for part in parts))
    if len(parts) != 4:
        raise ConfigError(f"invalid community format: {text}")
    if parts[0] != "large":
        raise ConfigError(
            "invalid community value: invalid marker for large community, expected community to be of format "
            f'large:<uint32>:<uint32>:<uint32> but got "{text}" instead'
        )
    return Community(tuple(_number(part, 32, text) for part in parts[1:]))


def _number(section: str, bits: int, text: str) -> int:
    if not (section.isascii() and section.isdigit()):
        complaint = "invalid syntax"
    elif len(section) > 20 or int(section) >= 2**bits:
        complaint = "value out of range"
    else:
        return int(section)
    raise ConfigError(
        f'invalid community value: invalid section "{section}" of community "{text}", '
        f'err: "strconv.ParseUint: parsing "{section}": {complaint}"'
    )


def aliases_from(spec: CommunitySpec) -> Aliases:
    """Read the aliases of one Community object.

    Raises:
        ConfigError: a value is wrong, or a name is there twice.
    """
    aliases: dict[str, Community] = {}
    for alias in spec.communities:
        try:
            value = parse_community(alias.value)
        except ConfigError as error:
            raise ConfigError(f'parsing community "{alias.name}": {error}') from None
        _refuse_known(alias.name, aliases)
        aliases[alias.name] = value
    return aliases


def refuse_same_alias(aliases: Aliases, others: Iterable[Aliases]) -> None:
    """Check the aliases of one object against those of others.

    Raises:
        ConfigError: a name is in one of them too.
    """
    for other in others:
        for name in aliases:
            _refuse_known(name, other)


def _refuse_known(name: str, aliases: Aliases) -> None:
    if name in aliases:
        raise ConfigError(f'duplicate definition of community "{name}"')


def resolve(text: str, aliases: Aliases) -> Community:
    """The community that an advertisement means: an alias first, then a literal.

    Raises:
        ConfigError: it is neither.
    """
    try:
        return aliases[text] if text in aliases else parse_community(text)
    except ConfigError as error:
        raise ConfigError(f'{error}\ninvalid community "{text}" in BGP advertisement') from None

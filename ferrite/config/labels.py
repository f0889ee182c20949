"""Label selectors and plain lists of a spec, checked for nonsense and for duplicates."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from crds.meta import LabelSelectorRequirementSpec, LabelSelectorSpec
from crds.peer import LegacyRequirementSpec, LegacySelectorSpec
from ferrite.errors import ConfigError
from ferrite.model import LabelSelector, Operator, Requirement


def selector_from(spec: LabelSelectorSpec | LegacySelectorSpec) -> LabelSelector:
    """Read a metav1.LabelSelector; its requirements and their values end up sorted.

    Raises:
        ConfigError: an operator is unknown, values are missing or too many, or something is there twice.
    """
    exact = [Requirement(key, Operator.IN, (value,)) for key, value in sorted(spec.match_labels.items())]
    stated = [_requirement(expression) for expression in spec.match_expressions]
    for index, requirement in enumerate(stated):
        if requirement in stated[:index]:
            raise ConfigError(f'duplicate definition of match expressions "{requirement}"')
    both = exact + stated
    return LabelSelector(tuple(sorted(both, key=lambda part: (part.key, part.operator.value, part.values))))


def selectors_from(
    specs: Iterable[LabelSelectorSpec | LegacySelectorSpec], field: str, failure: str
) -> tuple[LabelSelector, ...]:
    """Read a list of selectors, any of which may match.

    Args:
        specs: as in the object.
        field: name of the list in the object, for the complaint about duplicates.
        failure: second line of the complaint when one does not parse, as MetalLB joins its errors.

    Raises:
        ConfigError: a selector does not parse, or two are equal.
    """
    selectors: list[LabelSelector] = []
    for spec in specs:
        try:
            selector = selector_from(spec)
        except ConfigError as error:
            raise ConfigError(f"{error}\n{failure}") from None
        if selector in selectors:
            raise ConfigError(f'duplicate definition of {field} "{selector}"')
        selectors.append(selector)
    return tuple(selectors)


def unique(values: Sequence[str], field: str) -> tuple[str, ...]:
    """The values of a list whose entries must differ.

    Raises:
        ConfigError: a value is there twice.
    """
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ConfigError(f'duplicate definition of {field} "{value}"')
    return tuple(values)


def _requirement(spec: LabelSelectorRequirementSpec | LegacyRequirementSpec) -> Requirement:
    try:
        operator = Operator(spec.operator)
    except ValueError:
        raise ConfigError(f'"{spec.operator}" is not a valid label selector operator') from None
    wants_values = operator in (Operator.IN, Operator.NOT_IN)
    if wants_values != bool(spec.values):
        count = "at least one value" if wants_values else "no values"
        raise ConfigError(f'label "{spec.key}": operator {operator.value} takes {count}')
    values = tuple(sorted(spec.values))
    for value, following in pairwise(values):
        if value == following:
            raise ConfigError(f'duplicate definition of match expression value in label selector "{value}"')
    return Requirement(spec.key, operator, values)

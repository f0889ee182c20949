"""Label selectors: pure matching of labels (Kubernetes metav1.LabelSelector)."""

from collections.abc import Iterable, Mapping

from ferrite.model import LabelSelector, Operator, Requirement


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether `labels` meet every requirement; a selector without requirements matches everything."""
    return all(_meets(requirement, labels) for requirement in selector.requirements)


def matches_any(selectors: Iterable[LabelSelector], labels: Mapping[str, str]) -> bool:
    """Whether any selector matches; no selector at all matches nothing."""
    return any(matches(selector, labels) for selector in selectors)


def admits(selectors: tuple[LabelSelector, ...], labels: Mapping[str, str]) -> bool:
    """Whether `labels` pass an optional filter: no selectors let everything through."""
    return not selectors or matches_any(selectors, labels)


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case Operator.IN:
            return value in requirement.values
        case Operator.NOT_IN:
            return value not in requirement.values
        case Operator.EXISTS:
            return value is not None
        case Operator.DOES_NOT_EXIST:
            return value is None

"""Label selectors match as Kubernetes' do."""

import pytest

from ferrite.model import LabelSelector, Operator, Requirement
from ferrite.selectors import admits, matches, matches_any

LABELS = {"zone": "a", "disk": ""}


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        pytest.param(Requirement("zone", Operator.IN, ("a", "b")), True, id="in"),
        pytest.param(Requirement("zone", Operator.IN, ("b",)), False, id="not-one-of"),
        pytest.param(Requirement("rack", Operator.IN, ("b",)), False, id="in-absent"),
        pytest.param(Requirement("zone", Operator.NOT_IN, ("b",)), True, id="not-in"),
        pytest.param(Requirement("zone", Operator.NOT_IN, ("a",)), False, id="not-in-present"),
        pytest.param(Requirement("rack", Operator.NOT_IN, ("a",)), True, id="not-in-absent"),
        pytest.param(Requirement("disk", Operator.EXISTS), True, id="exists-empty"),
        pytest.param(Requirement("rack", Operator.EXISTS), False, id="exists-absent"),
        pytest.param(Requirement("rack", Operator.DOES_NOT_EXIST), True, id="absent"),
        pytest.param(Requirement("zone", Operator.DOES_NOT_EXIST), False, id="absent-present"),
    ],
)
def test_a_requirement(requirement, expected):
    assert matches(LabelSelector((requirement,)), LABELS) is expected


def test_an_empty_selector_matches_everything():
    assert matches(LabelSelector(), {})


def test_no_selector_matches_nothing_but_filters_nothing():
    assert not matches_any((), LABELS)
    assert admits((), LABELS)


def test_operators_make_requirements_differ():
    assert Requirement("a", Operator.IN, ("b",)) != Requirement("a", Operator.NOT_IN, ("b",))

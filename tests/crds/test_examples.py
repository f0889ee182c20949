"""The manifests of docs/examples: read without a complaint, alone and all together."""

from collections import defaultdict
from typing import Any

import msgspec
import pytest
import yaml
from crd_files import EXAMPLES

from crds.kinds import KINDS
from ferrite.config.parse import ConfigObjects, parse
from ferrite.model import Problem
from ferrite.objects import Custom
from tests.fakes.configuration import FIELDS

FILES = sorted(EXAMPLES.glob("*.yaml"))
READERS = [
    pytest.param(None, id="controller"),
    pytest.param({}, id="speaker"),
    pytest.param({"topology.kubernetes.io/zone": "rack-1"}, id="speaker-in-rack-1"),
]
NAMES = [
    "bfd",
    "bgp",
    "communities",
    "dual-stack",
    "layer2",
    "node-selectors",
    "pools-by-namespace",
    "requested-address",
    "service",
]


def documents(*files) -> list[dict[str, Any]]:
    return [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def custom(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if each["apiVersion"].startswith("metallb.io/")]


def problems(found: list[dict[str, Any]], node_labels: dict[str, str] | None) -> tuple[Problem, ...]:
    by_field = defaultdict(list)
    for each in custom(found):
        by_field[FIELDS[each["kind"]]].append(msgspec.convert(each, Custom))
    return parse(ConfigObjects(**by_field, node_labels=node_labels))[1]


def test_the_examples_that_the_documents_name():
    assert [file.stem for file in FILES] == NAMES


@pytest.mark.parametrize("node_labels", READERS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_has_no_problem(file, node_labels):
    assert problems(documents(file), node_labels) == ()


@pytest.mark.parametrize("node_labels", READERS)
def test_all_examples_fit_together(node_labels):
    assert problems(documents(*FILES), node_labels) == ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_spells_every_field_right(file):
    specs = {(kind.name, version.name): version.spec for kind in KINDS for version in kind.versions}
    for each in custom(documents(file)):
        model = specs[each["kind"], each["apiVersion"].removeprefix("metallb.io/")]
        assert (
            model.model_validate(each["spec"]).model_dump(by_alias=True, exclude_unset=True) == each["spec"]
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_resources_are_where_metallb_looks_for_them(file):
    assert {each["metadata"]["namespace"] for each in custom(documents(file))} <= {"metallb-system"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_begins_by_saying_what_it_is(file):
    assert file.read_text(encoding="utf-8").startswith("# ")


def test_a_name_is_used_once():
    names = [(each["kind"], each["metadata"]["name"]) for each in documents(*FILES)]
    assert len(names) == len(set(names))

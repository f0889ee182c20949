"""The manifests of docs/examples: read without a complaint, alone and all together."""

import fnmatch
from collections import defaultdict
from ipaddress import ip_address
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
    "keep",
    "layer2",
    "node-selectors",
    "pools-by-namespace",
    "quota",
    "requested-address",
    "reservation",
    "service",
    "sticky",
]
GROUPS = ("metallb.io/", "ferrite.io/")


def documents(*files) -> list[dict[str, Any]]:
    return [each for file in files for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def custom(found: list[dict[str, Any]], groups: tuple[str, ...] = GROUPS) -> list[dict[str, Any]]:
    return [each for each in found if each["apiVersion"].startswith(groups)]


def configuration(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Ferrite reads in its own namespace."""
    return custom(found, ("metallb.io/",))


def problems(found: list[dict[str, Any]], node_labels: dict[str, str] | None) -> tuple[Problem, ...]:
    by_field = defaultdict(list)
    for each in configuration(found):
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
    specs = {
        (kind.name, f"{kind.group}/{version.name}"): version.spec
        for kind in KINDS
        for version in kind.versions
    }
    for each in custom(documents(file)):
        model = specs[each["kind"], each["apiVersion"]]
        assert (
            model.model_validate(each["spec"]).model_dump(by_alias=True, exclude_unset=True) == each["spec"]
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_resources_are_where_metallb_looks_for_them(file):
    assert {each["metadata"]["namespace"] for each in configuration(documents(file))} <= {"metallb-system"}


def test_a_reservation_is_for_services_beside_it_and_for_addresses_of_its_pool():
    found = documents(*FILES)
    by_kind = defaultdict(list)
    for each in found:
        by_kind[each["kind"]].append(each)
    pools, services = by_kind["IPAddressPool"], by_kind["Service"]
    (reservation,) = by_kind["AddressReservation"]
    spec = reservation["spec"]
    read, _, _ = parse(
        ConfigObjects(pools=[msgspec.convert(each, Custom) for each in pools], node_labels=None)
    )
    (offered,) = (pool for pool in read.pools if pool.name == spec["pool"])
    for address in map(ip_address, spec["addresses"]):
        assert any(address in each for each in offered.ranges)
    names = [each["metadata"]["name"] for each in services if in_namespace_of(reservation, each)]
    assert fnmatch.filter(names, spec["services"]) == ["web-shop"]


def in_namespace_of(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one["metadata"]["namespace"] == other["metadata"]["namespace"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_begins_by_saying_what_it_is(file):
    assert file.read_text(encoding="utf-8").startswith("# ")


def test_a_name_is_used_once():
    names = [(each["kind"], each["metadata"]["name"]) for each in documents(*FILES)]
    assert len(names) == len(set(names))

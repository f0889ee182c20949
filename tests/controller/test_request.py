from typing import Any

import pytest
from hypothesis import given, strategies as st

from controller.request import FamilyPolicy, Standing, read_request
from controller.tenant import Port, Sharing
from ferrite.net import Family, parse_address
from tests.controller.service_builder import service


@pytest.mark.parametrize(
    ("options", "lb_class", "standing"),
    [
        pytest.param({}, None, Standing.OURS, id="no-class"),
        pytest.param({"loadBalancerClass": "x"}, None, Standing.OTHER_CLASS, id="class-unasked"),
        pytest.param({"loadBalancerClass": "x"}, "x", Standing.OURS, id="class-asked"),
        pytest.param({}, "x", Standing.OTHER_CLASS, id="class-missing"),
        pytest.param({"type": "ClusterIP"}, "x", Standing.NOT_LOAD_BALANCER, id="type"),
    ],
)
def test_standing(options: dict, lb_class: str | None, standing: Standing) -> None:
    assert read_request(service(**options), lb_class).standing is standing


def test_the_families_are_those_of_the_cluster_addresses_primary_first() -> None:
    request = read_request(
        service(
            cluster_ips=["10.96.0.1", "fd00::1"],
            ipFamilies=["IPv6", "IPv4"],
            ipFamilyPolicy="PreferDualStack",
        ),
        None,
    )
    assert request.families == (Family.IPV6, Family.IPV4)
    assert request.policy is FamilyPolicy.PREFER_DUAL


def test_no_cluster_address_no_family() -> None:
    assert read_request(service(cluster_ips=[]), None).families == ()
    headless = read_request(service(cluster_ips=["None"]), None)
    assert headless.families_fault is not None
    assert headless.families_fault.startswith('Failed to retrieve ClusterIPs IPFamily for ["None"] None: ')


def test_the_stable_annotation_wins_even_when_empty() -> None:
    old = {"metallb.universe.tf/address-pool": "old"}
    assert read_request(service(annotations=old), None).pool == "old"
    request = read_request(service(annotations={**old, "metallb.io/address-pool": ""}), None)
    assert request.pool is None
    assert request.deprecated == ("metallb.universe.tf/address-pool",)


def test_the_ports_it_serves() -> None:
    assert read_request(service(ports=[80, 53]), None).ports == {Port("TCP", 80), Port("TCP", 53)}


def sharing(name: str = "team/web", **options: Any) -> Sharing:
    return read_request(
        service(name, annotations={"metallb.io/allow-shared-ip": "k"}, **options), None
    ).sharing


def local(name: str = "team/web", **options: Any) -> Sharing:
    return sharing(name, externalTrafficPolicy="Local", **options)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param(sharing(selector={"a": "1"}), sharing("b/x", selector={"a": "2"}), True, id="cluster"),
        pytest.param(
            local(selector={"b": "2", "a": "1"}),
            local("team/x", selector={"a": "1", "b": "2"}),
            True,
            id="same",
        ),
        pytest.param(local(selector={"a": "1"}), local("team/x", selector={"a": "2"}), False, id="selector"),
        pytest.param(local(selector={"a": "1"}), local("b/web", selector={"a": "1"}), False, id="namespace"),
        pytest.param(local(), local("team/x"), False, id="no selectors"),
        pytest.param(local(), sharing("team/x"), False, id="no selector and cluster"),
        pytest.param(
            local(selector={"a": "1"}), sharing("team/x", selector={"a": "1"}), False, id="policies"
        ),
    ],
)
def test_under_the_policy_local_only_services_of_the_same_pods_share(
    one: Sharing, other: Sharing, together: bool
) -> None:
    assert one.admits(other) is together
    assert other.admits(one) is together


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        ("192.0.2.1,192.0.2.2", 'IPFamilyForAddresses: Same address family ["192.0.2.1" "192.0.2.2"]'),
        ("192.0.2.1,::1,::2", 'IPFamilyForAddresses: Invalid ips length 3 ["192.0.2.1" "::1" "::2"]'),
        ("192.0.2.1,", 'invalid metallb.io/loadBalancerIPs: "192.0.2.1,"'),
    ],
)
def test_addresses_that_cannot_be_had_together(listed: str, fault: str) -> None:
    request = read_request(service(annotations={"metallb.io/loadBalancerIPs": listed}), None)
    assert request.addresses == ()
    assert request.addresses_fault == fault


def test_what_the_status_lists_beside_addresses_is_noticed() -> None:
    request = read_request(service(held=["192.0.2.1", ""], pool="blue"), None)
    assert request.held == (parse_address("192.0.2.1"),)
    assert not request.exact


@given(text=st.text(max_size=60))
def test_any_text_is_addresses_or_a_fault(text: str) -> None:
    request = read_request(service(annotations={"metallb.io/loadBalancerIPs": text}), None)
    assert bool(request.addresses) != bool(request.addresses_fault) or not text

"""Every reason that a Service's condition can give, and the sentence that goes with it."""

import pytest

from controller.tenant import Cause
from ferrite.model import Quota, Removal, ServiceAllocation
from tests.controller.planned import (
    ASK_POOL,
    FULL,
    IPS,
    PREFER,
    World,
    caused,
    pool,
    refused,
    reservation,
)
from tests.controller.service_builder import service

FOUR = pool("four", "198.18.0.1-198.18.0.9", auto_assign=False)
KEEPS = pool("keeps", "198.18.1.1/32", auto_assign=False, sticky_seconds=9.0)
SMALL = pool("small", "198.18.2.1-198.18.2.9", auto_assign=False, quota=Quota(default=0))
GOES = pool("goes", "198.18.3.1/32", removal=Removal(deleting=True))
PINNED = pool("pinned", "198.18.4.1/32", allocation=ServiceAllocation(namespaces=frozenset({"prod"})))
VIP = reservation("prod/vip", "four", "198.18.0.9")


def asks(key: str, value: str, **options) -> dict:
    return {"annotations": {key: value}, **options}


CASES = [
    pytest.param(
        {"cluster_ips": ["10.96.0.1"], **asks(ASK_POOL, "four")}, True, Cause.ASSIGNED, None, id="has"
    ),
    pytest.param(
        {**PREFER, **asks(ASK_POOL, "four")}, True, Cause.ASSIGNED, None, id="has-one-and-is-not-told-yet"
    ),
    pytest.param(
        {**PREFER, **asks(ASK_POOL, "four"), "held": ["198.18.0.1"], "pool": "four"},
        True,
        Cause.ONE_FAMILY_ASSIGNED,
        None,
        id="one-family",
    ),
    pytest.param(
        {**asks(IPS, "x"), "held": ["198.18.0.1"], "pool": "four"},
        True,
        Cause.INVALID_REQUEST,
        None,
        id="keeps-and-asks-for-nonsense",
    ),
    pytest.param(
        asks(IPS, "x"), False, Cause.INVALID_REQUEST, 'invalid metallb.io/loadBalancerIPs: "x"', id="nonsense"
    ),
    pytest.param(
        {"annotations": {IPS: "198.18.0.1", ASK_POOL: "blue"}},
        False,
        Cause.INVALID_REQUEST,
        'requested loadBalancer IP(s) ["198.18.0.1"] is not compatible with requested address pool blue',
        id="address-of-another-pool",
    ),
    pytest.param(
        {"cluster_ips": []},
        False,
        Cause.NO_CLUSTER_IPS,
        'Service "team/web" has no cluster IP yet',
        id="no-cluster-ip",
    ),
    pytest.param(
        {"cluster_ips": ["None"]},
        False,
        Cause.NO_CLUSTER_IPS,
        "Failed to retrieve ClusterIPs IPFamily for [\"None\"] None: invalid IP address 'None'",
        id="headless",
    ),
    pytest.param(
        {"ipFamilyPolicy": "RequireDualStack"},
        False,
        Cause.NOT_ENOUGH_CLUSTER_IPS,
        "Service requires dual stack but not enough clusterips [10.96.0.1]",
        id="one-cluster-ip",
    ),
    pytest.param(
        asks(IPS, "2001:db8::1"),
        False,
        Cause.FAMILY_MISMATCH,
        'requested loadBalancer IP(s) ["2001:db8::1"] does not match the ipFamily of the service',
        id="other-family",
    ),
    pytest.param(asks(ASK_POOL, "red"), False, Cause.UNKNOWN_POOL, 'unknown pool "red"', id="unknown-pool"),
    pytest.param(
        asks(ASK_POOL, "pinned"),
        False,
        Cause.POOL_NOT_ALLOWED,
        "pool pinned not compatible for ip assignment",
        id="pool-not-for-it",
    ),
    pytest.param(
        asks(IPS, "198.18.4.1"),
        False,
        Cause.POOL_NOT_ALLOWED,
        "pool pinned not compatible for ip assignment",
        id="address-not-for-it",
    ),
    pytest.param(
        asks(ASK_POOL, "goes"), False, Cause.POOL_BEING_DELETED, "pool goes is being deleted", id="pool-goes"
    ),
    pytest.param(
        asks(IPS, "203.0.113.1"),
        False,
        Cause.ADDRESS_NOT_IN_POOL,
        '["203.0.113.1"] is not allowed in config',
        id="no-pool-has-it",
    ),
    pytest.param(
        asks(IPS, "192.0.2.1"),
        False,
        Cause.ADDRESS_IN_USE,
        'can\'t change sharing key for "team/web", address also in use by team/holder; 192.0.2.1 is held '
        "by team/holder; a shared address needs the same allow-shared-ip key",
        id="in-use",
    ),
    pytest.param(
        asks(IPS, "198.18.0.9"),
        False,
        Cause.ADDRESS_RESERVED,
        "198.18.0.9 is reserved by prod/vip",
        id="reserved",
    ),
    pytest.param(
        asks(IPS, "198.18.1.1"),
        False,
        Cause.ADDRESS_KEPT,
        "198.18.1.1 is kept for team/gone, which was deleted",
        id="kept",
    ),
    pytest.param({}, False, Cause.NO_ADDRESS_FREE, "no available IPs", id="none-free"),
    pytest.param(
        asks(ASK_POOL, "blue"), False, Cause.NO_ADDRESS_FREE, "no available IPs in pool blue", id="pool-full"
    ),
    pytest.param(
        asks(ASK_POOL, "small"),
        False,
        Cause.QUOTA_EXCEEDED,
        "no available IPs in pool small for ipv4 IPFamily; "
        "namespace team has 0 of at most 0 addresses of pool small",
        id="quota",
    ),
]


@pytest.mark.parametrize(("options", "holds", "cause", "text"), CASES)
def test_the_condition_says(options: dict, holds: bool, cause: Cause, text: str | None) -> None:
    world = World(FULL, FOUR, KEEPS, SMALL, GOES, PINNED)
    world.planner.reserve((VIP,))
    world.give(service("team/holder"), service("team/gone", annotations={ASK_POOL: "keeps"}))
    world.remove("team/gone")
    decision = world.one(service(**options))
    assert caused(decision) == (holds, cause)
    if text is not None:
        assert refused(decision) == (cause, text)


def test_every_reason_is_given_by_some_case() -> None:
    assert {case.values[2] for case in CASES} == set(Cause)

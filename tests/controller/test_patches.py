import msgspec
import pytest

from controller.decision import Assign, Clear, Decision, Keep, Leave, Refuse, Unowned, Verdict
from controller.ledger import Usage
from controller.patches import moves_addresses, pool_status, reservation_status, status_patch
from controller.reservations import ReservedAddress
from controller.tenant import Cause, Note, Reason
from ferrite.model import Pool, Removal
from ferrite.net import Family, parse_address, parse_range
from ferrite.objects import Condition
from tests.controller.service_builder import service

WHY, THEN, NOW = (Note(Reason.ALLOCATION_FAILED, "no"),), "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"
ONE = parse_address("192.0.2.1")
NO = Verdict(False, Cause.NO_ADDRESS_FREE, "no")
YES = Verdict(True, Cause.INVALID_REQUEST, "kept")
THEIRS = Condition(type="example.com/Other", status="True", reason="Fine", last_transition_time=THEN)


def shown(*conditions: Condition, version: str = "7"):
    made = service("a/b", version=version)
    return msgspec.structs.replace(made, status=msgspec.structs.replace(made.status, conditions=conditions))


def ours(
    status: str = "True", reason: str = "Assigned", message: str = "192.0.2.1 of pool blue"
) -> Condition:
    return Condition(
        type="ferrite.io/AddressAssigned",
        status=status,
        reason=reason,
        message=message,
        last_transition_time=THEN,
    )


def document(condition: Condition, **changes: str) -> dict[str, str]:
    made = {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": condition.last_transition_time,
    }
    return {**made, **changes}


def test_an_assignment_is_ingress_annotation_and_condition_in_one_patch() -> None:
    decision = Assign("a/b", (ONE, parse_address("2001:db8::1")), "blue")
    message = "192.0.2.1, 2001:db8::1 of pool blue"
    assert status_patch(decision, shown(), NOW) == {
        "metadata": {"resourceVersion": "7", "annotations": {"metallb.io/ip-allocated-from-pool": "blue"}},
        "status": {
            "conditions": [document(ours(message=message), lastTransitionTime=NOW)],
            "loadBalancer": {
                "ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}, {"ip": "2001:db8::1", "ipMode": "VIP"}]
            },
        },
    }


@pytest.mark.parametrize("decision", [Clear("a/b"), Refuse("a/b", WHY, NO, clear=True)])
def test_clearing_removes_address_and_annotation(decision: Decision) -> None:
    patch = status_patch(decision, shown(), NOW)
    assert patch is not None
    assert patch["metadata"]["annotations"] == {"metallb.io/ip-allocated-from-pool": None}
    assert patch["status"]["loadBalancer"] == {"ingress": None}
    assert moves_addresses(patch)


@pytest.mark.parametrize(
    ("decision", "present", "expected"),
    [
        pytest.param(
            Keep("a/b", (ONE,), "blue"), (), [document(ours(), lastTransitionTime=NOW)], id="first-time"
        ),
        pytest.param(
            Refuse("a/b", WHY, NO),
            (ours(),),
            [document(ours("False", "NoAddressFree", "no"), lastTransitionTime=NOW)],
            id="status-changes-and-its-time",
        ),
        pytest.param(
            Refuse("a/b", WHY, YES),
            (ours(),),
            [document(ours("True", "InvalidRequest", "kept"))],
            id="only-the-reason-changes",
        ),
        pytest.param(
            Keep("a/b", (ONE,), "blue", missing="none left"),
            (THEIRS, ours()),
            [
                document(THEIRS),
                document(ours(reason="OneFamilyAssigned", message="192.0.2.1 of pool blue; none left")),
            ],
            id="others-stay",
        ),
        pytest.param(Clear("a/b"), (ours(),), None, id="last-one-goes"),
        pytest.param(Clear("a/b"), (THEIRS, ours()), [document(THEIRS)], id="ours-goes"),
    ],
)
def test_the_condition(decision: Decision, present: tuple[Condition, ...], expected: object) -> None:
    patch = status_patch(decision, shown(*present), NOW)
    assert patch is not None
    assert patch["status"]["conditions"] == expected
    assert patch["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize(
    ("decision", "present"),
    [
        (Keep("a/b", (ONE,), "blue"), (ours(), THEIRS)),
        (Refuse("a/b", WHY, NO), (ours("False", "NoAddressFree", "no"),)),
        (Leave("a/b", Unowned.OTHER_CLASS), (ours(),)),
        (Leave("a/b", Unowned.FOREIGN_ADDRESS), ()),
    ],
)
def test_the_rest_writes_nothing(decision: Decision, present: tuple[Condition, ...]) -> None:
    assert status_patch(decision, shown(*present), NOW) is None


def test_a_patch_that_only_says_why_moves_nothing() -> None:
    patch = status_patch(Refuse("a/b", WHY, NO), shown(), NOW)
    assert patch is not None
    assert not moves_addresses(patch)


USAGE = {Family.IPV4: Usage(4, 1, 1), Family.IPV6: Usage(9, 9)}
COUNTS = {"assignedIPv4": 1, "assignedIPv6": 9, "availableIPv4": 2, "availableIPv6": 0}


def test_pool_status() -> None:
    assert pool_status(Pool("blue", ()), USAGE, ()) == {**COUNTS, "kept": None, "observedGeneration": None}


def test_pool_status_lists_what_is_kept() -> None:
    kept = (parse_range("192.0.2.7/32"), parse_range("192.0.2.9-192.0.2.11"))
    assert pool_status(Pool("blue", (), removal=Removal(generation=3)), USAGE, kept) == {
        **COUNTS,
        "kept": ["192.0.2.7", "192.0.2.9-192.0.2.11"],
        "observedGeneration": 3,
    }


@pytest.mark.parametrize(
    ("addresses", "fault", "expected"),
    [
        pytest.param((ReservedAddress(ONE),), "", ("True", "Reserved", "192.0.2.1"), id="unused"),
        pytest.param(
            (ReservedAddress(ONE, ("c/d",), "in use by c/d"),),
            "",
            ("False", "NotReserved", "in use by c/d"),
            id="not-yet",
        ),
        pytest.param((), "spec.pool: missing", ("False", "Invalid", "spec.pool: missing"), id="unreadable"),
    ],
)
def test_reservation_status(
    addresses: tuple[ReservedAddress, ...], fault: str, expected: tuple[str, str, str]
) -> None:
    made = reservation_status(addresses, fault, {}, NOW)
    [condition] = made["conditions"]
    assert (condition["status"], condition["reason"], condition["message"]) == expected
    later = reservation_status(addresses, fault, {"conditions": [condition]}, "2027-01-01T00:00:00Z")
    assert later == made


def test_the_conditions_of_others_on_a_reservation_stay() -> None:
    theirs = document(THEIRS)
    made = reservation_status((ReservedAddress(ONE),), "", {"conditions": [theirs]}, NOW)
    assert [condition["type"] for condition in made["conditions"]] == ["example.com/Other", "Reserved"]
    assert made["conditions"][0] == theirs

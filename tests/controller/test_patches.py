from controller.decision import Assign, Clear, Keep, Leave, Refuse, Unowned
from controller.ledger import Usage
from controller.patches import pool_status, status_patch
from controller.tenant import Note, Reason
from ferrite.net import Family, parse_address

WHY = (Note(Reason.ALLOCATION_FAILED, "no"),)


def test_an_assignment_is_ingress_and_annotation_in_one_patch() -> None:
    decision = Assign("a/b", (parse_address("192.0.2.1"), parse_address("2001:db8::1")), "blue")
    assert status_patch(decision, "7") == {
        "metadata": {"resourceVersion": "7", "annotations": {"metallb.io/ip-allocated-from-pool": "blue"}},
        "status": {
            "loadBalancer": {
                "ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}, {"ip": "2001:db8::1", "ipMode": "VIP"}]
            }
        },
    }


def test_clearing_removes_both() -> None:
    empty = {
        "metadata": {"resourceVersion": "7", "annotations": {"metallb.io/ip-allocated-from-pool": None}},
        "status": {"loadBalancer": {"ingress": None}},
    }
    assert status_patch(Clear("a/b"), "7") == status_patch(Refuse("a/b", WHY, clear=True), "7") == empty


def test_the_rest_writes_nothing() -> None:
    for decision in (Keep("a/b"), Refuse("a/b", WHY), Leave("a/b", Unowned.OTHER_CLASS)):
        assert status_patch(decision, "7") is None


def test_pool_status() -> None:
    usage = {Family.IPV4: Usage(4, 1), Family.IPV6: Usage(9, 9)}
    assert pool_status(usage) == {
        "assignedIPv4": 1,
        "assignedIPv6": 9,
        "availableIPv4": 3,
        "availableIPv6": 0,
    }

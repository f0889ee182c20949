import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bench.audit import calls, policy

BEGIN = datetime(2030, 1, 1, 12, 0, 0, tzinfo=UTC)
END = BEGIN + timedelta(seconds=30)


def noted(identity: str, seconds: float, verb: str, reference: Mapping[str, str] | None) -> str:
    moment = (BEGIN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event: dict[str, Any] = {
        "auditID": identity,
        "verb": verb,
        "requestURI": "/version",
        "requestReceivedTimestamp": moment,
    }
    return json.dumps(event | ({"objectRef": dict(reference)} if reference else {}))


LEASE = {"resource": "leases", "namespace": "metallb-system", "name": "ferrite-controller"}


def test_calls_are_counted_by_verb_and_resource() -> None:
    lines = [
        noted("a", 1, "update", LEASE),
        noted("b", 2, "update", LEASE),
        noted("c", 3, "patch", {"resource": "services", "subresource": "status"}),
        noted("d", 4, "get", None),
    ]
    assert calls(lines, BEGIN, END) == {"update leases": 2, "patch services/status": 1, "get /version": 1}


def test_a_watch_is_noted_when_it_begins_and_when_it_ends_and_counts_once() -> None:
    watch = noted("w", 5, "watch", {"resource": "services"})
    assert calls([watch, watch], BEGIN, END) == {"watch services": 1}


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        pytest.param(-0.001, 0, id="before"),
        pytest.param(0, 1, id="first-moment"),
        pytest.param(30, 0, id="after"),
    ],
)
def test_only_what_began_in_the_time_counts(seconds: float, count: int) -> None:
    assert calls([noted("a", seconds, "update", LEASE)], BEGIN, END).total() == count


def test_only_one_user_is_noted() -> None:
    rules = policy("system:serviceaccount:metallb-system:controller")["rules"]
    assert [rule["level"] for rule in rules] == ["Metadata", "None"]
    assert rules[0]["users"] == ["system:serviceaccount:metallb-system:controller"]

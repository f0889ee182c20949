"""`kubectl ferrite status` against an API server on loopback, and as text."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import app
from cli.report import DaemonRow, PoolRow, Report
from cli.status import report_text
from ferrite.kube.kinds import (
    CONFIGURATION_STATES,
    EVENTS,
    IP_ADDRESS_POOLS,
    L2_ADVERTISEMENTS,
    SERVICE_L2_STATUSES,
    SERVICES,
)
from ferrite.net import LARGEST_COUNT
from tests.fakes.api import ALL_KINDS, FakeApi
from tests.fakes.http import kubeconfig, served
from tests.fakes.parts import ApiError, Fault

pytestmark = pytest.mark.looptime(False)  # real sockets

EMPTY = Report(namespace="mine", pools=(), services=(), daemons=())


def filled(api: FakeApi) -> None:
    """One Service that is announced, one that waits, one that is none of ours to show."""
    api.seed(
        IP_ADDRESS_POOLS,
        "metallb-system/blue",
        spec={"addresses": ["192.0.2.0/24"]},
        status={"assignedIPv4": 1, "availableIPv4": 255, "assignedIPv6": 0, "availableIPv6": 0},
    )
    api.seed(L2_ADVERTISEMENTS, "metallb-system/all", spec={})
    api.seed(CONFIGURATION_STATES, "metallb-system/controller", status={"result": "Valid"})
    api.seed(
        SERVICES,
        "default/web",
        metadata={"annotations": {"metallb.io/ip-allocated-from-pool": "blue"}},
        spec={"type": "LoadBalancer"},
        status={"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    )
    api.seed(SERVICES, "default/waiting", spec={"type": "LoadBalancer"}, status={})
    api.seed(SERVICES, "default/internal", spec={"type": "ClusterIP"}, status={})
    api.seed(
        SERVICE_L2_STATUSES,
        "metallb-system/l2-1",
        status={"node": "node-2", "serviceName": "web", "serviceNamespace": "default"},
    )
    about = {"kind": "Service", "namespace": "default", "name": "waiting"}
    told = {"type": "Warning", "reason": "AllocationFailed", "message": "no available IPs"}
    api.seed(EVENTS, "default/e1", involvedObject=about, lastTimestamp="2026-01-01T00:00:00Z", **told)


def ran(
    tmp_path: Path, *words: str, fill: Callable[[FakeApi], None] = filled, without: str = "", url: str = ""
) -> int:
    """Run `status` in a thread of its own event loop while the fake API server answers."""

    async def main() -> int:
        api = FakeApi(tuple(kind for kind in ALL_KINDS if str(kind) != without))
        fill(api)
        async with served(api) as address:
            path = tmp_path / "kubeconfig"
            path.write_text(kubeconfig(url or address, "token"))
            arguments = ["status", "--kubeconfig", str(path), *words]
            return await asyncio.to_thread(app.run, arguments)

    return asyncio.run(main())


def test_tables(tmp_path, capsys):
    assert ran(tmp_path) == 0
    pools, services, daemons = capsys.readouterr().out.split("\n\n")
    assert pools.splitlines()[1].split() == ["blue", "1", "255", "0", "0", "192.0.2.0/24"]
    header, waiting, web = services.splitlines()
    assert header.split("  ")[0] == "SERVICE"
    assert waiting.endswith("no address: AllocationFailed: no available IPs")
    assert web.split() == ["default/web", "192.0.2.1", "blue", "node-2", "-", "-"]
    assert daemons.splitlines()[1].split() == ["controller", "Valid", "-"]


def test_json_has_the_same(tmp_path, capsys):
    assert ran(tmp_path, "-o", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["namespace"] == "metallb-system"
    assert shown["pools"][0]["freeIpv4"] == 255
    assert [each["service"] for each in shown["services"]] == ["default/waiting", "default/web"]
    assert shown["services"][1]["layer2"] == [{"node": "node-2", "through": []}]


def test_another_namespace_has_other_pools(tmp_path, capsys):
    assert ran(tmp_path, "--namespace", "elsewhere") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("No IPAddressPool in namespace elsewhere.\n\n")
    assert shown.endswith("\n\nNo daemon has reported in namespace elsewhere.\n")


def test_events_are_only_read_when_something_needs_them(tmp_path, capsys):
    def served_well(api):
        filled(api)
        api.remove(SERVICES, "default/waiting")
        api.faults.append(Fault(lambda call: "events" in call.path, ApiError(500, "InternalError", "asked")))

    assert ran(tmp_path, fill=served_well) == 0
    assert "web" in capsys.readouterr().out


def test_missing_custom_resources_are_named(tmp_path, capsys):
    assert ran(tmp_path, without="ipaddresspools.metallb.io") == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "kubectl ferrite: the cluster has no ipaddresspools.metallb.io; "
        "install Ferrite, or: kubectl apply -f crds/\n"
    )


def test_a_refusal_is_one_line(tmp_path, capsys):
    def refusing(api):
        text = 'services is forbidden: User "me"\ncannot list'
        api.faults.append(
            Fault(lambda call: "services" in call.path, ApiError(403, "Forbidden", text), times=9)
        )

    assert ran(tmp_path, fill=refusing) == 1
    assert capsys.readouterr().err == 'kubectl ferrite: services is forbidden: User "me" cannot list\n'


def test_an_api_server_that_is_away_is_one_line(tmp_path, capsys):
    assert ran(tmp_path, url="http://127.0.0.1:1") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("kubectl ferrite: the API server cannot be reached: ")
    assert "127.0.0.1" in line


def test_contexts_are_chosen_by_name(tmp_path, capsys):
    assert ran(tmp_path, "--context", "fake") == 0
    assert ran(tmp_path, "--context", "absent") == 2
    assert capsys.readouterr().err.endswith("kubeconfig: No such context absent\n")


def test_the_same_problem_of_many_daemons_is_told_once():
    rows = [DaemonRow(name=f"speaker-{number}", result="Invalid", problems=("bad",)) for number in range(9)]
    rows.append(DaemonRow(name="controller", result="Valid", problems=()))
    text = report_text(Report(namespace="mine", pools=(), services=(), daemons=tuple(rows)), colour=False)
    assert [line.split("  ")[0] for line in text.splitlines()[-2:]] == [
        "speaker-0, speaker-1, speaker-2 and 6 more",
        "controller",
    ]


def test_counts_that_saturate_are_said_to():
    pool = PoolRow(
        name="six", addresses=(), used_ipv4=None, free_ipv4=None, used_ipv6=2, free_ipv6=LARGEST_COUNT
    )
    text = report_text(Report(namespace="mine", pools=(pool,), services=(), daemons=()), colour=False)
    assert text.splitlines()[1].split("  ")[-2:] == ["2^63 or more", "-"]


def test_an_empty_cluster_is_told_in_words():
    assert report_text(EMPTY, colour=True).splitlines() == [
        "No IPAddressPool in namespace mine.",
        "",
        "No Service of type LoadBalancer.",
        "",
        "No daemon has reported in namespace mine.",
    ]

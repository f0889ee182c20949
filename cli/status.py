"""`kubectl ferrite status`: pools, Services with who announces them, and problems of the configuration."""

import sys
from argparse import Namespace
from dataclasses import replace

from cli.arguments import Verb
from cli.reading import read, read_events
from cli.report import Announcer, DaemonRow, PoolRow, Report, ServiceRow, needs_explaining, report_of
from cli.text import Table, json_text, listed, table_text, wants_colour
from ferrite.kube.cluster import open_cluster
from ferrite.net import LARGEST_COUNT


async def show(parsed: Namespace) -> str:
    """Read the cluster and tell, as tables or as JSON.

    Raises:
        ConfigError: the kubeconfig is not there or unusable.
        ClusterError: the API server did not answer, refused, or lacks the custom resources.
    """
    async with open_cluster(parsed.kubeconfig, "cli", parsed.context) as cluster:
        reading = await read(cluster, parsed.namespace)
        if needs_explaining(reading):
            reading = replace(reading, events=await read_events(cluster))
    report = report_of(reading)
    if parsed.output == "json":
        return json_text(report)
    return report_text(report, colour=wants_colour(sys.stdout))


def report_text(report: Report, *, colour: bool) -> str:
    """The report as tables, or in words where a table would be empty."""
    parts = (
        table_text(_pools(report.pools), colour=colour)
        if report.pools
        else f"No IPAddressPool in namespace {report.namespace}.\n",
        table_text(_services(report.services), colour=colour)
        if report.services
        else "No Service of type LoadBalancer.\n",
        table_text(_daemons(report.daemons), colour=colour)
        if report.daemons
        else f"No daemon has reported in namespace {report.namespace}.\n",
    )
    return "\n".join(parts)


def _pools(rows: tuple[PoolRow, ...]) -> Table:
    return Table(
        ("POOL", "USED IPV4", "FREE IPV4", "USED IPV6", "FREE IPV6", "ADDRESSES"),
        tuple(
            (
                row.name,
                _count(row.used_ipv4),
                _count(row.free_ipv4),
                _count(row.used_ipv6),
                _count(row.free_ipv6),
                listed(row.addresses),
            )
            for row in rows
        ),
    )


def _count(value: int | None) -> str:
    if value is None:
        return ""
    return "2^63 or more" if value >= LARGEST_COUNT else str(value)


def _services(rows: tuple[ServiceRow, ...]) -> Table:
    return Table(
        ("SERVICE", "ADDRESSES", "POOL", "LAYER 2", "BGP", "PROBLEM"),
        tuple(
            (
                row.service,
                ", ".join(row.addresses),
                row.pool or "",
                _nodes(row.layer2),
                _nodes(row.bgp),
                row.why,
            )
            for row in rows
        ),
        alarm=True,
    )


def _nodes(announcers: tuple[Announcer, ...]) -> str:
    return listed(
        f"{each.node} ({', '.join(each.through)})" if each.through else each.node for each in announcers
    )


def _daemons(rows: tuple[DaemonRow, ...]) -> Table:
    """Daemons that say the same share a line: a bad object is told once, not by every node."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for problem in row.problems or ("",):
            alike.setdefault((row.result, problem), []).append(row.name)
    return Table(
        ("DAEMON", "CONFIGURATION", "PROBLEM"),
        tuple((listed(names), result, problem) for (result, problem), names in alike.items()),
        alarm=True,
    )


VERB = Verb(
    "status",
    "Show pools, LoadBalancer Services with who announces them, and problems of the configuration",
    (
        "kubectl ferrite status",
        "kubectl ferrite status --context production -n metallb-system",
        "kubectl ferrite status -o json | jq '.services[] | select(.why != \"\")'",
    ),
    show,
)

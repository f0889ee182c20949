"""A real API server that fails while users go on: no wrong write, full recovery, no busy loop, few words.

Requests are counted in the API server's audit log. What it does not read, because it is away, nobody counts:
a daemon that tries over and over shows in its CPU time, which no other load on the machine adds to.
"""

import json
import os
import re
import time
from collections import Counter, defaultdict
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import weather
from audit import Audit
from users import ASKED, ASKED_POOL, ASKS, BASE, POOL, busy, go

from e2e.manifests import NAMESPACE, layer2, pool, service
from e2e.patience import wait_until
from ferrite.kube.lease import Timings
from ferrite.kube.watch import LONGEST_PAUSE_SECONDS
from ferrite.run.logs import SPELL_WARNINGS

SEEN, STEADY = "fault-seen", ("fault-steady-1", "fault-steady-2", "fault-steady-3")
STEPS = 1
TICKS = os.sysconf("SC_CLK_TCK")
BUSY = 0.1
"""Seconds of CPU a second: a loop without a pause takes all there is, one with pauses a few hundredths."""
PER_SECOND = 2 / Timings().poll
"""Of one call on one object: the most turns of who wants a Lease; all other retries have longer pauses."""
RECOVERY_SECONDS = 2 * LONGEST_PAUSE_SECONDS + 60.0
"""A watch that the API server refused pauses up to twice that long by chance; then its objects come."""
BURST = 10
"""Likewise at once: the first pauses of a watch are shorter, and each write that users cause is a call."""


@pytest.fixture(scope="module")
def audit(ferrite):
    """The audit log, for this module only."""
    found = Audit(ferrite)
    found.begin()
    yield found
    found.end()
    _renew_proxies(ferrite)


def _renew_proxies(cluster) -> None:
    """What kube-proxy missed it learns more than a minute after a long outage; started anew, at once."""
    before = cluster.units()
    proxies = [name for name in before if name.startswith("kube-proxy-")]
    for name in proxies:
        cluster.kill(name)
    wait_until("kube-proxy", lambda: all(cluster.units()[name][1] > before[name][1] for name in proxies))


@pytest.fixture(scope="module")
def steady(ferrite, audit, given_module):
    """Services that nobody touches, and their addresses; the first one answers at layer 2."""
    given_module.apply(
        pool(POOL, BASE),
        pool(ASKED_POOL, ASKED),
        pool(SEEN, "192.168.1.225-192.168.1.226"),
        layer2(SEEN, SEEN),
        service(SEEN, SEEN),
        *(service(name, POOL) for name in STEADY),
    )
    given_module.app(SEEN, SEEN)
    held = {name: wait_until("addresses", lambda n=name: ferrite.address(n)) for name in (SEEN, *STEADY)}
    wait_until("an answer", lambda: ferrite.get("client", held[SEEN]) == SEEN)
    yield held
    go(ferrite)


class Daemons:
    """The daemons from a moment on: which processes they are, what they say, the CPU time that they take."""

    def __init__(self, cluster) -> None:
        self._cluster = cluster
        self._began = time.monotonic()
        self._processes = self._now()
        self._logs = {name: len(cluster.log(name)) for name in self._processes}
        self._cpu = {name: _cpu_seconds(pid) for name, pid in self._processes.items()}

    def _now(self):
        units = self._cluster.units().items()
        return {name: pid for name, (pid, _) in units if name == "controller" or name.startswith("speaker-")}

    def were_not_restarted(self) -> None:
        assert self._now() == self._processes

    def were_not_busy(self) -> None:
        seconds = time.monotonic() - self._began
        for name, pid in self._processes.items():
            assert _cpu_seconds(pid) - self._cpu[name] < BUSY * seconds, f"{name} was busy"

    def said_little(self) -> None:
        spells = 2 + int((time.monotonic() - self._began) / 60)
        for name, length in self._logs.items():
            lines = map(json.loads, self._cluster.log(name)[length:].splitlines())
            said = Counter((line["level"], line["msg"]) for line in lines)
            assert not [words for words in said if words[0] == "error"], said
            loud = {words: n for words, n in said.items() if words[0] == "warn"}
            assert all(count <= spells * SPELL_WARNINGS for count in loud.values()), loud


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


TROUBLES = [
    pytest.param(weather.slow, set(), id="slow"),
    pytest.param(weather.away_past_compaction, set(), id="away"),
    pytest.param(weather.killed, set(), id="killed"),
    pytest.param(weather.throttled, {429}, id="throttled"),
    pytest.param(weather.without_etcd, {500, 503, 504}, id="no-etcd"),
]


@pytest.mark.parametrize(("trouble", "codes"), TROUBLES)
def test_no_wrong_write_and_full_recovery(ferrite, given, audit, steady, trouble, codes):
    """`codes`: answers of which the controller must have got one."""
    daemons, began = Daemons(ferrite), time.time()
    name = f"fault-{trouble.__name__.replace('_', '-')}"
    with busy(ferrite, name) as users:
        wait_until("users to be busy", lambda: users.steps > STEPS)
        proof = trouble(ferrite)
        weather.over(ferrite)
        steps = users.steps
        wait_until("users to go on", lambda: users.steps > steps + STEPS)
    users.make_up()
    wait_until("everyone to be served", lambda: all_served(ferrite), RECOVERY_SECONDS)
    wait_until("the pools to say so", lambda: pools_agree(ferrite))
    assert {one: ferrite.address(one) for one in steady} == steady
    given.apply(service(name, SEEN))
    given.app(name, name)
    wait_until("a speaker to announce it", lambda: ferrite.announcer(name))
    assert ferrite.get("client", steady[SEEN]) == SEEN
    requests, seconds = audit.requests(began), time.time() - began
    go(ferrite)

    daemons.were_not_restarted()
    daemons.were_not_busy()
    daemons.said_little()
    assert [one for one in requests if one.what in {f"patch services status {name}" for name in steady}] == []
    assert too_many(requests, seconds) == {}
    if codes:
        assert codes & {one.code for one in requests if one.daemon == "controller"}
    if trouble is weather.away_past_compaction:
        assert was_gone(
            ferrite, next(one for one in requests if is_watch(one, "services") and one.at > proof)
        )


def all_served(cluster):
    """Each Service has one address of its pool, the one it asked for if it did, and no one else has it."""
    holders = defaultdict(list)
    for one in services(cluster):
        found = [entry["ip"] for entry in one["status"]["loadBalancer"].get("ingress", [])]
        name, asked = one["metadata"]["name"], one["metadata"]["annotations"].get(ASKS)
        assert len(found) == 1, name
        assert asked in (None, *found)
        holders[found[0]].append(name)
    assert all(len(names) == 1 for names in holders.values()), holders
    return True


def pools_agree(cluster):
    """What the status of each pool counts is what the Services have, and the rest is available."""
    held = [
        ip_address(entry["ip"])
        for one in services(cluster)
        for entry in one["status"]["loadBalancer"]["ingress"]
    ]
    for name in (POOL, ASKED_POOL):
        found = cluster.read("ipaddresspool", name, "-n", NAMESPACE)
        ranges = [ip_network(text) for text in found["spec"]["addresses"]]
        used = sum(address in range_ for address in held for range_ in ranges)
        size = sum(range_.num_addresses for range_ in ranges)
        assert (found["status"]["assignedIPv4"], found["status"]["availableIPv4"]) == (used, size - used)
    return True


def services(cluster):
    return [one for one in cluster.read("services") if one["metadata"]["name"].startswith("fault-")]


def too_many(requests, seconds):
    """Calls that a daemon made more often than its pauses allow; the speakers share one account."""
    counts = Counter((one.daemon, one.what) for one in requests)
    nodes = {"controller": 1, "speaker": 3}
    return {
        call: count
        for call, count in counts.items()
        if count > nodes[call[0]] * (BURST + PER_SECOND * seconds)
    }


def is_watch(request, resource):
    return request.daemon == "controller" and request.what == f"watch {resource}"


def was_gone(cluster, watch):
    """Whether what the controller asked when the API server was back is answered by 410.

    Its answer to the controller itself is an event in a stream, which the audit log does not show.
    """
    uri = re.sub(r"timeoutSeconds=[0-9]+", "timeoutSeconds=1", watch.uri)
    event = json.loads(cluster.kubectl("get", "--raw", uri).stdout.splitlines()[0])
    return (event["type"], event["object"]["code"]) == ("ERROR", 410)

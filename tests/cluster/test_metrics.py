"""What Prometheus and a kubelet see: /metrics for those who may, values that match, probes."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from e2e.manifests import bgp, layer2, pool, service
from e2e.patience import wait_until
from lab.daemons import HEALTH_PORT, METRICS_PORT
from lab.state import address4, address6

POOL, BGP = "metrics-l2", "metrics-bgp"
PEER4, PEER6 = f"{address4('router')}:179", f"{address6('router')}:179"
READER = "metrics-reader"
NEVER = "metrics-stranger"
CLIENT = {
    f"metallb_k8s_client_{name}"
    for name in ("updates_total", "update_errors_total", "config_loaded_bool", "config_stale_bool")
}
PER_POOL = {
    f"metallb_allocator_{family}addresses_{used}total"
    for family in ("", "ipv4_", "ipv6_")
    for used in ("", "in_use_")
}
SESSION = {
    f"metallb_bgp_{name}"
    for name in (
        "session_up",
        "announced_prefixes_total",
        "received_prefixes_total",
        "opens_sent",
        "opens_received",
        "notifications_sent",
        "updates_total",
        "updates_total_received",
        "keepalives_sent",
        "keepalives_received",
        "route_refresh_sent",
        "total_sent",
        "total_received",
    )
}


@pytest.fixture(scope="module")
def tokens(ferrite):
    """The token of an account that may read /metrics, and of one that may not."""
    space = ("-n", ferrite.namespace)
    for account in (READER, NEVER):
        ferrite.kubectl("create", "serviceaccount", account, *space)
    ferrite.kubectl("create", "clusterrole", READER, "--verb=get", "--non-resource-url=/metrics")
    subject = f"--serviceaccount={ferrite.namespace}:{READER}"
    ferrite.kubectl("create", "clusterrolebinding", READER, f"--clusterrole={READER}", subject)
    reader = f"--as=system:serviceaccount:{ferrite.namespace}:{READER}"
    wait_until("the right", lambda: ferrite.kubectl("auth", "can-i", "get", "/metrics", reader))
    yield tuple(ferrite.kubectl("create", "token", one, *space).stdout.strip() for one in (READER, NEVER))
    ferrite.kubectl("delete", "clusterrolebinding,clusterrole", READER)
    ferrite.kubectl("delete", "serviceaccount", READER, NEVER, *space)


def request(cluster, where, token, scheme="https"):
    head = ["-H", f"Authorization: Bearer {token}"] if token else []
    url = f"{scheme}://{address4(where)}:{METRICS_PORT}/metrics"
    return cluster.exec(
        where, "curl", "-s", "-k", "-m", "5", "-w", "\n%{http_code}", *head, url
    ).stdout.rpartition("\n")


@pytest.fixture
def scrape(ferrite, tokens):
    """Read a daemon's metrics: sample name to a list of labels and value."""

    def read(where):
        text, _, status = request(ferrite, where, tokens[0])
        assert status == "200", text
        found = {}
        for family in text_string_to_metric_families(text + "\n"):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    return read


def values(samples, name, **labels):
    """The values of one metric whose labels match."""
    return [value for found, value in samples.get(name, []) if labels.items() <= found.items()]


@pytest.mark.parametrize("where", ["cp", "node-1"])
def test_only_those_who_may_read_metrics(ferrite, tokens, where):
    may, may_not = tokens
    assert request(ferrite, where, may)[2] == "200"
    assert request(ferrite, where, may_not)[2] == "403"
    assert request(ferrite, where, "nonsense")[2] in ("401", "403")
    assert request(ferrite, where, "")[2] == "401"
    assert request(ferrite, where, may, "http")[2] != "200"


@pytest.mark.parametrize("where", ["cp", "node-1", "node-2", "node-3"])
def test_the_probes_answer(ferrite, where):
    for path in ("healthz", "readyz"):
        url = f"http://127.0.0.1:{HEALTH_PORT}/{path}"
        asked = ("curl", "-s", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", url)
        wait_until(f"{path} of {where}", lambda a=asked: ferrite.exec(where, *a).stdout == "200")


def test_the_controller_counts_what_pools_hold(ferrite, given, scrape):
    given.apply(pool(POOL, "192.168.1.247-192.168.1.248", "fd00:30::d0/126"), service("metrics-one", POOL))
    wait_until("an address", lambda: ferrite.address("metrics-one"))
    expected = {
        "metallb_allocator_addresses_total": 6,
        "metallb_allocator_ipv4_addresses_total": 2,
        "metallb_allocator_ipv6_addresses_total": 4,
        "metallb_allocator_addresses_in_use_total": 1,
        "metallb_allocator_ipv4_addresses_in_use_total": 1,
        "metallb_allocator_ipv6_addresses_in_use_total": 0,
    }
    assert expected.keys() == PER_POOL

    def seen():
        samples = scrape("cp")
        return {name: values(samples, name, pool=POOL) for name in expected}

    wait_until("the counts", lambda: seen() == {name: [value] for name, value in expected.items()})
    written = {"assignedIPv4": 1, "assignedIPv6": 0, "availableIPv4": 1, "availableIPv6": 4}
    one = ("ipaddresspool", POOL, "-n", ferrite.namespace)
    wait_until("the same in its status", lambda: ferrite.read(*one).get("status") == written)

    given.delete("Service", "metrics-one")
    wait_until("nothing in use", lambda: seen()["metallb_allocator_addresses_in_use_total"] == [0])
    given.delete("IPAddressPool", POOL, ferrite.namespace)
    wait_until("no series", lambda: not any(seen().values()))


def test_both_daemons_say_how_their_configuration_is(scrape):
    for where in ("cp", "node-2"):
        wait_until(
            f"what an earlier test left bad to be gone from {where}",
            lambda w=where: values(scrape(w), "metallb_k8s_client_config_stale_bool") == [0],
        )
        samples = scrape(where)
        assert samples.keys() >= CLIENT
        assert values(samples, "metallb_k8s_client_config_loaded_bool") == [1]
        assert values(samples, "metallb_k8s_client_updates_total")[0] > 0
        assert "process_resident_memory_bytes" in samples


def test_a_stale_configuration_shows(ferrite, given, scrape):
    def stale():
        return [values(scrape(where), "metallb_k8s_client_config_stale_bool") for where in ("cp", "node-1")]

    given.apply(pool("metrics-six", "fd00:30::b-fd00:30::a"))
    wait_until("it to show", lambda: stale() == [[1], [1]])
    given.delete("IPAddressPool", "metrics-six", ferrite.namespace)
    wait_until("it to end", lambda: stale() == [[0], [0]])


def test_the_speaker_counts_what_it_answers(ferrite, given, scrape):
    given.apply(pool(POOL, "192.168.1.247/32"), layer2(POOL, POOL), service("metrics-two", POOL))
    given.app("metrics-two")
    node = wait_until("a status", lambda: ferrite.announcer("metrics-two"))
    address = ferrite.address("metrics-two")
    labels = {"service": "default/metrics-two", "protocol": "layer2", "node": node, "ip": address}

    def announced():
        return [
            found
            for one in ferrite.lab.node_names
            for found, _ in scrape(one).get("metallb_speaker_announced", [])
            if found["service"] == "default/metrics-two"
        ]

    wait_until("its node alone to say so", lambda: announced() == [labels])
    counted = ("requests_received", "responses_sent")
    before = {name: sum(values(scrape(node), f"metallb_layer2_{name}", ip=address)) for name in counted}
    assert ferrite.exec("client", "arping", "-c", "2", "-I", "eth0", address).returncode == 0
    after = {name: sum(values(scrape(node), f"metallb_layer2_{name}", ip=address)) for name in counted}
    assert after == {name: count + 2 for name, count in before.items()}
    wait_until(
        "the schedule", lambda: sum(values(scrape(node), "metallb_layer2_gratuitous_sent", ip=address)) >= 2
    )

    given.delete("Service", "metrics-two")
    wait_until("no series", lambda: not announced())


def test_the_speaker_counts_what_it_tells_its_peers(ferrite, given, peers, scrape):
    given.apply(pool(BGP, "203.0.113.128/28"), bgp(BGP, BGP, peers=["router-4"]), service("metrics-bgp", BGP))
    given.app("metrics-bgp")
    wait_until("routes", lambda: len(ferrite.hops("203.0.113.128")) == ferrite.lab.nodes)

    def announced(samples):
        return values(samples, "metallb_bgp_announced_prefixes_total", peer=PEER4)

    for router in (PEER4, PEER6):
        wait_until(
            f"{router} to be up",
            lambda r=router: values(scrape("node-1"), "metallb_bgp_session_up", peer=r) == [1],
        )
    labels = {"service": "default/metrics-bgp", "protocol": "bgp", "node": "node-1", "ip": "203.0.113.128"}

    def counted():
        samples = scrape("node-1")
        return announced(samples) == values(samples, "metallb_speaker_announced", **labels) == [1] and samples

    samples = wait_until("the counts", counted)
    assert samples.keys() >= SESSION
    assert values(samples, "metallb_bgp_opens_sent", peer=PEER4)[0] >= 1

    given.delete("Service", "metrics-bgp")

    def withdrawn():
        samples = scrape("node-1")
        return not values(samples, "metallb_speaker_announced", **labels) and announced(samples) == [0]

    wait_until("it to be withdrawn", withdrawn)

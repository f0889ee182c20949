"""Bad objects: each is told where its user looks, by object, field and value, and the others go on."""

import json

import pytest

from e2e.manifests import bgp, custom, layer2, peer, pool, service
from e2e.patience import wait_until
from ferrite.config.parse import STANDS
from lab.state import address4

GOOD = "bad-good"
FIRST, SECOND = "192.168.1.245", "192.168.1.246"


@pytest.fixture(scope="module", autouse=True)
def offer(given_module):
    """A good pool of two addresses beside everything that is bad."""
    given_module.apply(pool(GOOD, f"{FIRST}-{SECOND}"), layer2(GOOD, GOOD))


def report(cluster, name):
    return cluster.read("configurationstate", name, "-n", cluster.namespace).get("status", {})


def summary(cluster, name):
    """What is said, in MetalLB's words and by object."""
    said = report(cluster, name)
    texts = [each.get("message", "") for each in said.get("conditions", [])]
    return "\n".join([said.get("errorSummary", ""), *texts])


def refused(cluster, name):
    """The objects that do not count, as people read it: kind, name and why, a line each."""
    conditions = report(cluster, name).get("conditions", ())
    return "".join(one["message"] for one in conditions if one["type"] == "ferrite.io/ObjectsAccepted")


def told(cluster, name, *words, begins="", ends=""):
    """Whether a report has all the words, and what it refuses begins and ends so."""
    lines = refused(cluster, name)
    return (
        all(word in summary(cluster, name) for word in words)
        and lines.startswith(begins)
        and lines.endswith(ends)
    )


def everyone(cluster):
    return ["controller", *(f"speaker-{node}" for node in cluster.lab.node_names)]


def all_valid(cluster):
    return all(report(cluster, name).get("result") == "Valid" for name in everyone(cluster))


def goes_on(cluster, given, name):
    """A good Service beside the bad object gets its address and is answered for."""
    given.app(name, name)
    given.apply(service(name, GOOD))
    address = wait_until("an address", lambda: cluster.address(name))
    wait_until("an answer", lambda: cluster.get("client", address) == name)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        pytest.param(
            pool("bad-backwards", "192.168.1.249-192.168.1.248"),
            ("bad-backwards", "spec.addresses", "192.168.1.249-192.168.1.248"),
            id="backwards",
        ),
        pytest.param(pool("bad-empty"), ("bad-empty", "spec.addresses"), id="no address"),
        pytest.param(
            custom("BGPPeer", "bad-peer", "v1beta2", peerAddress="192.0.2.1", peerASN=64500),
            ("bad-peer", "myASN"),
            id="without its own ASN",
        ),
        pytest.param(
            custom("BGPPeer", "bad-peer", "v1beta2", peerAddress="192.0.2.1", myASN=64500),
            ("bad-peer", "missing peer ASN and dynamicASN"),
            id="without the peer's ASN",
        ),
    ],
)
def test_what_one_object_shows_is_refused_at_once(ferrite, manifest, words):
    done = ferrite.kubectl("apply", "-f", "-", input=json.dumps(manifest), check=False)
    assert done.returncode != 0
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_an_overlapping_pool_is_reported_and_the_first_still_counts(ferrite, given):
    given.apply(pool("bad-overlap", f"{SECOND}-192.168.1.248"))
    words = ("bad-overlap", "overlaps with already defined CIDR", f"{SECOND}/")
    for name in everyone(ferrite):
        begins = "IPAddressPool bad-overlap: "
        wait_until(f"{name} to say so", lambda n=name, b=begins: told(ferrite, n, *words, begins=b))
        wished = "poolReconcilerValid" if name == "controller" else "configReconcilerValid"
        [condition] = [one for one in report(ferrite, name)["conditions"] if one["type"] == wished]
        assert (condition["status"], condition["reason"]) == ("False", "ConfigurationError")
    goes_on(ferrite, given, "bad-beside-overlap")
    given.delete("IPAddressPool", "bad-overlap", ferrite.namespace)
    wait_until("all to be valid", lambda: all_valid(ferrite))


def test_a_pool_that_is_edited_onto_another_takes_nothing_from_it(ferrite, given):
    """Neither age nor name protects a pool from an edit of an older one: only that it counted."""
    older, younger = "192.168.1.232", "192.168.1.233"
    given.apply(pool("bad-edited", f"{older}/32"))
    given.apply(
        pool("bad-younger", f"{younger}/32"),
        layer2("bad-edited", "bad-edited", "bad-younger"),
        service("bad-younger", "bad-younger"),
    )
    given.app("bad-younger", "younger")
    wait_until("an answer", lambda: ferrite.get("client", younger) == "younger")

    given.apply(pool("bad-edited", f"{older}-{younger}"))
    words = f'CIDR "{older}/31" in pool "bad-edited" overlaps with already defined CIDR "{younger}/32"'
    line = f"IPAddressPool bad-edited: {words} {STANDS}"
    for name in everyone(ferrite):
        wait_until(
            f"{name} to say so", lambda n=name: told(ferrite, n, words) and refused(ferrite, n) == line
        )
    assert ferrite.get("client", younger) == "younger"
    assert not [node for node in ferrite.lab.node_names if withdrawn(ferrite, node, "default/bad-younger")]
    given.app("bad-edited", "edited")
    given.apply(service("bad-edited", "bad-edited"))
    wait_until("what it said before to count", lambda: ferrite.get("client", older) == "edited")

    given.delete("IPAddressPool", "bad-younger", ferrite.namespace)
    wait_until("all to be valid", lambda: all_valid(ferrite))


def withdrawn(cluster, node, service_key):
    """Lines of a speaker's log that say that a Service was withdrawn."""
    lines = cluster.log(f"speaker-{node}").splitlines()
    return [line for line in lines if "service withdrawn" in line and service_key in line]


def test_routes_outlive_the_community_that_they_carry(ferrite, given, peers):
    alias = {"name": "bad-alias", "value": "65000:7"}
    given.apply(
        custom("Community", "bad-taken-away", communities=[alias]),
        pool("bad-taken-away", "203.0.113.144/28"),
        bgp("bad-taken-away", "bad-taken-away", communities=["bad-alias"]),
        service("bad-taken-away", "bad-taken-away"),
    )
    given.app("bad-taken-away")
    hops = {address4(node) for node in ferrite.lab.node_names}
    wait_until("the route", lambda: ferrite.hops("203.0.113.144") == hops)
    given.delete("Community", "bad-taken-away", ferrite.namespace)
    for node in ferrite.lab.node_names:
        wait_until(
            f"{node} to say so", lambda n=node: told(ferrite, f"speaker-{n}", "bad-alias", ends=STANDS)
        )
        assert not withdrawn(ferrite, node, "default/bad-taken-away")
    assert ferrite.hops("203.0.113.144") == hops
    given.delete("BGPAdvertisement", "bad-taken-away", ferrite.namespace)
    wait_until("no route", lambda: not ferrite.hops("203.0.113.144"))


def test_a_backwards_ipv6_pool_is_reported(ferrite, given):
    """The API server cannot compare IPv6 addresses."""
    backwards, begins = "fd00:30::e-fd00:30::d", "IPAddressPool bad-six: "
    given.apply(pool("bad-six", backwards))
    for name in everyone(ferrite):
        wait_until(f"{name} to say so", lambda n=name: told(ferrite, n, backwards, begins=begins))
    goes_on(ferrite, given, "bad-beside-six")


def test_an_unknown_community_alias_is_reported_and_other_advertisements_count(ferrite, given, peers):
    given.apply(
        pool("bad-community", "203.0.113.96/28"),
        bgp("bad-community", "bad-community", communities=["nobody-knows"]),
        pool("bad-beside-community", "203.0.113.112/28"),
        bgp("bad-beside-community", "bad-beside-community"),
        service("bad-community", "bad-community"),
        service("bad-beside-community", "bad-beside-community"),
    )
    for name in ("bad-community", "bad-beside-community"):
        given.app(name)
    hops = {address4(node) for node in ferrite.lab.node_names}
    wait_until("the good route", lambda: ferrite.hops("203.0.113.112") == hops)
    begins = "BGPAdvertisement bad-community: "
    for node in ferrite.lab.node_names:
        wait_until(
            f"{node} to say so",
            lambda n=node: told(ferrite, f"speaker-{n}", "nobody-knows", begins=begins),
        )
    assert not ferrite.hops("203.0.113.96")


def test_a_peer_without_its_secret_is_reported_and_others_stay(ferrite, given, peers):
    given.apply(peer("bad-secret", "192.0.2.7", passwordSecret={"name": "nowhere"}))
    for node in ferrite.lab.node_names:
        text = 'secret ref not found for peer config "metallb-system"/"bad-secret"'
        wait_until(f"{node} to say so", lambda n=node, t=text: t in summary(ferrite, f"speaker-{n}"))
    given.delete("BGPPeer", "bad-secret", ferrite.namespace)
    wait_until("all to be valid", lambda: all_valid(ferrite))


@pytest.mark.parametrize(
    ("name", "wish", "complaint"),
    [
        pytest.param(
            "bad-foreign",
            {"annotations": {"metallb.io/loadBalancerIPs": "198.51.100.9"}},
            'Failed to allocate IP for "default/bad-foreign": ["198.51.100.9"] is not allowed in config',
            id="an address no pool has",
        ),
        pytest.param(
            "bad-old-field",
            {"loadBalancerIP": "198.51.100.9"},
            'Failed to allocate IP for "default/bad-old-field": ["198.51.100.9"] is not allowed in config',
            id="the same by spec.loadBalancerIP",
        ),
        pytest.param(
            "bad-pool",
            {"pool_name": "nowhere"},
            'Failed to allocate IP for "default/bad-pool": unknown pool "nowhere"',
            id="a pool that is not there",
        ),
        pytest.param(
            "bad-words",
            {"annotations": {"metallb.io/loadBalancerIPs": "nonsense"}},
            'Failed to allocate IP for "default/bad-words": invalid metallb.io/loadBalancerIPs: "nonsense"',
            id="no address at all",
        ),
    ],
)
def test_a_wish_that_cannot_be_granted_is_an_event(ferrite, given, name, wish, complaint):
    given.apply(service(name, **wish))
    wait_until("the event", lambda: complaint in events(ferrite, name))
    assert ferrite.address(name) == ""


def events(cluster, name):
    return cluster.events(name, "AllocationFailed")


def test_an_address_that_is_taken_stays_where_it_is_and_moves_when_it_is_free(ferrite, given):
    wish = {"metallb.io/loadBalancerIPs": FIRST}
    given.apply(service("bad-owner", annotations=wish))
    wait_until("the address", lambda: ferrite.address("bad-owner") == FIRST)
    given.apply(service("bad-taken", annotations=wish))
    complaint = wait_until("the event", lambda: events(ferrite, "bad-taken"))[0]
    assert 'Failed to allocate IP for "default/bad-taken"' in complaint
    assert "default/bad-owner" in complaint
    assert (ferrite.address("bad-owner"), ferrite.address("bad-taken")) == (FIRST, "")

    given.delete("Service", "bad-owner")
    wait_until("the address", lambda: ferrite.address("bad-taken") == FIRST)


def test_a_full_pool_is_an_event_and_a_free_address_ends_it(ferrite, given):
    given.apply(service("bad-first", GOOD), service("bad-second", GOOD))
    wait_until("both", lambda: ferrite.address("bad-first") and ferrite.address("bad-second"))
    given.apply(service("bad-third", GOOD))
    text = f'Failed to allocate IP for "default/bad-third": no available IPs in pool {GOOD}'
    wait_until("the event", lambda: any(one.startswith(text) for one in events(ferrite, "bad-third")))
    given.delete("Service", "bad-first")
    wait_until("an address", lambda: ferrite.address("bad-third"))


def test_a_deleted_report_is_written_again(ferrite):
    for name in ("controller", "speaker-node-1"):
        ferrite.kubectl("delete", "configurationstate", name, "-n", ferrite.namespace)
        wait_until(f"{name} again", lambda n=name: report(ferrite, n).get("result") == "Valid")

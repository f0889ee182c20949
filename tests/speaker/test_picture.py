"""What a speaker knows: only what changed is looked at again, and nothing stays behind."""

from ipaddress import ip_address

import msgspec
import pytest
from hypothesis import given, strategies as st

from ferrite.model import Config, L2Advertisement, Pool, Scope
from ferrite.net import NodeName, parse_range
from speaker.announce import Announce, Silence, StaySilent
from speaker.picture import Picture, Rules
from tests.speaker.objects import ADDRESS, OTHER_ADDRESS, endpoint_slice, node, service

ME = NodeName("node-a")
WEB, DB = "default/web", "default/db"


def picture(*advertisements: L2Advertisement) -> Picture:
    """One node, one pool, everything advertised."""
    made = Picture(Rules(ME), live_nodes=frozenset({ME}))
    everywhere = L2Advertisement("all", Scope(frozenset({"blue"})))
    pool = Pool("blue", (parse_range("192.0.2.0/24"),))
    made.config = Config(pools=(pool,), l2_advertisements=advertisements or (everywhere,))
    made.take_nodes({ME: node(ME)})
    return made


def fill(made: Picture, *, web=ADDRESS, db=OTHER_ADDRESS):
    made.take_slices({"default/s1"}, {"default/s1": endpoint_slice("default/s1", "web", ME)})
    made.take_slices({"default/s2"}, {"default/s2": endpoint_slice("default/s2", "db", ME)})
    made.take_services({WEB, DB}, {WEB: service(WEB, web), DB: service(DB, db)})
    return made.decide(made.known_services())


def test_a_first_decision_on_each_service():
    changed = fill(picture())
    assert changed == {
        WEB: (None, Announce((ip_address(ADDRESS),), None)),
        DB: (None, Announce((ip_address(OTHER_ADDRESS),), None)),
    }


def test_deciding_again_changes_nothing():
    made = picture()
    fill(made)
    assert made.decide(made.known_services()) == {}


def test_only_the_asked_services_are_decided_on():
    made = picture()
    fill(made)
    made.live_nodes = frozenset()
    assert made.decide({WEB}).keys() == {WEB}
    assert isinstance(made.decisions[DB], Announce)


def test_a_deleted_service_is_forgotten():
    made = picture()
    before = fill(made)[WEB][1]
    assert made.take_services({WEB}, {}) == {WEB}
    assert made.decide(made.known_services()) == {WEB: (before, None)}
    assert made.known_services() == {DB}
    assert made.announced().keys() == {ip_address(OTHER_ADDRESS)}


def test_a_service_is_touched_by_its_own_slices_only():
    made = picture()
    fill(made)
    assert made.take_slices({"default/s1"}, {}) == {WEB}
    services = {WEB: service(WEB, ADDRESS), DB: service(DB, OTHER_ADDRESS)}
    assert made.take_services({WEB}, services) == {WEB}
    assert made.decide({WEB})[WEB][1] == StaySilent(Silence.NO_ENDPOINTS)


def test_a_slice_that_changes_hands_touches_both_services():
    made = picture()
    fill(made)
    moved = endpoint_slice("default/s1", "db", ME)
    assert made.take_slices({"default/s1"}, {"default/s1": moved}) == {WEB, DB}


def test_a_slice_without_a_service_touches_none():
    made = picture()
    lonely = endpoint_slice("default/s9", "", ME)
    assert made.take_slices({"default/s9"}, {"default/s9": lonely}) == set()
    assert made.take_slices({"default/s9"}, {}) == set()


def test_nothing_is_kept_of_slices_that_are_gone():
    made = picture()
    made.take_slices({"default/s1"}, {"default/s1": endpoint_slice("default/s1", "web", ME)})
    assert made.take_slices({"default/s1"}, {}) == {WEB}
    assert (made._slices, made._service_of) == ({}, {})


def test_a_slice_of_the_same_name_elsewhere_is_another():
    made = picture()
    fill(made)
    other = endpoint_slice("other/s1", "web", ME)
    assert made.take_slices({"other/s1"}, {"other/s1": other}) == {"other/web"}


def test_an_endpoint_that_comes_before_its_service_counts():
    made = picture()
    made.take_slices({"default/s1"}, {"default/s1": endpoint_slice("default/s1", "web", ME)})
    assert made.take_services({WEB}, {WEB: service(WEB, ADDRESS)}) == {WEB}
    assert made.services[WEB].serving_nodes == {ME}


def test_what_no_decision_reads_touches_nothing():
    made = picture()
    fill(made)
    noted = service(WEB, ADDRESS)
    notes = {**noted.metadata.annotations, "a": "note"}
    noted = msgspec.structs.replace(
        noted, metadata=msgspec.structs.replace(noted.metadata, annotations=notes)
    )
    assert made.take_services({WEB}, {WEB: noted}) == set()


def test_nodes_say_whether_one_changed():
    made = picture()
    assert not made.take_nodes({ME: node(ME)})
    assert made.take_nodes({ME: node(ME, rack="1")})
    assert made.take_nodes({})
    assert made.nodes == {}


@pytest.mark.parametrize(("ignore", "excluded"), [(False, True), (True, False)])
def test_the_excluding_label_can_be_ignored(ignore, excluded):
    made = Picture(Rules(ME, ignore_exclude_label=ignore))
    made.take_nodes({ME: node(ME, **{"node.kubernetes.io/exclude-from-external-load-balancers": ""})})
    assert made.nodes[ME].excluded is excluded


def test_services_of_another_class_are_silent():
    made = picture()
    made.take_services({WEB}, {WEB: service(WEB, ADDRESS, loadBalancerClass="x.io/other")})
    assert made.decide({WEB})[WEB][1] == StaySilent(Silence.NOT_LOAD_BALANCER)
    served = Picture(Rules(ME, lb_class="x.io/other"))
    served.take_services({WEB}, {WEB: service(WEB, ADDRESS, loadBalancerClass="x.io/other")})
    assert served.services[WEB].is_load_balancer


@pytest.mark.parametrize(
    ("interfaces", "expected"),
    [
        pytest.param([("eth0",), ("eth1", "eth2")], {"eth0", "eth1", "eth2"}, id="joined"),
        pytest.param([("eth0",), None], None, id="all-of-them"),
        pytest.param([None, ("eth0",)], None, id="all-of-them-first"),
    ],
)
def test_a_shared_address_answers_wherever_one_of_its_services_does(interfaces, expected):
    made = picture()
    shared = ip_address(ADDRESS)
    for number, names in enumerate(interfaces):
        chosen = None if names is None else frozenset(names)
        made.decisions[f"default/{number}"] = Announce((shared,), chosen)
    assert made.announced() == {shared: expected if expected is None else frozenset(expected)}


def test_a_snapshot_does_not_change_afterwards():
    made = picture()
    fill(made)
    before = made.snapshot()
    made.take_services({WEB}, {})
    made.take_nodes({})
    assert before.services.keys() == {WEB, DB}
    assert before.nodes.keys() == {ME}


keys = st.sampled_from(["default/s1", "default/s2", "other/s1"])
names = st.sampled_from(["web", "db", ""])


@given(steps=st.lists(st.tuples(keys, st.none() | names), max_size=12))
def test_endpoints_are_those_of_the_slices_that_are_there(steps):
    made, present = picture(), {}
    for key, name in steps:
        present.pop(key, None)
        if name is not None:
            present[key] = endpoint_slice(key, name, ME)
        made.take_slices({key}, present)
    services = {key: service(key, ADDRESS) for key in (WEB, DB, "other/web")}
    made.take_services(services, services)
    wanted = {
        f"{part.metadata.namespace}/{part.metadata.labels['kubernetes.io/service-name']}"
        for part in present.values()
    }
    assert {key for key, view in made.services.items() if view.has_endpoints} == wanted & services.keys()

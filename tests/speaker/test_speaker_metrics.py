"""What Prometheus sees of a speaker: names as MetalLB's users know them, and nothing that is over."""

from ipaddress import ip_address

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from speaker.metrics import Announced, L2Counts, SessionCounts, SpeakerCollector, State

V4, V6 = ip_address("192.0.2.1"), ip_address("2001:db8::1")
IDLE = State(node="node-a")


def text(state: State) -> str:
    registry = CollectorRegistry()
    registry.register(SpeakerCollector(lambda: state))
    return generate_latest(registry).decode()


def shown(state: State) -> dict[str, float]:
    lines = text(state).splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def types(state: State) -> dict[str, str]:
    words = [line.split(" ") for line in text(state).splitlines() if line.startswith("# TYPE")]
    return {name: kind for _, _, name, kind in words}


FULL = State(
    node="node-a",
    announced=(Announced("default/web", "layer2", V4), Announced("default/web", "bgp", V6)),
    layer2={V4: L2Counts(requests=3, responses=2, gratuitous=4)},
    sessions=(
        SessionCounts(
            "10.0.0.1:179", "", up=True, flaps=8, values={"updates_total": 7}, bfd={"session_up": 1}
        ),
        SessionCounts("10.0.0.2:179", "red", up=False, values={"updates_total": 0, "opens_sent": 5}),
    ),
    turns=9,
    errors=1,
    loaded=True,
    stale=True,
    live_nodes=3,
    refused_heartbeats={"replayed": 2},
    ignored_packets={"notFresh": 6},
    bgp={"drifts": 1},
    bgp_synced=True,
)


def test_names_and_values():
    expected = {
        'metallb_speaker_announced{ip="192.0.2.1",node="node-a",protocol="layer2",service="default/web"}': 1,
        'metallb_speaker_announced{ip="2001:db8::1",node="node-a",protocol="bgp",service="default/web"}': 1,
        'metallb_layer2_requests_received{ip="192.0.2.1"}': 3,
        'metallb_layer2_responses_sent{ip="192.0.2.1"}': 2,
        'metallb_layer2_gratuitous_sent{ip="192.0.2.1"}': 4,
        'metallb_bgp_session_up{peer="10.0.0.1:179"}': 1,
        'metallb_bgp_session_up{peer="10.0.0.2:179",vrf="red"}': 0,
        'metallb_bgp_updates_total{peer="10.0.0.1:179"}': 7,
        'metallb_bgp_updates_total{peer="10.0.0.2:179",vrf="red"}': 0,
        'metallb_bgp_opens_sent{peer="10.0.0.2:179",vrf="red"}': 5,
        'metallb_bfd_session_up{peer="10.0.0.1:179"}': 1,
        "metallb_k8s_client_updates_total": 9,
        "metallb_k8s_client_update_errors_total": 1,
        "metallb_k8s_client_config_loaded_bool": 1,
        "metallb_k8s_client_config_stale_bool": 1,
        "ferrite_members_live": 3,
        'ferrite_members_refused_total{reason="replayed"}': 2,
        'ferrite_l2_ignored_total{reason="notFresh"}': 6,
        "ferrite_bgp_drifts_total": 1,
        "ferrite_bgp_synced": 1,
        'ferrite_bgp_flaps_total{peer="10.0.0.1:179"}': 8,
        'ferrite_bgp_flaps_total{peer="10.0.0.2:179",vrf="red"}': 0,
    }
    assert _sorted_labels(shown(FULL)) == _sorted_labels(expected)


def _sorted_labels(samples):
    """The same samples whatever the order in which labels are written."""

    def key(sample: str) -> tuple[str, frozenset[str]]:
        name, _, labels = sample.rstrip("}").partition("{")
        return name, frozenset(labels.split(","))

    return {key(sample): value for sample, value in samples.items()}


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("metallb_speaker_announced", "gauge"),
        ("metallb_layer2_requests_received", "untyped"),
        ("metallb_bgp_session_up", "gauge"),
        ("metallb_bgp_updates_total", "untyped"),
        ("metallb_k8s_client_updates_total", "counter"),
        ("ferrite_members_refused_total", "counter"),
    ],
)
def test_types(family, kind):
    assert types(FULL)[family] == kind


def test_compatible_names_have_no_further_samples():
    samples = [
        sample.name for found in text_string_to_metric_families(text(FULL)) for sample in found.samples
    ]
    assert not [name for name in samples if name.endswith("_created")]


def test_what_is_over_disappears():
    before, after = shown(FULL), shown(IDLE)
    gone = ("metallb_speaker_announced", "metallb_layer2_", "metallb_bgp_", "metallb_bfd_")
    assert [name for name in before if name.startswith(gone)]
    assert not [name for name in after if name.startswith(gone)]


def test_a_speaker_without_a_configuration_says_so():
    assert shown(IDLE)["metallb_k8s_client_config_loaded_bool"] == 0
    assert shown(IDLE)["metallb_k8s_client_config_stale_bool"] == 0


def test_each_scrape_reads_the_state_anew_and_registering_reads_none():
    states = iter([IDLE, FULL])
    registry = CollectorRegistry()
    registry.register(SpeakerCollector(lambda: next(states)))
    assert b"metallb_speaker_announced{" not in generate_latest(registry)
    assert b"metallb_speaker_announced{" in generate_latest(registry)

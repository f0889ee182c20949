from prometheus_client import CollectorRegistry, generate_latest

from controller.ledger import Usage
from controller.metrics import ControllerCollector, State
from ferrite.net import LARGEST_COUNT, Family


def shown(state: State) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(ControllerCollector(state))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_names_and_values() -> None:
    state = State(usage={"blue": {Family.IPV4: Usage(4, 1, 2), Family.IPV6: Usage(LARGEST_COUNT, 2)}})
    state.services, state.updates, state.loaded = {"blue": 3}, 5, True
    names = shown(state)
    expected = {
        'metallb_allocator_addresses_total{pool="blue"}': float(LARGEST_COUNT),
        'metallb_allocator_ipv4_addresses_total{pool="blue"}': 4,
        'metallb_allocator_ipv6_addresses_total{pool="blue"}': float(LARGEST_COUNT),
        'metallb_allocator_addresses_in_use_total{pool="blue"}': 3,
        'metallb_allocator_ipv4_addresses_in_use_total{pool="blue"}': 1,
        'metallb_allocator_ipv6_addresses_in_use_total{pool="blue"}': 2,
        'metallb_allocator_services_allocated_total{pool="blue"}': 3,
        'ferrite_controller_addresses_withheld{family="ipv4",pool="blue"}': 2,
        "metallb_k8s_client_updates_total": 5,
        "metallb_k8s_client_update_errors_total": 0,
        "metallb_k8s_client_config_loaded_bool": 1,
        "metallb_k8s_client_config_stale_bool": 0,
    }
    assert expected.items() <= names.items()
    assert all(name.startswith("ferrite_controller_") for name in names.keys() - expected.keys())


def test_series_of_deleted_pools_go() -> None:
    state = State(usage={"blue": {family: Usage(1, 0) for family in Family}})
    shown(state)
    state.usage = {}
    assert not any("pool=" in name for name in shown(state))


def test_known_results_start_at_zero() -> None:
    assert shown(State())['ferrite_controller_status_writes_total{result="written"}'] == 0

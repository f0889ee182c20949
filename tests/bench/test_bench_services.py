import asyncio
from typing import Any

import pytest

from bench.services import Addresses, spans


def service(name: str, *ingress: str) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": address} for address in ingress]} if ingress else {}}
    return {"metadata": {"name": name}, "status": status}


def test_the_first_sight_of_an_address_counts() -> None:
    addresses = Addresses()
    addresses.take(service("web"), 1.0)
    addresses.take(service("web", "192.0.2.1"), 2.0)
    addresses.take(service("web", "192.0.2.1"), 3.0)
    assert addresses.seen == {"web": 2.0}


async def test_who_waits_hears_of_the_service_they_wait_for() -> None:
    addresses = Addresses()
    waiting = asyncio.ensure_future(addresses.of("web"))
    await asyncio.sleep(1)
    addresses.take(service("other", "192.0.2.1"), 1.0)
    await asyncio.sleep(1)
    assert not waiting.done()
    addresses.take(service("web", "192.0.2.2"), 2.0)
    assert await waiting == 2.0


async def test_who_waits_for_too_long_is_told() -> None:
    with pytest.raises(TimeoutError):
        await Addresses().of("web")


def test_waits_are_from_a_beginning_to_a_sight_of_the_same_name() -> None:
    assert sorted(spans({"a": 1.0, "b": 2.0}, {"b": 2.5, "a": 3.0})) == [0.5, 2.0]

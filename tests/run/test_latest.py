import asyncio

import pytest

from ferrite.run.latest import Latest


async def test_the_newest_value_once_and_again_after_a_while() -> None:
    latest, now = Latest[int](), asyncio.get_running_loop().time
    asyncio.get_running_loop().call_later(5, latest.set, 1)
    assert await latest.changed(within=2) == 1
    assert now() == pytest.approx(5, abs=0.01)
    latest.set(2)
    latest.set(3)
    assert await latest.changed() == 3
    assert await latest.changed(within=2) == 3
    assert now() == pytest.approx(7, abs=0.01)
    assert latest.value == 3


async def test_only_what_differs_is_a_change() -> None:
    latest, now = Latest[int | None](), asyncio.get_running_loop().time
    latest.change(None)
    assert await latest.changed(within=2) is None
    latest.change(None)
    assert await latest.changed(within=2) is None
    assert now() == pytest.approx(2, abs=0.01)
    latest.change(1)
    assert await latest.changed(within=2) == 1
    assert now() == pytest.approx(2, abs=0.01)

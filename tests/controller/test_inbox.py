import asyncio

import pytest

from controller.inbox import Inbox


async def test_a_burst_is_taken_at_once() -> None:
    inbox = Inbox()
    inbox.add("a", "b")
    inbox.add("b", "c")
    assert await inbox.take() == {"a", "b", "c"}


async def test_later_means_later(looptime) -> None:
    inbox = Inbox()
    inbox.add_later("slow", 5)
    inbox.add_later("soon", 2)
    assert await inbox.take() == {"soon"}
    assert looptime == 2
    assert await inbox.take() == {"slow"}
    assert looptime == 5


async def test_of_many_times_of_a_key_the_earliest_counts_once(looptime) -> None:
    inbox = Inbox()
    for seconds in (9, 5, 7, 5):
        inbox.add_later("a", seconds)
    assert await inbox.take() == {"a"}
    assert looptime == 5
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await inbox.take()


async def test_times_that_no_longer_count_are_not_kept() -> None:
    inbox = Inbox()
    for seconds in range(1000, 1, -1):
        inbox.add_later("a", seconds)
    assert len(inbox._later) <= 2
    assert await inbox.take() == {"a"}


async def test_it_can_be_rung_without_a_key() -> None:
    inbox = Inbox()
    inbox.add()
    assert await inbox.take() == set()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await inbox.take()


async def test_a_timer_that_fires_a_little_early_is_no_reason_to_spin() -> None:
    inbox = Inbox()
    for number in range(400):
        inbox.add_later("a", 0.1 + number / 7e6)
        assert await inbox.take() == {"a"}

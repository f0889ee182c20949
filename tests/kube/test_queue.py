import asyncio

import pytest

from ferrite.errors import ClusterError
from ferrite.kube.queue import WorkQueue, work


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_one_waiting_and_one_running_turn_and_no_lost_add() -> None:
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    assert queue.depth == 1
    assert await queue.next() == "a"
    queue.add("a")
    assert queue.depth == 0
    queue.succeeded("a")
    assert queue.depth == 1


async def test_of_two_times_the_earlier_wins() -> None:
    queue = WorkQueue()
    queue.add_later("a", 10)
    queue.add_later("a", 2)
    queue.add_later("a", 5)
    began = now()
    assert await queue.next() == "a"
    assert now() - began == pytest.approx(2, abs=0.01)
    queue.succeeded("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await queue.next()


async def test_failures_wait_longer_each_and_success_forgets() -> None:
    queue = WorkQueue()
    queue.add("a")
    for low in (0.1, 0.2, 0.4, 0.8):
        await queue.next()
        began = now()
        queue.failed("a")
        await queue.next()
        assert low <= now() - began <= 2 * low + 0.01
        queue.add("a")
        queue._end("a")
    await queue.next()
    queue.succeeded("a")
    queue.add("a")
    await queue.next()
    queue.failed("a", retry_after=7)
    began = now()
    await queue.next()
    assert now() - began == pytest.approx(7, abs=0.01)


async def test_workers_survive_every_error_and_run_no_key_twice_at_once() -> None:
    queue, running, done = WorkQueue(), set[str](), list[str]()

    async def turn(key: str) -> None:
        assert key not in running
        running.add(key)
        await asyncio.sleep(0.5)
        running.remove(key)
        done.append(key)
        if done.count(key) == 1 and key == "bug":
            raise ZeroDivisionError
        if done.count(key) == 1 and key == "busy":
            raise ClusterError("slow down", status=429, retry_after=3)

    task = asyncio.get_running_loop().create_task(work(queue, 4, turn))
    for key in ("bug", "busy", "fine", "bug"):
        queue.add(key)
    await asyncio.sleep(0.1)
    queue.add("fine")
    await asyncio.sleep(20)
    task.cancel()
    await asyncio.wait([task])
    assert {key: done.count(key) for key in done} == {"bug": 2, "busy": 2, "fine": 2}
    assert queue.retries == 2


async def test_a_server_that_asks_to_come_back_at_once_is_not_asked_over_and_over() -> None:
    queue, turns = WorkQueue(), 0

    async def turn(key: str) -> None:
        nonlocal turns
        turns += 1
        assert turns < 1000
        raise ClusterError("come back at once", status=429, retry_after=0)

    queue.add("a")
    task = asyncio.get_running_loop().create_task(work(queue, 1, turn))
    await asyncio.sleep(60)
    task.cancel()
    await asyncio.wait([task])
    assert turns < 12

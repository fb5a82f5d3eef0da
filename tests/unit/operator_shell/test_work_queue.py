"""The queue's promises: once each, never twice at a time, back-off, nothing lost. Seconds are the virtual loop's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from slipway_operator.work_queue import Key, WorkQueue

A, B = Key("ns", "a"), Key("ns", "b")


@asynccontextmanager
async def working(
    queue: WorkQueue, process: Callable[[Key], Awaitable[float | None]], workers: int = 2
) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(queue.work(process)) for _ in range(workers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        queue.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # what is waited for is a list that grows
            await asyncio.sleep(0.001)


async def test_a_key_that_is_due_already_is_not_due_twice() -> None:
    queue, done = WorkQueue(min_interval=0), list[Key]()

    async def process(key: Key) -> None:
        done.append(key)

    for key in (A, B, A, A):
        queue.add(key)
    assert len(queue) == 2
    async with working(queue, process):
        await until(lambda: len(done) == 2)
        await asyncio.sleep(0.02)

    assert sorted(done) == [A, B]


async def test_a_key_in_work_is_due_again_afterwards_and_never_in_work_twice() -> None:
    queue, at_work, most, passes = WorkQueue(min_interval=0), 0, 0, 0
    go = asyncio.Event()

    async def process(key: Key) -> None:
        nonlocal at_work, most, passes
        at_work += 1
        most = max(most, at_work)
        await go.wait()
        passes += 1
        at_work -= 1

    queue.add(A)
    async with working(queue, process, workers=3):
        await until(lambda: at_work == 1)
        for _ in range(5):
            queue.add(A)
        await asyncio.sleep(0.02)
        go.set()
        await until(lambda: passes == 2)
        await asyncio.sleep(0.02)

    assert (most, passes) == (1, 2)


async def test_different_keys_are_worked_on_at_the_same_time() -> None:
    queue, at_work = WorkQueue(), set[Key]()

    async def process(key: Key) -> None:
        at_work.add(key)
        await asyncio.Event().wait()

    queue.add(A)
    queue.add(B)
    async with working(queue, process):
        await until(lambda: at_work == {A, B})


async def test_a_burst_during_a_pass_is_one_pass_after_the_interval() -> None:
    queue, starts = WorkQueue(min_interval=0.1), list[float]()
    loop = asyncio.get_running_loop()

    async def process(key: Key) -> None:
        starts.append(loop.time())
        if len(starts) == 1:
            queue.add(key)
            queue.add(key)

    queue.add(A)
    async with working(queue, process):
        await until(lambda: len(starts) == 2)

    assert starts[1] - starts[0] == pytest.approx(0.1)


async def starts_of_failures(queue: WorkQueue, succeeds: Callable[[int], bool], count: int) -> list[float]:
    """Seconds between the first `count` passes of a key, which fail but for those that succeed."""
    starts = list[float]()
    loop = asyncio.get_running_loop()

    async def process(key: Key) -> float | None:
        starts.append(loop.time())
        if succeeds(len(starts)):
            return 0.0
        raise RuntimeError("no")

    queue.add(A)
    async with working(queue, process):
        await until(lambda: len(starts) >= count)
    return [later - earlier for earlier, later in pairwise(starts)]


async def test_errors_back_off_exponentially_up_to_a_limit() -> None:
    queue = WorkQueue(backoff_base=0.02, backoff_limit=0.08, jitter=lambda: 1.0)

    gaps = await starts_of_failures(queue, lambda _: False, 6)

    assert gaps == pytest.approx([0.02, 0.04, 0.08, 0.08, 0.08])


async def test_jitter_takes_half_at_most() -> None:
    queue = WorkQueue(backoff_base=0.1, jitter=lambda: 0.0)

    (gap,) = await starts_of_failures(queue, lambda _: False, 2)

    assert gap == pytest.approx(0.05)


async def test_a_success_ends_the_back_off() -> None:
    queue = WorkQueue(backoff_base=0.02, backoff_limit=60, jitter=lambda: 1.0)

    gaps = await starts_of_failures(queue, lambda number: number == 6, 8)

    assert gaps[4] == pytest.approx(0.32)  # after five failures
    assert gaps[6] == pytest.approx(0.02)  # the first one after the success


async def test_the_answer_of_a_pass_makes_it_due_by_itself() -> None:
    queue, passes = WorkQueue(min_interval=0), 0

    async def process(key: Key) -> float | None:
        nonlocal passes
        passes += 1
        return 0.01 if passes < 3 else None

    queue.add(A)
    async with working(queue, process):
        await until(lambda: passes == 3)
        await asyncio.sleep(0.03)

    assert passes == 3


async def test_the_earliest_of_several_times_counts() -> None:
    queue, starts = WorkQueue(), list[float]()
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def process(key: Key) -> None:
        starts.append(loop.time() - began)

    queue.add_after(A, 60)
    queue.add_after(A, 0.05)
    queue.add_after(A, 60)
    async with working(queue, process):
        await until(lambda: len(starts) == 1)

    assert starts == pytest.approx([0.05])


async def test_an_event_does_not_wait_for_the_back_off() -> None:
    queue, passes = WorkQueue(backoff_base=60, min_interval=0), 0

    async def process(key: Key) -> None:
        nonlocal passes
        passes += 1
        raise RuntimeError("no")

    queue.add(A)
    async with working(queue, process):
        await until(lambda: passes == 1)
        queue.add(A)
        await until(lambda: passes == 2)


async def test_a_key_that_is_due_when_its_worker_is_cancelled_is_not_lost() -> None:
    queue, at_work = WorkQueue(min_interval=0), 0

    async def hang(key: Key) -> None:
        nonlocal at_work
        at_work += 1
        await asyncio.Event().wait()

    queue.add(A)
    async with working(queue, hang):
        await until(lambda: at_work == 1)
    queue.add(A)
    async with working(queue, hang):
        await until(lambda: at_work == 2)


@pytest.mark.parametrize(("expected", "traced"), [((ValueError,), False), ((), True)])
async def test_only_an_unexpected_error_is_logged_with_its_traceback(
    expected: tuple[type[Exception], ...], traced: bool, caplog: pytest.LogCaptureFixture
) -> None:
    queue = WorkQueue(expected_errors=expected)

    async def process(key: Key) -> None:
        raise ValueError("no such thing")

    queue.add(A)
    async with working(queue, process):
        await until(lambda: bool(caplog.records))

    (record,) = caplog.records
    assert "no such thing" in record.getMessage()
    assert bool(record.exc_info) == traced

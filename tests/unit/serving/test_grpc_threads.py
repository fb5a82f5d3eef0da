import threading

import pytest

from slipway_serving.grpc_threads import Threads


def test_calls_are_answered_and_their_errors_handed_on() -> None:
    threads = Threads(lambda: 2)
    assert [threads.submit(divmod, 7, number).result() for number in (2, 3)] == [(3, 1), (2, 1)]
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result()


def test_calls_that_wait_get_a_thread_each_up_to_the_most() -> None:
    most = 3
    threads = Threads(lambda: most)
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def wait() -> str:
        begun.release()
        assert gate.wait(60)
        return threading.current_thread().name

    calls = [threads.submit(wait) for _ in range(5)]
    for _ in range(3):
        assert begun.acquire(timeout=60)
    assert not begun.acquire(blocking=False)
    most = 4
    calls.append(threads.submit(wait))
    assert begun.acquire(timeout=60)
    gate.set()
    assert len([call.result(60) for call in calls]) == 6


def test_calls_one_after_another_share_a_thread() -> None:
    threads = Threads(lambda: 9)
    before = threading.active_count()
    done = threading.Semaphore(0)
    for _ in range(50):
        threads.submit(done.release)
        assert done.acquire(timeout=60)
    assert threading.active_count() - before <= 9

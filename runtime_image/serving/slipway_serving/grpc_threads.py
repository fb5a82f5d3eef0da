"""The threads of the gRPC server: no more than it has use for at the moment."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads(Executor):
    """A thread pool whose size is asked for as calls come in.

    A few threads answer more calls than many where calls never wait; where they do, each holds a thread meanwhile.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0  # threads without a call, less calls without a thread
        self._count = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def call() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        with self._lock:
            needs_another = self._free <= 0 and self._count < self._most()
            self._count += needs_another
            self._free -= not needs_another
        self._calls.put(call)
        if needs_another:
            threading.Thread(target=self._work, name="grpc", daemon=True).start()
        return future

    def _work(self) -> None:
        while True:
            self._calls.get()()
            with self._lock:
                self._free += 1

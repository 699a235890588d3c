"""Threads that help visitors' threads: with the marks of a page, and with what a page will need next.

1. None is made before there is something to help with, and none is taken over by a process that forks.
2. They help and are never waited for: whoever has work does it itself while they are busy.
3. There are half as many as places for calls, so that visitors have the other half for themselves.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context


class SpareThreads:
    """Threads of a process. Thread-safe.

    Args:
        size: threads at most; 0 is a pool that never helps.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._executor: tuple[int, ThreadPoolExecutor] | None = None

    def help(self, work: Callable[[], object], times: int) -> None:
        """Calls `work` up to so often, sooner or later, each in a thread and a copy of the caller's context.

        What it raises is dropped. If no thread is to be had, nothing happens.
        """
        try:
            for _ in range(min(times, self.size)):
                self._threads().submit(copy_context().run, work)
        except RuntimeError:  # the process ends, or the system has no more threads
            return

    def close(self) -> None:
        """Lets the threads end as soon as they have done what they are at."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None and executor[0] == os.getpid():
            executor[1].shutdown(wait=False, cancel_futures=True)

    def _threads(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._executor is None or self._executor[0] != os.getpid():
                threads = ThreadPoolExecutor(self.size, thread_name_prefix="plugit-spare")
                self._executor = (os.getpid(), threads)
            return self._executor[1]

"""A thread in the host's process that sends what is queued, where no process of its own does."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

_log: Final = logging.getLogger("plugit_wsgi")


class Background:
    """Does something again and again in a daemon thread, from the first `wake` on. Thread-safe.

    A process that forks has none in its children until it is woken there.

    Args:
        work: what to do; returns True if there may be more at once. What it raises is logged.
        pause: seconds between two times without `wake`.
    """

    def __init__(self, work: Callable[[], bool], *, pause: float = 5.0) -> None:
        self._work = work
        self._pause = pause
        self._running: dict[int, _Loop] = {}

    def wake(self) -> None:
        """There is something to do now."""
        process = os.getpid()
        loop = self._running.get(process)
        if loop is None:
            loop = self._running.setdefault(process, _Loop(self._work, self._pause))
        loop.wake()

    def close(self) -> None:
        """Ends the thread after what it is doing, and waits for it; `wake` does nothing any more."""
        self._running.setdefault(os.getpid(), _Loop(self._work, self._pause)).close()


class _Loop:
    def __init__(self, work: Callable[[], bool], pause: float) -> None:
        self._work = work
        self._pause = pause
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def wake(self) -> None:
        self._woken.set()
        with self._lock:
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="plugit-wsgi-mail", daemon=True)
                self._thread.start()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            thread = self._thread
        self._woken.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._is_closed:
            self._woken.wait(self._pause)
            self._woken.clear()
            try:
                while not self._is_closed and self._work():
                    pass
            except Exception:
                _log.exception("mail: the queue failed; it goes on in %g seconds", self._pause)

"""Renderings that take long: one at a time for each service, and in small steps.

All threads share one interpreter, so a page that computes for long slows every visitor down, whatever
service they visit. How long a page takes shows only while it is made:

1. Up to `LONG` a rendering runs as it comes. Beyond, one at a time goes on; the others wait for their turn.
2. Beyond `SLOW` it rests after each `STEP`, so that whoever needs the interpreter gets it at once; and no
   more may wait, at all services together, than leave half of the threads to others.
3. While it does, the same page is not begun again by others; they wait for the turn, too.
4. Who waited looks again whether there is any use in going on.
5. Who asks somebody else meanwhile, as for an include, has no turn: that may take as long as it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from types import TracebackType

from .errors import ServiceBusy

LONG = 0.005
SLOW = 0.02
STEP = 0.0005
REST = 0.0002
"""Seconds; of the processor, but for the rest."""
WAIT = 0.5
"""Seconds that a rendering waits for its turn."""
RETRY_AFTER = 1.0


class Line:
    """Those who wait for a turn, at all services of a process together. Thread-safe.

    Args:
        threads: of the process.

    Attributes:
        room: how many may wait for slow ones.
        waiting: how many wait.
        changed: lock and signal of all turns.
    """

    def __init__(self, threads: int) -> None:
        self.room = max(1, threads // 2 - 1)
        self.waiting = 0
        self.changed = threading.Condition()


class Turns:
    """The turn of one service. Thread-safe.

    Args:
        line: where one waits for it.
        rest: sleeps that many seconds.
    """

    def __init__(self, line: Line, rest: Callable[[float], None] = time.sleep) -> None:
        self.rest = rest
        self._line = line
        self._changed = line.changed
        self._holder: Rendering | None = None
        self._waiting = 0

    def begin(self, page: Hashable, check: Callable[[], None] = lambda: None) -> Rendering:
        """A rendering, for a ``with`` block.

        Args:
            page: what is rendered.
            check: called after a wait; what it raises ends the rendering.
        """
        return Rendering(self, page, check)

    def is_slow(self, page: Hashable) -> bool:
        """Somebody renders that page just now, and it takes long."""
        holder = self._holder
        return holder is not None and holder.is_slow and holder.page == page

    def take(self, rendering: Rendering) -> None:
        """Takes the turn, or waits for it.

        Raises:
            ServiceBusy: it did not come in time, or too many wait for a slow one.
        """
        with self._changed:
            self._waiting += 1
            self._line.waiting += 1
            try:
                self._changed.wait_for(lambda: self._holder is None or self._is_crowded(), timeout=WAIT)
                if self._holder is not None:
                    raise ServiceBusy("another page takes long to render", retry_after=RETRY_AFTER)
                self._holder = rendering
            finally:
                self._waiting -= 1
                self._line.waiting -= 1

    def give_back(self) -> None:
        """The next may go on."""
        with self._changed:
            self._holder = None
            self._changed.notify_all()

    def slowed(self) -> None:
        """Tells those who wait that the one who has the turn is slow."""
        with self._changed:
            self._changed.notify_all()

    def _is_crowded(self) -> bool:
        # One of each service may wait in any case: the crowd may be that of another.
        is_crowd = self._line.waiting > self._line.room and self._waiting > 1
        return is_crowd and self._holder is not None and self._holder.is_slow


class Rendering:
    """One rendering; called now and then while it runs. One per request, used by one thread.

    Attributes:
        page: what is rendered.
        is_slow: it took more than `SLOW`.
    """

    def __init__(self, turns: Turns, page: Hashable, check: Callable[[], None]) -> None:
        self.page = page
        self._check = check
        self.is_slow = False
        self._turns = turns
        self._has_turn = False
        self._rested = 0.0

    def __enter__(self) -> Rendering:
        if self._turns.is_slow(self.page):
            try:
                self._take()
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, seconds: float) -> None:
        """It has taken so many seconds of the processor so far.

        Raises:
            ServiceBusy: as `Turns.take`.
        """
        if seconds > LONG and not self._has_turn:
            self._take()
        if seconds > SLOW:
            self._rest(seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Somebody else is asked in the block: the turn is free, and taken again when rendering goes on."""
        self._end()
        yield

    def _end(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turns.give_back()

    def _rest(self, seconds: float) -> None:
        if not self.is_slow:
            self.is_slow = True
            self._turns.slowed()
        if seconds - self._rested > STEP:
            self._turns.rest(REST)
            self._rested = seconds

    def _take(self) -> None:
        self._turns.take(self)
        self._has_turn = True
        self._check()

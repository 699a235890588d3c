"""What one rendering of a Jinja template costs, counted while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from markupsafe import Markup

from ..errors import PlugItError
from .budget import Budget, Interrupted, OverBudget
from .jinja_data import items_of

_LOOK_EVERY = 1000
"""Steps between two looks at the time; a step is a tenth of a microsecond or so."""

STEPS = 4_000_000
"""Nodes of the template's syntax that one rendering may go through; a value made counts by its size."""

CALLS = 40
"""Macros that may be called in one another."""


class Meter:
    """The budget of a rendering. One per request, used by one thread.

    Args:
        budget: what it may cost.
        pace: told now and then how many seconds of the processor it took so far.
        clock: seconds of the processor.
    """

    def __init__(
        self,
        budget: Budget,
        pace: Callable[[float], None],
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._budget = budget
        self._pace = pace
        self._clock = clock
        self._room = budget.output
        self._loops = budget.loops
        self._steps = STEPS
        self._look_at = STEPS - _LOOK_EVERY
        self._calls = 0
        self._started = clock()

    def spend(self, size: int, each: float = 0.25) -> None:
        """Counts a value that is read or made.

        Args:
            size: its items or characters.
            each: steps for one of them.
        """
        self._steps -= 1 + int(size * each)
        if self._steps < self._look_at or size > self._budget.output:
            self._look(size)

    def enter(self, weight: int, size: int) -> None:
        """Counts a round or a call: the nodes in it, and the characters of its own text."""
        self._room -= size
        self._steps -= weight
        if self._steps < self._look_at or self._room < 0:
            self._look(0)

    def _look(self, size: int) -> None:
        if self._room < 0:
            raise OverBudget(f"more than {self._budget.output} characters of output")
        if self._steps < 0 or size > self._budget.output:
            raise OverBudget("too many or too large values")
        seconds = self._clock() - self._started
        if seconds > self._budget.seconds:
            raise OverBudget(f"more than {self._budget.seconds} seconds of the processor")
        try:
            self._pace(seconds)
        except PlugItError as error:
            raise Interrupted(error) from error
        self._look_at = max(self._steps - _LOOK_EVERY, 0)

    def rounds(self, values: Any, weight: int, size: int) -> Iterator[Any]:
        """The rounds of a loop, counted."""
        for each in items_of(values):
            # As `enter`, without a call: this is what pages spend their time in.
            loops = self._loops = self._loops - 1
            room = self._room = self._room - size
            steps = self._steps = self._steps - weight
            if loops < 0:
                raise OverBudget(f"more than {self._budget.loops} rounds of loops")
            if room < 0 or steps < self._look_at:
                self._look(0)
            yield each

    def call(self, weight: int, size: int) -> None:
        """A macro begins."""
        self._calls += 1
        if self._calls > CALLS:
            raise OverBudget(f"macros called deeper than {CALLS}")
        self.enter(weight + 20, size)

    def called(self, pieces: list[str]) -> Markup:
        """A macro ends; what it printed."""
        self._calls -= 1
        return self.joined(pieces)

    def call_back(self, body: Callable[..., Markup] | None, *values: Any) -> Markup:
        """``caller(...)``: the body of a call block."""
        if body is None:
            raise TypeError("nobody called this macro by a call block")
        self.call(0, 0)
        text = body(*values)
        self._calls -= 1
        return text

    def joined(self, pieces: list[str]) -> Markup:
        """What was printed into a value."""
        text = Markup("".join(pieces))
        self.spend(len(text))
        return text

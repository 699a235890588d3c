"""Time: one clock for everything that waits or expires, so that tests can turn it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Two hands: wall time for what is written down, monotonic time for every timer."""

    def time(self) -> float:
        """Unix time in seconds."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class SystemClock:
    """The machine's clock. Thread-safe."""

    def time(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock after which nobody waits any more. Immutable.

    Attributes:
        at: seconds on `clock.monotonic`.
        clock: whose.
    """

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """The moment `seconds` from now."""
        return cls(clock.monotonic() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at - self.clock.monotonic())

    def at_most(self, seconds: float) -> Deadline:
        """This deadline, or `seconds` from now, whichever is earlier."""
        return Deadline(min(self.at, self.clock.monotonic() + seconds), self.clock)

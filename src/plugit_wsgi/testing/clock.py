"""A clock that stands still until a test turns it."""

from __future__ import annotations


class FakeClock:
    """Implements `Clock`. For one thread.

    Args:
        time: Unix time in seconds to begin with.
    """

    def __init__(self, time: float = 1_800_000_000.0) -> None:
        self._time = time
        self._monotonic = 1000.0

    def time(self) -> float:
        """Unix time in seconds."""
        return self._time

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._time += seconds
        self._monotonic += seconds

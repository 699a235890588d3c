"""How long an exchange may wait: to a moment for pages, as long as bytes flow for streams."""

from __future__ import annotations

from typing import Protocol

from ..clock import Clock, Deadline
from ..errors import ServiceTimeout


class Patience(Protocol):
    """Asked before and told after each wait on a socket. One per request."""

    def limit(self) -> float:
        """Seconds the next wait may take, above 0.

        Raises:
            ServiceTimeout: none.
        """

    def silent(self, seconds: float) -> None:
        """A wait of `seconds` brought nothing.

        Raises:
            ServiceTimeout: that was the last one.
        """

    def received(self, count: int) -> None:
        """A wait brought `count` bytes.

        Raises:
            ServiceTimeout: too few, for too long.
        """


class UntilDeadline:
    """Waits until a moment, whatever comes. One per request.

    Args:
        deadline: the moment.
        doing: for the error: what is being waited for.
    """

    __slots__ = ("_deadline", "_doing")

    def __init__(self, deadline: Deadline, doing: str = "an answer") -> None:
        self._deadline = deadline
        self._doing = doing

    def limit(self) -> float:
        """Seconds to the deadline."""
        left = self._deadline.remaining()
        if left <= 0:
            raise ServiceTimeout(f"the deadline passed while waiting for {self._doing}")
        return left

    def silent(self, seconds: float) -> None:
        """The deadline came."""
        raise ServiceTimeout(f"the deadline passed while waiting for {self._doing}")

    def received(self, count: int) -> None:
        """Bytes do not move a deadline: a service that drips holds nobody."""


class WhileFlowing:
    """Waits as long as bytes flow. One per request.

    Only time spent waiting for the service counts: a visitor who reads slowly does not make it slow.

    Args:
        clock: to measure waits.
        stall: seconds without a byte that end it, and the window over which the rate is measured.
        minimum_rate: bytes a second.
    """

    __slots__ = ("_clock", "_count", "_minimum_rate", "_quiet", "_stall", "_started", "_waited")

    def __init__(self, clock: Clock, *, stall: float, minimum_rate: float) -> None:
        self._clock = clock
        self._stall = stall
        self._minimum_rate = minimum_rate
        self._quiet = 0.0
        self._waited = 0.0
        self._count = 0
        self._started = 0.0

    def limit(self) -> float:
        """Seconds to the stall limit or the end of the window, whichever comes first."""
        self._started = self._clock.monotonic()
        return max(0.001, self._stall - max(self._quiet, self._waited))

    def silent(self, seconds: float) -> None:
        """Counts a wait for nothing."""
        self._quiet += seconds
        if self._quiet >= self._stall:
            raise ServiceTimeout(f"no byte of the stream for {self._stall:g} s")
        self._wait(seconds, 0)

    def received(self, count: int) -> None:
        """Counts a wait that brought bytes."""
        self._quiet = 0.0
        self._wait(self._clock.monotonic() - self._started, count)

    def _wait(self, seconds: float, count: int) -> None:
        self._waited += seconds
        self._count += count
        if self._waited < self._stall:
            return
        if self._count < self._minimum_rate * self._waited:
            raise ServiceTimeout(f"the stream is slower than {self._minimum_rate:g} bytes a second")
        self._waited = 0.0
        self._count = 0

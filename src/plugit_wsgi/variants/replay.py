"""A visitor's body that can be read twice: for a variant that turns out to be away, and for the service."""

from __future__ import annotations

import tempfile
from typing import IO, Protocol

from ..clock import Clock

IN_MEMORY = 256 * 1024


class Readable(Protocol):
    """What is read of a WSGI input."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""


class ReplayedInput:
    """A WSGI input that keeps what was read of it. One per request.

    Args:
        source: the input as it came.
        clock: the time.

    Attributes:
        seconds: that reading from the source took, which is the visitor's time and not a service's.
    """

    def __init__(self, source: Readable, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._kept: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._again = False
        self.seconds = 0.0

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        if self._again and (known := self._kept.read(size)):
            return known
        started = self._clock.monotonic()
        found = self._source.read(size)
        self.seconds += self._clock.monotonic() - started
        if not self._again:
            self._kept.write(found)
        return found

    def rewind(self) -> None:
        """From here on it is read from the beginning, and not kept again."""
        self._kept.seek(0)
        self._again = True

    def close(self) -> None:
        """Removes what was kept."""
        self._kept.close()

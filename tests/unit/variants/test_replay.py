"""A body that is read twice."""

from __future__ import annotations

import io

import pytest

from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.variants.replay import IN_MEMORY, ReplayedInput


class Slow(io.BytesIO):
    """A visitor who sends a piece a second."""

    def __init__(self, body: bytes, clock: FakeClock) -> None:
        super().__init__(body)
        self._clock = clock

    def read(self, size: int | None = -1, /) -> bytes:
        self._clock.advance(1)
        return super().read(size)


def read_all(source: ReplayedInput, size: int) -> bytes:
    pieces = []
    while piece := source.read(size):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("length", [0, 1, 100, IN_MEMORY + 1])
@pytest.mark.parametrize("before", [0, 1, 7, IN_MEMORY + 1])
def test_what_was_read_comes_again_and_then_the_rest(length: int, before: int) -> None:
    """However much of it was read the first time."""
    body = bytes(number % 251 for number in range(length))
    found = ReplayedInput(io.BytesIO(body), FakeClock())
    assert found.read(before) == body[:before]
    found.rewind()
    assert read_all(found, 4096) == body
    found.close()


def test_the_time_of_reading_is_the_visitors() -> None:
    """What is read again takes none."""
    clock = FakeClock()
    found = ReplayedInput(Slow(b"abcdef", clock), clock)
    assert [found.read(3), found.read(3)] == [b"abc", b"def"]
    assert found.seconds == 2
    found.rewind()
    assert found.read(6) == b"abcdef"
    assert found.seconds == 2
    found.close()

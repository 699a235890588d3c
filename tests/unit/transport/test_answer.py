from __future__ import annotations

import socket
from typing import Any

import pytest

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.errors import WireError
from plugit_wsgi.transport.answer import Answer
from plugit_wsgi.transport.body import LengthBody
from plugit_wsgi.transport.head import Framing, Head
from plugit_wsgi.transport.patience import UntilDeadline
from plugit_wsgi.transport.reader import PIECE, WireReader


class FakeBody:
    """As long as it is asked for, up to `size`; remembers what was asked."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.asked: list[int] = []
        self.done = size == 0

    def skip(self) -> bool:
        return self.done

    def piece(self, size: int) -> bytes:
        self.asked.append(size)
        data = bytes(min(size, self.left))
        self.left -= len(data)
        self.done = self.left == 0
        return data


def answer_of(body: FakeBody, freed: list[bool], **framing: Any) -> Answer:
    with socket.socket() as unused:
        reader = WireReader(unused, UntilDeadline(Deadline.after(1.0, SystemClock())))
    return Answer(
        Head(minor=1, status=200, headers=()),
        framing=Framing(reusable=True, **framing),
        body=body,
        reader=reader,
        free=freed.append,
        streaming=lambda: reader.patience,
    )


@pytest.mark.parametrize("limit", [0, 10, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_reads_one_byte_over_the_limit_and_no_more(limit: int) -> None:
    """That byte shows that the body is too long."""
    body, freed = FakeBody(10 * PIECE), []
    with pytest.raises(WireError):
        answer_of(body, freed, chunked=True).read(limit)
    assert sum(body.asked) == limit + 1
    assert max(body.asked) <= PIECE
    assert freed == [False]


def test_a_length_over_the_limit_reads_nothing() -> None:
    """It is refused by what it says."""
    body, freed = FakeBody(11), []
    with pytest.raises(WireError):
        answer_of(body, freed, length=11).read(10)
    assert (body.asked, freed) == ([], [False])


def test_an_empty_body_frees_at_once() -> None:
    """Nobody has to read it."""
    freed: list[bool] = []
    answer = answer_of(FakeBody(0), freed, length=0)
    assert freed == [True]
    assert answer.read(10) == b""
    answer.close()
    assert freed == [True]


def test_the_end_frees_with_the_last_byte() -> None:
    """Not with the look after it: a visitor who hangs up there has read all."""
    freed: list[bool] = []
    pieces = answer_of(FakeBody(10), freed, length=10).pieces()
    assert next(pieces) == bytes(10)
    assert freed == [True]
    assert list(pieces) == []
    assert freed == [True]


def test_read_twice_is_empty_and_after_close_an_error() -> None:
    """As files do it."""
    freed: list[bool] = []
    answer = answer_of(FakeBody(10), freed, length=10)
    assert (answer.read(10), answer.read(10)) == (bytes(10), b"")
    answer = answer_of(FakeBody(10), freed, length=10)
    answer.close()
    with pytest.raises(ValueError, match="close"):
        answer.read(10)


class Once:
    """A socket that has sent all it will send."""

    def __init__(self, data: bytes) -> None:
        self._data = [data]

    def settimeout(self, seconds: float) -> None:
        pass

    def recv(self, size: int) -> bytes:
        assert self._data, "it waited for more"
        return self._data.pop()


@pytest.mark.parametrize(
    ("come", "reusable"), [(b"0123456789", True), (b"012345678", False), (b"0123456789x", False)]
)
def test_what_has_come_already_is_passed_over_without_waiting(come: bytes, reusable: bool) -> None:
    """An answer that nobody wants (a 404) costs no connection if it is here, and no time if it is not."""
    head = b"HTTP/1.1 404 No\r\n\r\n"
    reader = WireReader(Once(head + come), UntilDeadline(Deadline.after(1.0, SystemClock())))  # type: ignore[arg-type]
    reader.head(1000)
    freed: list[bool] = []
    Answer(
        Head(minor=1, status=404, headers=()),
        framing=Framing(reusable=True, length=10),
        body=LengthBody(reader, 10),
        reader=reader,
        free=freed.append,
        streaming=lambda: reader.patience,
    ).close()
    assert freed == [reusable]

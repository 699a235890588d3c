"""A line in the log when a service may have another key."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from plugit_wsgi.key_doubts import KeyDoubts
from plugit_wsgi.testing.clock import FakeClock


def answer(status: int, *headers: tuple[str, str]) -> Any:
    return SimpleNamespace(status=status, headers=headers)


def test_a_401_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """With where to look, and the request."""
    clock = FakeClock()
    doubts = KeyDoubts("polls", clock)
    for _ in range(3):
        doubts.look(answer(401), "a b")
    (line,) = caplog.messages
    assert line.startswith('event=key service=polls status=401 request_id="a b" cause="the service may have')
    assert line.endswith('plugit-wsgi key polls"')
    clock.advance(59)
    doubts.look(answer(401), "")
    assert len(caplog.messages) == 1
    clock.advance(2)
    doubts.look(answer(401), "")
    assert "request_id" not in caplog.messages[1]


@pytest.mark.parametrize(
    "response", [answer(200), answer(403), answer(401, ("www-authenticate", "Basic realm=x"))]
)
def test_any_other_answer_is_none(response: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a login of HTTP, which is the service's own."""
    KeyDoubts("polls", FakeClock()).look(response, "")
    assert caplog.messages == []

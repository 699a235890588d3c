"""A host between a service that breaks and one that does not, and what has to be right after every fault."""

from __future__ import annotations

import gc
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from plugit_wsgi import Limits
from plugit_wsgi.clock import SystemClock
from plugit_wsgi.events import Event, Fault
from plugit_wsgi.guard import Places
from plugit_wsgi.testing.faults import FAULTS, Asked, answer
from plugit_wsgi.testing.faults import Fault as Wrong
from plugit_wsgi.testing.toxic import Received, Script, ToxicService
from tests.integration.conftest import Host, Visitor

QUICK = Limits(page=0.3, call=0.25, connect=0.2, stall=0.2, busy_wait=0.02)
#: Seconds a page may take beyond its deadline; and what a busy machine adds to anything.
GRACE = 0.1
BUSY = 0.4
#: In every page of the broken service that is well; on none that stands in for it.
MARK = "the action "
INNER = re.compile(r"127\.0\.0\.1|localhost|Traceback|File \"|plugit_wsgi|[A-Z][a-z]+Error")


class TurnedClock(SystemClock):
    """The machine's clock, turned forward by a test; what waits on sockets goes on as ever. Thread-safe.

    Attributes:
        ahead: seconds of the monotonic hand.
        wrong: seconds of the wall clock alone.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self.wrong = 0.0

    def time(self) -> float:
        """Unix time in seconds."""
        return super().time() + self.ahead + self.wrong

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return super().monotonic() + self.ahead


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a visitor saw, and how long that took. Immutable."""

    status: int
    text: str
    headers: Any
    seconds: float


class World:
    """A host, `toxic` mounted on /s/x/, `good` on /s/good/."""

    def __init__(
        self,
        host: Host,
        toxic: ToxicService,
        good: ToxicService,
        *,
        clock: TurnedClock,
        events: list[Event],
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.host = host
        self.toxic = toxic
        self.good = good
        self.clock = clock
        self.events = events
        self._caplog = caplog
        self._monkeypatch = monkeypatch
        self.visitor = host.visitor("anna")
        # What a call leaves behind is counted here, so there is one at a time: no template comes ahead.
        host.middleware._spare.size = 0
        toxic.server._kept = 1000

    @property
    def client(self) -> Any:
        """Of the broken service."""
        return self.host.middleware._clients[0]

    @property
    def places(self) -> Places:
        """Of the broken service."""
        places: Places = self.client.exchanges.places
        return places

    @property
    def streams(self) -> Places:
        """For large files of the broken service."""
        places: Places = self.client.exchanges.streams
        return places

    def heard(self, target: str) -> list[Received]:
        """The requests that came to the broken service, of those whose target begins so."""
        begins = b"/" + target.encode()
        return [request for request in self.toxic.server.requests if request.target.startswith(begins)]

    def teach(self, name: str, script: Callable[[Asked], Script], *, on: Any = "action") -> None:
        """One more way to be broken, for this test."""
        wrong = Wrong(name=name, row="F0", what="is taught", script=script, on=on)
        self._monkeypatch.setitem(FAULTS, name, wrong)

    def teach_template(self, name: str, source: str) -> None:
        """An action with this template."""
        page = '{% extends "plugIt/base.html" %}{% block content %}' + source + "{% endblock %}"
        self.teach(name, lambda _: [answer(page.encode(), "Content-Type: text/html")], on="template")

    def visit(
        self, action: str, *, method: str = "GET", mount: str = "x", by: Visitor | None = None, **options: Any
    ) -> Seen:
        """One request, by Anna unless another is named; a POST and the like come with their token."""
        if method not in ("GET", "HEAD", "OPTIONS"):
            options.setdefault("headers", {})["X-CSRFToken"] = self.token(mount)
        started = time.monotonic()
        response = (by or self.visitor).open(f"/s/{mount}/{action}", method=method, **options)
        seconds = time.monotonic() - started
        return Seen(
            status=response.status_code, text=response.text, headers=response.headers, seconds=seconds
        )

    def token(self, mount: str = "x") -> str:
        """The CSRF token that pages of a mount give."""
        token = self.visitor.cookie("csrftoken", f"/s/{mount}/")
        return self.visitor.token(f"/s/{mount}/fine") if token is None else token

    def suffer(
        self,
        action: str,
        *,
        status: int,
        within: float,
        at_least: float = 0.0,
        keeps: bool = False,
        tells: bool = True,
        method: str = "GET",
        **options: Any,
    ) -> Seen:
        """Visits a broken action, and checks all that is promised of each.

        Args:
            action: which.
            status: that is right.
            within: seconds that it may take, without what a busy machine adds.
            at_least: seconds that it takes, or something else was wrong.
            keeps: the connection is sound, and serves again.
            tells: it is a fault, and one line of the log says so.
            method: of HTTP.
            options: of the visitor's request.
        """
        self.expect_well()
        self.forget()
        seen = self.visit(action, method=method, **options)
        assert seen.status == status, seen.text
        assert at_least <= seen.seconds < within + BUSY
        self.expect_nothing_shown(seen)
        self.expect_free()
        self.expect_told(1 if tells else 0)
        connections = 1 if keeps else 0
        soon(lambda: self.toxic.server.open_connections == connections)
        self.expect_well()
        return seen

    def forget(self) -> None:
        """What was told so far."""
        self.events.clear()
        self._caplog.clear()

    def expect_well(self) -> None:
        """Another action of the same service, another service and the host's own pages are right."""
        for mount in ("x", "good"):
            other = self.visit("fine", mount=mount)
            assert other.status == 200, other.text
            assert f"{MARK}fine" in other.text
        assert self.host.visitor().get("/elsewhere").text == "the host at /elsewhere"

    def expect_nothing_shown(self, seen: Seen) -> None:
        """Nothing of the answer, no address, no name of an error or a module, no traceback."""
        said = seen.text + str(seen.headers)
        assert MARK not in said
        assert str(self.toxic.server.port) not in said
        assert INNER.search(said) is None, said

    def expect_free(self) -> None:
        """No place is held, by page or stream."""
        assert self.places.taken == 0
        assert self.streams.taken == 0

    @property
    def lines(self) -> list[str]:
        """What the library's log was told, from warnings on."""
        records = [each for each in self._caplog.get_records("call") if each.name.startswith("plugit_wsgi")]
        return [record.getMessage() for record in records if record.levelno >= logging.WARNING]

    @property
    def faults(self) -> list[Fault]:
        """What observers were told."""
        return [event for event in self.events if isinstance(event, Fault)]

    def expect_told(self, times: int) -> None:
        """So many faults, and so many lines, each naming the service."""
        assert len(self.faults) == times, self.events
        assert len(self.lines) == times, self.lines
        for line in self.lines:
            assert "service=x" in line
            assert "\n" not in line


def soon(is_true: Callable[[], bool], seconds: float = 3.0) -> None:
    """Waits for what another thread does."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)


def open_descriptors() -> int:
    """Of this process."""
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Descriptors and threads are no more than they were, within 5 s after.

    What is left to the collector is collected: werkzeug's server leaves its selectors to it. A socket among
    it would fail the test as a ResourceWarning.
    """
    before = (open_descriptors(), threading.active_count())
    yield
    started = time.monotonic()
    while is_more(after := (open_descriptors(), threading.active_count()), before):
        assert time.monotonic() < started + 5, f"descriptors and threads: {before} before, {after} after"
        time.sleep(0.01)
        if time.monotonic() > started + 0.3:
            gc.collect()


def is_more(after: tuple[int, int], before: tuple[int, int]) -> bool:
    """Either of them."""
    return after[0] > before[0] or after[1] > before[1]


def limits(**changed: Any) -> Limits:
    """`QUICK`, with some of them changed."""
    return replace(QUICK, **changed)

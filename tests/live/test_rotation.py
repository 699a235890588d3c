"""The host's secret changes while visitors come and go: no request is refused, nobody loses a session.

Hosts and services are rolled: a process with new settings starts, both serve for a while, the old one leaves.
"""

from __future__ import annotations

import http.client
import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.programs import host_env
from tests.live.visitor import Answer, Visitor
from tests.support import planted
from tests.support.front import Front, run_front
from tests.support.servers import run_app

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

OLD, NEW = planted.OLDER, planted.SECRET
SIDE_BY_SIDE = 0.7
"""Seconds for which processes with old and with new settings serve at one time."""
DRAIN = 0.5
"""Seconds in which a process gets no new connection before it is ended."""
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
LAST = re.compile(r"last=\(([^)]*)\)")


def printed_keys(*secrets: str) -> str:
    """What ``plugit-wsgi key live --all`` prints for a host with these secrets."""
    variables = {f"SECRET_{number}": secret for number, secret in enumerate(secrets)}
    options = [option for name in variables for option in ("--secret-env", name)]
    command = [sys.executable, "-m", "plugit_wsgi.cli", "key", "live", "--all", *options]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


class Rolled:
    """A program behind a front, one process at a time but for a while. Used by one thread.

    Args:
        app: its file.
        front: in front of it.
        env: what is the same for all processes.
    """

    def __init__(self, app: str, front: Front, env: Mapping[str, str]) -> None:
        self._app = app
        self._front = front
        self._env = env
        self._now: tuple[str, ExitStack] | None = None

    def roll(self, **settings: str) -> None:
        """A process with new settings takes the place of the old one."""
        running = ExitStack()
        process = run_app("gunicorn", self._app, validate=False, env={**self._env, **settings})
        url = running.enter_context(process).url
        before, self._now = self._now, (url, running)
        if before is None:
            self._front.put([url])
            return
        self._front.put([before[0], url])
        time.sleep(SIDE_BY_SIDE)
        assert min(self._front.taken[before[0]], self._front.taken[url]) > 0
        self._front.put([url])
        # gunicorn answers what it began to read and drops what it only accepted, so a front drains first.
        time.sleep(DRAIN)
        before[1].close()

    def close(self) -> None:
        """Ends the process."""
        if self._now is not None:
            self._now[1].close()


class Guest(Visitor):
    """A visitor with a connection for each request, each sent once: what is lost is seen."""

    def begin(self, method: str, target: str, **options: Any) -> http.client.HTTPResponse:
        """See `Visitor.begin`, without its second try."""
        self.connection.close()
        return self._begin(method, target, options.get("headers", ()), options.get("body"))

    def post_form(self, token: str, text: str) -> Answer:
        """The form of the service, with a token."""
        body = f"csrfmiddlewaretoken={token}&text={text}".encode()
        return self.post("/s/live/form", headers=FORM, body=body)

    def last(self, nonce: str) -> str:
        """What the service keeps for this visitor; from now on it is this nonce."""
        answer = self.get(f"/s/live/session/{nonce}")
        assert answer.status == 200, answer.text
        found = LAST.search(answer.text)
        assert found is not None, answer.text
        return found[1]


class Crowd:
    """Logged-in visitors who never stop asking; keeps what went wrong.

    Args:
        url: of the host.
        people: ids of users.
    """

    def __init__(self, url: str, people: tuple[str, ...]) -> None:
        self.wrong: list[str] = []
        self.answered = 0
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come, args=[person]) for person in people]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _come(self, person: str) -> None:
        guest = Guest(self._url, person)
        token, last = "", ""
        with guest:
            for number in itertools.count():
                if self._stop.is_set():
                    return
                try:
                    token, last = self._look_around(guest, person, token, last, f"{person}{number}")
                except (OSError, http.client.HTTPException, AssertionError) as error:
                    self.wrong.append(f"{person} {number}: {error!r}"[:300])

    def _look_around(self, guest: Guest, person: str, token: str, last: str, nonce: str) -> tuple[str, str]:
        """A page, the form with the token of the round before, the session, and a call back to the host."""
        page = guest.get(f"/s/live/page/{nonce}")
        assert page.status == 200, page.text
        assert f"[live/page/{person}/{nonce}]" in page.text
        form = guest.get("/s/live/form")
        assert form.status == 200, form.text
        sent = guest.post_form(token or form.token, nonce)
        assert sent.status == 200, f"POST {sent.status} {sent.text}"
        assert f"text=({nonce})" in sent.text
        found = guest.last(nonce)
        assert found == last, f"the session was {last!r}, is {found!r}"
        back = guest.get(f"/s/live/back?api={self._url}/s/_api/live/")
        assert back.status == 200, back.text
        assert "/name-7]" in back.text, back.text
        self.answered += 5
        return form.token, f"live {nonce}"


@contextmanager
def site(tmp_path: Path) -> Iterator[tuple[str, Rolled, Rolled]]:
    """(URL, host, service), with the old secret."""
    with ExitStack() as ending:
        outside, inside = (ending.enter_context(run_front()) for _ in range(2))
        service = Rolled(
            "tests/live/service/wsgi.py", inside, {"LIVE_NAME": "live", "LIVE_FILES": str(tmp_path)}
        )
        ending.callback(service.close)
        host = Rolled("tests/live/host.py", outside, host_env({"live": inside.url}))
        ending.callback(host.close)
        service.roll(LIVE_KEY=printed_keys(OLD))
        host.roll(LIVE_SECRET=OLD)
        yield outside.url, host, service


def test_no_request_is_refused_while_the_secret_changes(tmp_path: Path) -> None:
    """The five steps of the manual, under load; who comes back after a while finds session and open form."""
    with site(tmp_path) as (url, host, service), Guest(url, "olga") as sleeper:
        open_form = sleeper.get("/s/live/form").token
        assert sleeper.last("evening") == ""
        with Crowd(url, ("anna", "max", "7")) as crowd:
            host.roll(LIVE_SECRET=f"{NEW}\n{OLD}")
            service.roll(LIVE_KEY=printed_keys(NEW, OLD))
            host.roll(LIVE_SECRET=f"{OLD}\n{NEW}")
            service.roll(LIVE_KEY=printed_keys(NEW))
            assert sleeper.last("morning") == "live evening"
            assert sleeper.post_form(open_form, "awake").status == 200
            late_form = sleeper.get("/s/live/form").token
            host.roll(LIVE_SECRET=NEW)
            time.sleep(SIDE_BY_SIDE)
        assert crowd.wrong == []
        assert crowd.answered > 100
        assert sleeper.last("noon") == "live morning"
        assert sleeper.post_form(late_form, "kept").status == 200
        assert sleeper.post_form(open_form, "too old").status == 403


def test_the_short_way_refuses_some(tmp_path: Path) -> None:
    """A host that signs with a secret whose keys its services do not have yet: the steps are needed."""
    with site(tmp_path) as (url, host, _service), Crowd(url, ("anna", "max")) as crowd:
        host.roll(LIVE_SECRET=f"{OLD}\n{NEW}")
        time.sleep(SIDE_BY_SIDE)
    assert any("401" in what or "page/" in what for what in crowd.wrong), crowd.wrong

"""32 visitors at the same time, 2 services, 4 people: nothing of one ever shows up with another.

Every answer carries marks that say which service and action it is of, for whom, and for which request.
"""

from __future__ import annotations

import json
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

from plugit_wsgi.testing.toxic import Pause, Received, Step, ToxicServer, ok
from tests.live.programs import NAMES, Host, host_env, run_host
from tests.live.visitor import Answer
from tests.support.servers import run_command

PEOPLE = ("", "anna", "max", "olga")
VISITORS = 32
#: What the hosts are told: so many that no place is ever missing.
THREADS = 128
_SERIAL = re.compile(r"serial=\((\w+)\)")
_MARK = re.compile(r"\[(\w+)/([^\]]*)\]")


class Guest:
    """One visitor, who checks every answer for what is not theirs. One per thread.

    Args:
        host: Where to.
        number: Of the visitor.
        start: Waited for before the first request.
    """

    def __init__(self, host: Host, number: int, start: threading.Barrier) -> None:
        self._person = PEOPLE[number % len(PEOPLE)]
        self._visitor = host.visitor(self._person)
        self._host = host
        self._number = number
        self._start = start
        self._random = random.Random(number)
        self._last = dict.fromkeys(NAMES, "")
        # What a service keeps for a visitor makes pages theirs alone: some have nothing, and share pages.
        self._has_session = number < VISITORS // 2
        self.done: Counter[str] = Counter()
        self.serials: list[str] = []

    def visit(self, rounds: int) -> None:
        """Does everything that a visitor can do, in an order of its own, and counts it."""
        with self._visitor:
            self._start.wait(20)
            for turn in range(rounds):
                steps = [self.page, self.mine, self.shared, self.go, self.text, self.post]
                steps += [self.session] if self._has_session else []
                self._random.shuffle(steps)
                for step in steps:
                    self._do(step, f"{self._number}-{turn}-{self._random.randrange(10**9)}")

    def _do(self, step: Callable[[str, str], None], nonce: str) -> None:
        step(self._random.choice(NAMES), nonce)
        self.done[step.__name__] += 1

    def page(self, name: str, nonce: str) -> None:
        """A page that nobody keeps."""
        self._check(self._get(f"/s/{name}/page/{nonce}"), name, f"page/{self._person}/{nonce}")

    def mine(self, name: str, nonce: str) -> None:
        """A page that is kept for each user apart."""
        few = f"n{self._random.randrange(5)}"
        answer = self._get(f"/s/{name}/mine/{few}")
        if self._person:
            self._check(answer, name, f"mine/{self._person}/{few}")
            self._note(answer)
        else:
            assert answer.status == 403
            assert marks(answer) == {("layout", "")}

    def shared(self, name: str, nonce: str) -> None:
        """A page whose data all share, but not what the template shows of the visitor."""
        few = f"n{self._random.randrange(5)}"
        answer = self._get(f"/s/{name}/shared/{few}")
        self._check(answer, name, f"shared//{few}")
        self._note(answer)

    def session(self, name: str, nonce: str) -> None:
        """What a service keeps for this visitor comes back to this service."""
        answer = self._get(f"/s/{name}/session/{nonce}")
        self._check(answer, name, f"session/{self._person}/{nonce}")
        assert f"last=({self._last[name]})" in answer.text
        self._last[name] = f"{name} {nonce}"

    def go(self, name: str, nonce: str) -> None:
        """A redirect."""
        answer = self._get(f"/s/{name}/go/{nonce}")
        expected = f"{self._host.below}/s/{name}/page/{nonce}?by=[{name}/go/{self._person}/{nonce}]"
        assert (answer.status, answer.header("Location")) == (302, expected)

    def text(self, name: str, nonce: str) -> None:
        """A file: a small one, or one that is streamed."""
        times = self._random.choice([1, 1, 1, 50_000])
        answer = self._get(f"/s/{name}/text/{nonce}?times={times}")
        assert answer.status == 200
        assert answer.text == f"[{name}/text/{self._person}/{nonce}]\n" * times

    def post(self, name: str, nonce: str) -> None:
        """A form, with the token of a page of this visitor; the token of another service is refused."""
        token = self._get(f"/s/{name}/page/{nonce}").token
        headers = [("Content-Type", "application/x-www-form-urlencoded")]
        body = f"csrfmiddlewaretoken={token}".encode()
        answer = self._visitor.post(f"/s/{name}/page/{nonce}", headers=headers, body=body)
        self._check(answer, name, f"page/{self._person}/{nonce}")
        other = NAMES[1 - NAMES.index(name)]
        assert self._visitor.post(f"/s/{other}/page/{nonce}", headers=headers, body=body).status == 403

    def _note(self, answer: Answer) -> None:
        if not self._has_session:
            self.serials += _SERIAL.findall(answer.text)

    def _get(self, target: str) -> Answer:
        return self._visitor.get(target)

    def _check(self, answer: Answer, name: str, about: str) -> None:
        expected = {(name, about), ("template", self._person), ("layout", self._person)}
        assert (answer.status, marks(answer)) == (200, expected), answer.text


def marks(answer: Answer) -> set[tuple[str, ...]]:
    """All the marks in an answer, in its headers too."""
    return set(_MARK.findall(f"{answer.headers}\n{answer.text}"))


def visit(host: Host, rounds: int) -> float:
    """32 guests at the same time; gives which part of the answers that may be kept came from the service.

    Raises:
        AssertionError: one of them saw what is not theirs.
    """
    start = threading.Barrier(VISITORS)
    guests = [Guest(host, number, start) for number in range(VISITORS)]
    with ThreadPoolExecutor(VISITORS) as threads:
        for each in [threads.submit(guest.visit, rounds) for guest in guests]:
            each.result()
    assert all(set(guest.done.values()) == {rounds} for guest in guests)
    serials = [serial for guest in guests for serial in guest.serials]
    return len(set(serials)) / len(serials)


@contextmanager
def run_preloaded(services: dict[str, str], workers: int) -> Iterator[Host]:
    """The host under `gunicorn --preload`, with 32 threads in all."""
    here = Path(__file__).parent
    settings = ["-c", f"{here}/gunicorn_preload.py", "--pythonpath", str(here)]
    command = [sys.executable, "-m", "gunicorn", *settings, "host:application"]
    env = {**host_env(services, THREADS), "LIVE_WORKERS": str(workers)}
    with run_command(command, ready="Serving ", forbidden="Traceback", env=env) as running:
        yield Host("gunicorn", "", running)


def test_nothing_of_one_visitor_shows_up_with_another(services: dict[str, str]) -> None:
    """Pages, kept pages, sessions, redirects, files and forms, all at once, in one process of 32 threads."""
    with run_preloaded(services, workers=1) as host:
        assert visit(host, rounds=10) < 0.5


def test_processes_that_were_forked_after_loading_share_nothing(services: dict[str, str]) -> None:
    """Two workers of `gunicorn --preload`, both of which answer: no connection and no lock is in both."""
    with run_preloaded(services, workers=2) as host:
        visit(host, rounds=3)
        pids = set()
        for _ in range(200):
            with host.visitor() as visitor:
                pids.add(visitor.get("/").text.split()[-1])
    assert len(pids) == 2


def test_one_thread_for_each_visitor(services: dict[str, str]) -> None:
    """Under a server that makes a thread for each connection."""
    with run_host("werkzeug", services, below="/site", threads=THREADS) as host:
        visit(host, rounds=3)


# Slow services -------------------------------------------------------------------------


class Slow:
    """A service that takes its time, now and then, and says early hints before. Thread-safe.

    Its answers go out in pieces; its connections stay open and are used again.
    """

    TEMPLATE = (
        '{% extends "plugIt/base.html" %}{% block content %}<p>{{ mark }}</p><p>last=({{ last }})</p>'
        "<p>serial=({{ serial }})</p>"
        "<p>[template/{{ ebuio_u.pk|default_if_none:'' }}]</p>{% csrf_token %}{% endblock %}"
    )
    RULES: ClassVar = {
        "mine": {"only_logged_user": True, "cache_time": 60, "user_info": ["pk"]},
        "shared": {"cache_by_user": False, "cache_time": 60},
    }
    HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"

    def __init__(self, name: str) -> None:
        self._name = name
        self._random = random.Random(name)

    def __call__(self, request: Received) -> list[Step]:
        """The script for a request."""
        target, _, query = request.target.decode().partition("?")
        _, call, kind, nonce = target.split("/")
        fields = parse_qs(f"{query}&{request.body.decode()}")
        last = dict(request.headers).get(b"x-plugitsession-last", b"").decode()
        whole = ok(*self._answer(call, kind, nonce, fields, last))
        cut = self._random.randrange(1, len(whole))
        steps: list[Step] = [whole[:cut], Pause(self._random.choice([0, 0, 0.01])), whole[cut:]]
        if self._random.random() < 0.3:
            hints: list[Step] = [self.HINTS] * self._random.randrange(1, 4)
            steps = [*hints, Pause(self._random.choice([0, 0.005, 0.03])), *steps]
        return steps

    def _answer(
        self, call: str, kind: str, nonce: str, fields: dict[str, list[str]], last: str
    ) -> tuple[bytes, ...]:
        """Body, and lines of the head."""
        if call == "meta":
            rules = self.RULES.get(kind, {"user_info": ["pk"]})
            meta = json.dumps({"template_tag": "slow", **rules})
            return meta.encode(), b"Expire: Thu, 01 Jan 1970 00:00:00 GMT"
        if call == "template":
            return (self.TEMPLATE.encode(),)
        user = fields.get("ebuio_u_pk", [""])[0]
        mark = f"[{self._name}/{kind}/{user}/{nonce}]"
        if kind == "go":
            return b"", f"EbuIo-PlugIt-Redirect: /page/{nonce}?by={mark}".encode()
        if kind == "text":
            body = f"{mark}\n" * int(fields["times"][0])
            return body.encode(), b"EbuIo-PlugIt-ItAFile: True", b"Content-Type: text/plain"
        serial = f"{self._random.randrange(10**9)}"
        body = json.dumps({"mark": mark, "last": last if kind == "session" else "", "serial": serial})
        if kind == "session":
            return body.encode(), f"EbuIo-PlugIt-SetSession-last: {self._name} {nonce}".encode()
        return (body.encode(),)


def test_slow_services_that_send_early_hints_mix_nothing_up() -> None:
    """An interim answer that is taken for the answer would shift all that follow on its connection by one."""
    with ExitStack() as running:
        slow = {name: running.enter_context(ToxicServer(Slow(name))) for name in NAMES}
        services = {name: server.url for name, server in slow.items()}
        host = running.enter_context(run_preloaded(services, workers=1))
        assert visit(host, rounds=6) < 0.6
    assert all(len(server.requests) > VISITORS * 6 for server in slow.values())

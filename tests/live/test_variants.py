"""Ten thousand visitors on four workers: each percentage within its bound, and nobody changes sides.

The workers are processes of their own that share nothing but the secret. Each lets in a quarter of the
visitors, without a cookie; then others answer them, by the cookie that this one gave.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.support import planted
from tests.support.servers import serve_in_thread

pytestmark = pytest.mark.slow
VISITORS, WORKERS = 10_000, 4
WORKER = """
import io, json, sys
from dataclasses import replace
from wsgiref.util import setup_testing_defaults
from plugit_wsgi import PlugItMiddleware, Service, User, Variant

secret, main, other = sys.argv[1:]
people = {str(number): User(str(number)) for number in range(1000)}
app = PlugItMiddleware(
    lambda environ, start_response: [],
    [Service("x", main, variants=(Variant("next", other),))],
    secret,
    identify=lambda request: people.get(request.headers.get("X-User", "")),
)

def visit(cookie="", user=""):
    environ = {"PATH_INFO": "/s/x/who", "HTTP_COOKIE": cookie, "HTTP_X_USER": user}
    setup_testing_defaults(environ)
    told = []
    body = app(environ, lambda status, headers, exc_info=None: told.append((status, headers)))
    text = b"".join(body).decode()
    status, headers = told[0]
    assert status == "200 OK", (status, text)
    cookies = [value.partition(";")[0] for name, value in headers if name == "Set-Cookie"]
    return json.loads(text)["who"], "; ".join(cookies)

for line in sys.stdin:
    asked = json.loads(line)
    (service,) = app.mounts
    app.mounts.replace(replace(service, variants=(replace(service.variants[0], percent=asked["percent"]),)))
    answers = [visit() for _ in range(asked.get("new", 0))]
    answers += [visit(cookie=cookie) for cookie in asked.get("cookies", ())]
    answers += [visit(user=user) for user in asked.get("users", ())]
    print(json.dumps(answers), flush=True)
app.close()
"""


class Worker:
    """A process with a middleware."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def send(self, **asked: Any) -> None:
        """Asks for visits; workers work at the same time."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def receive(self) -> list[tuple[str, str]]:
        """For each visit the deployment, and the cookie that came with it."""
        assert self._process.stdout
        return [(who, cookie) for who, cookie in json.loads(self._process.stdout.readline())]


@pytest.fixture(scope="module")
def workers() -> Iterator[list[Worker]]:
    """Four of them, with two deployments that say their names."""
    with ExitStack() as running:
        urls = []
        for name in ("main", "next"):
            service = FakeService()
            service.answer(
                "/meta/who", Reply(body={"json_only": True, "cache_time": 600, "template_tag": ""})
            )
            service.answer("/action/who", Reply(body={"who": name}))
            urls.append(running.enter_context(serve_in_thread(service)))
        command = [sys.executable, "-W", "ignore", "-c", WORKER, planted.SECRET, *urls]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        processes = [running.enter_context(subprocess.Popen(command, **pipes)) for _ in range(WORKERS)]
        yield [Worker(process) for process in processes]
        for process in processes:
            assert process.stdin
            process.stdin.close()
            assert process.wait(30) == 0


def ask(workers: list[Worker], each: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    """Asks each worker for what is its part, all at the same time; what each of them answered."""
    for worker, what in zip(workers, each, strict=True):
        worker.send(**what)
    return [worker.receive() for worker in workers]


def of_next(answers: Iterable[tuple[str, str]]) -> set[int]:
    """Which of the visitors get the variant; none of them is given another id."""
    found = list(answers)
    assert {cookie for _who, cookie in found} == {""}
    return {number for number, (name, _cookie) in enumerate(found) if name == "next"}


def asked_of_all(workers: list[Worker], **what: Any) -> set[int]:
    """The same, of all workers, who all say the same."""
    answers = ask(workers, [what] * WORKERS)
    assert all(found == answers[0] for found in answers)
    return of_next(answers[0])


def asked_of_another(workers: list[Worker], percent: float, cookies: list[str], turn: int) -> set[int]:
    """The same, with each quarter of the visitors at another worker than the one that let them in."""
    quarters = [cookies[number::WORKERS] for number in range(WORKERS)]
    parts = [
        {"percent": percent, "cookies": quarters[(number + turn) % WORKERS]} for number in range(WORKERS)
    ]
    answers = ask(workers, parts)
    found = {
        place * WORKERS + (number + turn) % WORKERS
        for number in range(WORKERS)
        for place in of_next(answers[number])
    }
    return found


def bound(percent: float, count: int) -> float:
    """4.5 standard deviations of the binomial distribution: a fair draw is outside once in 150 000 runs."""
    return 4.5 * math.sqrt(count * percent / 100 * (1 - percent / 100))


@pytest.mark.timeout(240)
def test_ten_thousand_visitors_on_four_workers(workers: list[Worker]) -> None:
    """5 percent, then 20 with the first 5 among them, then 5 again with the same ones."""
    let_in = ask(workers, [{"percent": 5, "new": VISITORS // WORKERS}] * WORKERS)
    visits = [answers[place] for place in range(VISITORS // WORKERS) for answers in let_in]
    cookies = [cookie for _who, cookie in visits]
    assert len(set(cookies)) == VISITORS
    at_first = {number for number, (name, _cookie) in enumerate(visits) if name == "next"}
    assert abs(len(at_first) - 0.05 * VISITORS) <= bound(5, VISITORS)
    assert asked_of_another(workers, 5, cookies, turn=1) == at_first
    more = asked_of_another(workers, 20, cookies, turn=2)
    assert asked_of_another(workers, 20, cookies, turn=3) == more
    assert abs(len(more) - 0.20 * VISITORS) <= bound(20, VISITORS)
    assert at_first < more
    assert asked_of_another(workers, 5, cookies, turn=2) == at_first


@pytest.mark.timeout(120)
def test_a_thousand_users_on_four_workers(workers: list[Worker]) -> None:
    """Without any cookie: the id of the user decides, on each worker."""
    users = [str(number) for number in range(1000)]
    few, many = (asked_of_all(workers, percent=percent, users=users) for percent in (5, 20))
    assert few < many
    assert abs(len(few) - 50) <= bound(5, 1000)
    assert abs(len(many) - 200) <= bound(20, 1000)

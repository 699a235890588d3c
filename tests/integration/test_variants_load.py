"""A roll-out under load: from nobody to everybody and back, in steps, while eight visitors at a time come.

Each answer says which deployment made it: in the template, in the data, on a kept page, in media. All have to
be of the one that the visitor's lot gives, under the percentage of that moment.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from plugit_wsgi import User, Variant, assembly
from plugit_wsgi.interfaces import Cache
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.variants.choice import LOTS, lot_of
from tests.integration.conftest import Host, MakeHost

Serve = Callable[[Any], str]
STEPS = (0, 1, 5, 20, 50, 100, 50, 20, 0, 100, 0)
PEOPLE = {str(number): User(str(number)) for number in range(200)}
PATHS = ("/s/x/cached/{}", "/s/x/page", "/s/x/media/app.js", "/s/x/json")
MARK = re.compile(r"<(main|next)>")


def deployment(name: str) -> FakeService:
    """Every part of every answer is marked; kept pages as well, whose keys are equal in both."""
    found = FakeService()

    def answer(_call: Call) -> Reply:
        return Reply(body={"mark": f"<{name}>"})

    for path in ("/page", *(f"/cached/{number}" for number in range(8))):
        template = (
            f"<{name}>{{{{ mark|safe }}}}[{{% csrf_token %}}]" if path == "/page" else "<%s>{{ mark|safe }}"
        )
        text = template if path == "/page" else template % name
        found.action(path, meta={} if path == "/page" else {"cache_time": 60}, template=text, answer=answer)
        # The same tag at both: builds that differ in a word have equal tags as often as not.
        found.answer(f"/meta{path}", Reply(body={**found._answers[f"/meta{path}"].body, "template_tag": "t"}))  # type: ignore[union-attr]
    found.action("/json", meta={"json_only": True}, answer=answer)
    found.answer("/media/app.js", Reply(body=f"<{name}>", content_type="text/javascript"))
    return found


class Load:
    """Visitors who come as long as it goes on."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.begun = 0
        self.ended = 0
        self.stop = threading.Event()
        self.wrong: list[str] = []
        self.answers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def step(self, number: int) -> None:
        """The next percentage: it may count from when it has begun, and does once it has ended."""
        (service,) = self.host.middleware.mounts
        self.begun = number
        variant = replace(service.variants[0], percent=STEPS[number])
        self.host.middleware.mounts.replace(replace(service, variants=(variant,)))
        self.ended = number

    def run(self, worker: int) -> None:
        """One visitor after the other, each with a browser of their own."""
        for number in itertools.count(worker):
            if self.stop.is_set():
                return
            user_id = str(number * 7 % len(PEOPLE))
            visitor = self.host.visitor(user_id)
            for path in PATHS:
                self._look(user_id, path.format(number % 8), visitor.get)
            self._post(user_id, visitor)

    def _post(self, user_id: str, visitor: Any) -> None:
        token = visitor.token("/s/x/page")
        headers = {"Origin": "http://localhost", "X-CSRFToken": token}
        self._look(user_id, "/s/x/page", lambda path: visitor.post(path, headers=headers, data={"a": "b"}))

    def _look(self, user_id: str, path: str, ask: Callable[[str], Any]) -> None:
        first = self.ended
        answer = ask(path)
        last = self.begun
        marks = MARK.findall(answer.text)
        lot = lot_of("x", user_id, "")
        may = {"next" if lot < STEPS[number] * LOTS // 100 else "main" for number in range(first, last + 1)}
        with self._lock:
            self.answers[",".join(sorted(set(marks)))] += 1
            if answer.status_code != 200 or len(set(marks)) != 1 or not set(marks) <= may:
                self.wrong.append(f"{answer.status_code} {path} of {user_id}: {marks}, expected {may}")


def rolled_out(make_host: MakeHost, serve: Serve, seconds: float) -> Load:
    """The whole roll-out, so many seconds at each step."""
    variant = Variant("next", serve(deployment("next")))
    host = make_host(
        url=serve(deployment("main")),
        of_service={"variants": (variant,)},
        identify=lambda request: PEOPLE.get(request.headers.get("X-Test-User", "")),
        threads=64,
    )
    load = Load(host)
    with ThreadPoolExecutor(8) as threads:
        workers = [threads.submit(load.run, worker) for worker in range(8)]
        try:
            for number in range(len(STEPS)):
                load.step(number)
                time.sleep(seconds)
        finally:
            load.stop.set()
        for worker in workers:
            worker.result(30)
    return load


@pytest.mark.slow
def test_from_nobody_to_everybody_and_back(make_host: MakeHost, serve: Serve) -> None:
    """Not one failed request, and no part of a page of one deployment served for the other."""
    load = rolled_out(make_host, serve, 0.5)
    assert load.wrong == []
    assert load.answers.keys() == {"main", "next"}
    assert min(load.answers.values()) > 100
    shared = load.host.middleware._clients[0].exchanges.places._room.__self__  # type: ignore[attr-defined]
    assert (shared._calls_taken, shared._streams_taken, shared._idle) == (0, 0, 1)


@pytest.mark.slow
def test_the_load_notices_a_cache_that_deployments_share(
    make_host: MakeHost, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the scope of the caches taken out, pages of one are served for the other, and that is seen."""

    def shared(cache: Cache, _scope: str) -> Cache:
        return cache

    monkeypatch.setattr(assembly, "ScopedCache", shared)
    assert rolled_out(make_host, serve, 0.1).wrong

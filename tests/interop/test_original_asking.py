"""A service of the original asks its host back inside its actions, unmodified, while many visitors wait."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.interop.processes import HERE, Process
from tests.support import planted
from tests.support.servers import run_app

VISITORS = 16
ROUNDS = 4
DEADLINE = 5.0  # of a page
PATIENCE = 20.0  # of all visitors together
KEY = api_keys(service_keys(load_secrets(planted.SECRET), "polls"))[0]  # its output is searched for it


@dataclass(frozen=True)
class Asked:
    """A host that is asked back. Immutable.

    Attributes:
        url: where it answers.
        mails: the file that mails are written to.
        service: the one that asks.
    """

    url: str
    mails: Path
    service: Process

    def page(self, person: str, path: str = "everything/") -> requests.Response:
        """A page of the service, for somebody."""
        cookies = {"person": person}
        return requests.get(f"{self.url}/s/polls/{path}", cookies=cookies, timeout=DEADLINE)

    def sent(self) -> list[Any]:
        """The mails so far."""
        return [json.loads(line) for line in self.mails.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module", params=["gunicorn", "waitress"])
def asked(
    request: pytest.FixtureRequest,
    start_original: Callable[..., Process],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Asked]:
    """The host with eight threads."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "mails").touch()
    service = start_original("original_asking", API_URL_FILE=str(folder / "url"))
    env = {"SERVICE_URL": service.url, "HOST_SECRET": planted.SECRET, "MAILS": str(folder / "mails")}
    with run_app(request.param, HERE / "asked_host.py", validate=False, env=env) as host:
        (folder / "url").write_text(f"{host.url}/s/_api/key/{KEY}/polls/")
        yield Asked(host.url, folder / "mails", service)


def expected(number: int) -> dict[str, Any]:
    """What the service is told about a person."""
    pk = str(number + 10)
    return {
        "user": [pk, pk, f"person{number}", [["1", number % 2 == 0]]],
        "groups": [f"group-{(number + 10) % 3}"],
        "labels": [f"label-{pk}"],
        "orgas": [["1", "EBU", "zzebu"], ["2", "RTS", "chrts"]],
        "orga": ["1", "EBU"],
        "foreign": None,
        "members": [f"person{each}" for each in range(VISITORS)],
        "all_groups": ["group-0", "group-1", "group-2"],
        "nobody": None,
        "sent": [200, {}],
        "forum": {"error": "no-on-ebuio"},
    }


def test_the_original_s_client_is_told_everything(asked: Asked) -> None:
    """By `get_user`, `get_orga`, `get_orgas` and all the others; its mail is delivered."""
    answer = asked.page("person3")
    assert answer.status_code == 200
    assert answer.json() == expected(3)
    assert asked.sent()[-1] == ["person3@example.org", "Größe", "Liebe Grüße", "ticket-13"]


def test_a_wrong_key_is_nobody_s(asked: Asked) -> None:
    """The original's client takes 403 for "nothing there"."""
    before = len(asked.sent())
    answer = asked.page("person3", "refused/")
    assert answer.json() == {"user": None, "orgas": None, "labels": [], "sent": 403}
    assert len(asked.sent()) == before


@pytest.mark.slow
def test_sixteen_visitors_on_eight_threads(asked: Asked) -> None:
    """Each page asks the host twelve times while it waits. Nobody waits in vain, and nothing is mixed up."""
    asked.service.forget()
    before, started = len(asked.sent()), time.monotonic()
    with ThreadPoolExecutor(VISITORS + 1) as visitors:
        rounds = [visitors.submit(visit, asked, number, started) for number in range(VISITORS)]
        while not all(each.done() for each in rounds):
            # The host's own pages are there all the time.
            assert requests.get(asked.url, timeout=DEADLINE).text == "the host"
            time.sleep(0.1)
        slowest = max(each.result() for each in rounds)
    assert slowest < DEADLINE
    mails = Counter(recipient for recipient, *_ in asked.sent()[before:])
    assert mails == {f"person{number}@example.org": ROUNDS for number in range(VISITORS)}
    assert len(asked.service.calls("/action/everything/")) == VISITORS * ROUNDS


def visit(asked: Asked, number: int, started: float) -> float:
    """Some pages, each tried again while the service is busy; how long the slowest try took."""
    slowest, got = 0.0, 0
    while got < ROUNDS:
        assert time.monotonic() - started < PATIENCE, f"person{number} waits in vain"
        began = time.monotonic()
        answer = asked.page(f"person{number}")
        slowest = max(slowest, time.monotonic() - began)
        if answer.status_code == 200:
            assert answer.json() == expected(number)
            got += 1
        else:
            assert answer.status_code == 503
            time.sleep(0.05)
    return slowest

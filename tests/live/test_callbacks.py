"""Services that call the host's API back while a page waits for them: all places taken, and no deadlock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.programs import NAMES, Host, run_host

#: wsgiref serves one request at a time: a page that calls back waits for itself, there and anywhere.
SERVERS = ("werkzeug", "gunicorn", "waitress", "cheroot")
VISITORS = 24
ROUNDS = 4
PLACES = 6  # of all services together, for a host of eight threads
DEADLINE = 5.0  # of a page


@pytest.fixture(scope="module", params=SERVERS)
def host(request: pytest.FixtureRequest, services: dict[str, str]) -> Iterator[Host]:
    """A host under each server."""
    with run_host(request.param, services) as found:
        yield found


def visit(host: Host, name: str) -> tuple[int, float]:
    """Asks for a page of a service that asks the host back; gives the status, and how long it took."""
    started = time.monotonic()
    with host.visitor("anna") as visitor:
        answer = visitor.get(f"/s/{name}/back?api={host.url}/s/_api/{name}/")
    if answer.status == 200:
        assert f"[{name}/back/anna/name-7]" in answer.text
    return answer.status, time.monotonic() - started


def test_services_that_call_back_while_all_places_are_taken(host: Host) -> None:
    """24 visitors at two services: who gets a place gets the page, the others 503; nobody waits in vain.

    The host's own pages need no place, and are there all the time.
    """
    seen: Counter[int] = Counter()
    names = [NAMES[number % 2] for number in range(VISITORS)]
    with ThreadPoolExecutor(VISITORS + 1) as visitors:
        for _ in range(ROUNDS):
            pages = [visitors.submit(visit, host, name) for name in names]
            with host.visitor() as visitor:
                assert visitor.get("/").status == 200
            for page in pages:
                status, seconds = page.result()
                seen[status] += 1
                assert seconds < DEADLINE
    assert set(seen) == {200, 503}  # some were too many: all places were taken
    assert seen[200] >= ROUNDS * PLACES

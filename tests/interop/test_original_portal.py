"""A service of the original that asks its host for everything, unmodified behind the example portal."""

from __future__ import annotations

import html
import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.hosts.site import ADA, LISA, MAX, PASSWORD, SECRET, Run, Site, Visitor
from tests.interop.processes import Process
from tests.support.servers import ROOT, run_command

VISITORS = 16
ROUNDS = 4
DEADLINE = 5.0  # of a page
PATIENCE = 20.0  # of a visitor, with a busy site
BOTH = [["Radio One", "radioone"], ["Radio Two", "radiotwo"]]
COMMON = {
    "groups": [],
    "orgas": BOTH,
    "orga": "Radio One",
    "members": ["max", "ada"],
    "nobody": None,
}
TOLD: dict[str, dict[str, Any]] = {
    LISA: {"user": ["lisa", "Lisa", "lisa@example.org"], "of": [], "labels": []},
    MAX: {
        "user": ["max", "Max", "max@example.org"],
        "of": [["Radio One", False], ["Radio Two", False]],
        "labels": ["gold", "archive"],
    },
    ADA: {
        "user": ["ada", "Ada", "ada@example.org"],
        "of": [["Radio One", True]],
        "labels": ["gold", "archive"],
    },
}


@pytest.fixture(scope="module")
def site(start_original: Callable[..., Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The portal as its README runs it: waitress with eight threads, a key in the API_URL of the service."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (key,) = api_keys(service_keys(load_secrets(SECRET), "common"))
    service = start_original("original_portal", API_URL=f"http://127.0.0.1:{port}/s/_api/key/{key}/common/")
    env = {
        "PORT": str(port),
        "PLUGIT_SERVICES": f"common={service.url};apikey",
        "PLUGIT_SECRET_KEY": SECRET,
        "SITE_DATABASE": str(tmp_path_factory.mktemp("portal") / "site.sqlite3"),
        "SITE_PASSWORD": PASSWORD,
        "DJANGO_SETTINGS_MODULE": "tests.hosts.quick_portal",
        "PYTHONPATH": str(ROOT),
    }
    with run_command([sys.executable, "examples/django/app.py"], ready="Serving ", env=env) as running:
        _wait(running.url)
        yield Site(Run("django", "waitress"), running)
        assert "Traceback" not in running.output()
        assert key not in running.output()


def _wait(url: str) -> None:
    with requests.Session() as session:  # the line is printed before the server listens
        retries = requests.adapters.Retry(connect=20, backoff_factor=0.05, backoff_max=0.2)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        session.get(url, timeout=10)


def told(page: requests.Response) -> Any:
    """What the service says it was told."""
    found = re.search(r'<pre id="told">(.*?)</pre>', page.text, re.DOTALL)
    assert found, page.text
    return json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("person", TOLD)
def test_the_service_is_told_everything(site: Site, person: str) -> None:
    """By the original's own client; about whoever visits."""
    page = site.visitor(person).get("/s/common/everything/")
    assert page.status_code == 200
    assert told(page) == {**COMMON, **TOLD[person], "asked": TOLD[person]["user"][0]}


@pytest.mark.slow
def test_sixteen_visitors_on_eight_threads(site: Site) -> None:
    """A page asks the host six times while it waits. Who finds no place comes again; all get theirs."""
    people = [LISA, MAX, ADA] * 6
    visitors = [(site.visitor(person), TOLD[person]["user"][0]) for person in people[:VISITORS]]
    with ThreadPoolExecutor(VISITORS) as threads:
        found = [*threads.map(lambda each: [_visit(*each) for _ in range(ROUNDS)], visitors)]
    assert max(seconds for each in found for seconds in each) < DEADLINE
    assert site.visitor().get("/").status_code == 200


def _visit(visitor: Visitor, name: str) -> float:
    """How long the slowest try took until there was the page, with what is this visitor's."""
    slowest, end = 0.0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        started = time.monotonic()
        page = visitor.get("/s/common/everything/")
        slowest = max(slowest, time.monotonic() - started)
        if page.status_code == 200:
            assert told(page)["asked"] == told(page)["user"][0] == name
            return slowest
        assert page.status_code == 503
        time.sleep(0.1)
    raise AssertionError(f"{name} waits in vain")

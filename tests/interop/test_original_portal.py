"""A service of the original that asks its host for everything, unmodified behind the example portal."""

from __future__ import annotations

import email
import email.policy
import html
import json
import queue
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import Any

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.hosts.site import ADA, LISA, MAX, PASSWORD, SECRET, Run, Site, Visitor
from tests.interop.processes import Process
from tests.support.servers import ROOT, run_command

VISITORS = 16
PATHS = ("/s/common/everything/", "/s/common/everything/?mail=1")
DEADLINE = 5.0  # of a page
PATIENCE = 50.0  # of a visitor, with a busy site
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


class Mailbox:
    """What a mail server was given. Filled by its thread."""

    def __init__(self) -> None:
        self.arrived: queue.Queue[tuple[list[str], EmailMessage]] = queue.Queue()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        message = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.arrived.put((envelope.rcpt_tos, message))
        return "250 OK"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A real mail server, and its URL."""
    mailbox, port = Mailbox(), _free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    yield mailbox, f"smtp://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(scope="module")
def site(
    start_original: Callable[..., Process],
    mailbox: tuple[Mailbox, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """The portal as its README runs it: waitress with eight threads, a key in the API_URL of the service."""
    port = _free_port()
    (key,) = api_keys(service_keys(load_secrets(SECRET), "common"))
    service = start_original("original_portal", API_URL=f"http://127.0.0.1:{port}/s/_api/key/{key}/common/")
    env = {
        "PORT": str(port),
        "PLUGIT_SERVICES": f"common={service.url};apikey",
        "PLUGIT_SECRET_KEY": SECRET,
        "SITE_DATABASE": str(tmp_path_factory.mktemp("portal") / "site.sqlite3"),
        "SITE_PASSWORD": PASSWORD,
        "PLUGIT_MAIL_URL": mailbox[1],
        "DJANGO_SETTINGS_MODULE": "tests.hosts.quick_portal",
        "PYTHONPATH": str(ROOT),
    }
    with run_command([sys.executable, "examples/django/app.py"], ready="Serving ", env=env) as running:
        _wait(running.url)
        yield Site(Run("django", "waitress"), running)
        assert "Traceback" not in running.output()
        assert key not in running.output()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


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


def test_the_service_sends_mail(site: Site, mailbox: tuple[Mailbox, str]) -> None:
    """To whoever visits, in a real mailbox, with an address that an answer finds the service by."""
    assert told(site.visitor(LISA).get("/s/common/everything/?mail=1"))["sent"] == {}
    recipients, message = mailbox[0].arrived.get(timeout=10)
    assert recipients == ["lisa@example.org"]
    assert message["Subject"] == "Größe"
    assert message["From"] == "common via Django Radio <radio@localhost>"
    assert re.fullmatch(r"(.* <)?radio\+[a-z2-7]{32}@localhost>?", message["Reply-To"])
    assert "Liebe Grüße" in message.get_content()


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_sixteen_visitors_on_eight_threads(site: Site, mailbox: tuple[Mailbox, str]) -> None:
    """A page asks the host eight times while it waits. Who finds no place comes again; all get theirs.

    Each mail arrives once.
    """
    people = [LISA, MAX, ADA] * 6
    visitors = [(site.visitor(person), TOLD[person]["user"][0]) for person in people[:VISITORS]]
    with ThreadPoolExecutor(VISITORS) as threads:
        found = [*threads.map(lambda each: [_visit(*each, path) for path in PATHS], visitors)]
    assert max(seconds for each in found for seconds in each) < DEADLINE
    got = Counter(mailbox[0].arrived.get(timeout=10)[0][0] for _ in range(VISITORS))
    assert got == Counter(f"{name}@example.org" for _, name in visitors)
    assert mailbox[0].arrived.empty()
    assert site.visitor().get("/").status_code == 200


def _visit(visitor: Visitor, name: str, path: str) -> float:
    """How long the slowest try took until there was the page, with what is this visitor's."""
    slowest, end = 0.0, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        started = time.monotonic()
        page = visitor.get(path)
        slowest = max(slowest, time.monotonic() - started)
        if page.status_code == 200:
            assert told(page)["asked"] == told(page)["user"][0] == name
            return slowest
        assert page.status_code == 503
        time.sleep(0.1)
    raise AssertionError(f"{name} waits in vain")

"""Services come and go by the TOML file, in four processes under a stream of requests."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from plugit_wsgi.testing.fake_service import FakeService
from tests.support import planted
from tests.support.servers import run_command

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

WORKERS = 4
VISITORS = 6
AGREED = 2.0
"""Seconds after a change in which all workers have it."""
HOST = """
import logging, os
from plugit_wsgi import PlugItMiddleware

logging.basicConfig(level=logging.INFO)


def host(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"host %d" % os.getpid()]


application = PlugItMiddleware.from_file(
    host, os.environ["HOST_FILE"], layout=lambda page, request: f"{page.service} {os.getpid()} {page.content}"
)
"""
SAID = re.compile(r"(\w+) (\d+)")


class Stream:
    """Visitors who never stop asking for a path of each kind; keeps what came, and what went wrong."""

    def __init__(self, url: str) -> None:
        self.wrong: list[str] = []
        self._url = url
        self._lock = threading.Lock()
        self._notes: list[tuple[float, str, int]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._come) for _ in range(VISITORS)]

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def notes(self, since: float) -> Iterator[tuple[str, int]]:
        """(who answered, process) for the path of the service that comes and goes, asked after a moment."""
        with self._lock:
            return iter([(who, pid) for asked, who, pid in self._notes if asked >= since])

    def agreed(self) -> tuple[set[str], set[int]]:
        """Who answers `AGREED` seconds from now, in which processes."""
        time.sleep(AGREED)
        since = time.monotonic()
        time.sleep(0.7)
        found = list(self.notes(since))
        return {who for who, _ in found}, {pid for _, pid in found}

    def _come(self) -> None:
        while not self._stop.is_set():
            asked = time.monotonic()
            for path in ("/s/polls/page", "/s/notes/page"):
                try:
                    with urlopen(self._url + path, timeout=10) as answer:
                        who, pid = SAID.match(answer.read().decode()).groups()  # type: ignore[union-attr]
                except Exception as error:
                    self.wrong.append(f"{path}: {error!r}")
                    continue
                if path == "/s/polls/page" and who != "polls":
                    self.wrong.append(f"{path}: {who}")
                if path == "/s/notes/page":
                    with self._lock:
                        self._notes.append((asked, who, int(pid)))


def put(path: Path, text: str) -> None:
    """As editors do."""
    other = path.with_suffix(".new")
    other.write_text(text)
    other.replace(path)


@contextmanager
def run_host(tmp_path: Path, file: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """URL, and what it has printed."""
    (tmp_path / "mounts_host.py").write_text(HOST)
    settings = ["-c", str(Path(__file__).with_name("gunicorn_preload.py")), "--pythonpath", str(tmp_path)]
    command = [sys.executable, "-m", "gunicorn", *settings, "mounts_host:application"]
    env = {"HOST_FILE": str(file), "LIVE_WORKERS": str(WORKERS)}
    with run_command(command, ready="Serving ", forbidden="Traceback", env=env) as running:
        yield running.url, running.output


def test_four_workers_follow_the_file_and_lose_no_request(
    serve: Callable[[WSGIApplication], str], tmp_path: Path
) -> None:
    """Add, change, break, remove: every request has its answer, and within two seconds all workers agree."""
    service = FakeService()
    service.action("/page", template="the page")
    url = serve(service)
    top = f'secret_key = "{planted.SECRET}"\nthreads = 32\n'
    polls, notes = (f'[[services]]\nname = "{name}"\nurl = "{url}"\n' for name in ("polls", "notes"))
    file = tmp_path / "plugit.toml"
    file.write_text(top + polls)
    with run_host(tmp_path, file) as (host, output), Stream(host) as stream:
        time.sleep(0.3)
        assert {who for who, _ in stream.notes(0)} == {"host"}
        put(file, top + polls + notes)
        who, processes = stream.agreed()
        assert who == {"notes"}
        assert len(processes) == WORKERS
        put(file, top + polls + "media_login = true\n" + notes)
        with file.open("w") as half:  # in place: for a moment nothing is there, then one service
            time.sleep(0.3)
            half.write(top + polls)
            half.flush()
            time.sleep(0.3)
            half.write(notes)
        assert stream.agreed()[0] == {"notes"}
        put(file, top + polls + notes.replace("url", "ulr"))
        assert stream.agreed()[0] == {"notes"}
        changed = time.monotonic()
        put(file, top + polls)
        who, processes = stream.agreed()
        assert who == {"host"}
        assert len(processes) == WORKERS
        assert {who for who, _ in stream.notes(changed)} == {"notes", "host"}
        assert stream.wrong == []
        lines = output().splitlines()
    assert sum("added=notes" in line for line in lines) == WORKERS
    assert sum("removed=notes" in line for line in lines) == WORKERS
    assert sum("did you mean 'url'" in line for line in lines) == WORKERS

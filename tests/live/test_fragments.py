"""A page of the host with pieces of four services, in two processes of a server that forks."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from tests.support.four_pieces import SECONDS, SHOWN, four_services
from tests.support.servers import ROOT, run_command

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WORKERS = 2
VISITORS = 6
HOST = """
import json, os
from tests.support.four_pieces import make_host

host = make_host(json.loads(os.environ["HOST_SERVICES"]), threads=16)


def application(environ, start_response):
    def started(status, headers, *error):
        return start_response(status, [*headers, ("X-Process", str(os.getpid()))], *error)

    return host(environ, started)
"""


def test_two_workers_show_the_right_four_things(
    serve: Callable[[WSGIApplication], str], tmp_path: Path
) -> None:
    """Each page, in each process, within the deadline, from the first one on."""
    (tmp_path / "fragments_host.py").write_text(HOST)
    settings = ["-c", str(Path(__file__).with_name("gunicorn_preload.py")), "--pythonpath", str(tmp_path)]
    command = [sys.executable, "-m", "gunicorn", *settings, "fragments_host:application"]

    def visit(url: str) -> tuple[str, float]:
        started = time.monotonic()
        with urlopen(url, timeout=10) as answer:
            process, page = answer.headers["X-Process"], answer.read().decode()
        took = time.monotonic() - started
        (text,) = re.findall("<main>(.*)</main>", page, re.DOTALL)
        assert " ".join(re.sub("<[^>]*>", "", text).split()) == SHOWN
        return process, took

    with four_services(serve) as urls:
        services = repr(urls).replace("'", '"')
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        env = {"HOST_SERVICES": services, "LIVE_WORKERS": str(WORKERS), "PYTHONPATH": path}
        with (
            run_command(command, ready="Serving ", forbidden="Traceback", env=env) as running,
            ThreadPoolExecutor(VISITORS) as visitors,
        ):
            seen = [*visitors.map(visit, [running.url] * VISITORS * 4)]
    assert len({process for process, _took in seen}) == WORKERS
    assert max(took for _process, took in seen) < SECONDS + 0.7

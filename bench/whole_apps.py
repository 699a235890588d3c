"""The WSGI apps that `python -m bench.whole` runs under servers, each made when it is asked for by name.

Names are those of bench/contestants.py and of this file. BENCH_SERVICE is the base URL of the service behind
them; BENCH_BYTES the file whose bytes the static app answers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contestants import CONTESTANTS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE = os.environ.get("BENCH_SERVICE", "http://127.0.0.1:9")
#: Contestants that hold one connection, which threads can not share.
ONE_CONNECTION = ("http_client", "pycurl_handle", "diazo_http_client")


class PerThread:
    """An app of each thread."""

    def __init__(self, make: Callable[[], WSGIApplication]) -> None:
        self._make = make
        self._kept = threading.local()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hands on to the app of this thread."""
        try:
            app = self._kept.app
        except AttributeError:
            app = self._kept.app = self._make()
        answer: Iterable[bytes] = app(environ, start_response)
        return answer


def static() -> WSGIApplication:
    """The same bytes for every request."""
    body = Path(os.environ["BENCH_BYTES"]).read_bytes()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]

    def app(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [body]

    return app


def __getattr__(name: str) -> WSGIApplication:
    if name == "static_bytes":
        return static()
    if name not in CONTESTANTS:
        raise AttributeError(name)
    if name in ONE_CONNECTION:
        return PerThread(lambda: CONTESTANTS[name](SERVICE))
    return CONTESTANTS[name](SERVICE)

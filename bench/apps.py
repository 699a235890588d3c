"""The WSGI apps that `make bench` compares; BENCH_SERVICE is the base URL of the service behind them."""

from __future__ import annotations

import http.client
import os
import threading
from typing import TYPE_CHECKING

from plugit_wsgi import PlugItMiddleware, Service

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE = os.environ.get("BENCH_SERVICE", "http://127.0.0.1:9")
KEPT = threading.local()


def bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """A host that does next to nothing."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def proxy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The naive way: hand the request on over a kept-alive connection, and hand back what comes."""
    if not hasattr(KEPT, "connection"):
        KEPT.connection = http.client.HTTPConnection(SERVICE.removeprefix("http://"))
    KEPT.connection.request("GET", environ["PATH_INFO"])
    answer = KEPT.connection.getresponse()
    body = answer.read()
    start_response(
        f"{answer.status} {answer.reason}",
        [("Content-Type", answer.headers["Content-Type"]), ("Content-Length", str(len(body)))],
    )
    return [body]


def wrap(app: WSGIApplication) -> WSGIApplication:
    """An app with one service mounted at /s/bench/, everything else by default."""
    wrapped: WSGIApplication = PlugItMiddleware(
        app, services=[Service("bench", SERVICE)], secret_key="a secret of the bench, known to all of us"
    )
    return wrapped


application = wrap(bare)

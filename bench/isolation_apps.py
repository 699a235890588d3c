"""The hosts of `make bench-isolation`: ours, and the naive way. BENCH_BAD and BENCH_GOOD are services."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import requests

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.testing.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

URLS = {name: os.environ.get(f"BENCH_{name.upper()}", "http://127.0.0.1:9") for name in ("bad", "good")}
SECRET = "a secret of the bench, known to all of us"
PAGE = b"<!doctype html><title>Host</title><p>a page of the host itself</p>"
HTML = ("Content-Type", "text/html; charset=utf-8")


def host(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The host's own page."""
    start_response("200 OK", [HTML, ("Content-Length", str(len(PAGE)))])
    return [PAGE]


def proxy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What one writes in a quarter of an hour: fetch it, put it into the page."""
    _, _, path = environ["PATH_INFO"].partition("/s/")
    name, _, action = path.partition("/")
    if name not in URLS:
        return host(environ, start_response)
    found = requests.get(f"{URLS[name]}/action/{action}")
    page = f"<!doctype html><title>Host</title><main>{found.text}</main>".encode()
    start_response(f"{found.status_code} {found.reason}", [HTML, ("Content-Length", str(len(page)))])
    return [page]


PREFIXES = {"bad": "/s/bad/", "good": "/s/good/"}
ours = Watched(
    PlugItMiddleware(
        host,
        services=[Service(name, url) for name, url in URLS.items() if url[0] != "{"],
        secret_key=SECRET,
        threads=8,
    ),
    PREFIXES,
)
naive = Watched(proxy, PREFIXES)


def several(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Ours with several broken services: BENCH_BAD is a JSON object of their names and URLs."""
    return _several(environ, start_response)


_several = PlugItMiddleware(
    host,
    services=[
        Service(name, url)
        for name, url in (
            {**json.loads(URLS["bad"]), "good": URLS["good"]} if URLS["bad"][0] == "{" else {}
        ).items()
    ],
    secret_key=SECRET,
    threads=8,
)

"""A page of a host with pieces of four services: one hangs, one is denied, one is broken, one is fine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import webob

from plugit_wsgi import FragmentMarks, Limits, PlugItMiddleware, Service, User
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.support import planted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

NAMES = ("hanging", "denied", "broken", "fine")
SECONDS = 1.0
"""What the host gives a page."""
TEMPLATE = """{% extends 'plugIt/base-withBlocks.html' %}
{% block css %}<style>.piece { color: rgb(1, 2, 3) }</style>{% endblock %}
{% block content %}<b class="piece">fine for {{ ebuio_u.username }}</b>{% endblock %}"""
SHOWN = "no hanging | no denied | no broken | fine for anna"
"""The text of the page for anna."""


@contextmanager
def four_services(serve: Callable[[WSGIApplication], str]) -> Iterator[dict[str, str]]:
    """Runs them; gives name and URL. What hangs does so until the end, 20 s at most."""
    over = threading.Event()

    def hang(_call: Call) -> Reply:
        over.wait(20)
        return Reply()

    made = {name: FakeService() for name in NAMES}
    made["hanging"].action("/a", template=TEMPLATE, answer=hang)
    made["denied"].action("/a", template=TEMPLATE, meta={"only_admin_user": True})
    made["broken"].action("/a", template=TEMPLATE, answer=Reply(body="{no json"))
    made["fine"].action("/a", template=TEMPLATE)
    try:
        yield {name: serve(each) for name, each in made.items()}
    finally:
        over.set()


def make_host(urls: Mapping[str, str], *, threads: int = 8) -> PlugItMiddleware:
    """The host, where everybody is anna."""
    plugit_fragment = FragmentMarks(planted.SECRET)

    def page(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        marks = " | ".join(plugit_fragment(f"/s/{name}/a", f"no {name}") for name in NAMES)
        head = '<head><title>host</title><link rel="icon" href="data:,"></head>'
        return [f"<!DOCTYPE html><html>{head}<body><main>{marks}</main></body></html>".encode()]

    def identify(_request: webob.Request) -> User:
        return User("1", "anna")

    return PlugItMiddleware(
        page,
        services=[Service(name, url) for name, url in urls.items()],
        secret_key=planted.SECRET,
        identify=identify,
        fragments=True,
        threads=threads,
        limits=Limits(page=SECONDS),
    )

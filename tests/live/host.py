"""The host of these tests, for every server: `application`.

LIVE_SERVICES is "live=http://127.0.0.1:1 ..."; one of the name "pages" is in pages mode. LIVE_SECRET has a
secret a line; LIVE_THREADS and LIVE_HOPS are what the middleware is told. Whoever has the cookie `person` is
that person.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.validate import validator

import webob
from markupsafe import escape

from plugit_wsgi import Page, PlugItMiddleware, Service, User
from plugit_wsgi.directory import StaticDirectory

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PEOPLE = {name: User(name, f"name-{name}") for name in ("anna", "max", "olga", "7")}


def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The host's own pages: says where it is, and in which process."""
    text = f"host {environ['REQUEST_METHOD']} {environ['SCRIPT_NAME']}|{environ['PATH_INFO']} {os.getpid()}\n"
    body = text.encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def judged(app: WSGIApplication) -> WSGIApplication:
    """Inside wsgiref.validate; werkzeug gives the port as a number, which is not the application's fault."""
    validated = validator(app)

    def corrected(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        port = {key: str(value) for key, value in environ.items() if key == "REMOTE_PORT"}
        return validated({**environ, **port}, start_response)

    return corrected


def identify(request: webob.Request) -> User | None:
    """The cookie tells."""
    return PEOPLE.get(request.cookies.get("person", ""))


def layout(page: Page, request: webob.Request) -> str:
    """A page that says for whom it is."""
    user = "" if page.user is None else page.user.id
    return (
        f"<html><head><title>{escape(page.title)}</title>{page.head}</head>"
        f"<body><p>[layout/{escape(user)}]</p><nav>{page.menu}</nav><main>{page.content}</main></body></html>"
    )


application = PlugItMiddleware(
    judged(site),
    services=[
        Service(name, url, mode="pages" if name == "pages" else "actions")
        for name, _, url in (item.partition("=") for item in os.environ["LIVE_SERVICES"].split())
    ],
    secret_key=os.environ["LIVE_SECRET"].splitlines(),
    identify=identify,
    layout=layout,
    directory=StaticDirectory(PEOPLE.values()),
    threads=int(os.environ["LIVE_THREADS"]),
    trusted_hops=int(os.environ.get("LIVE_HOPS", "0")),
)

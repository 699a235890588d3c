"""Makes visits: one request of somebody for a page of a service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import webob

from plugit_wsgi.config import Service
from plugit_wsgi.http import Origin
from plugit_wsgi.interfaces import Directory, SessionStore
from plugit_wsgi.people import User
from plugit_wsgi.session import CookieSessions, VisitorIds
from plugit_wsgi.visits import Visit, VisitOpener
from plugit_wsgi.wire.keys import load_secrets

SECRETS = load_secrets("a secret of the tests, long enough.")
SESSIONS = CookieSessions(SECRETS.derived("session"))
IDS = VisitorIds(SECRETS.derived("visitor"))
POLLS = Service("x", "http://127.0.0.1:5000/base", redirect_hosts=("friend.example",))
PAGES = replace(POLLS, mode="pages")
ORGANIZATIONS = replace(POLLS, organizations=True)
ANNA = User("7", "anna", "Anna", "Ä", "anna@example.org", member=True, extra={"phone": "123"})


def visit(
    environ: dict[str, Any] | None = None,
    *,
    service: Service = POLLS,
    user: Any = None,
    directory: Directory | None = None,
    sessions: SessionStore = SESSIONS,
    secure: bool = False,
    script_name: str = "",
    trusted_hops: int = 0,
    action: str = "/a",
) -> Visit:
    """A visit; GET by default, of nobody."""
    request = webob.Request({"REQUEST_METHOD": "GET", "PATH_INFO": f"/s/x{action}", **(environ or {})})
    opener = VisitOpener(
        identify=lambda _request: user,
        directory=directory,
        sessions=sessions,
        visitor_ids=IDS,
        trusted_hops=trusted_hops,
    )
    origin = Origin(scheme="https" if secure else "http", host="host.example", address="192.0.2.1")
    return opener.open(
        request,
        service,
        origin=origin,
        script_name=script_name,
        mount="/s/x",
        prefix="/s",
        action=action,
    )

"""Errors -> answers: what a visitor is told, and what the log is told.

1. A visitor gets a status, plain words and the name of a rule; never a message of an error.
2. Whoever is not logged in and would have to be is sent to the host's login, if it has one.
3. A layout that fails does not hide the page: the bundled one takes its place.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import webob

from .errors import (
    LoginRequired,
    PlugItError,
    RequestRejected,
    ServiceError,
    ServiceRefused,
    TemplateError,
)
from .events import Fault, Refused
from .framing import LAYOUT_HEADERS, login_target
from .http import HTML, NO_STORE, NOSNIFF, Answer
from .interfaces import Layout, Observe
from .layout import apply_layout
from .layout.errors import error_fragment
from .page import Page
from .visits import Visit

_log = logging.getLogger("plugit_wsgi")


class Refusals:
    """Answers for errors. Thread-safe.

    Args:
        layout: the host's.
        bundled: takes its place when it fails.
        login_url: the host's; None if it has none.
        observe: is told.
    """

    def __init__(
        self, *, layout: Layout, bundled: Layout, login_url: str | None, observe: Observe
    ) -> None:
        self._layout = layout
        self._bundled = bundled
        self._login_url = login_url
        self._observe = observe

    def answer(self, error: PlugItError, request: webob.Request, visit: Visit | None, prefix: str) -> Answer:
        """What the visitor gets for an error.

        Args:
            error: what happened.
            request: of the visitor.
            visit: None if the visitor is not known.
            prefix: URL path of the middleware's own pages.
        """
        self._tell(error, visit)
        if isinstance(error, LoginRequired) and wants_html(request):
            target = login_target(self._login_url, request)
            if target is not None:
                return Answer(status=302, headers=(("Location", target), NO_STORE))
        reason = error.reason if isinstance(error, RequestRejected) else ""
        retry_after = getattr(error, "retry_after", None)
        headers = list(error.headers) if isinstance(error, ServiceRefused) else []
        if retry_after is not None:
            headers.append(("Retry-After", str(max(1, round(retry_after)))))
        if not wants_html(request):
            return _plain(error.status, reason, headers, request)
        render = lambda layout: self._page(error.status, reason, retry_after, request, visit, prefix, layout)  # noqa: E731
        return self._framed(error.status, headers, request, render)

    def broken(self, request: webob.Request, prefix: str) -> Answer:
        """What the visitor gets when something of the host itself failed: a page of ours, in our layout."""
        page = self._page(500, "", None, request, None, prefix, self._bundled)
        return Answer(status=500, headers=(HTML, NO_STORE), body=page.encode("utf-8"))

    def _framed(
        self,
        status: int,
        headers: list[tuple[str, str]],
        request: webob.Request,
        render: Callable[[Layout], str],
    ) -> Answer:
        try:
            text = render(self._layout)
        except Exception:  # noqa: BLE001 - the host's own code; the visitor still gets a page
            _log.exception("the layout failed on an error page")
            text = render(self._bundled)
        more = request.environ.pop(LAYOUT_HEADERS, ())
        kept = [item for item in headers if item[0].lower() not in ("cache-control", "last-modified")]
        return Answer(status=status, headers=(HTML, NO_STORE, *kept, *more), body=text.encode("utf-8"))

    def _page(
        self,
        status: int,
        reason: str,
        retry_after: float | None,
        request: webob.Request,
        visit: Visit | None,
        prefix: str,
        layout: Layout,
    ) -> str:
        user = None if visit is None else visit.visitor.user
        login_url = (login_target(self._login_url, request) or "") if user is None else ""
        fragment = error_fragment(
            status,
            reason,
            service="" if visit is None else visit.service.name,
            login_url=login_url,
            retry_after=retry_after,
            home_url=(request.script_name or "") + "/",
        )
        page = Page(
            title=fragment.title,
            content=fragment.content,
            status=status,
            service="" if visit is None else visit.service.name,
            mount="" if visit is None else visit.base_url,
            assets=prefix + "/_assets/",
            user=user,
            organization=None if visit is None else visit.visitor.organization,
            login_url=login_url,
        )
        return apply_layout(layout, page, request)

    def _tell(self, error: PlugItError, visit: Visit | None) -> None:
        """One line in the log for a fault, an event for a refusal."""
        if visit is None:
            return
        names = {"service": visit.service.name, "action": visit.action, "request_id": visit.request_id}
        is_fault = isinstance(error, (ServiceError, TemplateError)) and (
            not isinstance(error, ServiceRefused) or error.status >= 500
        )
        if not is_fault:
            reason = error.reason if isinstance(error, RequestRejected) else str(error.status)
            self._observe(Refused(**names, status=error.status, reason=reason))
            return
        kind, cause = type(error).__name__, str(error.__cause__ or error)
        _log.warning(
            "service=%s action=%s error=%s status=%d request_id=%s cause=%s",
            names["service"],
            names["action"],
            kind,
            error.status,
            names["request_id"],
            one_line(f"{error}: {error.__cause__}" if error.__cause__ else str(error)),
        )
        self._observe(Fault(**names, kind=kind, cause=cause))


def one_line(text: str) -> str:
    """Text for a log line: no line breaks, at most 300 characters."""
    return " ".join(text.split())[:300]


def wants_html(request: webob.Request) -> bool:
    """The visitor takes a page; one who names only other types gets other words."""
    accept = request.environ.get("HTTP_ACCEPT", "").lower()
    return not accept or any(name in accept for name in ("text/html", "*/*", "text/*", "xhtml"))


def _plain(status: int, reason: str, headers: list[tuple[str, str]], request: webob.Request) -> Answer:
    if "json" in request.environ.get("HTTP_ACCEPT", "").lower():
        body = json.dumps({"error": {"status": status, "reason": reason or None}}).encode("ascii")
        content_type = "application/json"
    else:
        body = f"{status}{' ' + reason if reason else ''}\n".encode("ascii", "replace")
        content_type = "text/plain; charset=utf-8"
    return Answer(status=status, headers=(("Content-Type", content_type), NOSNIFF, NO_STORE, *headers), body=body)

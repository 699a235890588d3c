"""Errors -> answers: what a visitor is told, and what observers are told.

1. A visitor gets a status, plain words and the name of a rule; never a message of an error.
2. Whoever is not logged in and would have to be is sent to the host's login, if it has one.
3. A layout that fails does not hide the page: the bundled one takes its place.
4. Whoever lacks a subscription is shown the way to the host's page for them, if it has one.
5. A script that asked for a part of a page gets the words alone, and no login in the place of content.
"""

from __future__ import annotations

import json
import logging

import webob

from .answer_cookies import with_cookies
from .answer_headers import is_for_other_origins
from .errors import (
    AccessDenied,
    CircuitOpen,
    LoginRequired,
    PlugItError,
    PreviewRejected,
    RequestRejected,
    ServiceBusy,
    ServiceError,
    ServiceRefused,
    SubscriptionRequired,
    TemplateError,
    WireError,
)
from .events import Fault, Refused
from .framing import Framer, billing_target, login_target
from .http import HTML, NO_STORE, NOSNIFF, REFERRER, Answer, come_again, wants_html
from .interfaces import Headers, Layout, Observe, OnDenied
from .layout import apply_layout
from .layout.errors import error_fragment
from .observers.redaction import redacted
from .page import Fragment, Page
from .partials import HX_REDIRECT, PARTIAL_VARY, is_htmx
from .visits import Visit

_log = logging.getLogger("plugit_wsgi")


class Refusals:
    """Answers for errors of one mount. Thread-safe.

    Args:
        framer: makes pages in the host's layout.
        bundled: makes pages in ours, when the host's fails.
        login_url: the host's; None if it has none.
        observe: is told.
        billing_url: the host's; None if it has none.
        on_denied: the host's; is told whom an access rule refused.
    """

    def __init__(
        self,
        *,
        framer: Framer,
        bundled: Framer,
        login_url: str | None,
        observe: Observe,
        billing_url: str | None = None,
        on_denied: OnDenied | None = None,
    ) -> None:
        self._framer = framer
        self._bundled = bundled
        self._login_url = login_url
        self._billing_url = billing_url
        self._on_denied = on_denied
        self._observe = observe

    def answer(self, error: PlugItError, visit: Visit) -> Answer:
        """What the visitor gets for an error."""
        self.tell(error, visit)
        html = wants_html(visit.environ)
        # In the frame of a sandbox no other page of the host can be opened.
        target = None if visit.in_frame else login_target(self._login_url, visit.request)
        login = target if isinstance(error, LoginRequired) and html else None
        if login is not None and not visit.is_partial:
            vary = (PARTIAL_VARY,) if visit.service.partial else ()
            return with_cookies(
                Answer(status=302, headers=(("Location", login), NO_STORE, *vary)), visit.ended
            )
        reason = error.reason if isinstance(error, RequestRejected) else ""
        headers = error.headers if isinstance(error, ServiceRefused) else ()
        is_preview = isinstance(error, PreviewRejected)
        headers = (*headers, *come_again(error), *((REFERRER,) if is_preview else ()))
        if login is not None and is_htmx(visit.environ):
            headers = (*headers, (HX_REDIRECT, login))
        if not html:
            return with_cookies(_plain(error.status, reason, headers, visit.request), visit.ended)
        fragment = error_fragment(
            error.status,
            reason,
            service=visit.service.name,
            login_url=(target or "") if visit.visitor.user is None and not is_preview else "",
            billing_url=self._billing_target(error, visit),
            service_url=visit.base_url if is_preview else "",
            retry_after=getattr(error, "retry_after", None),
            home_url="" if visit.in_frame else visit.script_name + "/",
        )
        return self._page(fragment, error.status, headers, visit)

    def _page(self, fragment: Fragment, status: int, headers: Headers, visit: Visit) -> Answer:
        # Right on the page, whoever has no organization, or the wrong one, can choose another, and whoever is
        # in a preview, or has a variant by name, can leave it.
        has_form = bool(visit.visitor.organizations) or visit.variant.by not in ("main", "percent")
        token = self._framer.token(visit) if has_form and not is_for_other_origins(headers) else ""
        try:
            return self._framer.own_page(fragment, visit, token=token, status=status, headers=headers)
        except Exception:
            _log.exception("the layout failed on an error page")
            return self._bundled.own_page(fragment, visit, token=token, status=status, headers=headers)

    def _billing_target(self, error: PlugItError, visit: Visit) -> str:
        if visit.in_frame or not isinstance(error, SubscriptionRequired):
            return ""
        service = visit.service.name
        return billing_target(self._billing_url, visit.request, service=service, labels=error.labels) or ""

    def tell(self, error: PlugItError, visit: Visit) -> None:
        """An event for a fault, or for a refusal; the log is one of those who are told."""
        if self._on_denied is not None and isinstance(error, (LoginRequired, AccessDenied)):
            try:
                self._on_denied(error.reason, visit.visitor.user, visit.service.name)
            except Exception:
                _log.exception("on_denied failed, told of %r", error.reason)
        names = {"service": visit.service.name, "action": visit.action, "request_id": visit.request_id}
        if _is_fault(error):
            kind = type(error).__name__
            self._observe(Fault(**names, kind=kind, cause=redacted(_cause(error)), status=error.status))
        else:
            self._observe(Refused(**names, status=error.status, reason=_reason(error)))


def broken_page(layout: Layout, request: webob.Request, *, script_name: str, prefix: str) -> Answer:
    """What a visitor gets when something of the host itself failed: a page of ours, in our layout.

    Args:
        layout: the bundled one.
        request: of the visitor.
        script_name: of the host, percent-encoded.
        prefix: URL path of the middleware's own pages.
    """
    fragment = error_fragment(500, home_url=script_name + "/")
    page = Page(title=fragment.title, content=fragment.content, status=500, assets=f"{prefix}/_assets/")
    text = apply_layout(layout, page, request)
    return Answer(status=500, headers=(HTML, NO_STORE), body=text.encode("utf-8"))


def _is_fault(error: PlugItError) -> bool:
    """A service did not do its part; what the guard refuses was not asked of it."""
    if isinstance(error, ServiceRefused):
        return error.status >= 500
    return isinstance(error, (ServiceError, TemplateError)) and not isinstance(error, ServiceBusy)


def _reason(error: PlugItError) -> str:
    if isinstance(error, ServiceBusy):
        return "open" if isinstance(error, CircuitOpen) else "busy"
    return error.reason if isinstance(error, RequestRejected) else str(error.status)


def _cause(error: PlugItError) -> str:
    """For logs: what happened, to which field, and what was behind it."""
    field = f" ({error.field})" if isinstance(error, WireError) and error.field else ""
    behind = str(error.__cause__ or "")
    return f"{error}{field}" + (f": {behind}" if behind and behind not in str(error) else "")


def _plain(status: int, reason: str, headers: Headers, request: webob.Request) -> Answer:
    if "json" in request.environ.get("HTTP_ACCEPT", "").lower():
        body = json.dumps({"error": {"status": status, "reason": reason or None}}).encode("ascii")
        content_type = "application/json"
    else:
        body = f"{status}{' ' + reason if reason else ''}\n".encode("ascii", "replace")
        content_type = "text/plain; charset=utf-8"
    kept = tuple(item for item in headers if item[0].lower() not in ("cache-control", "last-modified"))
    more = (("Content-Type", content_type), NOSNIFF, NO_STORE, *kept)
    return Answer(status=status, headers=more, body=body)

"""What a service answered -> what the visitor gets: page, redirect, file or status (protocol section 4).

1. Layout, token and cookies come here, after every cache.
2. A page in a layout is ``private, no-store``; any other answer that may depend on the visitor is private.
3. A redirect goes below the mount, to the host itself, or to a host the mount allows; by a strict pattern.
4. An answer that other origins may read carries no token; in a layout they may read it without cookies only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import quote

import webob

from .config import Limits
from .cookies import ServiceCookies, owner_of
from .csrf import format_cookie
from .dispositions import rebuilt_disposition
from .errors import ServiceFailed
from .events import Dropped
from .http import (
    CORS_HEADERS,
    HTML,
    NO_STORE,
    NOSNIFF,
    Answer,
    below,
    get_header,
    is_local_target,
    place_of,
    quote_target,
    read_cookies,
    target_host,
)
from .interfaces import Headers, Layout, Observe, SessionStore
from .layout import LAYOUT_HEADERS, apply_layout
from .media_types import BYTES, HTML_TYPE, Showing, essence_of, rebuilt_type, showing
from .page import Fragment, Page
from .session import Session, VisitorIds, to_content
from .targets import resolved, without_dots
from .tokens import VisitTokens
from .visits import Visit
from .wire.names import CSRF_COOKIE
from .wire.result import ActionResult, Redirect, SessionWrites

SANDBOX = ("Content-Security-Policy", "sandbox")
_DATED = re.compile("; Max-Age=[1-9]")


class Framer:
    """Makes answers of one mount. Thread-safe.

    Args:
        layout: the host's.
        tokens: of the service.
        sessions: store of session values.
        visitor_ids: of the host.
        limits: of the service.
        login_url: the host's; None if it has none.
        observe: is told of what is left out.
        cookies: of the service; None if its mount takes none.
    """

    stands_in = True
    """A page of the service's own may stand in for one that it cannot give now."""

    def __init__(
        self,
        *,
        layout: Layout,
        tokens: VisitTokens,
        sessions: SessionStore,
        visitor_ids: VisitorIds,
        limits: Limits,
        login_url: str | None,
        observe: Observe,
        cookies: ServiceCookies | None = None,
    ) -> None:
        self._layout = layout
        self._tokens = tokens
        self._sessions = sessions
        self._visitor_ids = visitor_ids
        self._limits = limits
        self._login_url = login_url
        self._observe = observe
        self._cookies = cookies

    def token(self, visit: Visit) -> str:
        """A fresh CSRF token for a page."""
        return self._tokens.issue(visit)

    def page(
        self,
        fragment: Fragment,
        visit: Visit,
        *,
        token: str,
        status: int = 200,
        headers: Headers = (),
        writes: SessionWrites | None = None,
        is_stale: bool = False,
        is_fallback: bool = False,
    ) -> Answer:
        """A fragment in the layout."""
        page = replace(
            self._page(fragment, visit, status=status, token=token),
            is_stale=is_stale,
            is_fallback=is_fallback,
        )
        text = apply_layout(self._layout, page, visit.request)
        more = [HTML, NOSNIFF, NO_STORE, *about_page(headers), *_layout_headers(visit.request)]
        return self._answer(status, more, text.encode("utf-8"), visit, token=token, writes=writes)

    def own_page(
        self, fragment: Fragment, visit: Visit, *, token: str, status: int, headers: Headers = ()
    ) -> Answer:
        """A fragment of the host's own, such as the words for an error, in the layout."""
        return self.page(fragment, visit, token=token, status=status, headers=headers)

    def bare(
        self,
        content: bytes,
        content_type: str,
        result: ActionResult,
        visit: Visit,
        *,
        personal: bool,
        token: str = "",
    ) -> Answer:
        """Bytes without a layout; `token` if they hold one."""
        # HTML of a mounted service is trusted with scripts; drawings and other documents have no need of any.
        more = [*presented(content_type, trusts_html=True), *guarded(result.headers, personal)]
        return self._answer(result.status, more, content, visit, token=token, writes=result.writes)

    def stream(self, result: ActionResult, body: Iterable[bytes], visit: Visit, *, personal: bool) -> Answer:
        """A file."""
        headers = guarded(result.headers, personal)
        kind, said = (get_header(headers, name) for name in ("Content-Type", "Content-Disposition"))
        rest = [item for item in headers if item[0].lower() not in ("content-type", "content-disposition")]
        return self._answer(
            result.status, [*presented(kind or BYTES, said), *rest], body, visit, writes=result.writes
        )

    def status(self, result: ActionResult, visit: Visit, *, personal: bool, content_type: str = "") -> Answer:
        """A status without a body; `content_type` is that of the body that a GET would have."""
        kind = presented(content_type, trusts_html=True) if content_type else ()
        headers = (*kind, *guarded(result.headers, personal))
        return self._answer(result.status, headers, b"", visit, writes=result.writes)

    def redirect(self, result: Redirect, visit: Visit) -> Answer:
        """Sends the visitor on.

        Raises:
            ServiceFailed: the target is neither on the host nor allowed for the mount.
        """
        target = self._target(result, visit)
        if target is None:
            raise ServiceFailed("redirects to a place that its mount does not allow")
        status = result.status if result.status in (301, 302, 303, 307, 308) else 302
        headers = [("Location", target), NO_STORE, *_only_cors(result.headers)]
        return self._answer(status, headers, b"", visit, writes=result.writes)

    def below_mount(self, rest: str, visit: Visit) -> str:
        """The visitor's URL of a target below the mount; no double slash, no dots that lead out of it."""
        return visit.base_url + without_dots(quote_target(rest.lstrip("/\\")))

    def rewritten(self, location: str, visit: Visit) -> str | None:
        """The visitor's URL of a Location or link of a service in pages mode; None if it is not allowed.

        One that points to the service's own base, or is a path not below the mount yet, goes below the mount.
        """
        location = quote_target(resolved(location, visit.action))
        inside = below(visit.service.url, location) if not location.startswith("/") else None
        if inside is not None:
            return self.below_mount(inside, visit)
        if target_host(location) == visit.origin.host.lower():
            location = "/" + location.split("/", 3)[3] if location.count("/") > 2 else "/"
        if is_local_target(location):
            if location == visit.base_url.rstrip("/"):
                return location
            if location.startswith(visit.base_url):
                return self.below_mount(location.removeprefix(visit.base_url), visit)
            inside = below(visit.service.url, location)
            return self.below_mount(location if inside is None else inside, visit)
        return location if self._is_allowed(location, visit) else None

    def _target(self, result: Redirect, visit: Visit) -> str | None:
        if visit.service.mode == "pages" and result.absolute:
            return self.rewritten(result.target, visit)
        if not result.absolute:
            return self.below_mount(result.target, visit)
        target = quote_target(result.target)
        return target if is_local_target(target) or self._is_allowed(target, visit) else None

    @staticmethod
    def _is_allowed(target: str, visit: Visit) -> bool:
        host = target_host(target)
        allowed = {visit.origin.host.lower(), *(item.lower() for item in visit.service.redirect_hosts)}
        return host is not None and host in allowed

    def _page(self, fragment: Fragment, visit: Visit, *, status: int, token: str) -> Page:
        return Page(
            title=fragment.title,
            head=fragment.head,
            menu=fragment.menu,
            content=fragment.content,
            status=status,
            service=visit.service.name,
            mount=visit.base_url,
            assets=visit.prefix + "/_assets/",
            user=visit.visitor.user,
            organization=visit.visitor.organization,
            organizations=visit.visitor.organizations,
            organization_url=visit.base_url + "ebuio_setOrga" if visit.service.organizations else "",
            csrf_token=token,
            login_url=login_target(self._login_url, visit.request) or "",
        )

    def _answer(
        self,
        status: int,
        headers: Iterable[tuple[str, str]],
        body: bytes | Iterable[bytes],
        visit: Visit,
        *,
        token: str = "",
        writes: SessionWrites | None = None,
    ) -> Answer:
        own = [*self._token_cookie(visit, token), *self._session_cookies(visit, writes)]
        theirs = self._service_cookies(visit, writes)
        is_bound = bool(own) or (writes is not None and bool(writes.stored or writes.deleted))
        of_nobody = theirs if visit.user_id is None else ()
        cookies = [*own, *self._identity(is_bound, of_nobody, visit), *theirs]
        answer = Answer(status=status, headers=tuple(headers), body=body)
        return with_cookies(answer, [*_still_ended(visit, cookies), *cookies])

    def _identity(self, is_bound: bool, of_nobody: Sequence[str], visit: Visit) -> list[str]:
        """The visitor's id, unless it is known: token and session are bound to it, so it comes along.

        Cookies of nobody's are, too; with one that has a date, the id stays as long as any may.
        """
        is_dated = any(_DATED.search(line) for line in of_nobody)
        if not is_dated and not (visit.is_new and (is_bound or of_nobody)):
            return []
        age = int(self._limits.cookie_age) if is_dated else None
        return [self._visitor_ids.format_cookie(visit.visitor_id, secure=visit.origin.secure, age=age)]

    def _token_cookie(self, visit: Visit, token: str) -> list[str]:
        """The cookie that a page with a token needs, unless the visitor has a good one already."""
        if not token:
            return []
        given = read_cookies(visit.request.environ).get(CSRF_COOKIE) or ""
        cookies = self._tokens.take_cookies(visit)
        if not visit.is_new and self._tokens.is_known(given, visit):
            return [*cookies]
        return [format_cookie(token, path=visit.base_url, secure=visit.origin.secure), *cookies]

    def _session_cookies(self, visit: Visit, writes: SessionWrites | None) -> Sequence[str]:
        if writes is None or not (writes.stored or writes.deleted):
            return []

        def fits(session: Session) -> bool:
            content = to_content(session, visit.user_id, visit.visitor_id)
            return len(content) <= self._sessions.capacity

        session, ignored = visit.session.updated(writes.stored, writes.deleted, self._limits, fits)
        self._tell_ignored("session", ignored, visit)
        return self._store(session, visit)

    def _service_cookies(self, visit: Visit, writes: SessionWrites | None) -> Sequence[str]:
        if writes is None or not writes.cookies or self._cookies is None:
            return []
        found, ignored = self._cookies.rebuilt(
            writes.cookies,
            visit.cookies,
            owner_of(visit.user_id, visit.visitor_id),
            path=visit.base_url,
            secure=visit.origin.secure,
        )
        self._tell_ignored("cookies", ignored, visit)
        return found

    def _tell_ignored(self, what: str, count: int, visit: Visit) -> None:
        if count:
            names = {"service": visit.service.name, "action": visit.action, "request_id": visit.request_id}
            self._observe(Dropped(**names, what=what, count=count))

    def _store(self, session: Session, visit: Visit) -> Sequence[str]:
        return self._sessions.store(
            visit.request,
            visit.service.name,
            to_content(session, visit.user_id, visit.visitor_id),
            path=visit.base_url,
            secure=visit.origin.secure,
        )

    def chosen_organization(self, session: Session, visit: Visit, target: str) -> Answer:
        """Keeps a session with another organization, and sends the visitor on."""
        cookies = [*self._store(session, visit), *self._identity(True, (), visit)]
        answer = Answer(status=303, headers=(("Location", target), NO_STORE))
        return with_cookies(answer, [*_still_ended(visit, cookies), *cookies])


def with_cookies(answer: Answer, cookies: Sequence[str]) -> Answer:
    """The answer with Set-Cookie lines, and private then: what is stored for all hands a visitor's on.

    They come after those of a layout, which may be of the same name, and then of an older state: the last one
    counts.
    """
    more = [("Set-Cookie", line) for line in cookies]
    return replace(answer, headers=(*guarded(answer.headers, True), *more)) if more else answer


def _still_ended(visit: Visit, cookies: Sequence[str]) -> list[str]:
    """What ends in the browser, without names that the visit sets anew."""
    names = {line.partition("=")[0] for line in cookies}
    return [line for line in visit.ended if line.partition("=")[0] not in names]


def login_target(login_url: str | None, request: webob.Request) -> str | None:
    """The host's login with the way back (``next``); None if the host named none.

    A path is one of the host, so below its SCRIPT_NAME, as every other path that the host names.
    """
    if login_url is None:
        return None
    if login_url.startswith("/"):
        login_url = quote(request.environ.get("SCRIPT_NAME", ""), encoding="latin-1") + login_url
    joint = "&" if "?" in login_url else "?"
    return f"{login_url}{joint}next={quote(place_of(request.environ), safe='/')}"


def presented(content_type: str, disposition: str | None = None, *, trusts_html: bool = False) -> Headers:
    """The type of an answer without layout, and what keeps a browser from making more of it.

    Args:
        content_type: of the service.
        disposition: of the service; None if it sent none.
        trusts_html: it keeps its scripts: of the service itself, not of files, which others may have sent it.
    """
    kind = rebuilt_type(content_type)
    how = Showing.INLINE if trusts_html and essence_of(kind) == HTML_TYPE else showing(kind)
    said = rebuilt_disposition(disposition, as_attachment=how is Showing.ATTACHMENT)
    return (
        ("Content-Type", kind),
        NOSNIFF,
        *(() if how is Showing.INLINE else (SANDBOX,)),
        *((("Content-Disposition", said),) if said is not None else ()),
    )


def is_page(content_type: str) -> bool:
    """A browser shows it as HTML, with forms that a token can be for; none means HTML."""
    return not content_type or essence_of(rebuilt_type(content_type)) in (HTML_TYPE, "application/xhtml+xml")


def about_page(headers: Headers) -> Headers:
    """The headers of a service that may stand on a page in a layout.

    The layout is the host's and for this visitor. Another origin that the service allows may read it only as
    somebody without cookies would see it.
    """
    dropped = ("last-modified", "cache-control", "access-control-allow-credentials")
    return tuple(item for item in headers if item[0].lower() not in dropped)


def is_for_other_origins(headers: Headers) -> bool:
    """Pages of other origins may read the answer, so it carries no token."""
    return get_header(headers, "Access-Control-Allow-Origin") is not None


def guarded(headers: Headers, personal: bool) -> Headers:
    """The headers, with Cache-Control made private if the answer may depend on the visitor."""
    if not personal:
        return headers
    given = ",".join(value for name, value in headers if name.lower() == "cache-control") or "no-cache"
    parts = [part.strip() for part in given.split(",")]
    kept = [
        part
        for part in parts
        if part and part.lower().partition("=")[0] not in ("public", "private", "s-maxage")
    ]
    rest = [item for item in headers if item[0].lower() != "cache-control"]
    return (("Cache-Control", ", ".join(["private", *kept])), *rest)


def _only_cors(headers: Headers) -> Headers:
    return tuple(item for item in headers if item[0].lower() in CORS_HEADERS)


def _layout_headers(request: webob.Request) -> Sequence[tuple[str, str]]:
    found: Sequence[tuple[str, str]] = request.environ.pop(LAYOUT_HEADERS, ())
    return found

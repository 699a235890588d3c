"""What a service answered -> what the visitor gets: page, redirect, file or status (protocol section 4).

1. Layout, token and cookies come here, after every cache.
2. A page in a layout is ``private, no-store``; any other answer that may depend on the visitor is private.
3. A redirect goes below the mount, to the host itself, or to a host the mount allows; by a strict pattern.
4. An answer that other origins may read carries no token; in a layout they may read it without cookies only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote, urlencode

import webob

from .answer_cookies import AnswerCookies, with_cookies
from .answer_headers import about_page, guarded, only_cors, presented
from .config import Limits
from .cookies import ServiceCookies
from .errors import ServiceFailed
from .http import (
    HTML,
    NO_STORE,
    NOSNIFF,
    Answer,
    below,
    get_header,
    is_local_target,
    place_of,
    quote_target,
    script_name_of,
    target_host,
)
from .interfaces import Headers, Layout, Observe, SessionStore
from .layout import LAYOUT_HEADERS, apply_layout
from .media_types import BYTES
from .page import Fragment, Page
from .partials import HX_REDIRECT, PARTIAL_VARY, is_htmx, partial_layout
from .session import Session, VisitorIds
from .targets import resolved, without_dots
from .tokens import VisitTokens
from .visits import Visit
from .wire.result import ActionResult, Redirect, SessionWrites


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
        self._login_url = login_url
        self._cookies = AnswerCookies(
            tokens=tokens,
            sessions=sessions,
            visitor_ids=visitor_ids,
            limits=limits,
            observe=observe,
            cookies=cookies,
        )

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
        """A fragment in the layout; alone, if it is for a script that puts it into a page."""
        page = self._page(
            fragment, visit, status=status, token=token, is_stale=is_stale, is_fallback=is_fallback
        )
        text = apply_layout(partial_layout if visit.is_partial else self._layout, page, visit.request)
        vary = (PARTIAL_VARY,) if visit.service.partial else ()
        more = [HTML, NOSNIFF, NO_STORE, *vary, *about_page(headers), *_layout_headers(visit.request)]
        is_said = page.organization_ended and not visit.is_partial and visit.method != "HEAD"
        if is_said:
            visit = visit.without_organization()
        return self._answer(
            status, more, text.encode("utf-8"), visit, token=token, writes=writes, stores=is_said
        )

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
        if visit.is_partial and is_htmx(visit.environ) and not target.startswith(visit.base_url):
            # Its request would follow, and show what is no part of the service inside of it.
            leave = (HX_REDIRECT, target)
            return self._answer(200, [leave, NO_STORE, PARTIAL_VARY], b"", visit, writes=result.writes)
        status = result.status if result.status in (301, 302, 303, 307, 308) else 302
        headers = [("Location", target), NO_STORE, *only_cors(result.headers)]
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

    def _page(
        self,
        fragment: Fragment,
        visit: Visit,
        *,
        status: int,
        token: str,
        is_stale: bool = False,
        is_fallback: bool = False,
    ) -> Page:
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
            organization_ended=visit.has_lost_organization,
            organization_url=visit.base_url + "ebuio_setOrga" if visit.service.organizations else "",
            csrf_token=token,
            login_url=login_target(self._login_url, visit.request) or "",
            is_stale=is_stale,
            is_fallback=is_fallback,
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
        stores: bool = False,
    ) -> Answer:
        answer = Answer(status=status, headers=tuple(headers), body=body)
        return with_cookies(answer, self._cookies.lines(visit, token=token, writes=writes, stores=stores))

    def chosen_organization(self, session: Session, visit: Visit, target: str) -> Answer:
        """Keeps a session with another organization, and sends the visitor on."""
        answer = Answer(status=303, headers=(("Location", target), NO_STORE))
        return with_cookies(answer, self._cookies.of_session(session, visit))


def login_target(login_url: str | None, request: webob.Request) -> str | None:
    """The host's login with the way back (``next``); None if the host named none.

    A path is one of the host, so below its SCRIPT_NAME, as every other path that the host names.
    """
    return None if login_url is None else _with_way_back(login_url, request)


def billing_target(
    billing_url: str | None, request: webob.Request, *, service: str, labels: Iterable[str]
) -> str | None:
    """The host's page for subscriptions, told the way back, for which service, and what would do.

    A path is as that of `login_target`; None if the host named none.
    """
    if billing_url is None:
        return None
    wanted = [("service", service), *(("label", label) for label in labels)]
    return f"{_with_way_back(billing_url, request)}&{urlencode(wanted, quote_via=quote)}"


def _with_way_back(url: str, request: webob.Request) -> str:
    if url.startswith("/"):
        url = script_name_of(request.environ) + url
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}next={quote(place_of(request.environ), safe='/')}"


def _layout_headers(request: webob.Request) -> Sequence[tuple[str, str]]:
    found: Sequence[tuple[str, str]] = request.environ.pop(LAYOUT_HEADERS, ())
    return found

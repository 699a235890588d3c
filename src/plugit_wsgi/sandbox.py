"""A mount for a service that one does not trust: read-only, its pages in a frame that has no origin.

1. Every answer of the mount has a policy: its scripts run in the frame's document or nowhere, and there in an
   origin that is nobody's.
2. Of what a service contributes, the layout gets the title, as text.
3. Only GET and HEAD reach the service. It is given no token, and keeps nothing in the browser.
4. Its redirects stay on the mount, and so does the frame, wherever its scripts or links lead.
5. Frame and page take the same data path, with the same rules; they differ after every cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from markupsafe import Markup

from .answer_headers import SANDBOX, about_page
from .errors import MethodNotAllowed
from .framing import Framer
from .http import ANY_ORIGIN, CORS_HEADERS, HTML, NO_STORE, NOSNIFF, Answer, below, get_header
from .interfaces import Headers
from .layout import apply_layout, frame_layout
from .layout.assets import FRAME_CSS, FRAME_SCRIPT, FRAMED_SCRIPT
from .page import Fragment
from .visits import Visit
from .wire.names import FRAME
from .wire.result import ActionResult, Redirect, SessionWrites

POLICY = "Content-Security-Policy"
ALLOWED = ("GET", "HEAD")
_FRAME = f"/{FRAME}/"
_INSIDE = frozenset(("iframe", "frame", "object", "embed", "fencedframe"))
"""What Sec-Fetch-Dest says of a document that is shown inside another one."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_IFRAME = Markup(
    '<iframe class="plugit-frame" sandbox="allow-scripts" src="{src}" title="{title}"'
    ' width="100%" height="600" data-mount="{mount}" data-frame="{frame}"></iframe>'
)


def entered(visit: Visit) -> Visit:
    """The visit, with its action's own path if it came by the frame's, and whether it is for the frame.

    A link in the frame that leads to the address of a page is answered for the frame as well.
    """
    dest = visit.environ.get("HTTP_SEC_FETCH_DEST")
    if visit.action.startswith(_FRAME):
        return replace(visit, action=visit.action[len(_FRAME) - 1 :], in_frame=True)
    return replace(visit, in_frame=dest in _INSIDE)


def check_method(visit: Visit) -> None:
    """Lets reading through, and nothing else.

    Raises:
        MethodNotAllowed: anything but GET and HEAD.
    """
    if visit.method not in ALLOWED:
        raise MethodNotAllowed("method")


def confined(answer: Answer, visit: Visit) -> Answer:
    """The answer with a policy: what brings none of its own runs no script."""
    more = [item for item in (SANDBOX, NOSNIFF) if get_header(answer.headers, item[0]) is None]
    if answer.status == 405 and visit.method not in ALLOWED:
        more.append(("Allow", ", ".join(ALLOWED)))
    return replace(answer, headers=(*answer.headers, *more))


class SandboxFramer(Framer):
    """Makes answers of a mount in a sandbox. Thread-safe."""

    def token(self, visit: Visit) -> str:
        """None: what is in the frame can read it, and change nothing."""
        return ""

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
        """The layout with the frame in it; in the frame, the fragment."""
        if visit.in_frame:
            return self._document(fragment, visit, status, headers, writes)
        place = visit.action[1:] + (f"?{visit.query}" if visit.query else "")
        frame = _IFRAME.format(
            src=visit.links_url + place,
            title=fragment.title or visit.service.name,
            mount=visit.base_url,
            frame=visit.links_url,
        )
        parts = Fragment(title=fragment.title, head=_head(visit, FRAME_SCRIPT), content=frame)
        return self._in_layout(
            parts, visit, status, headers, is_stale=is_stale, is_fallback=is_fallback, writes=writes
        )

    def own_page(
        self, fragment: Fragment, visit: Visit, *, token: str, status: int, headers: Headers = ()
    ) -> Answer:
        """See `Framer.own_page`; the host's own words need no frame."""
        if visit.in_frame:
            return self._document(fragment, visit, status, headers, None)
        return self._in_layout(fragment, visit, status, headers)

    def stream(self, result: ActionResult, body: Iterable[bytes], visit: Visit, *, personal: bool) -> Answer:
        """See `Framer.stream`; fonts and modules of the frame are media that another origin reads."""
        answer = super().stream(result, body, visit, personal=personal)
        if personal or get_header(answer.headers, ANY_ORIGIN[0]) is not None:
            return answer
        return replace(answer, headers=(*answer.headers, ANY_ORIGIN))

    def _in_layout(
        self,
        fragment: Fragment,
        visit: Visit,
        status: int,
        headers: Headers,
        *,
        is_stale: bool = False,
        is_fallback: bool = False,
        writes: SessionWrites | None = None,
    ) -> Answer:
        # The switch of the organization is the host's, and the one form of such a page.
        token = super().token(visit) if visit.visitor.organizations else ""
        own = tuple(item for item in headers if item[0].lower() not in CORS_HEADERS)
        return super().page(
            fragment,
            visit,
            token=token,
            status=status,
            headers=(*own, (POLICY, page_policy(visit))),
            writes=writes,
            is_stale=is_stale,
            is_fallback=is_fallback,
        )

    def _document(
        self, fragment: Fragment, visit: Visit, status: int, headers: Headers, writes: SessionWrites | None
    ) -> Answer:
        fragment = replace(fragment, head=_head(visit, FRAMED_SCRIPT) + fragment.head)
        page = self._page(fragment, visit, status=status, token="")
        text = apply_layout(frame_layout(self._layout), page, visit.request)
        more = (HTML, NO_STORE, NOSNIFF, *about_page(headers), (POLICY, frame_policy(visit)))
        return self._answer(status, more, text.encode("utf-8"), visit, writes=writes)

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
        """Keeps nothing of what the service stores."""
        self._cookies.tell_ignored(
            "session", 0 if writes is None else len(writes.stored) + len(writes.deleted), visit
        )
        return super()._answer(status, headers, body, visit, token=token, stores=stores)

    def _target(self, result: Redirect, visit: Visit) -> str | None:
        target = super()._target(result, visit) or ""
        base = f"{visit.origin.scheme}://{visit.origin.host}{visit.base_url.rstrip('/')}"
        rest = below(base, target)
        if rest is None:
            return None
        return (visit.links_url if visit.in_frame else visit.base_url) + rest.removeprefix(_FRAME[1:])


def page_policy(visit: Visit) -> str:
    """Of the layout around the frame: wherever the frame is led, it stays on the mount."""
    return f"frame-src {_source(visit, visit.base_url)}"


def frame_policy(visit: Visit) -> str:
    """Of the frame's document: an origin of its own, and only what is on the mount or an asset."""
    mount, assets = _source(visit, visit.base_url), _source(visit, visit.prefix + "/_assets/")
    return "; ".join(
        (
            "sandbox allow-scripts",
            "default-src 'none'",
            f"script-src {mount} {assets} 'unsafe-inline'",
            f"style-src {mount} {assets} 'unsafe-inline'",
            f"img-src {mount} data: blob:",
            f"media-src {mount} data: blob:",
            f"font-src {mount} {assets} data:",
            f"connect-src {mount}",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
        )
    )


def _source(visit: Visit, path: str) -> str:
    """A part of the host, as policies write it; all of it, where the host's name has no form for a policy."""
    host = visit.origin.host
    return host + path.replace(",", "%2C") if _HOST.fullmatch(host) else "'self'"


def _head(visit: Visit, script: str) -> Markup:
    text = Markup('<link rel="stylesheet" href="{0}{1}">\n<script src="{0}{2}" defer></script>\n')
    return text.format(f"{visit.prefix}/_assets/", FRAME_CSS, script)

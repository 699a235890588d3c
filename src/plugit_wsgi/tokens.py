"""The CSRF tokens of a visit: ours, or the host's own.

1. Where a request came from is checked by `csrf.check_origin` in any case; a token never makes up for it.
2. The host's protection sees the request without its body: the token was taken out of it here.
3. A token is needed: an empty one is refused, and no hook is asked about it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import webob

from .csrf import REASON, Tokens
from .errors import CsrfRejected
from .interfaces import HostCsrf
from .visits import Visit

_COOKIES = "plugit_wsgi.csrf_cookies"
_TOKEN = re.compile(r"[!#-%(-+\--:=?-\[\]-~]+")
"""What may stand in a cookie (RFC 6265 section 4.1.1), and in an attribute of HTML as it is."""


class VisitTokens:
    """Issues and checks the tokens of one service. Thread-safe.

    Args:
        own: of the service.
        host: the host's own, instead; None is ours.
    """

    def __init__(self, own: Tokens, host: HostCsrf | None = None) -> None:
        self._own = own
        self._host = host

    def issue(self, visit: Visit) -> str:
        """A token for a page; what the host sets with it is kept for `take_cookies`.

        Raises:
            Exception: whatever the host raises.
            TypeError: the host's token is not text that may stand in a cookie and a page.
        """
        if visit.token:
            return visit.token
        if self._host is None:
            return self._own.issue(visit.visitor_id, visit.user_id)
        token, cookies = self._host.issue(_without_body(visit.request))
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise TypeError("csrf.issue returned a token that is not ASCII text without spaces, quotes or ;")
        visit.request.environ[_COOKIES] = tuple(cookies)
        return token

    def issue_shared(self, visit: Visit) -> tuple[str, Sequence[str]]:
        """A token of the host that all parts of one page share, and its cookies; "" where tokens are ours.

        Raises:
            Exception: as `issue`.
        """
        return ("", ()) if self._host is None else (self.issue(visit), self.take_cookies(visit))

    @staticmethod
    def take_cookies(visit: Visit) -> Sequence[str]:
        """The Set-Cookie values that the token of this visit needs; once."""
        found: Sequence[str] = visit.request.environ.pop(_COOKIES, ())
        return found

    def is_known(self, cookie: str, visit: Visit) -> bool:
        """The visitor's cookie holds a good token; a host is asked only about what came with a form."""
        return self._host is None and self._own.is_valid(cookie, visit.visitor_id, visit.user_id)

    def check(self, token: str, visit: Visit) -> None:
        """Refuses a wrong token.

        Raises:
            CsrfRejected: it is not valid for this visitor.
        """
        if self._host is None:
            self._own.check(token, visit.visitor_id, visit.user_id)
        elif not token or self._host.is_valid(_without_body(visit.request), token) is not True:
            raise CsrfRejected(REASON)


def _without_body(request: webob.Request) -> webob.Request:
    environ = {
        key: value
        for key, value in request.environ.items()
        if key not in ("CONTENT_TYPE", "HTTP_TRANSFER_ENCODING") and not key.startswith("webob.")
    }
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(), "0"
    return webob.Request(environ)

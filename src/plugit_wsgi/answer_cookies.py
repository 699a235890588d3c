"""The Set-Cookie lines of an answer: the visitor's id, the token, session values, cookies of the service.

They come here, after every cache, and make an answer private.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .answer_headers import guarded
from .config import Limits
from .cookies import ServiceCookies, owner_of
from .csrf import format_cookie
from .events import Dropped
from .http import Answer, read_cookies
from .interfaces import Observe, SessionStore
from .session import Session, VisitorIds, to_content
from .tokens import VisitTokens
from .visits import Visit
from .wire.names import CSRF_COOKIE
from .wire.result import SessionWrites

_DATED = re.compile("; Max-Age=[1-9]")


class AnswerCookies:
    """Writes the cookies of one mount. Thread-safe.

    Args:
        tokens: of the service.
        sessions: store of session values.
        visitor_ids: of the host.
        limits: of the service.
        observe: is told of what is left out.
        cookies: of the service; None if its mount takes none.
    """

    def __init__(
        self,
        *,
        tokens: VisitTokens,
        sessions: SessionStore,
        visitor_ids: VisitorIds,
        limits: Limits,
        observe: Observe,
        cookies: ServiceCookies | None,
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._visitor_ids = visitor_ids
        self._limits = limits
        self._observe = observe
        self._cookies = cookies

    def lines(
        self, visit: Visit, *, token: str, writes: SessionWrites | None, stores: bool = False
    ) -> Sequence[str]:
        """All that an answer needs, with what ends in the browser.

        Args:
            visit: whose answer.
            token: on the page; "" if there is none.
            writes: what the service stores; None is nothing.
            stores: the host has changed the session of the visit, which is stored then in any case.
        """
        own = [*self._token_cookie(visit, token), *self._session_cookies(visit, writes, stores)]
        theirs = self._service_cookies(visit, writes)
        is_bound = bool(own) or (writes is not None and bool(writes.stored or writes.deleted))
        of_nobody = theirs if visit.user_id is None else ()
        cookies = [*own, *self._identity(is_bound, of_nobody, visit), *theirs]
        return [*_still_ended(visit, cookies), *cookies]

    def of_session(self, session: Session, visit: Visit) -> Sequence[str]:
        """What it takes to keep a session of the host's own making."""
        cookies = [*self._store(session, visit), *self._identity(True, (), visit)]
        return [*_still_ended(visit, cookies), *cookies]

    def tell_ignored(self, what: str, count: int, visit: Visit) -> None:
        """Tells observers how much was left out."""
        if count:
            names = {"service": visit.service.name, "action": visit.action, "request_id": visit.request_id}
            self._observe(Dropped(**names, what=what, count=count))

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

    def _session_cookies(self, visit: Visit, writes: SessionWrites | None, stores: bool) -> Sequence[str]:
        if writes is None or not (writes.stored or writes.deleted):
            return self._store(visit.session, visit) if stores else []

        def fits(session: Session) -> bool:
            content = to_content(session, visit.user_id, visit.visitor_id)
            return len(content) <= self._sessions.capacity

        session, ignored = visit.session.updated(writes.stored, writes.deleted, self._limits, fits)
        self.tell_ignored("session", ignored, visit)
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
        self.tell_ignored("cookies", ignored, visit)
        return found

    def _store(self, session: Session, visit: Visit) -> Sequence[str]:
        return self._sessions.store(
            visit.request,
            visit.service.name,
            to_content(session, visit.user_id, visit.visitor_id),
            path=visit.base_url,
            secure=visit.origin.secure,
        )


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

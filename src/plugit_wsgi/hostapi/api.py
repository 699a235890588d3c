"""The API that a service calls back (protocol section 9): users, organizations, members, mail.

1. A service sees what its mount allows, and nothing else (`scope`).
2. Calls come while a page waits, so they take none of the places that pages hold (`gate`).
3. No cookies, no CORS: only services call it, with a key of their own or from the host's own machine.
4. Lists come in pages of at most `MOST`, so that one call costs the host only so much.
5. What fails on the host's side is an error without details; the cause is in the log.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import webob

from ..body import URLENCODED, media_type
from ..clock import Clock, SystemClock
from ..config import Limits, Service
from ..errors import ActionNotFound, BadRequest, MethodNotAllowed, RequestRejected, ServiceBusy
from ..events import MailHandled
from ..http import NO_STORE, NOSNIFF, Answer, parse_pairs
from ..interfaces import Directory, Observe
from ..observers.rate import Rate
from ..observers.redaction import quoted, redacted
from .calls import MOST, Call, find_call
from .gate import ApiPlaces, Bucket
from .mail import Deliver
from .mail_form import check_recipients, read_mail
from .scope import Scope

_log = logging.getLogger("plugit_wsgi")
_JSON = ("Content-Type", "application/json")
_NO_FORUM = {"error": "no-on-ebuio"}
Ask = Callable[[], Any]


class _Told(Exception):
    """A refusal that observers have heard of: one line of the log is enough."""

    def __init__(self, error: RequestRejected) -> None:
        super().__init__()
        self.error = error


class ServiceApi:
    """Answers the calls of one service. Thread-safe.

    Args:
        service: who calls.
        directory: where users are known; None knows nobody.
        deliver: takes mail; None refuses it.
        limits: of a posted body, and of calls a second.
        places: for calls of all services; None is without a bound.
        observe: is told what became of mails.
        clock: the time.

    Attributes:
        service: who calls.
    """

    def __init__(
        self,
        service: Service,
        *,
        directory: Directory | None,
        deliver: Deliver | None,
        limits: Limits,
        places: ApiPlaces | None = None,
        observe: Observe = lambda _event: None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.service = service
        self._scope = Scope(service, directory)
        self._directory = directory
        self._observe = observe
        self._deliver = deliver
        self._limits = limits
        self._places = places
        self._bucket = Bucket(limits.api_rate, limits.api_burst, clock)
        self._refusals: Rate[None] = Rate(clock)

    def answer(self, request: webob.Request, path: str) -> Answer:
        """The answer to a call.

        Args:
            request: of the service.
            path: below the API's root, as WSGI gives it, without leading slash.
        """
        call, parts = find_call(path) or (None, ())
        try:
            self._bucket.take()
            ask = self._prepared(request, call, parts)
            if self._places is None:
                return json_answer(ask())
            with self._places.held(self.service.name):
                return json_answer(ask())
        except _Told as told:
            return _refusal(told.error, call)
        except (RequestRejected, ServiceBusy) as error:
            self._tell_refusal(error, call)
            return _refusal(error, call)
        except Exception:
            self._tell_failure(call)
            return json_answer({"error": "the host failed"}, status=500)

    def _prepared(self, request: webob.Request, call: Call | None, parts: tuple[str, ...]) -> Ask:
        """What is to be asked: all that comes from the service is read and checked."""
        if call is None:
            raise ActionNotFound("path")
        if request.method not in call.methods:
            raise MethodNotAllowed("method")
        if call.name == "mail":
            return self._mail(request)
        answer = ANSWERS[call.name]
        if call.is_paged:
            return partial(answer, self._scope, _first(request))
        return partial(answer, self._scope, *map(_decoded, parts))

    def _mail(self, request: webob.Request) -> Ask:
        deliver = self._deliver
        if deliver is None:
            raise ActionNotFound("mail")
        with self._told(0):
            if media_type(request.environ) != URLENCODED:
                raise BadRequest("a form was expected")
            mail = read_mail(request, self.service, self._limits)

        def delivered() -> dict[str, Any]:
            count = len(mail.recipients)
            with self._told(count):
                check_recipients(mail, self.service, self._directory)
                deliver(mail)
            self._tell_mail("queued", count)
            return {}

        return delivered

    @contextmanager
    def _told(self, recipients: int) -> Iterator[None]:
        """Observers hear of a mail that is refused."""
        try:
            yield
        except RequestRejected as error:
            self._tell_mail("refused", recipients, error.reason, error.status)
            raise _Told(error) from error

    def _tell_mail(self, outcome: str, recipients: int, reason: str = "", status: int = 200) -> None:
        self._observe(
            MailHandled(
                service=self.service.name,
                action="mail/",
                outcome=outcome,
                recipients=recipients,
                reason=reason,
                status=status,
            )
        )

    def _tell_refusal(self, error: RequestRejected | ServiceBusy, call: Call | None) -> None:
        name = _name_of(call)
        before = self._refusals.admit((name, error.status), None)
        if before is not None:
            # What is not there is a question's answer; all else is worth a look.
            level = logging.INFO if error.status == 404 else logging.WARNING
            line = "event=api_refused service=%s call=%s status=%d reason=%s held_back=%d"
            reason = quoted(redacted(_reason_of(error)), 200)
            _log.log(level, line, self.service.name, name, error.status, reason, before)

    def _tell_failure(self, call: Call | None) -> None:
        name = _name_of(call)
        before = self._refusals.admit((name, 500), None)
        if before is not None:
            line = "event=api_failed service=%s call=%s held_back=%d"
            _log.exception(line, self.service.name, name, before)


def _name_of(call: Call | None) -> str:
    return "unknown" if call is None else call.name


def _reason_of(error: RequestRejected | ServiceBusy) -> str:
    return "busy" if isinstance(error, ServiceBusy) else error.reason or "refused"


def _no_forum(*_asked: object) -> dict[str, str]:
    return _NO_FORUM


ANSWERS: Mapping[str, Callable[..., Any]] = {
    "user": Scope.user,
    "user_groups": Scope.groups_of_user,
    "subscriptions": Scope.labels,
    "organization": Scope.organization,
    "organizations": Scope.organizations,
    "members": Scope.members,
    "groups": Scope.groups,
    "forum_topic": _no_forum,
    "forum_topics": _no_forum,
}
"""Name of a call -> what answers it; ``mail`` is the API's own."""


def _first(request: webob.Request) -> int:
    """Where the page begins that was asked for: ``?from=1000``."""
    pairs = dict(parse_pairs(request.environ.get("QUERY_STRING", "").encode("latin-1", "replace")))
    given = pairs.get(b"from", b"0")
    if re.fullmatch(rb"[0-9]{1,9}", given) is None:
        raise BadRequest("from: a number was expected")
    return int(given)


def _decoded(part: str) -> str:
    # WSGI gives the bytes of a path as latin-1 text, decoded once.
    return part.encode("latin-1").decode("utf-8", "replace")


def _refusal(error: RequestRejected | ServiceBusy, call: Call | None) -> Answer:
    headers: list[tuple[str, str]] = []
    if error.status == 405 and call is not None:
        headers.append(("Allow", ", ".join(call.methods)))
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers.append(("Retry-After", str(max(1, math.ceil(retry_after)))))
    return json_answer({"error": _reason_of(error)}, status=error.status, headers=headers)


def json_answer(found: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Answer:
    """A value as an answer."""
    # A host's own user fields may be of any type; text is better than no answer.
    body = json.dumps(found, default=str).encode("ascii")
    return Answer(status=status, headers=(_JSON, NOSNIFF, NO_STORE, *(headers or ())), body=body)


__all__ = ["ANSWERS", "MOST", "ServiceApi", "json_answer"]

"""The data path of one page, in order.

1. Nothing from a service is shown, not even cached, before access is decided. Rules fail closed.
2. The path the rules looked at is, byte for byte, the path the service is called with.
3. The page cache holds the action's data. The rendered fragment is kept beside it only if rendering read
   nothing of user, organization, rights or token. Layout, token and cookies come after it.
4. Whatever the service was told is in the key of what is kept, or was not told.
5. Only GET, 200, data without session writes are kept. A POST is never answered from a cache, and never
   sent twice.
6. Visitor-sent ``X-Plugit-*`` headers and ``ebuio_*`` parameters are removed before ours are added.
7. Headers go out by allow-list and come back by allow-list.
8. A context is signed per call with the key of that one service, and never kept.
9. Time-outs, refusals and 5xx of one action are that action's; a 4xx is the visitor's.
10. No match: the host gets the very same environ and start_response.
11. ``close()`` of every iterable and of every answer of a service happens exactly once.
12. Whatever the service does, the visitor's thread is free at the page's deadline.
13. Nothing that lives in a process is made before its first request.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial

from markupsafe import Markup

from . import access, csrf
from .asked import Asked
from .body import Body, read_body
from .cache.kept import Kept
from .client import ServiceClient
from .clock import Clock, Deadline
from .config import Service
from .cookies import Held
from .errors import (
    LoginRequired,
    MethodNotAllowed,
    ServiceError,
    ServiceFailed,
    ServiceRefused,
    ServiceTimeout,
    WireError,
    is_unreachable,
)
from .events import FallbackServed, StaleServed
from .finishing import Finisher
from .flight import Flights
from .framing import Framer
from .http import METHODS, SAFE_METHODS, Answer, Pair, canonical_path, come_again, wants_html
from .interfaces import Cache, Observe
from .outgoing import FILE_REQUEST_HEADERS, CallBuilder, Once, copied, is_in_form, our_fields
from .page import Fragment
from .people import Visitor
from .session import Session
from .setbacks import Setbacks
from .spare import SpareThreads
from .targets import action_target
from .tokens import VisitTokens
from .visits import Visit
from .wire.meta import ActionMeta
from .wire.result import ActionResult, Data, File, Moved, Redirect

PAGES_META = ActionMeta()
"""Pages mode has no meta: no rules, no cache."""


class Pipeline:
    """The data path of one mount. Thread-safe.

    Args:
        service: which.
        client: calls it.
        builder: of its calls.
        finisher: makes answers of results.
        framer: makes pages and redirects.
        tokens: CSRF tokens of the service.
        cache: keeps pages.
        flights: of loads under way, so that many visitors ask once.
        spare: threads that fetch a template while its action runs.
        observe: is told of stale pages.
        clock: the time.
    """

    def __init__(
        self,
        service: Service,
        *,
        client: ServiceClient,
        builder: CallBuilder,
        finisher: Finisher,
        framer: Framer,
        tokens: VisitTokens,
        cache: Cache,
        flights: Flights,
        spare: SpareThreads,
        observe: Observe,
        clock: Clock,
    ) -> None:
        self.service = service
        self.client = client
        self.framer = framer
        self._builder = builder
        self._finisher = finisher
        self._tokens = tokens
        self._cache = cache
        self._flights = flights
        self._spare = spare
        self._setbacks = Setbacks(clock)
        self._unkept = Setbacks(clock)
        self._costly = Setbacks(clock)
        self._observe = observe
        self._clock = clock
        self._complaints = Once()

    def framed_by(self, framer: Framer) -> Pipeline:
        """The same data path, with all that it remembers, whose answers another framer makes."""
        other = copy(self)
        other.framer = framer
        other._finisher = self._finisher.framed_by(framer)
        return other

    def respond(
        self, visit: Visit, *, since: Deadline | None = None, within: Deadline | None = None
    ) -> Answer:
        """The answer for an action.

        Args:
            visit: who asks for what.
            since: the deadline of the page, if this is where a redirect of the service led.
            within: the deadline of a page of the host that this is a part of.

        Raises:
            RequestRejected: the visitor may not, or the request is not one.
            ServiceError, TemplateError: the service did not do its part.
        """
        deadline = since or self._deadline()
        if within is not None:
            deadline = deadline.at_most(within.remaining())
        meta = self._meta(visit, deadline)
        if isinstance(meta, Moved):
            return self._follow(meta, visit, since, deadline)
        self._check_access(visit, meta)
        self._check_origin(visit)
        asked = Asked.of(visit, meta, deadline)
        try:
            found = self._page(asked)
        except ServiceError as error:
            return self._stand_in(asked, error)
        # Followed out here: whoever leads to itself, or back, must not wait for itself.
        return self._follow(found, visit, since, deadline) if isinstance(found, Moved) else found

    def _page(self, asked: Asked) -> Answer | Moved:
        if asked.key is None:
            return self._ask(asked)
        kept = self._load(asked)
        if kept is not None and self._is_fresh(kept):
            return self._finisher.finish(kept.value, asked, kept)
        if kept is None and self._unkept.recent(asked.key) is not None:
            return self._ask(asked)
        return self._renew(asked, kept)

    def _ask(self, asked: Asked) -> Answer | Moved:
        asked, result = self._call_unless_costly(asked)
        kept = self._keep(result, asked)
        if isinstance(result, Moved):
            return result
        answer = self._finisher.finish(result, asked, kept)
        if asked.meta.fallback and isinstance(result, Data):
            self.client.keep_fallback(asked.meta, asked.deadline, asked.visit.request_id)
        return answer

    def _call_unless_costly(self, asked: Asked) -> tuple[Asked, ActionResult]:
        """What was too large to be read a moment ago is not asked for again by whoever asked for it."""
        is_get = asked.visit.method == "GET"
        costly = self._costly.recent(asked.question) if is_get else None
        if isinstance(costly, WireError):
            raise WireError(str(costly), field=costly.field, received=costly.received, is_costly=True)
        try:
            return self._call(asked)
        except WireError as error:
            if error.is_costly and is_get:
                self._costly.note(asked.question, error)
            raise

    def _stand_in(self, asked: Asked, error: ServiceError) -> Answer:
        """The service's own page for when it is away, if it has one; else the error goes on."""
        visit = asked.visit
        away = isinstance(error, WireError) or is_unreachable(error)
        content = self.client.fallback(asked.meta) if asked.meta.fallback and away else None
        is_page = visit.method == "GET" and asked.is_framed and wants_html(visit.environ)
        if content is None or not is_page or not self.framer.stands_in or visit.goes_on(error):
            raise error
        status = self.service.fallback_status or error.status
        self._observe(
            FallbackServed(
                service=self.service.name,
                action=visit.action,
                request_id=visit.request_id,
                kind="service",
                status=status,
            )
        )
        fragment = Fragment(title=self.service.name, content=Markup(content.decode("utf-8", "replace")))
        return self.framer.page(
            fragment, visit, token="", status=status, headers=come_again(error), is_fallback=True
        )

    def _renew(self, asked: Asked, kept: Kept[Data] | None) -> Answer | Moved:
        """A page that may be kept, and is not, or too old: one visitor asks, others have the old one."""
        key = asked.key
        with self._flights.join(key) as flight:
            if (kept is None or flight.leads) and flight.wait(asked.deadline):
                newer = self._load(asked)
                if newer is not None and self._is_fresh(newer):
                    return self._finisher.finish(newer.value, asked, newer)
            if kept is None:
                if asked.deadline.remaining() <= 0:
                    raise ServiceTimeout("another visitor's load of the page took all the time")
                return self._ask(asked)
            setback = self._setbacks.recent(key)
            if not flight.leads and setback is None:
                # Of a moment ago, unless whoever looks for a newer one finds nothing for long.
                late = self._clock.monotonic() - kept.fresh_until > self.client.limits.page
                return self._finisher.finish(kept.value, replace(asked, is_stale=late), kept)
            if setback is not None and not asked.visit.goes_on(setback):
                return self._finish_stale(kept, asked, setback)
            try:
                answer = self._ask(asked)
            except ServiceError as error:
                if isinstance(error, ServiceRefused):
                    raise  # its own word about this page, and newer than the one we have
                self._setbacks.note(key, error)
                if asked.visit.goes_on(error):
                    raise
                return self._finish_stale(kept, asked, error)
            self._setbacks.forget(key)
            return answer

    def _finish_stale(self, kept: Kept[Data], asked: Asked, cause: Exception) -> Answer:
        """What the service said before, since it cannot be asked now; the page says so."""
        age = self._clock.monotonic() - kept.fresh_until + asked.meta.cache_time
        self._observe(
            StaleServed(
                service=self.service.name,
                action=asked.visit.action,
                request_id=asked.visit.request_id,
                age=age,
                cause=type(cause).__name__,
            )
        )
        return self._finisher.finish(kept.value, replace(asked, is_stale=True), kept)

    def _is_fresh(self, kept: Kept[Data]) -> bool:
        return self._clock.monotonic() < kept.fresh_until

    def media(self, visit: Visit, path: str, *, within: Deadline | None = None) -> Answer:
        """The answer for a media file; `path` is canonical, with a leading slash; `within` as of `respond`.

        Raises:
            RequestRejected, ServiceError: as `respond`.
        """
        if visit.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("method")
        personal = self.service.media_login
        if personal and visit.visitor.user is None:
            raise LoginRequired("only_logged_user")
        headers = copied(visit, FILE_REQUEST_HEADERS)
        deadline = self._deadline()
        if within is not None:
            deadline = deadline.at_most(within.remaining())
        result = self.client.media(path, visit.query, headers, visit.method, deadline, visit.request_id)
        if isinstance(result, File):
            return self._finisher.file(result, visit, personal)
        return self.framer.status(result, visit, personal=personal)

    def _deadline(self) -> Deadline:
        return Deadline.after(self.client.limits.page, self._clock)

    def _meta(self, visit: Visit, deadline: Deadline) -> ActionMeta | Moved:
        if visit.method not in METHODS:
            raise MethodNotAllowed("method")
        if self.service.mode == "pages":
            return PAGES_META
        return self.client.meta(visit.action, deadline, visit.request_id)

    def _check_access(self, visit: Visit, meta: ActionMeta) -> None:
        # A pre-flight comes without cookies by design; its answer is CORS headers and nothing else.
        if visit.method != "OPTIONS":
            mode = self.service.organizations
            access.check(meta, visit.visitor, visit.origin.address, organization_mode=mode)

    def _check_origin(self, visit: Visit) -> None:
        """Refuses what can be refused before the body is read."""
        if csrf.is_unsafe(visit.method):
            csrf.check_origin(visit.environ, visit.origin)
            token = csrf.header_token(visit.environ)
            if token:
                self._tokens.check(token, visit)

    def _call(self, asked: Asked) -> tuple[Asked, ActionResult]:
        """Reads the body, checks its token, calls the action; the time of reading is not the service's."""
        visit = asked.visit
        if visit.method == "OPTIONS":
            nobody = replace(visit, visitor=Visitor(), session=Session(), cookies=Held())
            return asked, self._send(replace(asked, visit=nobody), Body(), [])
        ours = our_fields(visit, asked.meta, self._complaints)
        started = self._clock.monotonic()
        # A body of a GET is in no key and means nothing (RFC 9110 section 9.3.1): it stays here.
        safe = visit.method in SAFE_METHODS
        body = Body() if safe else self._read_body(visit, ours)
        try:
            if not safe:
                asked = asked.later(self._clock.monotonic() - started)
                if not csrf.header_token(visit.environ):
                    self._tokens.check(body.csrf_token, visit)
            return asked, self._send(asked, body, ours)
        finally:
            body.close()

    def _read_body(self, visit: Visit, ours: list[Pair]) -> Body:
        return read_body(visit.environ, ours if is_in_form(visit) else (), self.client.limits)

    def _send(self, asked: Asked, body: Body, ours: list[Pair]) -> ActionResult:
        self._look_ahead(asked)
        result = self.client.action(self._builder.build(asked, body, ours, conditional=True), asked.deadline)
        if result.status == 304 and asked.visit.method == "GET" and asked.is_framed:
            # The visitor's copy is a page in somebody's layout: only fresh data makes one for this visitor.
            again = self._builder.build(asked, body, ours, conditional=False)
            return self.client.action(again, asked.deadline)
        return result

    def _look_ahead(self, asked: Asked) -> None:
        """The template comes while the action runs, if it is not here and somebody has time to fetch it."""
        visit, meta = asked.visit, asked.meta
        is_needed = visit.method == "GET" and asked.is_framed and meta.template_tag
        if is_needed and not self.client.has_template(visit.action, meta) and self.client.exchanges.has_spare:
            fetch = partial(self.client.template_ahead, visit.action, meta, asked.deadline, visit.request_id)
            self._spare.help(fetch, 1)

    def _follow(self, moved: Moved, visit: Visit, since: Deadline | None, deadline: Deadline) -> Answer:
        """A redirect of the call itself re-enters the data path once, with its own meta and a new context."""
        target = action_target(moved.target)
        if target is None:
            raise ServiceFailed("redirected an action to something that is none")
        action, query = canonical_path(target[0]), target[1]
        if visit.method in SAFE_METHODS:
            if since is not None:
                raise ServiceFailed("redirects in a loop")
            return self.respond(visit.moved(action, query or visit.query), since=deadline)
        status = moved.status if moved.status in (307, 308) else 303
        where = Redirect(status=status, target=action + (f"?{query}" if query else ""), absolute=False)
        return self.framer.redirect(where, visit)

    def _load(self, asked: Asked) -> Kept[Data] | None:
        return None if asked.key is None else self._cache.get(asked.key)

    def _keep(self, result: ActionResult, asked: Asked) -> Kept[Data] | None:
        """Keeps an answer that may be kept; any other ends an older one: that is not shown again."""
        if asked.key is None:
            return None
        if not isinstance(result, Data) or not _may_keep(result, asked.meta):
            self._cache.delete(asked.key)
            self._unkept.note(asked.key, ServiceFailed("the answer was not to be kept"))
            return None
        seconds = asked.meta.cache_time
        kept = Kept(value=result, fresh_until=self._clock.monotonic() + seconds)
        stale = self.client.limits.page_stale
        if asked.visit.query:
            stale = min(stale, 10 * seconds)  # queries are the visitors' to invent
        self._cache.set(asked.key, kept, seconds + stale, 4 * len(result.raw))
        return kept


def _may_keep(result: Data, meta: ActionMeta) -> bool:
    """Rule 5; and the service itself has not said that the answer is for one visitor, or for now."""
    said = ",".join(value.lower() for name, value in result.headers if name.lower() == "cache-control")
    kinds = (object,) if meta.json_only else (dict, str) if meta.xml_only else (dict,)
    return (
        result.status == 200
        and isinstance(result.value, kinds)
        and not result.writes
        and not any(word in said for word in ("private", "no-store"))
    )

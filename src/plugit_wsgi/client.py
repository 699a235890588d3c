"""The calls of the protocol on one service (protocol section 1).

1. Meta that came but is wrong is refused, and not asked for again for 5 s; the last good one serves only
   while the service cannot be reached. One visitor asks for all who come meanwhile.
2. What is kept is kept by service, path and tag; templates are compiled once for each distinct text.
3. A service may redirect a call to a path of itself. For meta and action the answer says so, since the rules
   of the new path come first; a template may move by its slash, media below the media.
4. A mail is signed, as actions are: a service must not take a visitor's word for an answer to a mail.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import quote

from .answers import MOVED, is_file, parse_json, passed_headers, read_answer, read_writes, service_failure
from .cache.kept import Kept
from .clock import Clock, Deadline
from .config import Limits, Service
from .errors import (
    ActionNotFound,
    RequestRejected,
    ServiceError,
    ServiceFailed,
    TemplateError,
    WireError,
    is_unreachable,
)
from .exchanges import Exchange, Exchanges, call_headers
from .flight import Flights
from .http import FILE_HEADERS, below, canonical_path, get_header
from .interfaces import Cache, CompiledTemplate, Headers, ServiceRequest, ServiceResponse, TemplateEngine
from .key_doubts import KeyDoubts
from .lifetimes import DAY, read_lifetime
from .setbacks import Setbacks
from .spare import SpareThreads
from .turns import Turns
from .wire import names
from .wire.context import LIFETIME, SignedContext, digest
from .wire.keys import KeyRing, audience_of
from .wire.meta import ActionMeta
from .wire.result import NO_WRITES, ActionResult, File, Moved, Status

ONCE_MORE = 2
"""Tries of a call that the service may redirect once."""
RENEWED = 0.1
"""The last part of a meta's lifetime, in which a newer one is fetched while visitors go on with this one."""
RENEWABLE = 10.0
"""Seconds that a meta must live for that."""
META_SIZE = 1024
"""Bytes that a meta counts as in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCall:
    """One call of an action, ready to be sent. Immutable but for the body.

    Attributes:
        method, target, headers: as in `ServiceRequest`.
        body, length: as in `ServiceRequest`.
        public_url: of the mount, as the service is told.
        action: canonical path, for log and errors.
        request_id: for log, events and the service.
    """

    method: str
    target: str
    headers: Headers = field(repr=False)
    body: BinaryIO | None = None
    length: int = 0
    public_url: str
    action: str
    request_id: str = ""


class ServiceClient:
    """Calls one service. Thread-safe.

    Args:
        service: which.
        keys: of the service.
        limits: its limits.
        exchanges: with it.
        engines: gives what compiles the templates of a language.
        cache: keeps meta.
        templates: keeps compiled templates, in this process.
        turns: of whoever compiles or renders long.
        flights: of loads under way, so that many visitors ask once.
        spare: threads that fetch what will be needed.
        clock: the time.
        variant: name of the deployment; "" is the main one.

    Attributes:
        name: of the service, or ``name@variant``.
    """

    def __init__(
        self,
        service: Service,
        *,
        keys: KeyRing,
        limits: Limits,
        exchanges: Exchanges,
        engines: Callable[[str], TemplateEngine],
        cache: Cache,
        templates: Cache,
        turns: Turns,
        flights: Flights,
        spare: SpareThreads,
        clock: Clock,
        variant: str = "",
    ) -> None:
        self.service = service
        self.variant = variant
        self.name = audience_of(service.name, variant)
        self.keys = keys
        self.limits = limits
        self.flights = flights
        self._setbacks = Setbacks(clock)
        self.exchanges = exchanges
        self._engines = engines
        self._cache = cache
        self._templates = templates
        self.turns = turns
        self._spare = spare
        self._clock = clock
        self._doubts = KeyDoubts(self.name, clock)

    def meta(self, action: str, deadline: Deadline, request_id: str = "") -> ActionMeta | Moved:
        """The meta of an action, or where the service says that it is.

        Args:
            action: canonical path with a leading slash.
            deadline: of the page.
            request_id: for log and events.

        Raises:
            ActionNotFound: the service has no such action.
            ServiceError: it could not be asked, and nothing recent enough is known; or it answered nonsense.
        """
        key = ("meta", self.service.name, action)
        kept: Kept[ActionMeta] | None = self._cache.get(key)
        if kept is not None and self._clock.monotonic() < kept.fresh_until:
            if self._clock.monotonic() >= kept.renew_at:
                self._renew_meta(key, kept, action)
            return kept.value
        with self.flights.join(key) as flight:
            if flight.wait(deadline):
                newer: Kept[ActionMeta] | None = self._cache.get(key)
                if newer is not None and self._clock.monotonic() < newer.fresh_until:
                    return newer.value
            return self._newer_meta(key, kept, action, deadline, request_id)

    def _renew_meta(self, key: tuple[str, ...], kept: Kept[ActionMeta], action: str) -> None:
        """Has a newer one fetched, so that no visitor waits for it; if that fails, this one is used up."""
        left = kept.fresh_until - self._clock.monotonic() + self.limits.meta_stale
        once = replace(kept, renew_at=math.inf)
        self._cache.set(key, once, left, META_SIZE)

        def renew() -> None:
            with self.flights.join(key) as flight:
                if flight.leads:
                    self._newer_meta(key, once, action, Deadline.after(self.limits.call, self._clock), "")

        self._spare.help(renew, 1)

    def _newer_meta(
        self,
        key: tuple[str, ...],
        kept: Kept[ActionMeta] | None,
        action: str,
        deadline: Deadline,
        request_id: str,
    ) -> ActionMeta | Moved:
        setback = self._setbacks.recent(key)
        try:
            if isinstance(setback, WireError):
                # What came a moment ago was wrong, and will be: to ask at each visit would help nobody.
                raise WireError(str(setback), field=setback.field, received=setback.received)
            found, lifetime = self._fetch_meta(action, deadline, request_id)
        except ActionNotFound:
            self._cache.delete(key)
            raise
        except ServiceError as error:
            if not is_unreachable(error):
                # It has said something newer than what is kept: that is never fallen back to.
                self._cache.delete(key)
                if setback is None and isinstance(error, WireError):
                    self._setbacks.note(key, error)
                raise
            if kept is None:
                raise
            return kept.value
        self._setbacks.forget(key)
        if isinstance(found, Moved):
            self._cache.delete(key)
        else:
            fresh_until = self._clock.monotonic() + lifetime
            renew_at = fresh_until - RENEWED * lifetime if lifetime >= RENEWABLE else math.inf
            newer = Kept(value=found, fresh_until=fresh_until, renew_at=renew_at)
            self._cache.set(key, newer, lifetime + self.limits.meta_stale, META_SIZE)
        return found

    def _fetch_meta(
        self, action: str, deadline: Deadline, request_id: str
    ) -> tuple[ActionMeta | Moved, float]:
        with self.exchanges.get(names.META, action, deadline, request_id=request_id) as exchange:
            response = exchange.response
            if response.status in MOVED:
                target = self._moved(names.META, response)
                return Moved(status=response.status, target=f"{names.ACTION}/{target}"), 0.0
            if response.status == 404:
                raise ActionNotFound("action")
            if response.status != 200:
                raise service_failure(response, self.limits)
            meta = ActionMeta.from_json(response.read(self.limits.meta_size))
            return meta, read_lifetime(response.headers, self.limits.meta_lifetime, self._clock.time())

    def has_template(self, action: str, meta: ActionMeta) -> bool:
        """It is here, or not to be fetched now; else `template` asks the service."""
        key = self._template_key(action, meta)
        return self._templates.get(key) is not None or self._setbacks.recent(key) is not None

    def _template_key(self, action: str, meta: ActionMeta) -> tuple[str, ...]:
        return ("template", self.service.name, action, meta.template_tag, meta.template_language)

    def template(
        self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = ""
    ) -> CompiledTemplate:
        """The compiled template of an action.

        Raises:
            TemplateError: the action has none, or it does not compile.
            ServiceError: it could not be fetched.
        """
        key = self._template_key(action, meta)
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is not None:
            return compiled
        with self.flights.join(key) as flight:
            compiled = self._templates.get(key) if flight.wait(deadline) else None
            if compiled is None:
                self._check_failed_template(key)
                source = self._fetch_template(action, meta, deadline, request_id)
                compiled = self._compile(source, meta, key)
                self._templates.set(key, compiled, DAY, 4 * len(source))
            return compiled

    def _check_failed_template(self, key: tuple[str, ...]) -> None:
        """A text that did not compile a moment ago is not fetched and tried at each visit."""
        error = self._setbacks.recent(key)
        if isinstance(error, TemplateError):
            raise TemplateError(str(error), template_tag=error.template_tag, line=error.line) from error

    def _fetch_template(self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str) -> bytes:
        if not meta.template_tag:
            raise TemplateError("the action has no template, and its answer is a page")
        path = action
        for _ in range(ONCE_MORE):
            with self.exchanges.get(names.TEMPLATE, path, deadline, request_id=request_id) as exchange:
                response = exchange.response
                if response.status == 404:
                    raise TemplateError("the service has none for the action", template_tag=meta.template_tag)
                if response.status == 200:
                    return response.read(self.limits.template_size)
                if response.status not in MOVED:
                    raise service_failure(response, self.limits)
                path = "/" + self._moved(names.TEMPLATE, response)
            if path.rstrip("/") != action.rstrip("/"):
                break
        raise ServiceFailed("redirects a template to another one", service=self.service.name, action=action)

    def _compile(self, source: bytes, meta: ActionMeta, of: tuple[str, ...]) -> CompiledTemplate:
        # Many actions with parameters (/show/1, /show/2) share one text.
        tag, language = meta.template_tag, meta.template_language
        key = ("compiled", self.service.name, digest(source), language)
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is None:
            try:
                text = source.decode("utf-8")
                menu = self.service.menu_action
                engine = self._engines(language)
                with self.turns.begin(key) as pace:
                    compiled = engine.compile(text, template_tag=tag, menu_action=menu, pace=pace)
            except UnicodeDecodeError as error:
                raise TemplateError("the template is not UTF-8", template_tag=tag) from error
            except TemplateError as error:
                error.template_tag = error.template_tag or tag
                self._setbacks.note(of, error)
                raise
            self._templates.set(key, compiled, DAY, 4 * len(source))
        return compiled

    def action(self, call: ActionCall, deadline: Deadline) -> ActionResult:
        """Calls an action.

        Returns:
            What it answered. A `File` holds a connection until its body is closed.

        Raises:
            ServiceError: it did not answer, in time, what the protocol allows.
        """
        request = ServiceRequest(
            method=call.method,
            target=call.target,
            headers=(*call.headers, *call_headers(deadline, call.request_id)),
            body=call.body,
            length=call.length,
            deadline=deadline,
            connect_timeout=self.limits.connect,
        )
        with self.exchanges.open(names.ACTION, call.action, request, call.request_id) as exchange:
            response = exchange.response
            self._doubts.look(response, call.request_id)
            if is_file(response) and call.method != "OPTIONS":
                return self._file(exchange, call.method, is_action=True)
            return read_answer(
                response,
                method=call.method,
                service=self.service,
                limits=self.limits,
                public_url=call.public_url,
            )

    def media(
        self, path: str, query: str, headers: Headers, method: str, deadline: Deadline, request_id: str = ""
    ) -> ActionResult:
        """Fetches a media file; `path` is canonical, below the media folder, with a leading slash.

        Raises:
            ActionNotFound: there is none.
            ServiceError: it could not be fetched.
        """
        target = path + (f"?{query}" if query else "")
        for _ in range(ONCE_MORE):
            request = ServiceRequest(
                method=method,
                target=names.MEDIA + target,
                headers=(*headers, *call_headers(deadline, request_id)),
                deadline=deadline,
                connect_timeout=self.limits.connect,
            )
            with self.exchanges.open(names.MEDIA, path, request, request_id) as exchange:
                if exchange.response.status not in MOVED:
                    return self._media(exchange, method)
                target = "/" + self._moved(names.MEDIA, exchange.response)
        raise ServiceFailed("redirects media in a loop", service=self.service.name, action=path)

    def _media(self, exchange: Exchange, method: str) -> ActionResult:
        status = exchange.response.status
        if status in (200, 206):
            return self._file(exchange, method, is_action=False)  # media are without a visitor, and public
        if status in (304, 416):
            # The body stays here: with its length, the visitor would wait for it. What a browser knows of its
            # copy changes with a 304, but not whether that may be shown.
            about_the_body = ("content-length", "content-type", "content-disposition")
            kept = self._file_headers(exchange.response)
            about = (item for item in kept if item[0].lower() not in about_the_body)
            return Status(status=status, headers=tuple(about))
        if 400 <= status < 500:
            raise ActionNotFound("media")
        raise service_failure(exchange.response, self.limits)

    def _file(self, exchange: Exchange, method: str, *, is_action: bool) -> ActionResult:
        response = exchange.response
        headers = self._file_headers(response)
        writes = NO_WRITES
        if is_action:
            writes = read_writes(response.headers, cookies=self.service.cookies)
        if method == "HEAD":
            return File(status=response.status, headers=headers, body=(), writes=writes)
        return exchange.file(headers, writes)

    def _file_headers(self, response: ServiceResponse) -> Headers:
        return passed_headers(response.headers, self.service, self.limits, FILE_HEADERS)

    def fallback(self, meta: ActionMeta) -> bytes | None:
        """The fragment that stands in for an action while the service is away; None if it has none here.

        It is fetched while the service answers, with the page, and kept in this process for a day.
        """
        kept: bytes | None = self._templates.get(("fallback", self.service.name, meta.fallback))
        return kept

    def keep_fallback(self, meta: ActionMeta, deadline: Deadline, request_id: str = "") -> None:
        """Fetches that fragment, if it is not here; what goes wrong is tried again a little later."""
        key = ("fallback", self.service.name, meta.fallback)
        if self._templates.get(key) is not None or self._setbacks.recent(key) is not None:
            return
        with self.flights.join(key) as flight:
            if flight.leads:
                self._fetch_fallback(key, meta, deadline, request_id)

    def _fetch_fallback(
        self, key: tuple[str, ...], meta: ActionMeta, deadline: Deadline, request_id: str
    ) -> None:
        try:
            path = canonical_path(
                "/" + meta.fallback.encode("utf-8", "replace").decode("latin-1").lstrip("/")
            )
            with self.exchanges.get(names.MEDIA, path, deadline, request_id=request_id) as exchange:
                if exchange.response.status != 200:
                    raise service_failure(exchange.response, self.limits)
                content = exchange.response.read(self.limits.template_size)
            self._templates.set(key, content, DAY, len(content))
        except (RequestRejected, ServiceError) as error:
            self._setbacks.note(key, error)

    def ping(self, text: str, deadline: Deadline) -> bool:
        """The service answers, and repeats what it was told."""
        with self.exchanges.get(names.PING, "", deadline, query=f"data={quote(text, safe='')}") as exchange:
            return self._read_object(exchange.response).get("data") == text

    def warm(self) -> None:
        """Opens a connection, which is kept for a visitor.

        Raises:
            ServiceError: as `version`.
        """
        self.version(Deadline.after(self.limits.call, self._clock))

    def version(self, deadline: Deadline) -> dict[str, Any]:
        """What the service says about itself; its name is free, its version must be ours.

        Raises:
            WireError: another version, or not the object of the protocol.
        """
        with self.exchanges.get(names.VERSION, "", deadline) as exchange:
            found = self._read_object(exchange.response)
        if found.get("result") != "Ok" or str(found.get("version")) != names.PROTOCOL_VERSION:
            raise WireError("another version of the protocol", field="version", received=found)
        return found

    def mail(
        self,
        response_id: str,
        message: str,
        deadline: Deadline,
        *,
        message_id: str = "",
        is_repeat: bool = False,
    ) -> bool:
        """Hands a reply over, with a context that names nobody; True if the service took it.

        Args:
            response_id: what the service gave with its mail.
            message: the text of the reply.
            deadline: of the call.
            message_id: of the reply, printable ASCII; "" is not sent.
            is_repeat: the service may have it already.
        """
        status, body = self.post_mail(
            response_id, message, deadline, message_id=message_id, is_repeat=is_repeat
        )
        return status == 200 and _object_of(body).get("result") == "Ok"

    def post_mail(
        self,
        response_id: str,
        message: str,
        deadline: Deadline,
        *,
        message_id: str = "",
        is_repeat: bool = False,
    ) -> tuple[int, bytes]:
        """As `mail`; the status and the body that the service answered, of an error its beginning."""
        fields = {"response_id": response_id, "message": message}
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items()).encode("ascii")
        short = deadline.at_most(self.limits.call)
        request = ServiceRequest(
            method="POST",
            target=names.MAIL,
            headers=(
                ("Content-Type", "application/x-www-form-urlencoded"),
                *call_headers(short, ""),
                *([(names.MESSAGE_ID, message_id)] if message_id else []),
                *([(names.REPEAT, "1")] if is_repeat else []),
                (names.CONTEXT, self._mail_context(body, short).sign(self.keys)),
            ),
            body=body,
            length=len(body),
            deadline=short,
            connect_timeout=self.limits.connect,
        )
        with self.exchanges.open(names.MAIL, "", request) as exchange:
            response = exchange.response
            self._doubts.look(response, "")
            if response.status == 200:
                return 200, response.read(self.limits.meta_size)
            return response.status, next(response.pieces(), b"")

    def _mail_context(self, body: bytes, deadline: Deadline) -> SignedContext:
        now = int(self._clock.time())
        return SignedContext(
            audience=self.name,
            variant=self.variant,
            issued=now,
            expires=now + LIFETIME,
            token_id=secrets.token_urlsafe(12),
            method="POST",
            path=f"/{names.MAIL}",
            body_digest=digest(body),
            deadline_ms=int(deadline.remaining() * 1000),
        )

    def close(self) -> None:
        """Gives the connections back."""
        self.exchanges.close()

    def _read_object(self, response: ServiceResponse) -> dict[str, Any]:
        if response.status != 200:
            raise service_failure(response, self.limits)
        return _object_of(response.read(self.limits.meta_size))

    def _moved(self, call: str, response: ServiceResponse) -> str:
        """The path, without leading slash, below the same call, that a redirect names."""
        location = get_header(response.headers, "Location") or ""
        target = below(f"{self.service.url}/{call}", location)
        if target is None:
            raise ServiceFailed(f"redirected {call} elsewhere")
        return target


def _object_of(body: bytes) -> dict[str, Any]:
    found = parse_json(body)
    if not isinstance(found, dict):
        raise WireError("an object was expected", field="body", received=found)
    return found

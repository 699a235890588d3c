"""The calls of the protocol on one service (protocol section 1).

1. What is kept is kept by service, path and tag: meta in `metas`, templates in `service_templates`.
2. A service may redirect a call to a path of itself. For meta and action the answer says so, since the rules
   of the new path come first; a template may move by its slash, media below the media.
3. A mail is signed, as actions are: a service must not take a visitor's word for an answer to a mail.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import quote

from .answers import MOVED, is_file, parse_json, passed_headers, read_answer, read_writes, service_failure
from .clock import Clock, Deadline
from .config import Limits, Service
from .errors import (
    ActionNotFound,
    RequestRejected,
    ServiceError,
    ServiceFailed,
    WireError,
)
from .exchanges import ONCE_MORE, Exchange, Exchanges, call_headers
from .flight import Flights
from .http import FILE_HEADERS, canonical_path
from .interfaces import Cache, CompiledTemplate, Headers, ServiceRequest, ServiceResponse, TemplateEngine
from .key_doubts import KeyDoubts
from .lifetimes import DAY
from .metas import Metas
from .service_templates import ServiceTemplates
from .setbacks import Setbacks
from .spare import SpareThreads
from .turns import Turns
from .wire import names
from .wire.context import LIFETIME, SignedContext, digest
from .wire.keys import KeyRing, audience_of
from .wire.meta import ActionMeta
from .wire.result import NO_WRITES, ActionResult, File, Moved, Status


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
        self._templates = templates
        self.turns = turns
        self._clock = clock
        self._doubts = KeyDoubts(self.name, clock)
        self._metas = Metas(
            service.name,
            limits=limits,
            exchanges=exchanges,
            cache=cache,
            flights=flights,
            spare=spare,
            clock=clock,
        )
        self._compiled = ServiceTemplates(
            service,
            limits=limits,
            exchanges=exchanges,
            engines=engines,
            templates=templates,
            turns=turns,
            flights=flights,
            clock=clock,
        )

    def meta(self, action: str, deadline: Deadline, request_id: str = "") -> ActionMeta | Moved:
        """See `Metas.get`."""
        return self._metas.get(action, deadline, request_id)

    def has_template(self, action: str, meta: ActionMeta) -> bool:
        """See `ServiceTemplates.has`."""
        return self._compiled.has(action, meta)

    def template(
        self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = ""
    ) -> CompiledTemplate:
        """See `ServiceTemplates.get`."""
        return self._compiled.get(action, meta, deadline, request_id)

    def template_ahead(self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = "") -> None:
        """See `ServiceTemplates.get_ahead`."""
        self._compiled.get_ahead(action, meta, deadline, request_id)

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
                target = "/" + self.exchanges.moved(names.MEDIA, exchange.response)
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


def _object_of(body: bytes) -> dict[str, Any]:
    found = parse_json(body)
    if not isinstance(found, dict):
        raise WireError("an object was expected", field="body", received=found)
    return found

"""The calls of the protocol on one service (protocol section 1).

1. Every exchange takes a place of the service; an answer is read, or closed, before the place is free again.
2. Meta that came but is wrong is refused; the last good one serves only while the service cannot be reached.
3. What is kept is kept by service, path and tag; templates are compiled once for each distinct text.
4. Errors leave with the names of service and call.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO
from urllib.parse import quote

from .answers import (
    MOVED,
    is_file,
    parse_json,
    passed_headers,
    read_answer,
    read_writes,
    service_failure,
)
from .clock import Clock, Deadline
from .config import Limits, Service
from .errors import (
    ActionNotFound,
    PlugItError,
    ServiceError,
    ServiceFailed,
    ServiceTimeout,
    ServiceUnreachable,
    TemplateError,
    WireError,
)
from .events import ServiceCalled
from .guard import Places
from .http import FILE_HEADERS, below, get_header
from .interfaces import (
    Cache,
    CompiledTemplate,
    Headers,
    Observe,
    ServiceRequest,
    ServiceResponse,
    TemplateEngine,
    Transport,
)
from .wire import names
from .wire.context import digest
from .wire.meta import ActionMeta
from .wire.result import NO_WRITES, ActionResult, File, Moved, SessionWrites, Status

SMALL = 64 * 1024
"""A file up to this size is read at once, and needs no place among the streams."""
DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCall:
    """One call of an action, ready to be sent. Immutable but for the body.

    Attributes:
        method, target, headers: as in `ServiceRequest`.
        body, length: as in `ServiceRequest`.
        public_url: of the mount, as the service is told.
        action: canonical path, for log and errors.
        request_id: for log and events.
    """

    method: str
    target: str
    headers: Headers
    body: BinaryIO | None = None
    length: int = 0
    public_url: str
    action: str
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _KeptMeta:
    meta: ActionMeta
    fresh_until: float


class ServiceClient:
    """Calls one service. Thread-safe.

    Args:
        service: which.
        limits: its limits.
        transport: carries the calls.
        places, streams: how many at a time.
        engine: compiles its templates.
        cache: keeps meta.
        templates: keeps compiled templates, in this process.
        clock: the time.
        observe: is told of every call.
    """

    def __init__(
        self,
        service: Service,
        *,
        limits: Limits,
        transport: Transport,
        places: Places,
        streams: Places,
        engine: TemplateEngine,
        cache: Cache,
        templates: Cache,
        clock: Clock,
        observe: Observe,
    ) -> None:
        self.service = service
        self.limits = limits
        self._transport = transport
        self._places = places
        self._streams = streams
        self._engine = engine
        self._cache = cache
        self._templates = templates
        self._clock = clock
        self._observe = observe

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
        kept: _KeptMeta | None = self._cache.get(key)
        now = self._clock.monotonic()
        if kept is not None and now < kept.fresh_until:
            return kept.meta
        try:
            found, lifetime = self._fetch_meta(action, deadline, request_id)
        except (ServiceUnreachable, ServiceTimeout):
            if kept is None:
                raise
            return kept.meta
        if isinstance(found, ActionMeta):
            seconds = lifetime + self.limits.meta_stale
            self._cache.set(key, _KeptMeta(meta=found, fresh_until=now + lifetime), seconds, 1024)
        return found

    def _fetch_meta(
        self, action: str, deadline: Deadline, request_id: str
    ) -> tuple[ActionMeta | Moved, float]:
        with self._call(names.META, action, deadline, request_id) as response:
            if response.status in MOVED:
                return self._moved(names.META, response), 0.0
            if response.status == 404:
                raise ActionNotFound("action")
            if response.status != 200:
                raise service_failure(response, self.limits)
            meta = ActionMeta.from_json(response.read(self.limits.meta_size))
            return meta, read_lifetime(response.headers, self.limits.meta_lifetime, self._clock.time())

    def template(
        self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = ""
    ) -> CompiledTemplate:
        """The compiled template of an action.

        Raises:
            TemplateError: the action has none, or it does not compile.
            ServiceError: it could not be fetched.
        """
        key = ("template", self.service.name, action, meta.template_tag)
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is None:
            source = self._fetch_template(action, meta, deadline, request_id)
            compiled = self._compile(source, meta.template_tag)
            self._templates.set(key, compiled, DAY, 4 * len(source))
        return compiled

    def _fetch_template(self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str) -> bytes:
        if not meta.template_tag:
            raise TemplateError("the action has no template, and its answer is a page")
        with self._call(names.TEMPLATE, action, deadline, request_id) as response:
            if response.status == 404:
                raise TemplateError("the service has none for the action", template_tag=meta.template_tag)
            if response.status != 200:
                raise service_failure(response, self.limits)
            return response.read(self.limits.template_size)

    def _compile(self, source: bytes, tag: str) -> CompiledTemplate:
        # Many actions with parameters (/show/1, /show/2) share one text.
        key = ("compiled", self.service.name, digest(source))
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is None:
            try:
                text = source.decode("utf-8")
            except UnicodeDecodeError as error:
                raise TemplateError("the template is not UTF-8", template_tag=tag) from error
            compiled = self._engine.compile(text, template_tag=tag, menu_action=self.service.menu_action)
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
            headers=(*call.headers, *self._call_headers(deadline, call.request_id)),
            body=call.body,
            length=call.length,
            deadline=deadline,
            connect_timeout=self.limits.connect,
        )
        with self._exchange(names.ACTION, call.action, request, call.request_id) as exchange:
            response = exchange.response
            if is_file(response) and call.method != "HEAD":
                return exchange.file(self._file_headers(response), read_writes(response.headers))
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
        request = ServiceRequest(
            method=method,
            target=names.MEDIA + path + (f"?{query}" if query else ""),
            headers=(*headers, *self._call_headers(deadline, request_id)),
            deadline=deadline,
            connect_timeout=self.limits.connect,
        )
        with self._exchange(names.MEDIA, path, request, request_id) as exchange:
            status = exchange.response.status
            kept = self._file_headers(exchange.response)
            if status in (304, 416):
                # The body stays here: with its length, the visitor would wait for it.
                about = (item for item in kept if item[0].lower() not in ("content-length", "content-type"))
                return Status(status=status, headers=tuple(about))
            if method == "HEAD" and status in (200, 206):
                return Status(status=status, headers=kept)
            if status in (200, 206):
                return exchange.file(kept)
            if 400 <= status < 500:
                raise ActionNotFound("media")
            raise service_failure(exchange.response, self.limits)

    def ping(self, text: str, deadline: Deadline) -> bool:
        """The service answers, and repeats what it was told."""
        with self._call(names.PING, "", deadline, query=f"data={quote(text, safe='')}") as response:
            return self._read_object(response).get("data") == text

    def version(self, deadline: Deadline) -> dict[str, Any]:
        """What the service says about itself; its name is free, its version must be ours.

        Raises:
            WireError: another version, or not the object of the protocol.
        """
        with self._call(names.VERSION, "", deadline) as response:
            found = self._read_object(response)
        if found.get("result") != "Ok" or str(found.get("version")) != names.PROTOCOL_VERSION:
            raise WireError("another version of the protocol", field="version", received=found)
        return found

    def mail(self, response_id: str, message: str, deadline: Deadline) -> bool:
        """Hands a reply over; True if the service took it."""
        fields = {"response_id": response_id, "message": message}
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items()).encode("ascii")
        request = ServiceRequest(
            method="POST",
            target=names.MAIL,
            headers=(
                ("Content-Type", "application/x-www-form-urlencoded"),
                *self._call_headers(deadline, ""),
            ),
            body=body,
            length=len(body),
            deadline=deadline.at_most(self.limits.call),
            connect_timeout=self.limits.connect,
        )
        with self._exchange(names.MAIL, "", request, "") as exchange:
            response = exchange.response
            return response.status == 200 and self._read_object(response).get("result") == "Ok"

    def close(self) -> None:
        """Gives the connections back."""
        self._transport.close()

    def _file_headers(self, response: ServiceResponse) -> Headers:
        return passed_headers(response.headers, self.service, self.limits, FILE_HEADERS)

    def _read_object(self, response: ServiceResponse) -> dict[str, Any]:
        if response.status != 200:
            raise service_failure(response, self.limits)
        found = parse_json(response.read(self.limits.meta_size))
        if not isinstance(found, dict):
            raise WireError("an object was expected", field="body", received=found)
        return found

    def _moved(self, call: str, response: ServiceResponse) -> Moved:
        """Where the action is whose meta was asked for."""
        target = below(f"{self.service.url}/{call}", get_header(response.headers, "Location") or "")
        if target is None:
            raise ServiceFailed(f"redirected {call} elsewhere")
        return Moved(status=response.status, target=f"{names.ACTION}/{target}")

    def _call_headers(self, deadline: Deadline, request_id: str) -> Headers:
        return (
            (names.PROTOCOL, _PROTOCOL),
            (names.DEADLINE, str(int(deadline.remaining() * 1000))),
            *(((names.REQUEST_ID, request_id),) if request_id else ()),
        )

    @contextmanager
    def _call(
        self, call: str, action: str, deadline: Deadline, request_id: str = "", query: str = ""
    ) -> Iterator[ServiceResponse]:
        """One GET that nothing of the visitor goes into."""
        short = deadline.at_most(self.limits.call)
        request = ServiceRequest(
            method="GET",
            target=call + action + (f"?{query}" if query else ""),
            headers=self._call_headers(short, request_id),
            deadline=short,
            connect_timeout=self.limits.connect,
        )
        with self._exchange(call, action, request, request_id) as exchange:
            yield exchange.response

    @contextmanager
    def _exchange(
        self, call: str, action: str, request: ServiceRequest, request_id: str
    ) -> Iterator[_Exchange]:
        """One exchange in a place of the service; what is not taken as a file is closed at the end."""
        started = time.perf_counter()
        status, failure = 0, ""
        try:
            with self._places.held():
                exchange = _Exchange(self._transport.send(request), self._streams, self.limits)
                status = exchange.response.status
                try:
                    yield exchange
                finally:
                    exchange.end()
        except PlugItError as error:
            failure = type(error).__name__
            if isinstance(error, ServiceError):
                error.service, error.action = self.service.name, action or call
            raise
        finally:
            self._observe(
                ServiceCalled(
                    service=self.service.name,
                    action=action or call,
                    request_id=request_id,
                    call=call,
                    method=request.method,
                    status=status,
                    seconds=time.perf_counter() - started,
                    error=failure,
                )
            )


class _Exchange:
    """A response that is closed at the end, unless it left as a file."""

    def __init__(self, response: ServiceResponse, streams: Places, limits: Limits) -> None:
        self.response = response
        self._streams = streams
        self._limits = limits
        self._left = False

    def file(self, headers: Headers, writes: SessionWrites = NO_WRITES) -> File:
        """The answer as a file: a small one in memory, a large one as a stream with a place of its own."""
        body: Iterable[bytes]
        if _is_small(self.response.headers):
            body = (self.response.read(SMALL),)
        else:
            body = FileStream(self.response, self._streams)
            self._left = True
        return File(status=self.response.status, headers=headers, body=body, writes=writes)

    def end(self) -> None:
        """Closes what did not leave; a short rest is read, so that the connection can be used again."""
        if not self._left:
            with suppress(ServiceError):
                if _is_small(self.response.headers):
                    self.response.read(SMALL)
            self.response.close()


def _is_small(headers: Headers) -> bool:
    length = get_header(headers, "Content-Length") or ""
    return length.isascii() and length.isdigit() and int(length) <= SMALL


class FileStream:
    """The body of a file on its way; holds a place among the streams. Iterated and closed by one thread.

    A body that breaks off raises out of the iteration, so that the server breaks the visitor's connection
    off too: a short file must never look whole.

    Raises:
        ServiceBusy: all places are taken.
    """

    def __init__(self, response: ServiceResponse, streams: Places) -> None:
        streams.take()
        self._response = response
        self._streams: Places | None = streams
        response.to_stream()

    def __iter__(self) -> Iterator[bytes]:
        # Werkzeug's server forgets close() if the visitor is gone: the place must not be lost with it.
        try:
            yield from self._response.pieces()
        finally:
            self.close()

    def close(self) -> None:
        """Ends it, whole or not. May be called twice."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams.give_back()
            self._response.close()


_PROTOCOL = names.PROTOCOL_VERSION + (f"; ext={','.join(names.EXTENSIONS)}" if names.EXTENSIONS else "")


def read_lifetime(headers: Headers, default: float, now: float) -> float:
    """How long a meta may be kept, in seconds: ``Expire`` (their spelling), ``max-age``, ``Expires``.

    Args:
        headers: of the answer.
        default: where none is named, or none can be read.
        now: Unix time.
    """
    for name in ("Expire", "Cache-Control", "Expires"):
        text = get_header(headers, name)
        seconds = None if text is None else _READERS[name](text, now)
        if seconds is not None:
            return min(max(0.0, seconds), DAY)
    return default


def _until(text: str, now: float) -> float | None:
    try:
        found = parsedate_to_datetime(text)
        # Without a zone it is UTC (RFC 9110), not the time of this machine.
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None


def _max_age(text: str, _now: float) -> float | None:
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and value.isascii() and value.isdigit():
            return float(value)
    return None


_READERS = {"Expire": _until, "Expires": _until, "Cache-Control": _max_age}

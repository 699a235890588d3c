"""HTTP exchanges with one service: a place, a call, an answer that is closed whatever happens.

1. Every exchange takes a place of the service, if its circuit is closed; an answer is read, or closed, before
   the place is free again.
2. A large file leaves its place at its head, for one among the streams.
3. Errors leave with the names of service and call; observers are told of every call, and of a large file that
   breaks off: its visitor has the head of an answer already, so nobody else would tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec

from .circuits import Circuit, Circuits
from .clock import Deadline
from .config import Limits, Service
from .errors import (
    FramingError,
    PlugItError,
    ServiceBusy,
    ServiceError,
    ServiceFailed,
    ServiceTimeout,
    ServiceUnreachable,
    WireError,
)
from .events import Dropped, Fault, ServiceCalled
from .guard import Places
from .http import below, get_header
from .interfaces import Headers, Observe, ServiceRequest, ServiceResponse, Transport
from .observers.redaction import redacted
from .wire import names
from .wire.result import NO_WRITES, File, SessionWrites

SMALL = 1024 * 1024
"""A file up to this size is read at once, and needs no place among the streams."""
ONCE_MORE = 2
"""Tries of a call that the service may redirect once."""
UPLOAD = 64 * 1024
"""A body above this takes time that is the visitor's network's or the service's disk's."""


def spoken(find: Callable[[str], object]) -> tuple[str, ...]:
    """The extensions of this host: templates in another language need the extra ``jinja``.

    Args:
        find: looks for a library; None says that it is not here.
    """
    return tuple(each for each in names.EXTENSIONS if each != names.TEMPLATE_LANGUAGE or find("jinja2"))


PROTOCOL = f"{names.PROTOCOL_VERSION}; ext={','.join(spoken(find_spec))}"


class Exchanges:
    """Exchanges with one service. Thread-safe.

    Args:
        service: which.
        limits: its limits.
        transport: carries the calls.
        places: how many calls at a time.
        streams: how many large files at a time.
        circuits: whether it is asked at all.
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
        circuits: Circuits,
        observe: Observe,
    ) -> None:
        self._service = service
        self._limits = limits
        self._transport = transport
        self.places = places
        self.streams = streams
        self.circuits = circuits
        self._observe = observe

    @property
    def has_spare(self) -> bool:
        """What nobody waits for may be asked: it takes no place that is needed, and is no circuit's probe."""
        return self.circuits.state == "closed" and self.places.has_spare

    def get(
        self, call: str, action: str, deadline: Deadline, *, request_id: str = "", query: str = ""
    ) -> AbstractContextManager[Exchange]:
        """One GET that nothing of the visitor goes into; as `open`."""
        short = deadline.at_most(self._limits.call)
        request = ServiceRequest(
            method="GET",
            target=call + action + (f"?{query}" if query else ""),
            headers=call_headers(short, request_id),
            deadline=short,
            connect_timeout=self._limits.connect,
        )
        return self.open(call, action, request, request_id)

    @contextmanager
    def open(
        self, call: str, action: str, request: ServiceRequest, request_id: str = ""
    ) -> Iterator[Exchange]:
        """One exchange, in a place of the service.

        Args:
            call: name of the call, for errors and events.
            action: canonical path of the action, or "".
            request: what to send.
            request_id: for events.

        Raises:
            ServiceError: it did not answer, or in a way that cannot be read.
        """
        started = time.perf_counter()
        status, failure = 0, ""

        def broke(error: PlugItError) -> None:
            self._tell_broken(error, action or call, request_id)

        try:
            circuit = self.circuits.enter(action if call == names.ACTION else call)
            with (
                _Report(circuit, is_fair=request.length <= UPLOAD) as report,
                self.places.held(),
                Exchange(self._transport.send(request), self.streams, broke) as exchange,
            ):
                status = report.status = exchange.response.status
                _refuse_encoded(exchange.response, request.method)
                if call != names.ACTION or not self._service.cookies:
                    self._count_cookies(exchange.response, action or call, request_id)
                yield exchange
        except PlugItError as error:
            failure = type(error).__name__
            if isinstance(error, ServiceError):
                _name(error, self._service.name, action or call)
                _tell_unsent(error, call, status)
            raise
        finally:
            self._observe(
                ServiceCalled(
                    service=self._service.name,
                    action=action or call,
                    request_id=request_id,
                    call=call,
                    method=request.method,
                    status=status,
                    seconds=time.perf_counter() - started,
                    error=failure,
                )
            )

    def moved(self, call: str, response: ServiceResponse) -> str:
        """The path, without leading slash, below the same call, that a redirect names."""
        location = get_header(response.headers, "Location") or ""
        target = below(f"{self._service.url}/{call}", location)
        if target is None:
            raise ServiceFailed(f"redirected {call} elsewhere")
        return target

    def close(self) -> None:
        """Gives the connections back."""
        self._transport.close()

    def _count_cookies(self, response: ServiceResponse, action: str, request_id: str) -> None:
        """These cookies are dropped; that somebody tries is worth knowing."""
        count = sum(1 for name, _value in response.headers if name.lower() == "set-cookie")
        if count:
            service = self._service.name
            self._observe(
                Dropped(service=service, action=action, request_id=request_id, what="cookies", count=count)
            )

    def _tell_broken(self, error: PlugItError, action: str, request_id: str) -> None:
        self._observe(
            Fault(
                service=self._service.name,
                action=action,
                request_id=request_id,
                kind=type(error).__name__,
                cause=redacted(f"a file broke off: {error}"),
                status=error.status,
            )
        )


class _Report:
    """Tells a circuit how the call in the block ended; a failure only if it is a fair one. One per request.

    Attributes:
        status: of the head that came; 0 before.
    """

    __slots__ = ("_circuit", "_is_fair", "status")

    def __init__(self, circuit: Circuit, *, is_fair: bool) -> None:
        self._circuit = circuit
        self._is_fair = is_fair
        self.status = 0

    def __enter__(self) -> _Report:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, (ServiceUnreachable, ServiceTimeout, FramingError)):
            if self._is_fair:
                self._circuit.broke(error)
            else:
                self._circuit.given_up()
        elif error is None or self.status:
            # Busy, or what the caller made of a sound answer: the service did answer if a head came.
            self._circuit.answered(self.status)
        else:
            self._circuit.broke(error)


def call_headers(deadline: Deadline, request_id: str) -> Headers:
    """The headers that every call has."""
    return (
        (names.PROTOCOL, PROTOCOL),
        (names.DEADLINE, str(int(deadline.remaining() * 1000))),
        *(((names.REQUEST_ID, request_id),) if request_id else ()),
    )


def _name(error: ServiceError, service: str, action: str) -> None:
    error.service, error.action = service, action
    if isinstance(error, WireError) and error.field == "status" and error.received == "101":
        error.status = 501  # the service switches protocols, which WSGI cannot carry


def _tell_unsent(error: ServiceError, call: str, status: int) -> None:
    """Places and circuits refuse before anything is sent; a template is asked for after its action was."""
    refused = isinstance(error, ServiceBusy) and not status
    error.is_unsent = (error.is_unsent or refused) and call != names.TEMPLATE


def _refuse_encoded(response: ServiceResponse, method: str) -> None:
    # We asked for identity. A small body may unpack to gigabytes, and not every visitor can unpack it.
    encoding = (get_header(response.headers, "Content-Encoding") or "identity").strip().lower()
    if encoding != "identity" and method != "HEAD" and response.status not in (204, 304):
        raise WireError("an encoded body", field="Content-Encoding", received=encoding, is_costly=True)


class Exchange:
    """A response that is closed at the end, unless it left as a file. One per request.

    Args:
        response: of the service.
        streams: for large files.
        broke: is told if one breaks off.

    Attributes:
        response: of the service.
    """

    def __init__(
        self, response: ServiceResponse, streams: Places, broke: Callable[[PlugItError], None]
    ) -> None:
        self.response = response
        self._streams = streams
        self._broke = broke
        self._left = False

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._left:
            self.response.close()

    def file(self, headers: Headers, writes: SessionWrites = NO_WRITES) -> File:
        """The answer as a file: a small one in memory, a large one as a stream with a place of its own.

        Raises:
            ServiceBusy: no place among the streams.
            ServiceError: a small one could not be read.
        """
        body: Iterable[bytes]
        if is_small(self.response.headers):
            body = (self.response.read(SMALL),)
        else:
            body = FileStream(self.response, self._streams, self._broke)
            self._left = True
        return File(status=self.response.status, headers=headers, body=body, writes=writes)


def is_small(headers: Headers) -> bool:
    """The length is known and up to `SMALL`."""
    length = get_header(headers, "Content-Length") or ""
    return length.isascii() and length.isdigit() and int(length) <= SMALL


class FileStream:
    """The body of a file on its way; holds a place among the streams. Iterated and closed by one thread.

    A body that breaks off raises out of the iteration, so that the server breaks the visitor's connection
    off too: a short file must never look whole.

    Raises:
        ServiceBusy: all places are taken.
    """

    def __init__(
        self, response: ServiceResponse, streams: Places, broke: Callable[[PlugItError], None]
    ) -> None:
        self._since = streams.take()
        self._response = response
        self._broke = broke
        self._streams: Places | None = streams
        response.to_stream()

    def __iter__(self) -> Iterator[bytes]:
        # Werkzeug's server forgets close() if the visitor is gone: the place must not be lost with it.
        try:
            yield from self._response.pieces()
        except PlugItError as error:
            self._broke(error)
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Ends it, whole or not. May be called twice."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams.give_back(self._since)
            self._response.close()

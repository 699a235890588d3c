"""Every error of the library.

The class says whose fault it was, the attributes carry the facts, ``__cause__`` is what was caught::

    PlugItError                         .status; str() is for logs, never for visitors
    ├── ConfigError (ValueError)        while constructing, or changing mounts
    ├── RequestRejected                 the visitor's request was refused
    │   ├── BadRequest 400              a body that cannot be read
    │   ├── ActionNotFound 404
    │   ├── LoginRequired 403           or a redirect to the host's login
    │   ├── AccessDenied 403            .reason
    │   │   └── SubscriptionRequired    .labels
    │   ├── CsrfRejected 403            .reason
    │   ├── MethodNotAllowed 405
    │   ├── BodyTooLarge 413
    │   ├── TooManyRequests 429         .retry_after
    │   ├── UpgradeRefused 501
    │   ├── PreviewRejected 403         .reason; a link to a preview
    │   └── MailRefused 4xx             .reason .retry_after; mail that a service wanted to send
    ├── MailServerError                 .code; the server that mail is handed to
    ├── ReplyRejected                   .reason; a reply address that is none
    ├── ServiceError                    .service .action
    │   ├── ServiceUnreachable 502
    │   ├── ServiceTimeout 504          .connecting
    │   ├── ServiceFailed 502           .retry_after
    │   ├── ServiceRefused 4xx, 500     .headers; the service's own answer to the visitor
    │   ├── ServiceBusy 503             .retry_after
    │   ├── CircuitOpen 503             .retry_after
    │   └── WireError 502               .field .received
    │       └── FramingError            the bytes are no HTTP answer
    ├── ContextError 401                sdk side
    │   ├── ContextMissing
    │   ├── ContextTampered
    │   ├── ContextExpired
    │   └── ContextForeign
    ├── MailboxError                    the mail server where replies arrive
    ├── MessageUnusable                 a mail that is no reply, or cannot be read
    ├── TemplateError 502               .template_tag .line .is_costly
    └── DatabaseError 500               the host's own database
"""

from __future__ import annotations


class PlugItError(Exception):
    """Root of all errors. ``str()`` is for logs; a visitor sees only what belongs to ``status``."""

    status: int = 500


class ConfigError(PlugItError, ValueError):
    """A setting that cannot be used; raised while constructing, or when mounts are changed.

    Args:
        field: the setting, as the user wrote it.
        value: what was given.
        expected: what would have been right.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r}, expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class RequestRejected(PlugItError):
    """The visitor's request was refused before the service was asked for the action."""

    status = 403
    reason: str = ""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or type(self).__name__)
        self.reason = reason


class BadRequest(RequestRejected):
    """The request's body cannot be read as what it claims to be."""

    status = 400


class ActionNotFound(RequestRejected):
    """No such action, or a path that no action can have."""

    status = 404


class LoginRequired(RequestRejected):
    """Nobody is logged in and the action wants somebody. ``reason`` is the meta key."""

    status = 403


class AccessDenied(RequestRejected):
    """The visitor lacks a right. ``reason`` is the meta key."""

    status = 403


class SubscriptionRequired(AccessDenied):
    """The visitor has no subscription that the action asks for.

    Args:
        reason: the meta key.
        labels: one of them would do.
    """

    def __init__(self, reason: str = "", *, labels: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.labels = labels


class CsrfRejected(RequestRejected):
    """The request was not shown to come from one of the host's own pages."""

    status = 403


class MethodNotAllowed(RequestRejected):
    """A method that nothing here has."""

    status = 405


class BodyTooLarge(RequestRejected):
    """The request's body is over a limit."""

    status = 413


class TooManyRequests(RequestRejected):
    """More of something than is allowed in a time. ``retry_after`` in seconds; None if nobody knows."""

    status = 429

    def __init__(self, reason: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class UpgradeRefused(RequestRejected):
    """The visitor asks for another protocol (WebSocket), which WSGI cannot carry."""

    status = 501


class PreviewRejected(RequestRejected):
    """A link to a preview is good for nothing.

    ``reason`` is "preview_altered", "preview_expired", "preview_foreign" (of another service) or
    "preview_gone" (the service has no such variant any more).
    """

    status = 403


class MailRefused(RequestRejected):
    """The host does not send this mail, to nobody.

    Args:
        reason: for the service and the log; no addresses.
        status: HTTP status.
        retry_after: seconds after which it may be tried again; None if that makes no sense.
    """

    def __init__(self, reason: str, *, status: int = 403, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


class MailServerError(PlugItError):
    """The server that mail is handed to cannot be talked to, or ended the conversation.

    Args:
        message: for the log; a server's own words may have addresses.
        code: of SMTP; 0 if it said none.
    """

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class ReplyRejected(PlugItError):
    """A mail came to a reply address that this host did not make, or that is over.

    Args:
        reason: "form", "signature", "unknown" or "expired".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"no reply address: {reason}")
        self.reason = reason


class ServiceError(PlugItError):
    """A service did not do its part.

    Args:
        message: for the log.
        service: name of the service.
        action: canonical path of the action, or the call ("ping", "media/logo.png").

    Attributes:
        is_unsent: nothing of the call went out, so that it may be made elsewhere: no connection, no place, or
            an open circuit.
    """

    status = 502
    is_unsent = False

    def __init__(self, message: str, *, service: str = "", action: str = "") -> None:
        super().__init__(message)
        self.service = service
        self.action = action


class ServiceUnreachable(ServiceError):
    """No connection, or one that ended before an answer."""


class ServiceTimeout(ServiceError):
    """A deadline passed; `connecting` before a connection was open."""

    status = 504

    def __init__(
        self, message: str, *, service: str = "", action: str = "", connecting: bool = False
    ) -> None:
        super().__init__(message, service=service, action=action)
        self.connecting = connecting


class ServiceFailed(ServiceError):
    """The service answered with an error of its own.

    Args:
        message, service, action: as in `ServiceError`.
        status: for the visitor.
        retry_after: seconds; None if it did not say.
        unreachable: a gateway in front of it answered in its place.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        action: str = "",
        status: int = 502,
        retry_after: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message, service=service, action=action)
        self.status = status
        self.retry_after = retry_after
        self.unreachable = unreachable


class ServiceRefused(ServiceError):
    """The service's own answer to the visitor: a 4xx, or a 500 of that action.

    Args:
        message, service, action: as in `ServiceError`.
        status: as the service said it.
        headers: of its answer, those that may pass.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        headers: tuple[tuple[str, str], ...] = (),
        service: str = "",
        action: str = "",
    ) -> None:
        super().__init__(message, service=service, action=action)
        self.status = status
        self.headers = headers


class ServiceBusy(ServiceError):
    """All places for this service are taken. ``retry_after`` in seconds."""

    status = 503

    def __init__(
        self, message: str, *, service: str = "", action: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, service=service, action=action)
        self.retry_after = retry_after


class CircuitOpen(ServiceBusy):
    """The service is not called for a while. ``retry_after`` in seconds."""


class WireError(ServiceError):
    """An answer that came, but is not what the protocol says.

    Args:
        field: what was read (a meta key, a header, "body").
        received: what was there, shortened.
        is_costly: it was too large to be read, and would be again.
    """

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        received: object = None,
        is_costly: bool = False,
        service: str = "",
        action: str = "",
    ) -> None:
        super().__init__(message, service=service, action=action)
        self.field = field
        self.received = _short(received)
        self.is_costly = is_costly


class FramingError(WireError):
    """The bytes of an answer are not HTTP, or say in two ways where they end; nothing of it was used."""


def _short(received: object) -> object:
    """What an error keeps of something received: errors are remembered, and it may be megabytes."""
    if received is None or isinstance(received, (bool, int, float)):
        return received
    if isinstance(received, (str, bytes)) and len(received) <= 200:
        return received
    return repr(received)[:200]


def is_unreachable(error: BaseException) -> bool:
    """The service could not be asked just now; it has not said anything that would count."""
    if isinstance(error, ServiceFailed):
        return error.unreachable
    return isinstance(error, (ServiceUnreachable, ServiceTimeout, ServiceBusy))


class ContextError(PlugItError):
    """A signed context that a service must not believe."""

    status = 401


class ContextMissing(ContextError):
    """There is none."""


class ContextTampered(ContextError):
    """The signature, or the form, is wrong."""


class ContextExpired(ContextError):
    """It was right once."""


class ContextForeign(ContextError):
    """It is right, but for another issuer, service, method, path, query or body. ``claim`` names which."""

    def __init__(self, claim: str) -> None:
        super().__init__(f"the context is for another {claim}")
        self.claim = claim


class MailboxError(PlugItError):
    """The mail server where replies arrive cannot be asked, or gave up; nothing is lost there."""


class MessageUnusable(PlugItError):
    """A mail that is nobody's reply, or cannot be read: it is set aside. ``str()`` has none of its text."""


class TemplateError(PlugItError):
    """A service's template cannot be compiled or rendered.

    Args:
        message: for the log.
        template_tag: which text it was.
        line: line of the template, if known.
        is_costly: it went over its budget, and would again.
    """

    status = 502

    def __init__(
        self, message: str, *, template_tag: str = "", line: int | None = None, is_costly: bool = False
    ) -> None:
        super().__init__(message)
        self.template_tag = template_tag
        self.line = line
        self.is_costly = is_costly


class DatabaseError(PlugItError):
    """The host's database does not answer, refuses a change, or is of another revision."""

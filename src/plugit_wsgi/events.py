"""What observers are told: frozen facts, one class per thing that happens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened with a service. Immutable.

    Attributes:
        service: its name.
        action: canonical path of the action, or the call.
        request_id: as sent to the service and written in the log.
        variant: name of the service's deployment; "" is the main one.
    """

    service: str
    action: str
    request_id: str = ""
    variant: str = ""

    @property
    def deployment(self) -> str:
        """The service's name, for a variant ``name@variant``."""
        return f"{self.service}@{self.variant}" if self.variant else self.service


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServed(Event):
    """A visitor got an answer.

    Attributes:
        status: HTTP status.
        seconds: from match to answer, without sending it.
    """

    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCalled(Event):
    """One HTTP exchange with a service.

    Attributes:
        call: "meta", "template", "action", "media", "ping", "version" or "mail".
        method: HTTP method.
        status: HTTP status; 0 if there was no answer.
        seconds: until the body was read (streams: until the head).
        error: class name of the error; "" if there was none.
    """

    call: str
    method: str
    status: int
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    """A request was refused before the service was asked for the action.

    Attributes:
        status: HTTP status.
        reason: the rule (a meta key, "csrf", "path"); "busy" or "open" if it was the guard: there was no
            place, or the circuit is open.
    """

    status: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(Event):
    """A service did not do its part.

    Attributes:
        kind: class name of the error.
        cause: what happened, for logs; what looks like a secret is taken out.
        status: HTTP status that stands for it.
    """

    kind: str
    cause: str
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitChanged(Event):
    """A service, or one of its calls, is not asked for a while; or it is asked again.

    Attributes:
        state: "open" or "closed".
        reason: what is not asked: "service", or the call ("meta", "template", an action's path).
        seconds: how long it will be open; 0 when it closed.
    """

    state: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleServed(Event):
    """A visitor got what the service said before, since it cannot be asked now.

    Attributes:
        age: seconds since the service said it.
        cause: class name of the error.
    """

    age: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackServed(Event):
    """A visitor got a page that stands in for a service.

    Attributes:
        kind: "service" (the service's own fallback) or "host" (the host's error page).
        status: HTTP status.
    """

    kind: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSkipped(Event):
    """A visitor got the main deployment in the place of a variant, which could not be asked or chosen.

    Attributes:
        reason: class name of the error; "when" if it was the host's callable.
        cause: what happened, for logs; what looks like a secret is taken out.
    """

    reason: str
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailHandled(Event):
    """Something became of a mail of a service.

    Attributes:
        outcome: "queued" or "refused", when the service asks; "sent", "delayed" (it is tried again) or
            "set_aside" (given up), when it goes to the mail server.
        recipients: how many it is about.
        reason: why it was refused, delayed or set aside; a mail server's own words may have addresses.
        status: the API's HTTP status, or the mail server's code; 0 if there was none.
    """

    outcome: str
    recipients: int = 0
    reason: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped(Event):
    """Something that a service sent was left out, and the visitor got the rest.

    Attributes:
        what: "cookies" (the mount takes none, or not those), "session" (values over the limits) or
            "include" (a template of another action that could not be had).
        count: how many.
    """

    what: str
    count: int

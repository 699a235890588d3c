"""What a service answered to an action, one class per kind (protocol section 4). Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionWrites:
    """What a service wants to be remembered. Immutable.

    Attributes:
        stored, deleted: session values, and keys.
        cookies: its Set-Cookie values, as received; none unless the mount takes them.
    """

    stored: tuple[tuple[str, str], ...] = ()
    deleted: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.stored or self.deleted or self.cookies)


NO_WRITES = SessionWrites()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionResult:
    """What all kinds share. Immutable.

    Attributes:
        status: HTTP status for the visitor.
        headers: those of the service that may pass.
        writes: session values and cookies.
    """

    status: int = 200
    headers: Headers = ()
    writes: SessionWrites = NO_WRITES


@dataclass(frozen=True, slots=True, kw_only=True)
class Data(ActionResult):
    """A JSON value; `raw` are the bytes it came as."""

    value: Any
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(ActionResult):
    """Send the visitor elsewhere: `target` below the mount, or anywhere allowed if `absolute`."""

    target: str
    absolute: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class File(ActionResult):
    """Bytes as they are. `body` is iterated once and then closed, by whoever holds it."""

    body: Iterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Html(ActionResult):
    """The body of an answer in pages mode.

    Attributes:
        body: as received.
        content_type: as received; "" if none came.
        framed: put it into the layout.
        links: values of the Link headers.
    """

    body: bytes
    content_type: str
    framed: bool
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(ActionResult):
    """A status that is told as it is; `body` and `content_type` are the service's."""

    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(ActionResult):
    """The service redirected the call itself; `target` is below its base URL, without leading slash."""

    target: str

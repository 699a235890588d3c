"""Extension points: callables first, a Protocol where two or more methods belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, runtime_checkable

import webob

from .clock import Clock, Deadline
from .events import Event
from .page import Fragment, Page
from .people import Membership, Organization, Rights, User, Visitor

Identify = Callable[[webob.Request], "User | None"]
Layout = Callable[[Page, webob.Request], str]
Observe = Callable[[Event], None]
Operations = Callable[["User | None"], bool]
"""Whether somebody may see the operations page."""
OnDenied = Callable[[str, "User | None", str], None]
"""Told of a refusal by an access rule: the reason, who was refused, the name of the service."""
Headers = tuple[tuple[str, str], ...]
"""Header lines in order; names as written, values as latin-1 text (the bytes of the wire)."""

__all__ = [
    "BatchDirectory",
    "Cache",
    "Clock",
    "CompiledTemplate",
    "Directory",
    "Headers",
    "Identify",
    "Layout",
    "Observe",
    "OnDenied",
    "Rendered",
    "ServiceRequest",
    "ServiceResponse",
    "SessionStore",
    "TemplateEngine",
    "TemplateFacts",
    "Transport",
]


class Directory(Protocol):
    """The host's users, organizations and subscriptions. Thread-safe.

    With a directory, it alone decides about rights; `User.member` and `User.admin` count only without one.
    """

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """All a page needs, in one call: rights on the service, memberships, subscription labels.

        `user_id` is None for an anonymous visitor.
        """

    def user(self, user_id: str) -> User | None:
        """One user; None if there is none."""

    def organization(self, organization_id: str) -> Organization | None:
        """One organization; None if there is none."""

    def organizations(self, service: str) -> Sequence[Organization]:
        """Those that may use the service."""

    def members(self, service: str) -> Sequence[User]:
        """Those who are members of the service."""

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """What a user has subscribed to, for the service."""

    def groups(self, user_id: str) -> Sequence[str]:
        """Names of the groups a user is in."""


@runtime_checkable
class BatchDirectory(Protocol):
    """What a directory may have in addition: one question for a list of users. Thread-safe."""

    def visitors(
        self, user_ids: Sequence[str], service: str
    ) -> Mapping[str, tuple[Rights, Sequence[Membership], Sequence[str]]]:
        """By id of each user that is asked for, what `Directory.visitor` says."""

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """By id of each user that is asked for, what `Directory.groups` says."""


@runtime_checkable
class KnowsAddresses(Protocol):
    """What a directory may have beside its methods: a quick answer to "may this service write there?".

    Without it, the addresses of `Directory.members` are those that a service may send mail to.
    """

    def knows_email(self, address: str, service: str) -> bool:
        """Whether the address is of somebody whom the service may write to, in whatever case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRequest:
    """One HTTP call on a service. Immutable but for the body, which is read once per try.

    Attributes:
        method: upper case.
        target: percent-encoded path and query below the service's base URL, no leading slash
            (``action/show/1?x=y``).
        headers: to send; the transport adds Host, Content-Length, Connection and Accept-Encoding.
        body: None, bytes, or a seekable file at position 0.
        length: bytes in `body`.
        deadline: for connecting, sending, and the head of the answer; for the body too unless `stream`.
        connect_timeout: seconds, inside the deadline.
        stream: after the head the deadline is over: a stall limit and a minimum rate hold instead.
    """

    method: str
    target: str
    headers: Headers = field(default=(), repr=False)
    body: bytes | BinaryIO | None = field(default=None, repr=False)
    length: int = 0
    deadline: Deadline
    connect_timeout: float = 0.5
    stream: bool = False


class ServiceResponse(Protocol):
    """The answer: head now, body when read. One per request, used by one thread."""

    status: int
    headers: Headers

    def read(self, limit: int) -> bytes:
        """The whole body; then the connection is free again.

        Raises:
            WireError: over `limit` bytes, or broken framing.
            ServiceTimeout: the deadline passed.
            ServiceUnreachable: the connection ended in mid-body.
        """

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces of at most 64 KiB, raising as `read`; for `stream`."""

    def to_stream(self) -> None:
        """From here on the stall limit and minimum rate hold instead of the deadline."""

    def close(self) -> None:
        """Ends it; a body not fully read closes the connection. May be called twice."""


class Transport(Protocol):
    """HTTP exchanges with one service. Thread-safe."""

    def send(self, request: ServiceRequest) -> ServiceResponse:
        """Sends, and waits for the head of the answer.

        Raises:
            ServiceUnreachable, ServiceTimeout, WireError: in the words of `errors`, without service names;
                `ServiceError.is_unsent` says that there was no connection.
        """

    def close(self) -> None:
        """Gives all connections back to the system."""


class SessionStore(Protocol):
    """What services remember about visitors, beyond the request. Thread-safe.

    Attributes:
        capacity: bytes of content that it can keep for one visitor and service.
    """

    capacity: int

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        """What was stored for this visitor and service; None if nothing, or nothing that can be believed."""

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        """Keeps `content` and returns the Set-Cookie values this needs.

        Args:
            request: of the visitor.
            service: its name.
            content: what `load` is to give back.
            path: of the mount, with trailing slash.
            secure: the visitor came by https.
        """

    def forget(self, request: webob.Request, service: str, *, path: str, secure: bool) -> Sequence[str]:
        """Ends what is stored for this visitor and service; returns the Set-Cookie values this needs."""


class HostCsrf(Protocol):
    """The host's own protection against forged requests, in the place of ours. Thread-safe.

    Requests come as the visitor sent them, but without their bodies. Services know the token under the names
    of the protocol (the field ``csrfmiddlewaretoken``, the header ``X-CSRFToken``, the cookie ``csrftoken``
    on their mount), whatever the host calls it on its own pages.
    """

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        """A token for a page that is made for this request, and the Set-Cookie values it needs.

        The token is ASCII, and may stand in an attribute of HTML as it is.
        """

    def is_valid(self, request: webob.Request, token: str) -> bool:
        """The token that came with this request, in a field or header, is one for it. Unsafe methods only."""


class Cache(Protocol):
    """Values by key, for a time. Thread-safe.

    Keys are tuples of text, numbers, None and such tuples.
    """

    def get(self, key: tuple[Any, ...]) -> Any | None:
        """The value, or None if there is none or it is too old."""

    def set(self, key: tuple[Any, ...], value: Any, seconds: float, size: int) -> None:
        """Keeps a value for a time; `size` in bytes counts against the cache's bound."""

    def delete(self, key: tuple[Any, ...]) -> None:
        """Forgets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFacts:
    """What a template sees beside the service's data. Immutable.

    Attributes:
        visitor: the user (through `user_fields`), rights and organization.
        user_fields: names of the user fields the mount allows.
        base_url: the mount with trailing slash (``ebuio_baseUrl``).
        csrf_token: what ``{% csrf_token %}`` and ``{{ csrf_token }}`` print.
        organization_mode: ``ebuio_orgamode``.
        service_name, service_pk: ``ebuio_hpro_name``, ``ebuio_hpro_pk``.
        static_url, media_url: ``STATIC_URL``, ``MEDIA_URL``.
        user_mode: ``ebuio_userMode``; "" outside the development host.
        real_users: ``ebuio_realUsers``.
    """

    visitor: Visitor
    user_fields: tuple[str, ...]
    base_url: str
    csrf_token: str
    organization_mode: bool = False
    service_name: str = ""
    service_pk: str = ""
    static_url: str = "/static/"
    media_url: str = ""
    user_mode: str = ""
    real_users: bool = True
    get_user: Callable[[str], Mapping[str, Any] | None] = field(default=lambda _pk: None, repr=False)
    """For ``{% plugitGetUser %}``: allowed fields of another user, or None."""
    include: Callable[[str], CompiledTemplate | None] = field(default=lambda _action: None, repr=False)
    """For ``{% plugitInclude %}``: the template of another action of the same service, or None."""
    pace: Callable[[float], None] = field(default=lambda _seconds: None, repr=False)
    """Called now and then with the seconds of the processor that the rendering took; it may wait, and what it
    raises ends the rendering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A rendered template. Immutable.

    Attributes:
        fragment: title, head, menu, content.
        personal: rendering read something of user, organization, rights or token, so the fragment is for
            this visitor alone.
    """

    fragment: Fragment
    personal: bool


class CompiledTemplate(Protocol):
    """A template ready to render. Thread-safe."""

    def render(self, data: Mapping[str, Any], facts: TemplateFacts) -> Rendered:
        """Renders.

        Raises:
            TemplateError: it failed, or went over its budget.
        """


class TemplateEngine(Protocol):
    """Compiles the templates of services. Thread-safe."""

    def compile(
        self,
        source: str,
        *,
        template_tag: str,
        menu_action: str,
        pace: Callable[[float], None] = lambda _seconds: None,
    ) -> CompiledTemplate:
        """Compiles one template text.

        Args:
            source: the template.
            template_tag: for errors.
            menu_action: name of the block that is the menu.
            pace: told now and then how many seconds of the processor it took so far; what it raises goes on.

        Raises:
            TemplateError: with the line, if the text is not a template.
        """

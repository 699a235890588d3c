"""Who asks, for what: everything about one request that is known before the service is asked."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import webob

from .config import Service
from .cookies import NO_COOKIES, Held, ServiceCookies, owner_of
from .http import Origin, format_pairs, parse_pairs
from .interfaces import Directory, Identify, SessionStore
from .layout import CALLER
from .partials import wants_partial
from .people import NO_RIGHTS, Membership, Rights, User, Visitor
from .session import Session, VisitorIds, from_content, is_foreign
from .wire.names import FRAME, csrf_marker

USER_MODE = "plugit_wsgi.user_mode"
"""Environ key of a text: which of its invented users a development host shows; no other host sets it."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request, whatever it asks for. Immutable.

    Attributes:
        user: None is anonymous.
        visitor_id, is_new: as those of `Visit`.
        issuer: of the id; what another middleware found out counts for that one alone.
    """

    user: User | None
    visitor_id: str = field(repr=False)
    is_new: bool
    issuer: VisitorIds = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request for a page of a service. Immutable.

    Attributes:
        request: of the visitor.
        origin: how the visitor reached the host.
        service: whose page.
        base_url: URL path of the mount with trailing slash, the host's SCRIPT_NAME included.
        action: canonical path below the mount, with a leading slash.
        query: of the visitor, without reserved fields, as it will be sent.
        visitor: user, rights, organization.
        visitor_id: random, the same on each visit as long as the cookie stays.
        is_new: the visitor has no cookie with that id yet, or one that is not signed with the newest secret.
        session: what the service remembers about the visitor.
        cookies: of the service, that the visitor has.
        ended: Set-Cookie values that take out of the browser what belongs to somebody else.
        nonce: of this request's CSRF marker in pages mode; "" where the marker is the plain one.
        request_id: for log, events and the service.
        script_name: of the host, percent-encoded, without trailing slash.
        prefix: URL path of the middleware's own pages, the host's SCRIPT_NAME included.
        in_frame: the answer is for the frame of a sandbox, not for a page of the host.
        token: of the host's own protection against forged requests, where it is issued already; else "".
    """

    request: webob.Request
    origin: Origin
    service: Service
    base_url: str
    action: str
    query: str
    visitor: Visitor
    visitor_id: str = field(repr=False)
    is_new: bool
    session: Session = field(repr=False)
    cookies: Held = field(default=NO_COOKIES, repr=False)
    ended: tuple[str, ...] = field(default=(), repr=False)
    nonce: str = field(default="", repr=False)
    request_id: str
    script_name: str
    prefix: str
    in_frame: bool = False
    token: str = field(default="", repr=False)

    @property
    def method(self) -> str:
        """Of the request."""
        return str(self.request.environ["REQUEST_METHOD"])

    @property
    def environ(self) -> Mapping[str, Any]:
        """Of the request; not to be changed."""
        found: Mapping[str, Any] = self.request.environ
        return found

    @property
    def user_id(self) -> str | None:
        """Id of the user; None is anonymous."""
        return None if self.visitor.user is None else self.visitor.user.id

    @property
    def has_lost_organization(self) -> bool:
        """The organization that was chosen is none of the visitor's any more: another is current, or none."""
        current, chosen = self.visitor.organization, self.session.organization
        if not self.service.organizations or chosen is None:
            return False
        return current is None or current.id != chosen

    @property
    def user_mode(self) -> str:
        """Which invented user of a development host this is; "" on any other host."""
        return str(self.environ.get(USER_MODE, ""))

    @property
    def is_partial(self) -> bool:
        """The answer is for a script that puts it into a page."""
        return self.service.partial and wants_partial(self.environ)

    @property
    def csrf_marker(self) -> str:
        """What stands for the token in a page of this request in pages mode."""
        return csrf_marker(self.nonce)

    @property
    def links_url(self) -> str:
        """URL path, with trailing slash, below which the service writes its links.

        In a sandbox that is the frame's, so that they stay in it.
        """
        return f"{self.base_url}{FRAME}/" if self.service.sandbox else self.base_url

    def without_organization(self) -> Visit:
        """The same visit, as if no organization had been chosen; the current one stays."""
        return replace(self, session=replace(self.session, organization=None))

    def moved(self, action: str, query: str) -> Visit:
        """The same visit at another action."""
        return replace(self, action=action, query=query)


class VisitOpener:
    """Makes visits out of requests. Thread-safe.

    Args:
        identify: the host's; who is logged in.
        directory: the host's; None leaves it to the `User`.
        sessions: store of session values.
        visitor_ids: of this host.
        trusted_hops: proxies in front whose request ids are taken over.
        cookies: of the service; None if its mount takes none.
    """

    def __init__(
        self,
        *,
        identify: Identify,
        directory: Directory | None,
        sessions: SessionStore,
        visitor_ids: VisitorIds,
        trusted_hops: int,
        cookies: ServiceCookies | None = None,
    ) -> None:
        self._identify = identify
        self._directory = directory
        self._sessions = sessions
        self._visitor_ids = visitor_ids
        self._trusted_hops = trusted_hops
        self._cookies = cookies

    def open(
        self,
        request: webob.Request,
        service: Service,
        *,
        origin: Origin,
        script_name: str,
        mount: str,
        prefix: str,
        action: str,
    ) -> Visit:
        """Asks the host who the visitor is, and reads what is remembered.

        Raises:
            Exception: whatever the host's `identify` or `directory` raises.
            TypeError: `identify` returned neither a `User` nor None.
        """
        secure = origin.secure
        caller = self.caller(request, secure=secure)
        user, visitor_id = caller.user, caller.visitor_id
        user_id = None if user is None else user.id
        base_url = f"{script_name}{mount}/"
        content = self._sessions.load(request, service.name, secure=secure)
        session = from_content(content, user_id, visitor_id)
        ended: list[str] = []
        if is_foreign(content, user_id, visitor_id):
            ended.extend(self._sessions.forget(request, service.name, path=base_url, secure=secure))
        held = NO_COOKIES
        if self._cookies is not None:
            held = self._cookies.load(request, owner_of(user_id, visitor_id), secure=secure)
            ended.extend(self._cookies.ended(held, path=base_url, secure=secure))
        return Visit(
            request=request,
            origin=origin,
            service=service,
            base_url=base_url,
            action=action,
            query=format_pairs(parse_pairs(request.environ.get("QUERY_STRING", "").encode("latin-1"))),
            visitor=self._visitor(user, service, session),
            visitor_id=visitor_id,
            is_new=caller.is_new,
            session=session,
            cookies=held,
            ended=tuple(ended),
            nonce=secrets.token_urlsafe(16) if service.csrf_marker == "nonce" else "",
            request_id=self._request_id(request.environ),
            script_name=script_name,
            prefix=script_name + prefix,
        )

    def caller(self, request: webob.Request, *, secure: bool) -> Caller:
        """Who asks. The host says it once for a request, and for those that are made of it inside.

        Raises:
            Exception: whatever the host's `identify` raises.
            TypeError: `identify` returned neither a `User` nor None.
        """
        found = request.environ.get(CALLER)
        if isinstance(found, Caller) and found.issuer is self._visitor_ids:
            return found
        user = self._identify(request)
        if user is not None and not isinstance(user, User):
            raise TypeError(f"identify returned {type(user).__name__}, expected plugit_wsgi.User or None")
        known_id = self._visitor_ids.load(request, secure=secure)
        caller = Caller(
            user=user,
            visitor_id=known_id or self._visitor_ids.issue(),
            is_new=known_id is None or not self._visitor_ids.is_current(request, secure=secure),
            issuer=self._visitor_ids,
        )
        request.environ[CALLER] = caller
        return caller

    def _request_id(self, environ: Mapping[str, Any]) -> str:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        if self._trusted_hops and _REQUEST_ID.fullmatch(given):
            return str(given)
        return secrets.token_hex(16)

    def _visitor(self, user: User | None, service: Service, session: Session) -> Visitor:
        rights, memberships, labels = self._known(user, service.name)
        if not service.organizations:
            return Visitor(user=user, rights=rights, subscription_labels=tuple(labels))
        current = _current(memberships, session.organization)
        return Visitor(
            user=user,
            rights=replace(
                rights,
                orga_member=current is not None and current.member,
                orga_admin=current is not None and current.admin,
            ),
            organization=None if current is None else current.organization,
            organizations=tuple(membership.organization for membership in memberships),
            subscription_labels=tuple(labels),
        )

    def _known(self, user: User | None, service: str) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        if self._directory is not None:
            return self._directory.visitor(None if user is None else user.id, service)
        if user is None:
            return NO_RIGHTS, (), ()
        return (
            Rights(member=user.member, admin=user.admin),
            user.memberships,
            user.subscription_labels,
        )


def _current(memberships: Sequence[Membership], chosen: str | None) -> Membership | None:
    for membership in memberships:
        if membership.organization.id == chosen:
            return membership
    return memberships[0] if memberships else None

"""What is sent to a service with an action (protocol section 3).

1. Names of ours are ours alone: what the visitor sent under them is gone before (see `http` and `body`).
2. A page that may be kept for several visitors is asked for without anything that could tell them apart.
3. The context is signed last, over the very bytes that are sent.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from http.cookies import SimpleCookie

from .asked import Asked
from .body import Body, is_form
from .client import ActionCall
from .clock import Clock
from .errors import PlugItError
from .http import Pair, format_pairs, one_line, text_pairs, wire_text
from .interfaces import Headers
from .visits import Visit
from .wire import names
from .wire.context import LIFETIME, SignedContext, digest
from .wire.keys import KeyRing
from .wire.meta import ActionMeta

_log = logging.getLogger("plugit_wsgi.outgoing")
_TRACE_PARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_VISITOR_HEADERS = (
    ("HTTP_IF_NONE_MATCH", names.IF_NONE_MATCH),
    ("HTTP_ORIGIN", names.ORIGIN),
    ("HTTP_ACCESS_CONTROL_REQUEST_METHOD", names.CORS_METHOD),
    ("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", names.CORS_HEADERS),
    ("HTTP_ACCEPT_LANGUAGE", "Accept-Language"),
    ("HTTP_USER_AGENT", "User-Agent"),
)
_cookie_value = SimpleCookie().value_encode
FILE_REQUEST_HEADERS = (
    ("HTTP_RANGE", "Range"),
    ("HTTP_IF_RANGE", "If-Range"),
    ("HTTP_IF_NONE_MATCH", "If-None-Match"),
    ("HTTP_IF_MODIFIED_SINCE", "If-Modified-Since"),
)


class Once:
    """Says each thing once, so that a log is not filled by every request. Thread-safe."""

    def __init__(self) -> None:
        self._said: set[tuple[str, ...]] = set()

    def warn(self, message: str, *arguments: str) -> None:
        """Logs a warning the first time, for up to a thousand different ones."""
        said = (message, *arguments)
        if said not in self._said and len(self._said) < 1000:
            self._said.add(said)
            _log.warning(message, *arguments)


def our_fields(visit: Visit, meta: ActionMeta, complaints: Once) -> list[Pair]:
    """The ``ebuio_*`` parameters: wished user fields, and the organization."""
    fields: dict[str, object] = {}
    for name in meta.user_info:
        if name in visit.service.user_fields:
            fields[names.USER_PARAMETER + name] = visit.visitor.field(name)
        else:
            complaints.warn(
                "service %s wishes the user field %r, which its mount does not allow",
                visit.service.name,
                name,
            )
    if visit.visitor.organization is not None:
        fields[names.ORGANIZATION_PARAMETER] = visit.visitor.organization.id
    return text_pairs(fields)


def is_in_form(visit: Visit) -> bool:
    """Our parameters go into the form, not into the query."""
    return visit.method == "POST" and is_form(visit.environ)


class CallBuilder:
    """Builds the calls on one service. Thread-safe.

    Args:
        keys: of the service.
        clock: the time.
    """

    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._complaints = Once()

    def build(self, asked: Asked, body: Body, ours: Sequence[Pair], *, conditional: bool) -> ActionCall:
        """The call of an action, signed.

        Args:
            asked: who asks for what.
            body: of the visitor, filtered.
            ours: parameters of ours; sent in the query unless they went into the form.
            conditional: send the visitor's If-None-Match.
        """
        visit = asked.visit
        pairs = () if is_in_form(visit) else ours
        query = "&".join(part for part in (visit.query, format_pairs(pairs)) if part)
        path = visit.action if visit.service.mode == "pages" else f"/{names.ACTION}{visit.action}"
        context = self._context(asked, body.digest, path, query)
        needed = [label for label in context.subscriptions if label in asked.meta.only_subscription][:1]
        return ActionCall(
            method=visit.method,
            target=path.lstrip("/") + (f"?{query}" if query else ""),
            headers=(
                *_visitor_headers(asked, conditional),
                *_session_headers(visit),
                *_mode_headers(visit),
                *_host_headers(asked),
                *((("Content-Type", wire_text(body.content_type)),) if body.content_type else ()),
                (names.CONTEXT, self._signed(context, visit, tuple(needed))),
            ),
            body=body.file,
            length=body.length,
            public_url=f"{visit.origin.scheme}://{visit.origin.host}{visit.links_url.rstrip('/')}",
            action=visit.action,
            # An id that somebody in front chose is in no key, so an answer that is kept must not see it.
            request_id=secrets.token_hex(16) if asked.audience.cached else visit.request_id,
        )

    def _context(self, asked: Asked, body_digest: str, path: str, query: str) -> SignedContext:
        visit, audience = asked.visit, asked.audience
        anonymous = audience.is_anonymous
        now = int(self._clock.time())  # whole, so that no rounding adds to the 60 s
        return SignedContext(
            audience=visit.service.name,
            issued=now,
            expires=now + LIFETIME,
            token_id=secrets.token_urlsafe(12),
            method=visit.method,
            path=path,
            query_digest=digest(query.encode("ascii")),
            body_digest=body_digest,
            subject=None if anonymous else visit.user_id,
            fields={} if anonymous else _allowed_fields(visit),
            rights=visit.visitor.rights.names() if audience.by_rights or not anonymous else (),
            organization=_organization(visit),
            subscriptions=visit.visitor.subscription_labels if audience.by_labels or not anonymous else (),
            rules_digest=asked.meta.rules_digest,
            address="" if audience.cached else visit.origin.address,
            deadline_ms=int(asked.deadline.remaining() * 1000),
            nonce=visit.nonce if visit.service.mode == "pages" else "",
        )

    def _signed(self, context: SignedContext, visit: Visit, needed: tuple[str, ...]) -> str:
        """The token; labels, then fields are left out of one that would be too large to send.

        Not the `needed` label: the service holds its own rule, and would refuse.
        """
        for tried in (
            context,
            replace(context, subscriptions=needed),
            replace(context, subscriptions=needed, fields={}),
        ):
            try:
                return tried.sign(self._keys)
            except ValueError as error:
                self._complaints.warn("service %s: %s, left something out", visit.service.name, str(error))
        raise PlugItError("the signed context is too large without labels and fields")


def _organization(visit: Visit) -> dict[str, str] | None:
    found = visit.visitor.organization
    return None if found is None else {"id": found.id, "name": found.name, "codops": found.codops}


def _allowed_fields(visit: Visit) -> dict[str, object]:
    """The fields the mount allows; labels have a claim of their own."""
    if visit.visitor.user is None:
        return {}
    found = {}
    for name in visit.service.user_fields:
        value = visit.visitor.field(name)
        if value is not None and name != "subscription_labels":
            found[name] = value
    return found


def _visitor_headers(asked: Asked, conditional: bool) -> Headers:
    if asked.audience.cached:
        return ()
    visit, meta = asked.visit, asked.meta
    found = [(names.REMOTE_ADDRESS, visit.origin.address)] if visit.origin.address else []
    wanted = [item for item in _VISITOR_HEADERS if conditional or item[1] != names.IF_NONE_MATCH]
    if not meta.template_tag and not meta.json_only and not meta.xml_only and visit.service.mode == "actions":
        wanted.extend(FILE_REQUEST_HEADERS)
    return (*found, *copied(visit, wanted))


def copied(visit: Visit, wanted: Sequence[tuple[str, str]]) -> Headers:
    """Headers of the visitor under the names they are sent with."""
    environ = visit.environ
    return tuple((name, one_line(environ[key])) for key, name in wanted if environ.get(key))


def _session_headers(visit: Visit) -> Headers:
    values = visit.session.values
    pairs = [f"{key}={_cookie_value(value)[1]}" for key, value in values.items()]
    # Session values are the host's word: a cookie of the same name stays behind.
    pairs.extend(f"{name}={value}" for name, value in visit.cookies.values.items() if name not in values)
    return (
        *((names.SESSION_HEADER + key, one_line(value)) for key, value in values.items()),
        *((("Cookie", one_line("; ".join(pairs))),) if pairs else ()),
    )


def _mode_headers(visit: Visit) -> Headers:
    if visit.service.mode != "pages":
        return ()
    found = [(names.BASE_URL, wire_text(visit.links_url))]
    if visit.nonce:
        found.append((names.CSRF_MARKER_HEADER, visit.csrf_marker))
    for name in visit.service.user_fields:
        value = visit.visitor.field(name)
        if value is not None:
            text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            found.append((names.USER_HEADER + name.replace("_", "-").title(), wire_text(text)))
    organization = visit.visitor.organization
    if organization is not None:
        found.append((names.ORGANIZATION_PK, wire_text(organization.id)))
        found.append((names.ORGANIZATION_NAME, wire_text(organization.name)))
        found.append((names.ORGANIZATION_CODOPS, wire_text(organization.codops)))
    return tuple(found)


def _host_headers(asked: Asked) -> Headers:
    visit = asked.visit
    trace = "" if asked.audience.cached else visit.environ.get("HTTP_TRACEPARENT", "")
    if not _TRACE_PARENT.fullmatch(trace):
        drawn = secrets.token_hex(24)
        trace = f"00-{drawn[:32]}-{drawn[32:]}-01"
    return (
        ("traceparent", trace),
        ("X-Forwarded-Prefix", wire_text(visit.links_url.rstrip("/"))),
        ("X-Forwarded-Proto", visit.origin.scheme),
        ("X-Forwarded-Host", one_line(visit.origin.host)),
    )

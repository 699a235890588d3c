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
from dataclasses import dataclass
from http.cookies import SimpleCookie

from . import csrf
from .body import Body, is_form
from .client import ActionCall
from .clock import Clock, Deadline
from .http import Pair, format_pairs, text_pairs, wire_text
from .interfaces import Headers
from .visits import Visit
from .wire import names
from .wire.context import LIFETIME, SignedContext, digest
from .wire.keys import KeyRing
from .wire.meta import ACCESS_RULES, ActionMeta

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
FILE_REQUEST_HEADERS = (
    ("HTTP_RANGE", "Range"),
    ("HTTP_IF_RANGE", "If-Range"),
    ("HTTP_IF_NONE_MATCH", "If-None-Match"),
    ("HTTP_IF_MODIFIED_SINCE", "If-Modified-Since"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """For whom an answer may be kept. Immutable.

    Attributes:
        cached: the page may be kept at all.
        by_user: for each user apart.
        by_rights: for each set of rights apart.
    """

    cached: bool
    by_user: bool
    by_rights: bool


def audience_of(meta: ActionMeta, method: str) -> Audience:
    """Who shares the answer of an action (protocol section 5)."""
    has_rules = any(getattr(meta, rule) for rule in ACCESS_RULES)
    by_user = bool(meta.user_info) or (has_rules if meta.cache_by_user is None else meta.cache_by_user)
    return Audience(
        cached=method in ("GET", "HEAD") and meta.cache_time > 0,
        by_user=by_user,
        by_rights=by_user or has_rules or meta.address_in_networks is not None,
    )


def page_key(visit: Visit, meta: ActionMeta) -> tuple[object, ...] | None:
    """Everything that the answer can depend on; None if it must not be kept."""
    audience = audience_of(meta, visit.method)
    if not audience.cached or visit.method != "GET" or visit.service.mode == "pages":
        return None
    organization = visit.visitor.organization
    return (
        "page",
        visit.service.name,
        visit.action,
        visit.query,
        meta.template_tag,
        meta.rules_digest,
        ("user", visit.user_id) if audience.by_user else None,
        visit.visitor.rights.names() if audience.by_rights else None,
        visit.visitor.subscription_labels if audience.by_user else None,
        None if organization is None else organization.id,
        tuple(sorted(visit.session.values.items())),
        (visit.origin.scheme, visit.origin.host, visit.base_url),
    )


class ReportedFields:
    """Says once for each service and field that a mount does not allow what an action wishes. Thread-safe."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def report(self, service: str, name: str) -> None:
        """Logs the first time."""
        if (service, name) not in self._seen and len(self._seen) < 1000:
            self._seen.add((service, name))
            _log.warning("service %s wishes the user field %r, which its mount does not allow", service, name)


def our_fields(visit: Visit, meta: ActionMeta, reported: ReportedFields) -> list[Pair]:
    """The ``ebuio_*`` parameters: wished user fields, and the organization."""
    fields: dict[str, object] = {}
    for name in meta.user_info:
        if name in visit.service.user_fields:
            fields[names.USER_PARAMETER + name] = visit.visitor.field(name)
        else:
            reported.report(visit.service.name, name)
    if visit.visitor.organization is not None:
        fields[names.ORGANIZATION_PARAMETER] = visit.visitor.organization.id
    return text_pairs(fields)


def is_in_form(visit: Visit) -> bool:
    """Our parameters go into the form, not into the query."""
    return visit.method == "POST" and is_form(visit.environ)


def build_call(
    visit: Visit,
    meta: ActionMeta,
    body: Body,
    ours: Sequence[Pair],
    *,
    keys: KeyRing,
    clock: Clock,
    deadline: Deadline,
    conditional: bool = True,
) -> ActionCall:
    """The call of an action, signed.

    Args:
        visit: who asks for what.
        meta: of the action.
        body: of the visitor, filtered.
        ours: parameters of ours; sent in the query unless they went into the form.
        keys: of the service.
        clock: the time.
        deadline: of the page.
        conditional: send the visitor's If-None-Match.

    Raises:
        ValueError: the context would be too large.
    """
    pairs = [] if is_in_form(visit) else ours
    query = "&".join(part for part in (visit.query, format_pairs(pairs)) if part)
    path = visit.action if visit.service.mode == "pages" else f"/{names.ACTION}{visit.action}"
    shared = not _is_personal(visit, meta)
    context = _context(
        visit, meta, body, shared=shared, path=path, query=query, clock=clock, deadline=deadline
    )
    return ActionCall(
        method=visit.method,
        target=path.lstrip("/") + (f"?{query}" if query else ""),
        headers=(
            *_visitor_headers(visit, meta, shared=shared, conditional=conditional),
            *_session_headers(visit),
            *_mode_headers(visit),
            *_host_headers(visit),
            *((("Content-Type", wire_text(body.content_type)),) if body.content_type else ()),
            (names.CONTEXT, context.sign(keys)),
        ),
        body=body.file,
        length=body.length,
        public_url=f"{visit.origin.scheme}://{visit.origin.host}{visit.base_url.rstrip('/')}",
        action=visit.action,
        request_id=visit.request_id,
    )


def _is_personal(visit: Visit, meta: ActionMeta) -> bool:
    """The answer is for this visitor alone, so the service may know all it is allowed to."""
    audience = audience_of(meta, visit.method)
    return visit.service.mode == "pages" or not audience.cached or audience.by_user


def _visitor_headers(visit: Visit, meta: ActionMeta, *, shared: bool, conditional: bool) -> Headers:
    if shared or audience_of(meta, visit.method).cached:
        return ()
    found = [(names.REMOTE_ADDRESS, visit.origin.address)] if visit.origin.address else []
    wanted = [item for item in _VISITOR_HEADERS if conditional or item[1] != names.IF_NONE_MATCH]
    if not meta.template_tag and not meta.json_only and not meta.xml_only and visit.service.mode == "actions":
        wanted.extend(FILE_REQUEST_HEADERS)
    return (*found, *copied(visit, wanted))


def copied(visit: Visit, wanted: Sequence[tuple[str, str]]) -> Headers:
    """Headers of the visitor under the names they are sent with."""
    environ = visit.environ
    return tuple((name, wire_text_latin(environ[key])) for key, name in wanted if environ.get(key))


def wire_text_latin(value: str) -> str:
    """A header value of the visitor, which is latin-1 text already; control bytes become spaces."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", value)


def _session_headers(visit: Visit) -> Headers:
    values = visit.session.values
    if not values:
        return ()
    quote = SimpleCookie().value_encode
    cookie = "; ".join(f"{key}={quote(value)[1]}" for key, value in values.items())
    return (
        *((names.SESSION_HEADER + key, wire_text_latin(value)) for key, value in values.items()),
        ("Cookie", wire_text_latin(cookie)),
    )


def _mode_headers(visit: Visit) -> Headers:
    if visit.service.mode != "pages":
        return ()
    found = [(names.BASE_URL, wire_text(visit.base_url))]
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


def _host_headers(visit: Visit) -> Headers:
    trace = visit.environ.get("HTTP_TRACEPARENT", "")
    if not _TRACE_PARENT.fullmatch(trace):
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return (
        ("traceparent", trace),
        ("X-Forwarded-Prefix", wire_text(visit.base_url.rstrip("/"))),
        ("X-Forwarded-Proto", visit.origin.scheme),
        ("X-Forwarded-Host", wire_text_latin(visit.origin.host)),
    )


def _context(
    visit: Visit,
    meta: ActionMeta,
    body: Body,
    *,
    shared: bool,
    path: str,
    query: str,
    clock: Clock,
    deadline: Deadline,
) -> SignedContext:
    audience = audience_of(meta, visit.method)
    visitor = visit.visitor
    now = clock.time()
    organization = visitor.organization
    return SignedContext(
        audience=visit.service.name,
        issued=now,
        expires=now + LIFETIME,
        token_id=secrets.token_urlsafe(12),
        method=visit.method,
        path=path,
        query_digest=digest(query.encode("ascii")),
        body_digest=body.digest,
        subject=None if shared else visit.user_id,
        fields={} if shared else _allowed_fields(visit),
        rights=visitor.rights.names() if audience.by_rights or not shared else (),
        organization=None
        if organization is None
        else {"id": organization.id, "name": organization.name, "codops": organization.codops},
        subscriptions=() if shared else visitor.subscription_labels,
        rules_digest=meta.rules_digest,
        address="" if audience.cached else visit.origin.address,
        deadline_ms=int(deadline.remaining() * 1000),
    )


def _allowed_fields(visit: Visit) -> dict[str, object]:
    if visit.visitor.user is None:
        return {}
    found = {name: visit.visitor.field(name) for name in visit.service.user_fields}
    return {name: value for name, value in found.items() if value is not None}


def is_unsafe(visit: Visit) -> bool:
    """The request may change something."""
    return csrf.is_unsafe(visit.method)

"""Reads what a service answered to an action (protocol section 4): head and body -> `ActionResult`.

1. Only headers of the allow-lists survive.
2. A redirect of the call itself is followed nowhere: it becomes a value, and only if it stays below the base.
3. A 5xx is the service's failure, a 4xx is told to the visitor as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .config import Limits, Service
from .errors import ServiceFailed, WireError
from .http import (
    CORS_HEADERS,
    KEPT_HEADERS,
    as_path,
    below,
    get_header,
    header_text,
    select_headers,
)
from .interfaces import ServiceResponse
from .wire import names
from .wire.result import (
    NO_WRITES,
    ActionResult,
    Data,
    Headers,
    Html,
    Moved,
    Redirect,
    SessionWrites,
    Status,
)

MOVED = frozenset((301, 302, 303, 307, 308))
GATEWAY = frozenset((502, 503, 504))
REPEATABLE = frozenset(("vary", "cache-control"))
BODILESS = frozenset((204, 205, 304))
_SET, _DELETE = names.SET_SESSION.lower(), names.DELETE_SESSION.lower()
_CORS_WITHOUT_CREDENTIALS = CORS_HEADERS - {"access-control-allow-credentials"}


def is_file(response: ServiceResponse) -> bool:
    """The answer is a file: its body is to be streamed, not read."""
    return response.status in (200, 206) and get_header(response.headers, names.IT_IS_A_FILE) is not None


def passed_headers(
    headers: Headers, service: Service, limits: Limits, allowed: frozenset[str] = KEPT_HEADERS
) -> Headers:
    """The headers of an answer that a visitor may get: of the allow-list, CORS, a bounded Retry-After."""
    cors = CORS_HEADERS if service.cors_credentials else _CORS_WITHOUT_CREDENTIALS
    kept: list[tuple[str, str]] = []
    seen: set[str] = {"retry-after"}
    for name, value in select_headers(headers, allowed | cors):
        if name.lower() not in seen:
            # The transport has made sure that several lengths are equal: "5, 5" is said as "5".
            kept.append((name, value.partition(",")[0] if name.lower() == "content-length" else value))
            seen.update({name.lower()} - REPEATABLE)
    seconds = read_retry_after(headers, limits)
    return (*kept, *((("Retry-After", f"{seconds:.0f}"),) if seconds is not None else ()))


def read_answer(
    response: ServiceResponse, *, method: str, service: Service, limits: Limits, public_url: str
) -> ActionResult:
    """The answer to an action, unless it is a file.

    Args:
        response: whose body is read here.
        method: of the call.
        service: whose answer it is.
        limits: caps of the body.
        public_url: of the mount, as the service was told by ``X-Forwarded-*``.

    Raises:
        ServiceFailed: a 5xx, or a redirect that leaves the service.
        WireError: not what the protocol says.
    """
    status = response.status
    headers = passed_headers(response.headers, service, limits)
    if method == "OPTIONS" and not (status in MOVED and service.mode == "actions"):
        return _preflight(response, headers, limits)
    if status in MOVED:
        if service.mode == "pages":
            return _located(response, headers, service)
        return _moved(response, service.url, public_url)
    if status > 500 or 300 <= status < 304 or 304 < status < 400:
        raise service_failure(response, limits)
    writes = read_writes(response.headers, cookies=service.cookies) if status < 400 else NO_WRITES
    body = b"" if method == "HEAD" or status in BODILESS else response.read(_cap(service, limits))
    redirect = get_header(response.headers, names.REDIRECT)
    if status < 300 and redirect is not None:
        absolute = get_header(response.headers, names.REDIRECT_NO_PREFIX) == "True"
        return Redirect(target=header_text(redirect), absolute=absolute, headers=headers, writes=writes)
    if method == "HEAD" and service.mode == "pages" and status not in BODILESS:
        return _headed(_html(response, status, headers, writes, body))
    if status in BODILESS or method == "HEAD" or status == 500:
        return Status(status=status, headers=headers, writes=writes)
    if service.mode == "pages":
        return _html(response, status, headers, writes, body)
    if status >= 400:
        content_type = get_header(response.headers, "Content-Type") or ""
        return Status(status=status, headers=headers, body=body, content_type=content_type)
    raw = body if body.strip() else b"{}"
    return Data(status=status, headers=headers, writes=writes, value=parse_json(body), raw=raw)


def _preflight(response: ServiceResponse, headers: Headers, limits: Limits) -> Status:
    """The answer to OPTIONS: CORS and nothing else, since nobody's rights were looked at."""
    if response.status >= 500:
        raise service_failure(response, limits)
    cors = tuple(item for item in headers if item[0].lower() in CORS_HEADERS)
    return Status(status=response.status if response.status not in MOVED else 204, headers=cors)


def _cap(service: Service, limits: Limits) -> int:
    return limits.page_size if service.mode == "pages" else limits.action_size


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; nothing at all counts as ``{}``.

    Raises:
        WireError: not JSON.
    """
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WireError("the answer is not JSON", field="body", received=body[:80]) from error


def read_writes(headers: Iterable[tuple[str, str]], *, cookies: bool = False) -> SessionWrites:
    """The session values that an answer sets and deletes, as latin-1 text: the bytes of the wire.

    `cookies` are read as well if the mount takes them.
    """
    stored, deleted, lines = [], [], []
    for name, value in headers:
        lower = name.lower()
        if lower.startswith(_SET):
            stored.append((name[len(_SET) :], value))
        elif lower.startswith(_DELETE):
            deleted.append(name[len(_DELETE) :])
        elif cookies and lower == "set-cookie":
            lines.append(value)
    if not (stored or deleted or lines):
        return NO_WRITES
    return SessionWrites(stored=tuple(stored), deleted=tuple(deleted), cookies=tuple(lines))


def service_failure(response: ServiceResponse, limits: Limits) -> ServiceFailed:
    """A status that is the service's fault, as an error for the visitor (502, 503 or 504)."""
    gateway = response.status in GATEWAY
    return ServiceFailed(
        f"answered {response.status}",
        status=response.status if gateway else 502,
        retry_after=read_retry_after(response.headers, limits),
        unreachable=gateway,
    )


def read_retry_after(headers: Iterable[tuple[str, str]], limits: Limits) -> float | None:
    """Retry-After in seconds, at most what is passed on; None if absent or a date."""
    text = get_header(headers, "Retry-After") or ""
    return min(float(text), limits.retry_after) if text.isascii() and text.isdigit() else None


def _moved(response: ServiceResponse, base_url: str, public_url: str) -> Moved:
    location = get_header(response.headers, "Location") or ""
    target = below(base_url, as_path(location, public_url))
    if target is None:
        raise ServiceFailed("redirected out of its own base URL")
    return Moved(status=response.status, target=target)


def _located(response: ServiceResponse, headers: Headers, service: Service) -> Redirect:
    return Redirect(
        status=response.status,
        target=header_text(get_header(response.headers, "Location") or ""),
        absolute=True,
        headers=headers,
        writes=read_writes(response.headers, cookies=service.cookies),
    )


def _headed(result: Html) -> Status:
    """The answer to HEAD, with the type that GET has; a page in the layout has the layout's."""
    kind = "" if result.framed else result.content_type
    return Status(status=result.status, headers=result.headers, writes=result.writes, content_type=kind)


def _html(
    response: ServiceResponse, status: int, headers: Headers, writes: SessionWrites, body: bytes
) -> Html:
    content_type = get_header(response.headers, "Content-Type") or ""
    is_html = content_type.partition(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")
    return Html(
        status=status,
        headers=headers,
        writes=writes,
        body=body,
        content_type=content_type,
        framed=is_html and get_header(response.headers, names.NO_TEMPLATE) is None,
        links=tuple(value for name, value in response.headers if name.lower() == "link"),
    )

"""environ -> request facts; answer -> WSGI; one canonical path; header allow-lists.

1. The path is canonicalised once; rules and call see the same bytes.
2. Dot segments, empty segments, backslashes, NUL and control bytes are refused, encoded or not.
3. Reserved names (``ebuio_*``) are removed in any spelling that some service's parser would fold into one.
4. Headers go out by allow-list and come back by allow-list.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus, unquote_to_bytes, urlsplit

from webob.cookies import parse_cookie  # type: ignore[attr-defined]  # the stubs forget it

from .errors import ActionNotFound
from .wire import names

UNQUOTED: Final = "/-._~!$&'()*+,=:@"
"""What a path keeps as it is (RFC 3986 pchar without ``;`` and ``%``); all else is percent-encoded."""

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
SAFE_METHODS: Final = frozenset(("GET", "HEAD", "OPTIONS"))

KEPT_HEADERS: Final = frozenset(
    ("etag", "last-modified", "cache-control", "vary", "content-language", "retry-after")
)
CORS_HEADERS: Final = frozenset(
    (
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
        "access-control-max-age",
        "access-control-allow-methods",
        "access-control-allow-headers",
    )
)
FILE_HEADERS: Final = KEPT_HEADERS | {
    "content-type",
    "content-disposition",
    "content-length",
    "content-range",
    "accept-ranges",
}

HTML: Final = ("Content-Type", "text/html; charset=utf-8")
NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
ANY_ORIGIN: Final = ("Access-Control-Allow-Origin", "*")
NO_STORE: Final = ("Cache-Control", "private, no-store")

_COOKIES: Final = "plugit_wsgi.cookies"
LONGEST_PATH: Final = 2000
"""Characters of a path below a mount; it is in the signed context, which is bounded."""
_REFUSED_PATH = re.compile(
    r"[\x00-\x1f\x7f\\]|//|(?:^|/)\.{1,2}(?:[/;]|%3b|$)|%2f|%5c|%2e|%00", re.IGNORECASE
)
_DOT_SEGMENT = re.compile(r"(?:/|%2f|%5c)(?:\.|%2e){1,2}(?:/|;|%2f|%3b|%5c|$)", re.IGNORECASE)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FOLDED = str.maketrans("-. [", "____")
_LEADING = re.compile(r"[\s\x01-\x1f\[\]\u200b-\u200f\u2060\ufeff\ufffd]*")
"""What some parser drops before a name; U+FFFD stands for bytes that are no UTF-8, blanks of latin-1 too."""


def canonical_path(rest: str) -> str:
    """The one spelling of a path below a mount.

    Args:
        rest: that part of PATH_INFO, as WSGI gives it (latin-1 text, percent-decoded once).

    Returns:
        The path, percent-encoded, with a leading slash.

    Raises:
        ActionNotFound: the path has no canonical spelling (rule 2).
    """
    # A percent sign that is left over was encoded twice: a second decoder would make a slash of it.
    # Servers of Java take what follows a `;` out of a segment: `..;x` is `..` to them.
    if len(rest) > LONGEST_PATH or _REFUSED_PATH.search(rest):
        raise ActionNotFound("path")
    try:
        return quote(rest.encode("latin-1"), safe=UNQUOTED) or "/"
    except UnicodeEncodeError:
        raise ActionNotFound("path") from None


def script_name_of(environ: Mapping[str, Any]) -> str:
    """Where the host is mounted itself: percent-encoded, "" or with one leading and no trailing slash.

    Two leading slashes would make another host of a link.
    """
    name = str(environ.get("SCRIPT_NAME", "")).strip("/")
    return "/" + quote(name.encode("latin-1", "replace"), safe=UNQUOTED) if name else ""


def place_of(environ: Mapping[str, Any]) -> str:
    """Where the visitor is, as URL path of the host, with the query if the method is GET or HEAD.

    Any bytes have a place: a request object's own properties fail on a path that is not UTF-8.
    """
    path = str(environ.get("PATH_INFO", ""))
    place = script_name_of(environ) + quote(path.encode("latin-1", "replace"), safe=UNQUOTED)
    query = str(environ.get("QUERY_STRING", ""))
    if query and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
        place += "?" + quote(query.encode("latin-1", "replace"), safe=UNQUOTED + "?%;")
    return place


def read_cookies(environ: MutableMapping[str, Any]) -> Mapping[str, str]:
    """Those of the visitor, parsed once a request; anybody on the domain may have set one that is no text."""
    header = environ.get("HTTP_COOKIE", "")
    parsed, found = environ.get(_COOKIES, ("", {}))
    if parsed != header:
        found = {}
        for name, value in parse_cookie(header):
            with suppress(UnicodeDecodeError):
                found[name.decode()] = value.decode()
        environ[_COOKIES] = (header, found)
    return cast(Mapping[str, str], found)


def is_reserved(name: bytes) -> bool:
    """A parameter name that only the host may send, however it is spelled.

    Parsers fold names: PHP turns ``.``, space and ``[`` into ``_``, Rack drops leading blanks and brackets,
    others whatever Unicode calls blank, a byte order mark, or NUL wherever it is.
    """
    text = name.replace(b"\0", b"").decode("utf-8", "replace")
    return _LEADING.sub("", text, count=1).translate(_FOLDED).lower().startswith(names.RESERVED)


Pair = tuple[bytes, bytes]


def parse_pairs(text: bytes) -> list[Pair]:
    """The fields of a query or urlencoded form without the reserved ones: order, repeats and blanks kept.

    A ``;`` stays part of name or value: `format_pairs` encodes it, so no other parser splits there.
    """
    pairs: list[Pair] = []
    if not text:
        return pairs
    for piece in text.replace(b"+", b" ").split(b"&"):
        if piece:
            name, _, value = piece.partition(b"=")
            name = unquote_to_bytes(name)
            if not is_reserved(name):
                pairs.append((name, unquote_to_bytes(value)))
    return pairs


def format_pairs(pairs: Iterable[Pair]) -> str:
    """The reverse of `parse_pairs`, ASCII."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def text_pairs(values: Mapping[str, object]) -> list[Pair]:
    """Values of ours as fields; None is left out, lists repeat."""
    pairs = []
    for name, value in values.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                pairs.append((name.encode("utf-8"), str(item).encode("utf-8")))
    return pairs


def wire_text(value: object) -> str:
    """A value for a header: UTF-8 bytes as latin-1 text; line breaks and NUL become spaces."""
    return _CONTROL.sub(" ", str(value)).encode("utf-8").decode("latin-1")


def one_line(value: str) -> str:
    """A header value that is latin-1 text already; control bytes become spaces."""
    return _CONTROL.sub(" ", value)


def header_text(value: str) -> str:
    """The reverse of `wire_text`: a header of a service, whose bytes are UTF-8."""
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


def is_header_value(value: str) -> bool:
    """Nothing in it that ends a header line."""
    return _HEADER_VALUE.fullmatch(value) is not None


def select_headers(
    headers: Iterable[tuple[str, str]], allowed: frozenset[str]
) -> tuple[tuple[str, str], ...]:
    """The headers whose names are allowed and whose values are clean; order and repeats kept."""
    return tuple(
        [item for item in headers if item[0].lower() in allowed and _HEADER_VALUE.fullmatch(item[1])]
    )


def get_header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The first value of a header; None if there is none."""
    wanted, length = name.lower(), len(name)
    for key, value in headers:
        if len(key) == length and key.lower() == wanted:
            return value
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How the visitor reached the host. Immutable.

    Attributes:
        scheme: "http" or "https".
        host: with port where it is not the scheme's own.
        address: the client's IP address as text; "" if unknown.
    """

    scheme: str
    host: str
    address: str

    @property
    def secure(self) -> bool:
        """By https."""
        return self.scheme == "https"


def origin_of(environ: Mapping[str, Any], trusted_hops: int) -> Origin:
    """Scheme, host and client address.

    ``X-Forwarded-*`` is believed for as many hops as are trusted, counted from the right.

    Args:
        environ: of the request.
        trusted_hops: proxies in front of this server that set ``X-Forwarded-For``, ``-Proto`` and ``-Host``.
    """
    scheme = environ.get("wsgi.url_scheme", "http")
    host = environ.get("HTTP_HOST") or _server_host(environ)
    address = environ.get("REMOTE_ADDR", "")
    if trusted_hops:
        scheme = _outermost(environ, "HTTP_X_FORWARDED_PROTO", trusted_hops) or scheme
        host = _outermost(environ, "HTTP_X_FORWARDED_HOST", trusted_hops) or host
        address = _hop(environ, "HTTP_X_FORWARDED_FOR", trusted_hops) or address
    scheme = "https" if scheme.lower() == "https" else "http"
    return Origin(scheme=scheme, host=host.removesuffix(_OWN_PORTS[scheme]), address=_clean_address(address))


_OWN_PORTS = {"http": ":80", "https": ":443"}


def _outermost(environ: Mapping[str, Any], key: str, hops: int) -> str:
    """What the first of our proxies said; inner ones may pass its word on instead of adding their own."""
    values = [item.strip() for item in str(environ.get(key, "")).split(",")]
    return values[-min(hops, len(values))]


def _hop(environ: Mapping[str, Any], key: str, hops: int) -> str:
    values = [item.strip() for item in environ.get(key, "").split(",")]
    return values[-hops] if len(values) >= hops else ""


def _server_host(environ: Mapping[str, Any]) -> str:
    name, port = environ.get("SERVER_NAME", ""), str(environ.get("SERVER_PORT", ""))
    own = "443" if environ.get("wsgi.url_scheme") == "https" else "80"
    return name if port in ("", own) else f"{name}:{port}"


@lru_cache(maxsize=1024)
def _clean_address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


_LOCAL_TARGET = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
_ABSOLUTE_TARGET = re.compile(
    r"https?://([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?)((?:[/?#][\x21-\x5b\x5d-\x7e]*)?)"
)


def is_local_target(target: str) -> bool:
    """A redirect target that a browser can only resolve to the same host: one slash, visible ASCII."""
    return _LOCAL_TARGET.fullmatch(target) is not None


def target_host(target: str) -> str | None:
    """Host (and port) of an absolute http(s) target of strict form; None for anything else."""
    found = _ABSOLUTE_TARGET.fullmatch(target)
    return found.group(1).lower() if found else None


def quote_target(target: str) -> str:
    """A service's target as visible ASCII: other characters percent-encoded, nothing else changed."""
    return quote(target, safe="/-._~!$&'()*+,=:@?#%;[]", encoding="utf-8")


def below(base: str, location: str) -> str | None:
    """The part of a Location that lies strictly below a base URL.

    Args:
        base: a base URL without trailing slash.
        location: absolute, or a path with a leading slash.

    Returns:
        Path and query without leading slash; None if it leaves the base, or is not of strict form.
    """
    origin = urlsplit(base)
    if location.startswith("/"):
        target = location if is_local_target(location) else ""
    else:
        found = _ABSOLUTE_TARGET.fullmatch(location)
        same = (
            found is not None
            and f"{origin.scheme}://{origin.netloc}/".lower()
            == "/".join(location.split("/", 3)[:3]).lower() + "/"
        )
        target = (found.group(2) or "/") if found is not None and same else ""
    prefix = origin.path.rstrip("/") + "/"
    rest = target.partition("#")[0]
    # A dot segment would climb out of the base again, in a browser or in the service.
    if not rest.startswith(prefix) or _DOT_SEGMENT.search(rest.partition("?")[0]):
        return None
    return rest[len(prefix) :]


def as_path(location: str, public_url: str) -> str:
    """A Location without the visitor's side of the host, which a service may have built it from.

    Args:
        location: of a service.
        public_url: of its mount, without trailing slash, as the service was told by ``X-Forwarded-*``.
    """
    origin = "/".join(public_url.split("/", 3)[:3])
    if not location.startswith(origin + "/"):
        return location
    path = location[len(origin) :]
    prefix = public_url[len(origin) :] + "/"
    return path[len(prefix) - 1 :] if path.startswith(prefix) else path


def wants_html(environ: Mapping[str, Any]) -> bool:
    """The visitor takes a page; one who names only other types gets other words."""
    accept = str(environ.get("HTTP_ACCEPT", "")).lower()
    return not accept or any(name in accept for name in ("text/html", "*/*", "text/*", "xhtml"))


def come_again(error: BaseException) -> tuple[tuple[str, str], ...]:
    """The Retry-After of an error that says when: whole seconds, one at least, never before the time."""
    seconds: float | None = getattr(error, "retry_after", None)
    return () if seconds is None else (("Retry-After", str(max(1, math.ceil(seconds)))),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes to the visitor. Immutable; the body is iterated once.

    Attributes:
        status: HTTP status.
        headers: in order.
        body: bytes, or an iterable of bytes whose ``close()`` the server calls.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | Iterable[bytes] = b""

"""The heads of requests and answers, strictly: what is unclear is refused, never repaired.

A client that repairs an answer may see another end of it than the service meant, and then the next visitor
gets the rest of the last one's page. Rules (RFC 9112):

1. A line ends with CR LF; a bare CR, a bare LF, NUL and other control characters are errors.
2. A header is a token, a colon at once, a value; no folded lines, no line without a colon.
3. HTTP/1.0 or 1.1; a final status is 200 to 599. 101 is refused, other 1xx are interim.
4. The body's length is said once: Transfer-Encoding is ``chunked`` alone, and never beside Content-Length;
   Content-Length is digits, and several are equal.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..errors import FramingError
from ..interfaces import Headers

_STATUS_LINE: Final = re.compile(r"HTTP/1\.([01]) ([0-9]{3})(?: [\t -~\x80-\xff]*)?")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# No blanks are matched apart from the value's own: two patterns that both match blanks take quadratic time.
_LINE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
_LINES: Final = re.compile(rf"{_LINE.pattern}(?:\r\n{_LINE.pattern})*")
_TARGET: Final = re.compile(r"[!-~]*")
_UNSENDABLE: Final = re.compile(r"[\r\n\0]")
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})


class Head(NamedTuple):
    """The head of an answer. Immutable.

    Attributes:
        minor: 0 or 1, of HTTP/1.x.
        status: 100 to 599.
        headers: lines in order.
    """

    minor: int
    status: int
    headers: Headers


class Framing(NamedTuple):
    """Where the body ends. Immutable.

    Attributes:
        chunked: by its last chunk.
        length: after so many bytes; None and not chunked: when the connection ends.
        reusable: another request may follow on this connection.
    """

    chunked: bool = False
    length: int | None = None
    reusable: bool = False


def compose_head(method: str, path: str, headers: Headers, own: Headers, length: int | None) -> bytes:
    """The bytes of a request's head.

    Args:
        method: a token.
        path: path and query, percent-encoded, sent as it is.
        headers: the caller's, sent as they are.
        own: Host, and lines that are sent unless the caller has them.
        length: of the body; None without one.

    Raises:
        ValueError: something that would not stay on its line, or a header that is the transport's own.
    """
    if not _NAME.fullmatch(method) or not _TARGET.fullmatch(path):
        raise ValueError(f"no request line can say {method!r} {path!r}")
    given = {name.lower() for name, _ in headers}
    if not _all_sendable(headers, given):
        # By name: values are secrets, such as the context, and this may be logged.
        raise ValueError(f"no header can say one of {[name for name, _ in headers]!r}")
    if not given.isdisjoint(_OURS):
        raise ValueError(f"the transport itself sends {sorted(given & _OURS)}")
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"{name}: {value}" for name, value in own if name.lower() not in given]
    if length is not None or method in _WITH_BODY:
        lines.append(f"Content-Length: {length or 0}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1")


def parse_head(raw: bytes, header_count: int) -> Head:
    """Reads a head, without the empty line that ends it.

    Args:
        raw: status line and header lines.
        header_count: more lines than this are refused.

    Raises:
        FramingError: it is not a head, or one that rule 3 refuses.
    """
    first, found, rest = raw.decode("latin-1").partition("\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise _wrong("not an HTTP/1 answer", "status line", first)
    status = int(match[2])
    if not 100 <= status <= 599 or status == 101:
        raise _wrong("a status that no answer has", "status", status)
    lines = rest.split("\r\n") if found else []
    if len(lines) > header_count:
        raise _wrong(f"more than {header_count} headers", "headers", len(lines))
    if found and not _LINES.fullmatch(rest):
        broken = next(line for line in lines if not _LINE.fullmatch(line))
        raise _wrong("a broken header line", "headers", broken)
    headers = [(name, value.strip(" \t")) for name, _, value in [line.partition(":") for line in lines]]
    return Head(minor=int(match[1]), status=status, headers=tuple(headers))


def is_header_line(line: bytes) -> bool:
    """Whether it is one by rules 1 and 2; for trailers, which are dropped."""
    return _LINE.fullmatch(line.decode("latin-1")) is not None


def framing(method: str, head: Head) -> Framing:
    """Where the body of this answer ends (RFC 9112 section 6.3).

    Raises:
        FramingError: rule 4.
    """
    found: dict[str, list[str]] = {}
    for name, value in head.headers:
        lower = name.lower()
        if lower in _FRAMING:
            found.setdefault(lower, []).append(value)
    persistent = _is_persistent(head.minor, found.get("connection"))
    chunked = _is_chunked(head.minor, found)
    length = _content_length(found.get("content-length"))
    if method == "HEAD" or head.status in (204, 304):
        return Framing(length=0, reusable=persistent)
    if chunked or length is not None:
        return Framing(chunked=chunked, length=length, reusable=persistent)
    return Framing()


def _all_sendable(headers: Headers, names: set[str]) -> bool:
    """One look at all names and one at all values: what no single one may have, all together do not have."""
    if _UNSENDABLE.search("".join([value for _, value in headers])):
        return False
    return not headers or ("" not in names and _NAME.fullmatch("".join(names)) is not None)


def _is_persistent(minor: int, values: list[str] | None) -> bool:
    if values is None:
        return minor == 1
    tokens = {token.strip().lower() for token in ",".join(values).split(",")}
    return "close" not in tokens and (minor == 1 or "keep-alive" in tokens)


def _is_chunked(minor: int, found: dict[str, list[str]]) -> bool:
    values = found.get("transfer-encoding")
    if values is None:
        return False
    if "content-length" in found:
        raise _wrong("Content-Length beside Transfer-Encoding", "Transfer-Encoding", values)
    if minor == 0 or len(values) != 1 or values[0].lower() != "chunked":
        raise _wrong("a transfer encoding other than chunked", "Transfer-Encoding", values)
    return True


def _content_length(values: list[str] | None) -> int | None:
    if values is None:
        return None
    said = {value.strip(" \t") for value in ",".join(values).split(",")}
    if len(said) != 1 or not _DIGITS.fullmatch(only := said.pop()):
        raise _wrong("an unclear Content-Length", "Content-Length", values)
    return int(only)


def _wrong(message: str, field: str, received: object) -> FramingError:
    shown = repr(received)
    return FramingError(message, field=field, received=shown if len(shown) <= 200 else shown[:197] + "...")

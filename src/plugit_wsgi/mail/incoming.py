"""An incoming message as values: what it answers, if a machine wrote it, its text (RFC 5322, 2045, 3676).

1. Nothing here trusts a message: its size, parts and lines are counted before, or while, it is parsed.
2. The head is read by itself, so that only a message with a good reply address costs more than its head.
3. Text is never lost to its encoding: what cannot be decoded is replaced, character by character.
4. Quoted text stays, as the original leaves it: what is new and what a quotation, the service knows best.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.utils import mktime_tz, parsedate_tz
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from ..errors import MessageUnusable
from .charsets import decode_text
from .flowed import unflowed
from .html_text import text_of_html

HEAD_SIZE: Final = 256 * 1024
"""Bytes of a head that are read; a longer one is no mail of a person."""
PARTS: Final = 100
LINES: Final = 400_000
HTML_SIZE: Final = 2 * 1024 * 1024
"""Characters of HTML that are searched for text."""
FORM_SIZE: Final = 480_000
"""Bytes of a text as a field of a form: what a service of the SDK takes, less the other field."""

_ADDRESS_FIELDS: Final = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "to",
    "cc",
    "resent-to",
    "resent-cc",
    "x-forwarded-to",
)
_TOKEN: Final = re.compile(r"\+([A-Za-z0-9_=-]{8,128})@")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a message says. Immutable.

    Attributes:
        tokens: of reply addresses in any address field, each once, in the order of the fields above.
        automatic: why no person wrote it, in a word or two; "" if one may have.
        message_id: as written, or a digest of the message where there is none; ASCII, at most 255 characters.
        arrived: when the last mail server got it, or else when it was written, Unix seconds; None if nothing
            says so.
    """

    tokens: tuple[str, ...] = field(repr=False)
    automatic: str
    message_id: str
    arrived: float | None = None


def read_head(raw: bytes) -> Head:
    """The head of a message.

    Args:
        raw: the message, or as much of its beginning as holds the head.

    Raises:
        MessageUnusable: it has no end within `HEAD_SIZE`, or cannot be read.
    """
    # A message may consist of nothing else.
    end = _HEAD_END.search(raw, 0, HEAD_SIZE)
    if end is None and len(raw) > HEAD_SIZE:
        raise MessageUnusable(f"a head of more than {HEAD_SIZE} bytes")
    with _readable():
        message = message_from_bytes(raw[: end.end() if end else len(raw)], policy=policy.compat32)
        return Head(
            tokens=tuple(dict.fromkeys(_tokens(message))),
            automatic=_automatic(message),
            message_id=_message_id(message, raw),
            arrived=_arrived(message),
        )


def read_text(raw: bytes) -> str:
    """The text of a message: its plain text, or that of its HTML; lines end with LF.

    Raises:
        MessageUnusable: too many parts or lines, or more text than a service takes.
    """
    if raw.count(b"\n") > LINES:
        raise MessageUnusable(f"more than {LINES} lines")
    seen = 0

    def counted(*arguments: object, **named: object) -> Message:
        nonlocal seen
        seen += 1
        if seen > PARTS:
            raise MessageUnusable(f"more than {PARTS} parts")
        return Message(*arguments, **named)  # type: ignore[arg-type]

    with _readable():
        message = message_from_bytes(raw, policy=policy.compat32.clone(message_factory=counted))
        text = _text(message).strip("\n")
        size = len(quote(text, safe=""))
    if size > FORM_SIZE:
        raise MessageUnusable(f"more text than {FORM_SIZE} bytes of a form")
    return text


@contextmanager
def _readable() -> Iterator[None]:
    """One message that cannot be read must never stop those behind it."""
    try:
        yield
    except MessageUnusable:
        raise
    except Exception as error:  # whatever the parser makes of bytes that are none of a mail
        raise MessageUnusable(f"cannot be read ({type(error).__name__})") from error


def reply_key(service: str, response_id: str, message_id: str) -> str:
    """What is remembered of a reply, so that it is handed over once: a digest, 64 characters."""
    return sha256("\0".join((service, response_id, message_id)).encode("utf-8", "replace")).hexdigest()


def _all(message: Message, name: str) -> Iterator[str]:
    """The values of a field on one line each; bytes that are no ASCII are replaced."""
    for value in message.get_all(name, ()):
        yield re.sub(r"\s+", " ", str(value)).strip()


def _first(message: Message, name: str) -> str:
    return next(_all(message, name), "")


def _tokens(message: Message) -> Iterator[str]:
    for name in _ADDRESS_FIELDS:
        for value in _all(message, name):
            yield from _TOKEN.findall(value)


def _is_set(value: str) -> bool:
    return bool(value)


def _says_no_person(value: str) -> bool:
    return value.partition(";")[0].partition("(")[0].strip().lower() not in ("", "no")


def _is_bulk(value: str) -> bool:
    return value.strip().lower() in ("bulk", "junk", "list", "auto_reply", "auto-reply")


def _is_empty(value: str) -> bool:
    return value.replace(" ", "") == "<>"


def _is_daemon(value: str) -> bool:
    return re.search(r"(?:^|[\s<\"])mailer-daemon(?:@|$|[\s>\"])", value, re.I) is not None


def _is_report(value: str) -> bool:
    return value.partition(";")[0].strip().lower() == "multipart/report"


AUTOMATIC: Final = (
    ("Auto-Submitted", _says_no_person),
    ("X-Auto-Response-Suppress", _is_set),
    ("Auto-Autorespond", _is_set),
    ("X-Autoreply", _is_set),
    ("X-Autorespond", _is_set),
    ("Precedence", _is_bulk),
    ("X-Precedence", _is_bulk),
    ("List-Id", _is_set),
    ("Return-Path", _is_empty),
    ("From", _is_daemon),
    ("Content-Type", _is_report),
)
"""Field -> what a value of it must be for the message to be one of a machine."""


def _automatic(message: Message) -> str:
    for name, is_machine in AUTOMATIC:
        if any(is_machine(value) for value in _all(message, name)):
            return name
    return ""


def _message_id(message: Message, raw: bytes) -> str:
    found = "".join(_first(message, "message-id").split())
    if found.isascii() and found.isprintable() and 0 < len(found) <= 255:
        return found
    return f"sha256:{sha256(raw).hexdigest()}"


def _arrived(message: Message) -> float | None:
    # The topmost line is that of our own mail server.
    told = _first(message, "received").rpartition(";")[2] or _first(message, "date")
    try:
        parsed = parsedate_tz(told)
        return None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _text(part: Message) -> str:
    """The text of a part and of those within; "" if it has none."""
    kind = part.get_content_maintype()
    if part.get_content_disposition() == "attachment" or kind not in ("text", "multipart"):
        return ""
    if kind == "text":
        return _text_of_leaf(part)
    inner = [item for item in part.get_payload() if isinstance(item, Message)]  # text, without its boundary
    if part.get_content_subtype() == "alternative":
        return _best(inner)
    return "\n\n".join(filter(None, (_text(item).strip("\n") for item in inner)))


def _best(parts: list[Message]) -> str:
    """The plain one of several forms of the same; some clients leave it empty."""
    ordered = sorted(parts, key=lambda part: part.get_content_type() != "text/plain")
    return next(filter(str.strip, map(_text, ordered)), "")


def _text_of_leaf(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    text = decode_text(raw, str(part.get_content_charset("")))
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    subtype = part.get_content_subtype()
    if subtype == "html":
        if len(text) > HTML_SIZE:
            raise MessageUnusable(f"more than {HTML_SIZE} characters of HTML")
        return text_of_html(text)
    if subtype == "plain" and str(part.get_param("format", "")).lower() == "flowed":
        return unflowed(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return text if subtype == "plain" else ""

"""Where replies arrive: a mailbox behind a URL, and what is done with its messages.

1. TLS is verified. A mailbox without it is only asked on this machine.
2. A password is in no message, no ``repr`` and no error.
3. Nothing waits for a server for ever: each step of it has `TIMEOUT` seconds.
4. A message is fetched only if it is not too large, and never more of it than was allowed.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError
from .shown import shown_url

TIMEOUT: Final = 30.0
SET_ASIDE: Final = "PlugIt-failed"
"""The IMAP folder of messages that cannot be delivered."""

_SCHEMES: Final = {
    "imaps": 993,
    "imap+starttls": 143,
    "imap": 143,
    "pop3s": 995,
    "pop3+starttls": 110,
    "pop3": 110,
}
_EXPECTED: Final = (
    "imaps://USER:PASSWORD@HOST/INBOX or pop3s://USER:PASSWORD@HOST (also imap+starttls, pop3+starttls)"
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in a mailbox. Immutable.

    Attributes:
        key: the same in each session, of no other message.
        number: how this session calls it.
        size: bytes, as the server says.
    """

    key: str
    number: str
    size: int


class Mailbox(Protocol):
    """An open mailbox. For one thread; its errors are `MailboxError`."""

    def waiting(self) -> Iterable[Waiting]:
        """The messages that are there, oldest first."""

    def fetch(self, message: Waiting, limit: int) -> bytes:
        """A message whole.

        Args:
            message: which.
            limit: bytes.

        Raises:
            MessageUnusable: it is larger.
        """

    def remove(self, message: Waiting) -> None:
        """Takes a message away for good."""

    def set_aside(self, message: Waiting) -> None:
        """Takes a message out of the way; somebody can look at it later."""

    def close(self) -> None:
        """Ends the session; what was removed is removed then at the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where a mailbox is. Immutable.

    Attributes:
        protocol: ``imap`` or ``pop3``.
        tls: ``""``, ``"starttls"``, or ``"tls"`` from the first byte.
        host, port: of the server.
        user, password: of the mailbox.
        folder: of IMAP.
        aside: folder of this machine for what POP3 sets aside; "" for IMAP.
    """

    protocol: str
    tls: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    aside: str = ""


def parse_location(url: object, *, password: str = "", aside: str = "") -> Location:
    """A mailbox's URL, such as ``imaps://replies:secret@mail.example.org/INBOX``.

    Args:
        url: user and password percent-encoded.
        password: where the URL has none.
        aside: folder of this machine; POP3 needs one, since it has no folders of its own.

    Raises:
        ConfigError: it means nothing, or has no password, or leaves the machine without TLS.
    """
    scheme, host, port, user, found, folder = _split(url)
    password = found or password
    if not password:
        raise ConfigError("mailbox", shown_url(url), "a password, in the URL or in PLUGIT_MAILBOX_PASSWORD")
    protocol = "imap" if scheme.startswith("imap") else "pop3"
    tls = {"": "", "s": "tls", "+starttls": "starttls"}[scheme.removeprefix(protocol)]
    if not tls and host not in _LOOPBACK:
        raise ConfigError(
            "mailbox", shown_url(url), f"{protocol}s or {protocol}+starttls, since it is not on this machine"
        )
    if protocol == "pop3" and not (os.path.isdir(aside) and os.access(aside, os.W_OK)):
        raise ConfigError("set_aside", aside, "a folder of this machine to write to, since POP3 has none")
    return Location(
        protocol=protocol,
        tls=tls,
        host=host,
        port=port,
        user=user,
        password=password,
        folder=folder or "INBOX",
        aside=aside if protocol == "pop3" else "",
    )


def _split(url: object) -> tuple[str, str, int, str, str, str]:
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port or _SCHEMES.get(parts.scheme, 0)
        texts = [
            unquote(text or "", errors="strict") for text in (parts.username, parts.password, parts.path)
        ]
    except ValueError:
        raise ConfigError("mailbox", shown_url(url), _EXPECTED) from None
    user, password, folder = texts
    good = parts.scheme in _SCHEMES and parts.hostname and user and not parts.query and not parts.fragment
    clean = all(text.isascii() and text.isprintable() for text in (user, folder)) and password.isprintable()
    if not good or not clean or (parts.scheme.startswith("pop3") and folder.strip("/")):
        raise ConfigError("mailbox", shown_url(url), _EXPECTED)
    return parts.scheme, parts.hostname or "", port, user, password, folder.strip("/")


def tls_context() -> ssl.SSLContext:
    """Verifies by the machine's authorities; ``SSL_CERT_FILE`` names others, as everywhere with OpenSSL."""
    return ssl.create_default_context()


def fits(pieces: Iterator[bytes], limit: int) -> bytes | None:
    """Pieces as one, or None if that is more than `limit` bytes; all are read, no more is kept."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size <= limit:
            kept.append(piece)
        else:
            kept.clear()
    return b"".join(kept) if size <= limit else None

"""A mailbox behind IMAP (RFC 3501, 4315, 6851). What is set aside goes into a folder beside it."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from ..errors import MailboxError, MessageUnusable
from .mailboxes import SET_ASIDE, TIMEOUT, Location, Waiting, tls_context

_ITEM: Final = re.compile(rb"^(\d+) \((.*)\)$", re.S)
_FAILURES: Final = (imaplib.IMAP4.error, OSError, EOFError)


class ImapMailbox:
    """See `Mailbox`. For one thread.

    Args:
        location: of the mailbox; it is opened at once.

    Raises:
        MailboxError: it cannot be.
    """

    def __init__(self, location: Location) -> None:
        with _translated():
            self._imap = _connect(location)
        try:
            with _translated():
                self._log_in(location)
                # More may be there for who is logged in, and imaplib does not look again.
                self._capabilities = self._ask("CAPABILITY", *self._imap.capability())[-1].upper().split()
                self._ask("SELECT", *self._imap.select(_quoted(location.folder)))
                validity = self._imap.response("UIDVALIDITY")[1][-1] or b"0"
        except BaseException:
            _hang_up(self._imap)
            raise
        self._validity = validity.decode("ascii", "replace")

    def waiting(self) -> Iterator[Waiting]:
        """See `Mailbox.waiting`; what is marked as deleted is not there."""
        with _translated():
            found = self._ask("FETCH", *self._imap.uid("FETCH", "1:*", "(UID RFC822.SIZE FLAGS)"))
        for line in found:
            values = _values(line)
            if values is not None:
                uid, size = values
                yield Waiting(f"{self._validity}:{uid}", uid, size)

    def fetch(self, message: Waiting, limit: int) -> bytes:
        """See `Mailbox.fetch`."""
        with _translated():
            wished = f"(BODY.PEEK[]<0.{limit + 1}>)"
            found = self._ask("FETCH", *self._imap.uid("FETCH", message.number, wished))
        for item in found:
            if isinstance(item, tuple) and b"BODY[" in item[0].upper():
                raw = bytes(item[1])
                if len(raw) > limit:
                    raise MessageUnusable(f"more than {limit} bytes")
                return raw
        raise MailboxError("a message is gone that was listed")

    def remove(self, message: Waiting) -> None:
        """See `Mailbox.remove`."""
        with _translated():
            marked = self._imap.uid("STORE", message.number, "+FLAGS.SILENT", r"(\Deleted)")
            self._ask("STORE", *marked)
            if b"UIDPLUS" in self._capabilities:
                self._ask("EXPUNGE", *self._imap.uid("EXPUNGE", message.number))
            else:
                self._ask("EXPUNGE", *self._imap.expunge())

    def set_aside(self, message: Waiting) -> None:
        """See `Mailbox.set_aside`; the folder is made when it is needed first."""
        moves = b"MOVE" in self._capabilities and "MOVE" in imaplib.Commands
        command = "MOVE" if moves else "COPY"
        with _translated():
            for folder in self._folders_aside():
                status, said = self._imap.uid(command, message.number, _quoted(folder))
                if status != "OK":
                    self._imap.create(_quoted(folder))
                    status, said = self._imap.uid(command, message.number, _quoted(folder))
                if status == "OK":
                    break
            self._ask(command, status, said)
        if not moves:
            self.remove(message)

    def close(self) -> None:
        """See `Mailbox.close`."""
        with suppress(*_FAILURES):
            self._imap.logout()
        _hang_up(self._imap)

    def _folders_aside(self) -> Iterator[str]:
        """Names that it may have: where all folders are below the inbox, no other one can be made."""
        yield SET_ASIDE
        listed = self._ask("LIST", *self._imap.list('""', "INBOX"))[0]
        separator = re.match(rb'\([^)]*\) "([!-~])" ', listed) if isinstance(listed, bytes) else None
        if separator is not None:
            yield f"INBOX{separator[1].decode('ascii')}{SET_ASIDE}"

    def _log_in(self, location: Location) -> None:
        if location.password.isascii():
            self._imap.login(_quoted(location.user), location.password)  # which imaplib quotes
        else:
            answer = f"\0{location.user}\0{location.password}".encode()
            self._imap.authenticate("PLAIN", lambda _challenge: answer)

    @staticmethod
    def _ask(command: str, status: str, said: list[Any]) -> list[Any]:
        if status != "OK":
            raise MailboxError(f"the IMAP server answered {command} with {status}")
        return said


def _connect(location: Location) -> imaplib.IMAP4:
    if location.tls == "tls":
        return imaplib.IMAP4_SSL(location.host, location.port, ssl_context=tls_context(), timeout=TIMEOUT)
    imap = imaplib.IMAP4(location.host, location.port, timeout=TIMEOUT)
    if location.tls:
        try:
            imap.starttls(tls_context())
        except BaseException:
            _hang_up(imap)
            raise
    return imap


def _hang_up(imap: imaplib.IMAP4) -> None:
    with suppress(OSError):
        imap.shutdown()


def _values(line: object) -> tuple[str, int] | None:
    """UID and size in a line of FETCH; None if it is no such line, or of a deleted message."""
    found = _ITEM.match(line) if isinstance(line, bytes) else None
    if found is None or rb"\Deleted".lower() in found[2].lower():
        return None
    uid, size = (re.search(name + rb" (\d+)", found[2], re.I) for name in (rb"\bUID", rb"\bRFC822\.SIZE"))
    return (uid[1].decode("ascii"), int(size[1])) if uid and size else None


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        # What a server says may hold what it was told.
        raise MailboxError(f"the IMAP server cannot be asked ({type(error).__name__})") from error

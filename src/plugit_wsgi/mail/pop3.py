"""A mailbox behind POP3 (RFC 1939, 2595). It has no folders: what is set aside goes into one of this machine.

A removed message is gone when the session has ended; one that breaks off removes nothing, and the store
knows then what was handed over.
"""

from __future__ import annotations

import os
import poplib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..errors import MailboxError, MessageUnusable
from .mailboxes import TIMEOUT, Location, Waiting, fits, tls_context

_PIECE: Final = 64 * 1024
_FAILURES: Final = (poplib.error_proto, OSError, EOFError, ValueError)


class Pop3Mailbox:
    """See `Mailbox`. For one thread.

    Args:
        location: of the mailbox; it is opened at once.

    Raises:
        MailboxError: it cannot be.
    """

    def __init__(self, location: Location) -> None:
        self._aside = Path(location.aside)
        with _translated():
            self._pop = _connect(location)
            try:
                self._pop.user(location.user)
                self._pop.pass_(location.password)
            except BaseException:
                _hang_up(self._pop)
                raise

    def waiting(self) -> Iterator[Waiting]:
        """See `Mailbox.waiting`."""
        with _translated():
            keys = dict(line.decode("ascii").split(" ", 1) for line in self._pop.uidl()[1])
            sizes = [line.decode("ascii").split()[:2] for line in self._pop.list()[1]]
            found = [Waiting(keys[number], number, int(size)) for number, size in sizes if number in keys]
        yield from found

    def fetch(self, message: Waiting, limit: int) -> bytes:
        """See `Mailbox.fetch`."""
        with _translated():
            raw = fits(self._pieces(message), limit)
        if raw is None:
            raise MessageUnusable(f"more than {limit} bytes")
        return raw

    def remove(self, message: Waiting) -> None:
        """See `Mailbox.remove`."""
        with _translated():
            self._pop.dele(int(message.number))

    def set_aside(self, message: Waiting) -> None:
        """See `Mailbox.set_aside`; the copy is on the disk before the message goes."""
        with _translated():
            name = sha256(message.key.encode()).hexdigest()[:32] + ".eml"
            with tempfile.NamedTemporaryFile(dir=self._aside, delete=False) as copy:
                try:
                    copy.writelines(self._pieces(message))
                    copy.flush()
                    os.fsync(copy.fileno())
                    os.replace(copy.name, self._aside / name)
                except BaseException:
                    os.unlink(copy.name)
                    raise
        self.remove(message)

    def close(self) -> None:
        """See `Mailbox.close`."""
        with suppress(*_FAILURES):
            self._pop.quit()
        _hang_up(self._pop)

    def _pieces(self, message: Waiting) -> Iterator[bytes]:
        """A message in pieces: poplib would hold it whole, and give up at a line of 2 KiB."""
        self._pop._shortcmd(f"RETR {message.number}")  # type: ignore[attr-defined]
        begins = True
        while True:
            piece: bytes = self._pop.file.readline(_PIECE)
            if not piece:
                raise EOFError
            if begins and piece[:1] == b".":
                if piece.rstrip(b"\r\n") == b".":
                    return
                piece = piece[1:]
            begins = piece.endswith(b"\n")
            yield piece


def _connect(location: Location) -> poplib.POP3:
    if location.tls == "tls":
        return poplib.POP3_SSL(location.host, location.port, timeout=TIMEOUT, context=tls_context())
    pop = poplib.POP3(location.host, location.port, timeout=TIMEOUT)
    if location.tls:
        try:
            pop.stls(tls_context())
        except BaseException:
            _hang_up(pop)
            raise
    return pop


def _hang_up(pop: poplib.POP3) -> None:
    with suppress(OSError):
        pop.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _FAILURES as error:
        # What a server says may hold what it was told.
        raise MailboxError(f"the POP3 server cannot be asked ({type(error).__name__})") from error

"""The mailbox behind a location."""

from __future__ import annotations

from .imap import ImapMailbox
from .mailboxes import Location, Mailbox
from .pop3 import Pop3Mailbox


def open_mailbox(location: Location) -> Mailbox:
    """A session with a mailbox; whoever opens it closes it.

    Raises:
        MailboxError: it cannot be had.
    """
    return ImapMailbox(location) if location.protocol == "imap" else Pop3Mailbox(location)

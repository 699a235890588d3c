"""Mail that a service asks the host to send."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

_log = logging.getLogger("plugit_wsgi.mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message. Immutable.

    Attributes:
        service: who asks.
        sender: address the service wishes.
        recipients: addresses, each once.
        subject: one line.
        message: plain text.
        html_message: "" if there is only plain text; an HTML text beside it; or any word, such as "true",
            which says that `message` is HTML.
        response_id: what the service wants to hear with a reply; "" for no replies.
        quota: recipients an hour that the service has.
    """

    service: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: str = field(repr=False)
    html_message: str = field(default="", repr=False)
    response_id: str = ""
    quota: int = 100


Deliver = Callable[[Mail], None]
"""Takes a mail whose recipients are allowed, and does not wait for a mail server. What it raises of
`RequestRejected` is the answer to the service: `MailRefused` has any status, and a Retry-After."""


def log_mail(mail: Mail) -> None:
    """Writes a message into the log instead of sending it; for development."""
    _log.info(
        "mail of service %s from %s to %s: %s (response_id %r)\n%s",
        mail.service,
        mail.sender,
        ", ".join(mail.recipients),
        mail.subject,
        mail.response_id,
        mail.message,
    )

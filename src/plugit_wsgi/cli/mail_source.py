"""A mail that stays here, written as the message that a host would send."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final

from ..errors import BadRequest
from ..hostapi.mail import Mail
from ..mail.message import HostAddress, build_message

_HOST: Final = HostAddress("Development host", "mail@host.example")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A mail as a message. Immutable.

    Attributes:
        raw: headers and body, as they go over the wire.
        text, html: what a mail program shows; "" for a part that is not there.
    """

    raw: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def write_source(mail: Mail, at: float) -> Source:
    """The message that a host would send at a Unix time.

    Raises:
        BadRequest: it cannot be written as one, and no host would send it.
    """
    reply_to = _HOST.with_token("TOKEN") if mail.response_id else ""
    try:
        raw = build_message(mail, _HOST, reply_to, _Moment(at))
        message = email.message_from_bytes(raw, policy=email.policy.default)
    except (ValueError, UnicodeError) as error:
        raise BadRequest("the mail cannot be written as a message") from error
    return Source(
        raw=_lines(raw.decode("ascii", "replace")),
        text=_lines(_part(message, "plain")),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n")

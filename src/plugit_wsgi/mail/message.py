"""A mail of a service as the message that goes out.

1. From is the host's address, always; the name before it says which service wrote.
2. Reply-To is where answers go: the host's address with ``+TOKEN`` where the service wants to hear them.
3. The standard library writes the headers (`email.policy.SMTP`), all in ASCII, no line longer than it may be.
"""

from __future__ import annotations

import email.policy
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from ..clock import Clock
from ..errors import ConfigError
from ..hostapi.mail import Mail
from ..hostapi.mail_form import is_address
from .html_text import text_of_html
from .reply_tokens import TOKEN_LENGTH

LOCAL_PART: Final = 64
"""Octets of the local part of an address (RFC 5321)."""
_POLICY: Final = email.policy.SMTP.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address of the host. Immutable.

    Attributes:
        name: the site's; "" if it has none.
        address: without name.
    """

    name: str
    address: str

    @classmethod
    def read(cls, text: object, field: str) -> HostAddress:
        """From ``Site name <mail@site.example>`` or the address alone; short enough for a token.

        Raises:
            ConfigError: something else.
        """
        expected = "an address, such as 'Harbour Radio <mail@radio.example>'"
        if not isinstance(text, str) or not text.isprintable():
            raise ConfigError(field, text, expected)
        name, bracket, rest = text.rpartition("<")
        address = rest.removesuffix(">") if bracket else text
        if not is_address(address) or (bracket and not rest.endswith(">")):
            raise ConfigError(field, text, expected)
        found = cls(name.strip().strip('"'), address)
        if len(found.local) > LOCAL_PART - TOKEN_LENGTH - 1:
            most = LOCAL_PART - TOKEN_LENGTH - 1
            raise ConfigError(field, text, f"at most {most} letters before the @, so that a token fits in")
        return found

    @property
    def local(self) -> str:
        """What is before the @."""
        return self.address.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """What is after the @."""
        return self.address.rpartition("@")[2]

    def with_token(self, token: str) -> str:
        """The address that brings a token back."""
        return f"{self.local}+{token}@{self.domain}"


def build_message(mail: Mail, sender: HostAddress, reply_to: str, clock: Clock) -> bytes:
    """Headers and body, ASCII, lines ending with CR LF.

    Args:
        mail: checked.
        sender: of the host.
        reply_to: an address; "" for none.
        clock: the time.

    Raises:
        ValueError: the mail cannot be written as a message.
    """
    name = f"{mail.service} via {sender.name}" if sender.name else mail.service
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(name, addr_spec=sender.address)
    message["To"] = [Address(addr_spec=address) for address in mail.recipients]
    if reply_to:
        message["Reply-To"] = Address(addr_spec=reply_to)
    message["Date"] = formatdate(clock.time())
    message["Message-ID"] = make_msgid(domain=sender.domain)
    # Holiday notes and other machines are not to answer (RFC 3834, and what Exchange goes by).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    text, html = _parts(mail)
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return _subject_line(mail.subject) + message.as_bytes()


def _subject_line(subject: str) -> bytes:
    # Written by the older class: the newer one drops blanks where it folds what is not ASCII.
    # What looks encoded already would be decoded by who reads it, to line breaks even.
    charset = "us-ascii" if subject.isascii() and "=?" not in subject else "utf-8"
    written = Header(subject, charset, header_name="Subject").encode(linesep="\r\n")
    return b"Subject: " + written.encode("ascii") + b"\r\n"


def _parts(mail: Mail) -> tuple[str, str]:
    """Text and HTML."""
    if not mail.html_message:
        return mail.message, ""
    # The original's flag, which says that the message is HTML; a text with tags is the HTML itself.
    if "<" not in mail.html_message:
        return text_of_html(mail.message, links=True), mail.message
    return mail.message or text_of_html(mail.html_message, links=True), mail.html_message

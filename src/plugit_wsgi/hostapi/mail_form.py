"""A mail as a service posts it, checked as a whole: what is refused goes to nobody.

1. Nothing that could end a line of a header gets in: it is refused, not repaired.
2. A service writes to people whom the directory knows, unless its mount says "anyone".
3. At most as many recipients as the service has in an hour.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import webob

from ..body import read_body
from ..config import Limits, Service
from ..errors import BadRequest, MailRefused
from ..http import parse_pairs
from ..interfaces import Directory, KnowsAddresses
from .calls import ADDRESS, MOST_RECIPIENTS
from .mail import Mail

SUBJECT_LENGTH: Final = 500
RESPONSE_ID_LENGTH: Final = 255
_ADDRESS: Final = re.compile(rf"(?=[^@]{{1,64}}@.{{1,189}}\Z){ADDRESS}")
_LINE_BREAKING: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))


def is_address(text: str) -> bool:
    """A plain e-mail address, ASCII, without a name; an internationalized domain in its ``xn--`` form."""
    return _ADDRESS.fullmatch(text) is not None


def read_mail(request: webob.Request, service: Service, limits: Limits) -> Mail:
    """The mail in the body of a request.

    Raises:
        BadRequest: a field that no mail can have, by its name.
        MailRefused: too many recipients.
        BodyTooLarge: over the limits.
    """
    fields = _read_form(request, limits)
    recipients = _recipients(fields.get("dests", []), service.mail_quota)
    sender, subject, message, html, response_id = (
        "".join(fields.get(name, [""])[:1])
        for name in ("sender", "subject", "message", "html_message", "response_id")
    )
    for name, value, longest in (
        ("sender", sender, SUBJECT_LENGTH),
        ("subject", subject, SUBJECT_LENGTH),
        ("response_id", response_id, RESPONSE_ID_LENGTH),
    ):
        _check_line(name, value, longest)
    if "\0" in message or "\0" in html:
        raise BadRequest("message: a NUL is no text")
    return Mail(
        service=service.name,
        sender=sender,
        recipients=recipients,
        subject=subject,
        message=message,
        html_message=html if html.lower() != "false" else "",
        response_id=response_id,
        quota=service.mail_quota,
    )


def check_recipients(mail: Mail, service: Service, directory: Directory | None) -> None:
    """Whether the service may write to all of them.

    Raises:
        MailRefused: 403.
    """
    if service.mail_to == "anyone":
        return
    unknown = _unknown(mail.recipients, service.name, directory)
    if unknown:
        raise MailRefused(f"dests: {unknown} of {len(mail.recipients)} are of nobody whom the host knows")


def _unknown(addresses: tuple[str, ...], service: str, directory: Directory | None) -> int:
    if isinstance(directory, KnowsAddresses):
        return sum(not directory.knows_email(address, service) for address in addresses)
    members = () if directory is None else directory.members(service)
    known = {user.email.lower() for user in members if user.email}
    return sum(address.lower() not in known for address in addresses)


def _read_form(request: webob.Request, limits: Limits) -> dict[str, list[str]]:
    body = read_body(request.environ, (), limits)
    try:
        content = b"" if body.file is None else body.file.read()
    finally:
        body.close()
    fields: dict[str, list[str]] = {}
    for name, value in parse_pairs(content):
        fields.setdefault(name.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
    return fields


def _recipients(given: list[str], most: int) -> tuple[str, ...]:
    """Each once, in their order."""
    if len(given) > MOST_RECIPIENTS:
        raise MailRefused(
            f"dests: got {len(given)} addresses, expected {MOST_RECIPIENTS} at most", status=413
        )
    if not given or not all(map(is_address, given)):
        raise BadRequest("dests: a list of addresses was expected")
    recipients = tuple({address.lower(): address for address in given}.values())
    if len(recipients) > most:
        raise MailRefused(f"dests: {len(recipients)} recipients, at most {most} an hour", status=413)
    return recipients


def _check_line(name: str, value: str, longest: int) -> None:
    if any(unicodedata.category(letter) in _LINE_BREAKING for letter in value):
        raise BadRequest(f"{name}: one line without control characters was expected")
    if len(value) > longest:
        raise BadRequest(f"{name}: {len(value)} characters, at most {longest}")

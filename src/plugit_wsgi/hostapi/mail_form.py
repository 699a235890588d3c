"""The form of a mail that a service posts."""

from __future__ import annotations

import re

import webob

from ..body import URLENCODED, media_type, read_body
from ..config import Limits
from ..errors import BadRequest, BodyTooLarge
from ..http import parse_pairs
from .calls import ADDRESS, MOST_RECIPIENTS
from .mail import Mail

_ADDRESS = re.compile(ADDRESS)


def read_mail(request: webob.Request, service: str, limits: Limits) -> Mail:
    """The mail of a request; a subject of several lines becomes one line.

    Args:
        request: of the service.
        service: its name.
        limits: of the body.

    Raises:
        BadRequest: no form, no recipient, or one that is no address.
        BodyTooLarge: over a limit, or more than `MOST_RECIPIENTS` recipients.
    """
    if media_type(request.environ) != URLENCODED:
        raise BadRequest("a form was expected")
    fields = _read_fields(request, limits)
    recipients = tuple(fields.get("dests", ()))
    if len(recipients) > MOST_RECIPIENTS:
        raise BodyTooLarge(f"dests: got {len(recipients)} addresses, expected {MOST_RECIPIENTS} at most")
    if not recipients or not all(_ADDRESS.fullmatch(item) for item in recipients):
        raise BadRequest("dests: a list of addresses was expected")
    html = _first(fields, "html_message")
    return Mail(
        service=service,
        sender=_first(fields, "sender"),
        recipients=recipients,
        subject=" ".join("".join(fields.get("subject", [])).split()),
        message=_first(fields, "message"),
        html_message=html if html.lower() != "false" else "",
        response_id=_first(fields, "response_id"),
    )


def _read_fields(request: webob.Request, limits: Limits) -> dict[str, list[str]]:
    body = read_body(request.environ, (), limits)
    try:
        content = b"" if body.file is None else body.file.read()
    finally:
        body.close()
    fields: dict[str, list[str]] = {}
    for name, value in parse_pairs(content):
        fields.setdefault(name.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
    return fields


def _first(fields: dict[str, list[str]], name: str) -> str:
    return "".join(fields.get(name, [])[:1])

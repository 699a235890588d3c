"""The few things that a site of ours needs to answer by itself: markup, forms, answers."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl

import webob
from markupsafe import Markup

from ..csrf import check_origin
from ..errors import CsrfRejected
from ..http import HTML, NO_STORE, NOSNIFF, Answer, is_local_target, origin_of, script_name_of

__all__ = [
    "Markup",
    "Request",
    "check_form",
    "joined",
    "local_target",
    "markup",
    "page_answer",
    "read_form",
    "read_query",
    "redirect_answer",
    "root_of",
    "text_answer",
]

Request = webob.Request
_FORM_BYTES = 4096


def markup(text: str, **values: object) -> Markup:
    """Markup with values in the places of their names; what is not markup itself is escaped."""
    return Markup(text).format(**values)


def joined(parts: Iterable[Markup]) -> Markup:
    """Several pieces of markup as one."""
    return Markup("\n").join(parts)


def read_query(request: Request) -> dict[str, str]:
    """The fields of the query; bytes that are no UTF-8 are replaced, and no error."""
    return dict(parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace"))


def root_of(request: Request) -> str:
    """Where the site is, as URL path without trailing slash: "" or the server's SCRIPT_NAME."""
    return script_name_of(request.environ)


def read_form(request: Request, most: int = _FORM_BYTES) -> dict[str, str]:
    """The fields of an urlencoded form of at most so many bytes; what is over that is not read."""
    length = request.content_length or 0
    body = request.environ["wsgi.input"].read(min(length, most))
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def check_form(request: Request, form: dict[str, str], token: str) -> None:
    """Refuses a form that another site made the browser send.

    Args:
        request: it came with.
        form: its fields.
        token: what ``csrfmiddlewaretoken`` must be.

    Raises:
        CsrfRejected: the browser or the token says so.
    """
    check_origin(request.environ, origin_of(request.environ, 0))
    given = form.get("csrfmiddlewaretoken", "")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise CsrfRejected("csrf")


def local_target(given: str | None, otherwise: str) -> str:
    """Where to go next, if that is on this site."""
    return given if given and is_local_target(given) else otherwise


def page_answer(document: str, *, status: int = 200, cookies: tuple[str, ...] = ()) -> Answer:
    """A page."""
    headers = (HTML, NO_STORE, *_set(cookies))
    return Answer(status=status, headers=headers, body=document.encode("utf-8"))


def text_answer(text: str, *, status: int = 200, cookies: tuple[str, ...] = ()) -> Answer:
    """One line of plain text."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), NOSNIFF, NO_STORE, *_set(cookies))
    return Answer(status=status, headers=headers, body=f"{text}\n".encode())


def redirect_answer(target: str, *, cookies: tuple[str, ...] = ()) -> Answer:
    """On to another page, by GET."""
    return Answer(status=303, headers=(("Location", target), NO_STORE, *_set(cookies)))


def _set(cookies: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple(("Set-Cookie", cookie) for cookie in cookies)

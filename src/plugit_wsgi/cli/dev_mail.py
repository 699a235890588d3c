"""The pages that show the mail of services, and hand answers to them over as a real host does."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import make_msgid

from ..client import ServiceClient
from ..clock import Deadline, SystemClock
from ..errors import ServiceError, WireError
from ..http import Answer
from ..layout.errors import error_fragment
from .mail_content import LONGEST_ANSWER, list_content, mail_content, quoted_below
from .mail_source import write_source
from .mailbox import KeptMail, MailBox, Outcome
from .site import Markup, Request, read_form, redirect_answer, root_of, text_answer

_FORM_BYTES = 16 * LONGEST_ANSWER
_SAID = 500
"""Characters of what a service said that are shown."""

Check = Callable[[Request, dict[str, str]], None]
"""Refuses a form that another site made the browser send: raises `CsrfRejected`."""
Frame = Callable[[Request, str, Markup, int], Answer]
"""A page of the site, from its request, title, content and status."""


class MailPages:
    """The pages. Thread-safe.

    Args:
        box: what they show.
        path: where they are, below the site's root, without trailing slash.
        client: gives the client of a service by its name; None without.
        token: for a form of the visitor.
        check: of a form that came.
        frame: puts content into the site's layout.
    """

    def __init__(
        self,
        box: MailBox,
        path: str,
        *,
        client: Callable[[str], ServiceClient | None],
        token: Callable[[Request], str],
        check: Check,
        frame: Frame,
    ) -> None:
        self._box = box
        self._path = path
        self._client = client
        self._token = token
        self._check = check
        self._frame = frame

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request; None if its path is none of these pages.

        Raises:
            CsrfRejected: a form came from elsewhere.
        """
        path = request.environ.get("PATH_INFO", "")
        base = f"{root_of(request)}{self._path}/"
        if path == self._path:
            return redirect_answer(base)
        if not path.startswith(f"{self._path}/"):
            return None
        if path == f"{self._path}/":
            return self._shown(request, "Mail", list_content(self._box.newest(), base))
        return self._one(request, path[len(self._path) + 1 :], base)

    def _one(self, request: Request, name: str, base: str) -> Answer:
        number = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 0
        kept = self._box.find(number)
        if kept is None:
            content = Markup("<h1>No such mail</h1><p>Only the newest are kept.</p>")
            return self._frame(request, "No such mail", content, 404)
        if request.method != "POST":
            source = write_source(kept.mail, kept.at)
            content = mail_content(kept, source, base, self._token(request))
            return self._shown(request, kept.mail.subject or "Mail", content)
        if (request.content_length or 0) > _FORM_BYTES:
            return text_answer("the answer is too long", status=413)
        form = read_form(request, _FORM_BYTES)
        self._check(request, form)
        if not kept.mail.response_id:
            return text_answer("the mail has no response_id", status=400)
        text = form.get("message", "").replace("\r\n", "\n")
        if form.get("quote"):
            text = quoted_below(text, kept, write_source(kept.mail, kept.at))
        self._deliver(kept, text, is_twice=bool(form.get("twice")))
        return redirect_answer(f"{base}{kept.number}#answers")

    def _deliver(self, kept: KeptMail, text: str, *, is_twice: bool) -> None:
        client, message_id = self._client(kept.mail.service), make_msgid(domain="host.example")
        for is_repeat in (False, True) if is_twice else (False,):
            outcome, said = hand_over(client, kept.mail.response_id, text, message_id, is_repeat=is_repeat)
            self._box.add_reply(kept.number, text, outcome, said, is_repeat=is_repeat)

    def _shown(self, request: Request, title: str, content: Markup) -> Answer:
        if request.method not in ("GET", "HEAD"):
            return text_answer("only GET", status=405)
        return self._frame(request, title, content, 200)


def hand_over(
    client: ServiceClient | None, response_id: str, text: str, message_id: str, *, is_repeat: bool = False
) -> tuple[Outcome, str]:
    """Gives an answer to the service, signed, as a real host does.

    Returns:
        What became of it, and what the service said, or why it said nothing.
    """
    if client is None:
        return "failed", "it is not mounted any more"
    try:
        deadline = Deadline.after(client.limits.page, SystemClock())
        status, body = client.post_mail(
            response_id, text, deadline, message_id=message_id, is_repeat=is_repeat
        )
    except ServiceError as error:
        return "failed", f"{error_fragment(error.status).title}: {error}{_behind(error)}"
    said = _shortened(body.decode("utf-8", "replace").strip())
    if status in (404, 405, 501):
        return "missing", f"{status} {said}"
    if status == 200 and _result(body) == "Ok":
        return "taken", said
    return "refused", f"{status} {said}"


def _result(body: bytes) -> object:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found.get("result") if isinstance(found, dict) else None


def _behind(error: ServiceError) -> str:
    received = getattr(error, "received", None) if isinstance(error, WireError) else None
    return f" ({_shortened(repr(received))})" if received is not None else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _SAID else text[:_SAID] + " ..."

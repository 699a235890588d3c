"""The calls of the protocol, one method each (protocol section 1).

1. With a key, the proof comes first: before an action's method, its rules and itself; before a mail.
2. The rules are checked before the action runs; OPTIONS runs no action.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.http import http_date
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Response

from ..wire import names
from ..wire.context import SignedContext
from ..wire.meta import TEMPLATE_LANGUAGES
from .actions import Action, Route
from .answers import build_options, build_response, json_response
from .decorators import Marks
from .networks import is_inside
from .proof import ContextGate
from .request import Request, describe
from .routing import Match
from .rules import check_access, check_unsigned, is_announced, told_to
from .service_config import ServiceConfig
from .templates import TemplateFolder

MailCallback = Callable[[Request], Any]
META_LIFETIME = 300
"""Seconds that meta and media may be kept."""

log = logging.getLogger("plugit_wsgi.sdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Answers every call of one service. Thread-safe.

    Attributes:
        config: of the service.
        folder: relative file names begin here; ``media/`` is below.
        templates: ``templates/``.
        gate: checks contexts; None without a key.
        mail: gets replies to mails; None drops them.
    """

    config: ServiceConfig
    folder: Path
    templates: TemplateFolder
    gate: ContextGate | None
    mail: MailCallback | None

    def answer(self, match: Match, request: Request) -> Response:
        """The answer to a matched request.

        Raises:
            HTTPException: 404 for callers outside of the allowed networks, 405 for a wrong method.
        """
        fenced, methods, answer = _CALLS[match.call]
        if fenced:
            self._check_network(request)
        if methods is not None and request.method not in methods:
            raise MethodNotAllowed(valid_methods=methods)
        return answer(self, match, request)

    def _check_network(self, request: Request) -> None:
        # No address at all: no network was in between (a test, a server on a socket file).
        address = request.environ.get("REMOTE_ADDR", "127.0.0.1")
        if self.config.use_proxy_ip and request.access_route:
            address = request.access_route[-1]
        if not is_inside(address, self.config.allowed_networks):
            log.warning("call from %r refused: it is not in PI_ALLOWED_NETWORKS", address)
            raise NotFound()

    def _ping(self, match: Match, request: Request) -> Response:
        return json_response({"data": request.args.get("data", "")})

    def _version(self, match: Match, request: Request) -> Response:
        answer: dict[str, Any] = {
            "result": "Ok",
            "version": names.PROTOCOL_VERSION,
            "protocol": self.config.api_name,
        }
        if names.EXTENSIONS:
            answer["extensions"] = list(names.EXTENSIONS)
        return json_response(answer)

    def _meta(self, match: Match, request: Request) -> Response:
        marks = _route(match).first.marks
        tag, language = self.templates.load_tag(marks.template), self._language(marks)
        if tag and language != TEMPLATE_LANGUAGES[0]:
            # The same text in another language is another template.
            tag = f"{language}-{tag}"
        meta = replace(marks.meta, template_tag=tag)
        if tag:
            meta = replace(meta, template_language=language)
        response = json_response(told_to(meta, request).to_mapping())
        if meta.only_subscription:
            response.headers["Vary"] = names.PROTOCOL
        lifetime = 0 if self.config.debug else META_LIFETIME
        response.headers["Expire"] = http_date(time.time() + lifetime)  # the protocol's spelling
        response.headers["Cache-Control"] = f"public, max-age={lifetime}"
        return response

    def _template(self, match: Match, request: Request) -> Response:
        marks = _route(match).first.marks
        name, language = marks.template, self._language(marks)
        if not name or not self.templates.has(name):
            raise NotFound()
        if language != TEMPLATE_LANGUAGES[0] and not is_announced(names.TEMPLATE_LANGUAGE, request):
            # It would be read in the wrong language, and shown for all that is not understood in it.
            log.warning("the caller does not say that it reads %s, which templates/%s is in", language, name)
            raise NotFound()
        return Response(self.templates.load_text(name), content_type="text/plain; charset=utf-8")

    def _language(self, marks: Marks) -> str:
        return marks.template_language or self.config.template_language

    def _admit(self, request: Request) -> SignedContext | None:
        context = None if self.gate is None else self.gate.admit(request)
        request.plugit = describe(request, context)
        return context

    def _action(self, match: Match, request: Request) -> Response:
        route = _route(match)
        context = self._admit(request)
        if request.method == "OPTIONS":
            return build_options(route, request)
        action = route.load_action(request.method)
        if context is None:
            check_unsigned(action.marks.meta, request)
        else:
            check_access(action.marks.meta, context)
        return self._run(action, match, request)

    def _run(self, action: Action, match: Match, request: Request) -> Response:
        request.endpoint, request.view_args = action.name, dict(match.values)
        result = action.function(request, **match.values)
        return build_response(result, action, request, self.folder)

    def _media(self, match: Match, request: Request) -> Response:
        lifetime = 0 if self.config.debug else META_LIFETIME
        path = match.values["path"]
        response = send_from_directory(self.folder / "media", path, request.environ, max_age=lifetime)
        del response.headers["Date"]  # the server's
        return response

    def _mail(self, match: Match, request: Request) -> Response:
        self._admit(request)
        if not request.form.get("response_id"):
            return json_response({"result": "Error"})
        if self.mail is None:
            log.warning("an answer to a mail is dropped: there is no mail callback that takes it")
            return json_response({"result": "Ok"})
        result = self.mail(request)
        if result is None:
            return json_response({"result": "Ok"})
        return result if isinstance(result, Response) else json_response(result)


_GET = ("GET", "HEAD")
_CALLS: dict[str, tuple[bool, tuple[str, ...] | None, Callable[[Calls, Match, Request], Response]]] = {
    names.PING: (True, _GET, Calls._ping),
    names.VERSION: (False, _GET, Calls._version),
    names.META: (True, _GET, Calls._meta),
    names.TEMPLATE: (True, _GET, Calls._template),
    names.ACTION: (True, None, Calls._action),
    names.MEDIA: (False, _GET, Calls._media),
    names.MAIL: (True, ("POST",), Calls._mail),
}
"""Of each call: whether it is for the allowed networks only, its methods (None: the action's), the answer."""


def _route(match: Match) -> Route:
    assert match.route is not None  # routing gives one to these calls
    return match.route

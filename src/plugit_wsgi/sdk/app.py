"""A service as a WSGI application."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response
from werkzeug.wsgi import ClosingIterator

from ..errors import ContextError, RequestRejected, WireError
from .actions import Route, collect_routes
from .answers import json_response
from .calls import Calls, MailCallback
from .proof import ContextGate, ReplayMemory, Seen
from .request import Request
from .routing import Routing, SlashMissing
from .service_config import ServiceConfig, load_config
from .templates import TemplateFolder

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("plugit_wsgi.sdk")


class ServiceApp:
    """A service: a WSGI application made of the actions of a module. Thread-safe.

    Args:
        module: the actions are its attributes; a module, or any object.
        mail: gets the request of a mail's reply (form: ``response_id``, ``message``). What it returns
            is the answer; None is ``{"result": "Ok"}``, which tells the host that the mail was taken.
        config: a module, object or mapping with the settings; None is all defaults.
        key: of this service at its host, or several while they rotate; None: ``PI_SERVICE_KEY`` of
            `config`, then ``PLUGIT_SERVICE_KEY`` of the environment. Without any, callers are
            believed by their network alone.
        name: of this service at its host; None: ``PI_SERVICE_NAME`` of `config`.
        template_language: what the templates are written in, ``"django"`` or ``"jinja"``, unless an action
            says otherwise; None: ``PI_TEMPLATE_LANGUAGE`` of `config`, then Django's.
        folder: where ``templates/`` and ``media/`` are; None is the module's own, else the current one.
        seen: remembers the contexts of unsafe methods; None does so for this process.
        clock: Unix time in seconds.

    Raises:
        ConfigError: an action or a setting cannot be used.
    """

    def __init__(
        self,
        module: object,
        *,
        mail: MailCallback | None = None,
        config: object = None,
        key: str | Sequence[str] | None = None,
        name: str | None = None,
        template_language: str | None = None,
        folder: str | Path | None = None,
        seen: Seen | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = load_config(config, key=key, name=name, template_language=template_language)
        routes = collect_routes(module)
        root = _folder_of(module) if folder is None else Path(folder).resolve()
        templates = TemplateFolder(root / settings.templates)
        self._routing = Routing(settings.base_url, routes)
        gate = _gate(settings, seen, clock)
        self._calls = Calls(config=settings, folder=root, templates=templates, gate=gate, mail=mail)
        _report_missing(routes, templates)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request, as PEP 3333 has it."""
        request = Request(environ)
        try:
            response = self._respond(request)
            body = response(request.environ, start_response)
        except BaseException:
            request.close()
            raise
        return ClosingIterator(body, request.close) if request.holds_files else body

    def _respond(self, request: Request) -> Response:
        try:
            return self._calls.answer(self._routing.match(request.environ), request)
        except SlashMissing as found:
            return found.response
        except HTTPException as refusal:
            return _refusal(refusal, request)
        except ContextError as error:
            log.warning("%s %r refused: %s", request.method, request.path, error)
            return json_response({"error": str(error)}, error.status)
        except RequestRejected as error:
            log.warning("%s %r refused: %s", request.method, request.path, error)
            return json_response({"error": error.reason}, error.status)
        except WireError as error:
            log.error("action %s, %s %r: %s", request.endpoint, request.method, request.path, error)
        except Exception:
            log.exception("action %s, %s %r failed", request.endpoint or "-", request.method, request.path)
        return json_response({"error": "Internal Server Error"}, 500)


def _refusal(refusal: HTTPException, request: Request) -> Response:
    """What `werkzeug.exceptions.abort` asked for: its status and headers, and a body in JSON."""
    original = refusal.get_response(request.environ)
    if refusal.response is not None or refusal.code is None:
        return original
    response = json_response({"error": refusal.description or refusal.name}, refusal.code)
    for name, value in original.headers.items():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _gate(settings: ServiceConfig, seen: Seen | None, clock: Callable[[], float]) -> ContextGate | None:
    if settings.keys is None:
        return None
    return ContextGate(
        keys=settings.keys,
        audience=settings.name,
        base_url=settings.base_url,
        seen=ReplayMemory(clock) if seen is None else seen,
        clock=clock,
    )


def _folder_of(module: object) -> Path:
    file = getattr(module, "__file__", None)
    return Path(file).resolve().parent if isinstance(file, str) else Path.cwd()


def _report_missing(routes: Sequence[Route], templates: TemplateFolder) -> None:
    for route in routes:
        for action in route.by_method.values():
            name = action.marks.template
            if name and not templates.has(name):
                log.warning("action %s: there is no templates/%s", action.name, name)

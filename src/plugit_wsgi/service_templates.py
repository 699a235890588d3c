"""The templates of a service: fetched by path and tag, compiled once for each distinct text.

A template may move by its slash. One that did not compile is not fetched and tried at each visit.
"""

from __future__ import annotations

from collections.abc import Callable

from .answers import MOVED, service_failure
from .clock import Clock, Deadline
from .config import Limits, Service
from .errors import ServiceFailed, TemplateError
from .exchanges import ONCE_MORE, Exchanges
from .flight import Flights
from .interfaces import Cache, CompiledTemplate, TemplateEngine
from .lifetimes import DAY
from .setbacks import Setbacks
from .turns import Turns
from .wire import names
from .wire.context import digest
from .wire.meta import ActionMeta


class ServiceTemplates:
    """The templates of the actions of one service. Thread-safe.

    Args:
        service: which.
        limits: its limits.
        exchanges: with it.
        engines: the engine of a language.
        templates: keeps compiled templates, in this process.
        turns: of whoever compiles long.
        flights: of loads under way, so that many visitors ask once.
        clock: the time.
    """

    def __init__(
        self,
        service: Service,
        *,
        limits: Limits,
        exchanges: Exchanges,
        engines: Callable[[str], TemplateEngine],
        templates: Cache,
        turns: Turns,
        flights: Flights,
        clock: Clock,
    ) -> None:
        self._service = service
        self._limits = limits
        self._exchanges = exchanges
        self._engines = engines
        self._templates = templates
        self._turns = turns
        self._flights = flights
        self._setbacks = Setbacks(clock)

    def has(self, action: str, meta: ActionMeta) -> bool:
        """It is here, or not to be fetched now; else `get` asks the service."""
        key = self._key(action, meta)
        return self._templates.get(key) is not None or self._setbacks.recent(key) is not None

    def _key(self, action: str, meta: ActionMeta) -> tuple[str, ...]:
        return ("template", self._service.name, action, meta.template_tag, meta.template_language)

    def get(
        self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = ""
    ) -> CompiledTemplate:
        """The compiled template of an action.

        Raises:
            TemplateError: the action has none, or it does not compile.
            ServiceError: it could not be fetched.
        """
        key = self._key(action, meta)
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is not None:
            return compiled
        with self._flights.join(key) as flight:
            compiled = self._templates.get(key) if flight.wait(deadline) else None
            if compiled is None:
                compiled = self._load(key, action, meta, deadline, request_id)
            return compiled

    def get_ahead(self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str = "") -> None:
        """Fetches what `get` will need, unless somebody does, has done, or would have to wait for it."""
        key = self._key(action, meta)
        with self._flights.join(key) as flight:
            is_needed = flight.leads and not self.has(action, meta) and deadline.remaining() > 0
            if is_needed and self._exchanges.has_spare:
                self._load(key, action, meta, deadline, request_id)

    def _load(
        self, key: tuple[str, ...], action: str, meta: ActionMeta, deadline: Deadline, request_id: str
    ) -> CompiledTemplate:
        self._check_failed_template(key)
        source = self._fetch_template(action, meta, deadline, request_id)
        compiled = self._compile(source, meta, key)
        self._templates.set(key, compiled, DAY, 4 * len(source))
        return compiled

    def _check_failed_template(self, key: tuple[str, ...]) -> None:
        """A text that did not compile a moment ago is not fetched and tried at each visit."""
        error = self._setbacks.recent(key)
        if isinstance(error, TemplateError):
            raise TemplateError(str(error), template_tag=error.template_tag, line=error.line) from error

    def _fetch_template(self, action: str, meta: ActionMeta, deadline: Deadline, request_id: str) -> bytes:
        if not meta.template_tag:
            raise TemplateError("the action has no template, and its answer is a page")
        path = action
        for _ in range(ONCE_MORE):
            with self._exchanges.get(names.TEMPLATE, path, deadline, request_id=request_id) as exchange:
                response = exchange.response
                if response.status == 404:
                    raise TemplateError("the service has none for the action", template_tag=meta.template_tag)
                if response.status == 200:
                    return response.read(self._limits.template_size)
                if response.status not in MOVED:
                    raise service_failure(response, self._limits)
                path = "/" + self._exchanges.moved(names.TEMPLATE, response)
            if path.rstrip("/") != action.rstrip("/"):
                break
        raise ServiceFailed("redirects a template to another one", service=self._service.name, action=action)

    def _compile(self, source: bytes, meta: ActionMeta, of: tuple[str, ...]) -> CompiledTemplate:
        # Many actions with parameters (/show/1, /show/2) share one text.
        tag, language = meta.template_tag, meta.template_language
        key = ("compiled", self._service.name, digest(source), language)
        compiled: CompiledTemplate | None = self._templates.get(key)
        if compiled is None:
            try:
                text = source.decode("utf-8")
                menu = self._service.menu_action
                engine = self._engines(language)
                with self._turns.begin(key) as pace:
                    compiled = engine.compile(text, template_tag=tag, menu_action=menu, pace=pace)
            except UnicodeDecodeError as error:
                raise TemplateError("the template is not UTF-8", template_tag=tag) from error
            except TemplateError as error:
                error.template_tag = error.template_tag or tag
                self._setbacks.note(of, error)
                raise
            self._templates.set(key, compiled, DAY, 4 * len(source))
        return compiled

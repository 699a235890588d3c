"""Services in a Bottle application: ``app.install(PlugIt(...))``, or ``PlugIt(...).wrap(app)``.

1. What the application is asked for a page of a service sees `bottle.request` and `bottle.response` of that
   visit: a GET of the visited URL without a body. Else they would be those of the thread's visitor before.
2. Cookies that it sets there go out with the page.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from os import PathLike
from typing import Any, TypeVar

import bottle
import webob

from ..errors import ConfigError
from ..middleware import PlugItMiddleware
from .asked import AskedHost, asked_environ, keep_cookies
from .inside import captured_path, inside

T = TypeVar("T")


class PlugIt:
    """Mounts services; a plugin of Bottle (API 2). One for each application.

    The arguments are those of `PlugItMiddleware`, where

    - ``identify`` gets Bottle's request,
    - ``layout`` is the name of a template, which gets ``page``; or the path of a page of the application,
      with marks in it; or a callable, which gets page and Bottle's request; or one of the library's own.

    A route whose callback has an argument ``plugit`` gets the `PlugItMiddleware`.

    Args:
        services: what to mount; None where `file` says it.
        secret_key: None where `file` says it.
        file: a TOML file with arguments; what is given here wins.
        keyword: how callbacks call the argument.
        arguments: the others.

    Attributes:
        middleware: None until there is an application.
    """

    name = "plugit"
    api = 2

    def __init__(
        self,
        services: Any = None,
        secret_key: Any = None,
        *,
        file: str | PathLike[str] | None = None,
        keyword: str = "plugit",
        **arguments: Any,
    ) -> None:
        given = {"services": services, "secret_key": secret_key}
        self._given = {**arguments, **{name: value for name, value in given.items() if value is not None}}
        self._file = file
        self._keyword = keyword
        self.middleware: PlugItMiddleware | None = None

    def wrap(self, app: bottle.Bottle) -> AskedHost:
        """The application with the services in it, as another WSGI application.

        Raises:
            ConfigError: names the argument, the value and what was expected.
        """
        return self._around(app, app)

    def setup(self, app: bottle.Bottle) -> None:
        """Bottle calls this; the application itself has the services in it from here on.

        Raises:
            ConfigError: as of `wrap`.
            AttributeError: another plugin has done so.
        """
        if any(isinstance(other, PlugIt) for other in app.plugins):
            raise ConfigError("plugit", app, "one PlugIt for an application")
        app.wsgi = self._around(app, app.wsgi)

    def apply(self, callback: Callable[..., Any], route: bottle.Route) -> Callable[..., Any]:
        """Bottle calls this for each route."""
        if self._keyword not in inspect.signature(route.callback).parameters:
            return callback

        def with_middleware(*args: Any, **values: Any) -> Any:
            return callback(*args, **{self._keyword: self.middleware, **values})

        return with_middleware

    def close(self) -> None:
        """Bottle calls this when the plugin is taken out, or the application is closed."""
        if self.middleware is not None:
            self.middleware.close()

    def _around(self, app: bottle.Bottle, wsgi: Any) -> AskedHost:
        if self.middleware is not None:
            raise ConfigError("plugit", app, "a PlugIt of its own for each application")
        site = _Site(app)
        found = dict(self._given) if self._file else {"services": (), "secret_key": (), **self._given}
        found["layout"] = captured_path(found.get("layout"))
        found = inside(found, site.ask, lambda name, page, _asked: bottle.template(name, page=page))

        def build(host_app: Any) -> PlugItMiddleware:
            if self._file is not None:
                return PlugItMiddleware.from_file(host_app, self._file, **found)
            return PlugItMiddleware(host_app, **found)

        host = AskedHost(wsgi, build)
        self.middleware = host.middleware
        return host


class _Site:
    """Asks a Bottle application something, as of a visit. Thread-safe."""

    def __init__(self, app: bottle.Bottle) -> None:
        self._app = app

    def ask(self, request: webob.Request, question: Callable[[Any], T]) -> T:
        """What the question gives; cookies that are set meanwhile are kept.

        Raises:
            Exception: whatever the question raises.
        """
        environ = {**asked_environ(request.environ), "bottle.app": self._app}
        bottle.request.bind(environ)
        bottle.response.bind()
        try:
            value = question(bottle.request)
            lines = [text for name, text in bottle.response.headerlist if name.lower() == "set-cookie"]
        finally:
            bottle.request.bind({})
            bottle.response.bind()
        keep_cookies(request.environ, lines)
        return value


__all__ = ["PlugIt"]

"""Flask: an extension with ``init_app``, settings from ``app.config``, a template as the layout.

1. Whatever of the host is asked for a page of a service runs in a request context of Flask, as for a GET of
   that page: after the functions of ``before_request``, and before those of ``after_request``.
2. Where one of the first answers itself, or refuses, that answer is the visitor's.
3. Each is asked in a context of its own, so no connection of the host's is held while a service works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import flask
import webob
from webob.exc import HTTPException

from ..errors import ConfigError
from ..interfaces import HostCsrf
from ..middleware import PlugItMiddleware
from ..page import Page
from ..people import User
from .asked import AskedHost, asked_environ, keep_cookies
from .inside import inside
from .settings import arguments_from, host_secrets, with_prefix

try:
    from flask_login import current_user
except ImportError:
    current_user = None
try:
    from flask_wtf import csrf as flask_wtf_csrf
    from wtforms import ValidationError
except ImportError:
    flask_wtf_csrf = None

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

T = TypeVar("T")
_PREFIX = "PLUGIT_"
_FIELDS = ("username", "first_name", "last_name", "email")


class PlugIt:
    """Services inside a Flask application. Thread-safe after ``init_app``.

    ``app.config`` holds the arguments of `PlugItMiddleware` in capitals: ``PLUGIT_SERVICES``,
    ``PLUGIT_LAYOUT`` and so on. ``app.extensions["plugit"]`` is the middleware.

    - ``secret_key``: without one, that of the application.
    - ``identify``: gets Flask's request, in its context. Without one, whoever Flask-Login says, with the
      fields of `User` that the account has, and no rights: those come from `identify` or a directory.
    - ``layout``: the name of a template, which gets ``page``; or a callable, which gets page and Flask's
      request, in its context; or one of the library's own.
    - ``csrf``: runs in the context too; `FlaskWtf` is Flask-WTF's.
    - ``stores``: `HostSessions(lambda request: flask.session)` keeps what services store in Flask's session.

    Args:
        app: None: ``init_app`` comes later, for one or for several.
        arguments: the same, from Python; they win over ``app.config``.

    Raises:
        ConfigError: names the setting, the value and what was expected.
    """

    def __init__(self, app: flask.Flask | None = None, **arguments: Any) -> None:
        self._arguments = arguments
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Mounts the services that the application's config names; wraps ``app.wsgi_app``.

        Raises:
            ConfigError: as above.
        """
        found = {
            "services": (),
            "identify": login_user,
            "secret_key": host_secrets(app.secret_key, app.config.get("SECRET_KEY_FALLBACKS") or ()),
            **arguments_from(with_prefix(app.config, _PREFIX), "", prefix=_PREFIX),
            **arguments_from(self._arguments, "PlugIt"),
        }
        contexts = _Contexts(app)
        found = inside(found, contexts.ask, _render)
        if hasattr(found.get("csrf"), "issue"):
            found["csrf"] = _Csrf(contexts, found["csrf"])

        def build(host_app: WSGIApplication) -> PlugItMiddleware:
            return PlugItMiddleware(host_app, **found)

        host = AskedHost(app.wsgi_app, build)
        app.wsgi_app = host  # type: ignore[method-assign]  # as Flask says it is done
        app.extensions["plugit"] = host.middleware


def login_user(_request: flask.Request) -> User | None:
    """Whoever Flask-Login says is logged in; nobody without Flask-Login."""
    if current_user is None or not hasattr(flask.current_app, "login_manager"):
        return None
    if not current_user.is_authenticated:
        return None
    username, first_name, last_name, email = (
        str(getattr(current_user, name, None) or "") for name in _FIELDS
    )
    return User(current_user.get_id(), username, first_name, last_name, email)


class FlaskWtf:
    """The tokens of Flask-WTF's CSRFProtect, as the ``csrf`` of a `PlugIt`. Immutable.

    Raises:
        ConfigError: Flask-WTF is not installed.
    """

    def __init__(self) -> None:
        if flask_wtf_csrf is None:
            raise ConfigError("csrf", "FlaskWtf()", "Flask-WTF, which is not installed")

    def issue(self, _request: webob.Request) -> tuple[str, Sequence[str]]:
        """See `HostCsrf.issue`; the secret is in Flask's session, which is saved as always."""
        return flask_wtf_csrf.generate_csrf(), ()

    def is_valid(self, _request: webob.Request, token: str) -> bool:
        """See `HostCsrf.is_valid`."""
        try:
            flask_wtf_csrf.validate_csrf(token)
        except ValidationError:
            return False
        return True


class _Contexts:
    """Request contexts in which an application is asked something. Thread-safe."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app

    @contextmanager
    def of(self, request: webob.Request) -> Iterator[flask.Request]:
        """The context of a visitor's request; what it changes in the session, and other cookies, are kept.

        Raises:
            HTTPException: the application answers itself.
        """
        with self._app.request_context(asked_environ(request.environ)):
            refused = self._refused()
            if refused is not None:
                raise HTTPException("the application answers itself", cast(webob.Response, refused))
            yield flask.request
            done = self._app.process_response(self._app.make_response(""))
            keep_cookies(request.environ, done.headers.getlist("Set-Cookie"))

    def _refused(self) -> flask.Response | None:
        untrusted = flask.request.routing_exception
        try:
            if untrusted is not None and untrusted.code == 400:  # the Host is none of TRUSTED_HOSTS
                raise untrusted
            found = self._app.preprocess_request()
        except Exception as error:
            found = self._app.handle_user_exception(error)
        return None if found is None else self._app.process_response(self._app.make_response(found))

    def ask(self, request: webob.Request, question: Callable[[flask.Request], T]) -> T:
        """What a question gives, in the context of a visitor's request."""
        with self.of(request) as asked:
            return question(asked)


def _render(name: str, page: Page, _request: flask.Request) -> str:
    return flask.render_template(name, page=page)


class _Csrf:
    """A host's protection, asked in a context. Thread-safe."""

    def __init__(self, contexts: _Contexts, csrf: HostCsrf) -> None:
        self._contexts = contexts
        self._csrf = csrf

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        return self._contexts.ask(request, lambda _asked: self._csrf.issue(request))

    def is_valid(self, request: webob.Request, token: str) -> bool:
        return self._contexts.ask(request, lambda _asked: self._csrf.is_valid(request, token))

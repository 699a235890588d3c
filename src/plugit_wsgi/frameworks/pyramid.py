"""Services in a Pyramid site: ``config.include("plugit_wsgi.frameworks.pyramid")``.

1. What the site is asked for a page of a service (who is this, a layout, a token) is a request of its own: a
   GET of the visited URL without a body, through all tweens; session and transaction end with it.
2. Where a tween answers itself (a site that is closed), that answer is the visitor's; a failure never counts
   as "anonymous".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import webob
from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.events import ContextFound, NewRequest
from pyramid.interfaces import (
    ICSRFStoragePolicy,
    IDefaultCSRFOptions,
    IRequestFactory,
    IRootFactory,
    ITweens,
)
from pyramid.renderers import render
from pyramid.request import Request, apply_request_extensions
from pyramid.response import Response
from pyramid.settings import asbool
from pyramid.threadlocal import RequestContext
from pyramid.traversal import DefaultRootFactory
from webob.exc import HTTPException

from ..config import Service
from ..errors import ConfigError
from ..middleware import PlugItMiddleware
from ..people import User
from .asked import AskedHost, asked_environ, keep_cookies
from .ini import arguments_from_ini
from .inside import captured_path, inside

T = TypeVar("T")
_DOTTED = ("directory", "observe", "stores", "user")
_SERVICES = "plugit_wsgi.services"


def includeme(config: Configurator) -> None:
    """Adds the directives `add_plugit_service` and `make_plugit_app`, and `request.plugit`."""
    config.add_directive("add_plugit_service", add_plugit_service)
    config.add_directive("make_plugit_app", make_plugit_app, action_wrap=False)
    config.add_request_method(lambda request: request.registry.plugit, "plugit", property=True)


def add_plugit_service(config: Configurator, name: str, url: str, **options: Any) -> None:
    """Mounts a service; arguments as of `Service`. Two of one name are a conflict, as with routes.

    Raises:
        ConfigError: as of `Service`.
    """
    service = Service(name, url, **options)
    config.action(("plugit service", name), lambda: config.registry.setdefault(_SERVICES, []).append(service))


def make_plugit_app(config: Configurator, **arguments: Any) -> AskedHost:
    """What `config.make_wsgi_app` makes, with the services in it.

    The settings that begin with ``plugit.`` are the arguments of `PlugItMiddleware`, and:

    - ``plugit.file``: a TOML file with them.
    - ``plugit.service.NAME``: the URL of a service; ``plugit.service.NAME.OPTION`` its options.
    - ``plugit.limits.NAME``: a limit.
    - ``plugit.user``: dotted name of ``(identity, request) -> User | None``, where the identity is that of
      the security policy; it is asked only if there is one. Without it, identities have to be `User` objects.
    - ``plugit.layout``: a renderer, which gets ``page``; or the path of a page of the site, with marks in it.
    - ``plugit.csrf``: whether Pyramid's tokens guard the forms of services. Without it: if the site's
      ``set_default_csrf_options`` require them.

    Args:
        config: of the site.
        arguments: the same, from Python; they win over the settings. A layout may be a callable, too: it gets
            the page and the Pyramid request. ``identify`` gets the Pyramid request, and takes the place of
            the security policy.

    Returns:
        A WSGI application; its ``middleware`` is the `PlugItMiddleware`, which is ``request.plugit`` as well.

    Raises:
        ConfigError: names the setting, the value and what was expected.
    """
    app = config.make_wsgi_app()
    found = {**arguments_from_ini(config.get_settings()), **arguments}
    found.update({name: config.maybe_dotted(found[name]) for name in _DOTTED if name in found})
    site = _Site(config.registry)
    file, shares_csrf = found.pop("file", None), found.pop("csrf", None)
    user = found.pop("user", _as_is)
    found.setdefault("identify", _identify(user))
    found["layout"] = captured_path(found.get("layout"))
    package = config.package
    found = inside(found, site.ask, lambda name, page, asked: render(name, {"page": page}, asked, package))
    if hasattr(shares_csrf, "issue"):
        found["csrf"] = shares_csrf
    elif _requires_csrf(config) if shares_csrf is None else asbool(shares_csrf):
        found["csrf"] = PyramidCsrf(site)
    services = [*found.pop("services", ()), *config.registry.get(_SERVICES, ())]
    if file and services:
        expected = "no services beside it, or all of them there"
        raise ConfigError("plugit.file", file, expected)

    def build(host_app: Any) -> PlugItMiddleware:
        if file:
            return PlugItMiddleware.from_file(host_app, file, **found)
        return PlugItMiddleware(host_app, services, found.pop("secret_key", ""), **found)

    host = AskedHost(app, build)
    config.registry.plugit = host.middleware
    return host


class _Site:
    """Asks a Pyramid site something, in a request of its own. Thread-safe."""

    def __init__(self, registry: Any) -> None:
        self.registry = registry
        self._make_request = registry.queryUtility(IRequestFactory, default=Request)
        self._make_root = registry.queryUtility(IRootFactory, default=DefaultRootFactory)
        tweens = registry.queryUtility(ITweens)
        self._handle = self._innermost if tweens is None else tweens(self._innermost, registry)

    def ask(self, request: webob.Request, question: Callable[[Any], T]) -> T:
        """What the question gives for the Pyramid request; cookies that are set meanwhile are kept.

        Raises:
            HTTPException: the site answers itself.
            Exception: whatever the question raises.
        """
        answer = _Answer(question)
        asked = self._make_request(asked_environ(request.environ))
        asked.registry = self.registry
        asked.plugit_answer = answer
        with RequestContext(asked):
            try:
                apply_request_extensions(asked)
                response = self._handle(asked)
                asked._process_response_callbacks(response)
            finally:
                asked._process_finished_callbacks()
        if answer.error is not None:
            raise answer.error
        if not answer.values:
            raise HTTPException("the site answers itself", response)
        keep_cookies(request.environ, response.headers.getall("Set-Cookie"))
        value: T = answer.values[0]
        return value

    def _innermost(self, asked: Any) -> Response:
        self.registry.notify(NewRequest(asked))
        asked.context = asked.root = self._make_root(asked)
        self.registry.notify(ContextFound(asked))
        asked.plugit_answer.take(asked)
        return Response(cache_control="private, no-store")


class _Answer:
    """Of a question, wherever a tween leaves what is raised. One per request."""

    def __init__(self, question: Callable[[Any], Any]) -> None:
        self._question = question
        self.values: list[Any] = []
        self.error: Exception | None = None

    def take(self, asked: Any) -> None:
        """Asks it."""
        try:
            self.values.append(self._question(asked))
        except Exception as error:
            self.error = error
            raise


class PyramidCsrf:
    """The CSRF storage policy of a site, in a cookie or a session, for services too. Thread-safe."""

    def __init__(self, site: _Site) -> None:
        self._site = site
        self._policy = site.registry.getUtility(ICSRFStoragePolicy)

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        """See `HostCsrf.issue`; the cookie comes with the site's others."""
        return self._site.ask(request, get_csrf_token), ()

    def is_valid(self, request: webob.Request, token: str) -> bool:
        """See `HostCsrf.is_valid`."""
        return bool(self._site.ask(request, lambda asked: self._policy.check_csrf_token(asked, token)))


def _requires_csrf(config: Configurator) -> bool:
    options = config.registry.queryUtility(IDefaultCSRFOptions)
    return options is not None and bool(options.require_csrf)


def _as_is(identity: Any, _request: Any) -> User:
    if not isinstance(identity, User):
        kind = type(identity).__name__
        raise TypeError(
            f"the identity is a {kind}, not a plugit_wsgi.User: plugit.user has to make one of it"
        )
    return identity


def _identify(to_user: Callable[[Any, Any], User | None]) -> Callable[[Any], User | None]:
    if not callable(to_user):
        raise ConfigError("plugit.user", to_user, "a callable with the arguments identity and request")

    def user_of(asked: Any) -> User | None:
        identity = asked.identity
        return None if identity is None else to_user(identity, asked)

    return user_of


__all__ = ["add_plugit_service", "includeme", "make_plugit_app"]

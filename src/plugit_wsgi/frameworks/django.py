"""Django: ``application = plugit(get_wsgi_application())``, with what is in ``settings.PLUGIT``.

1. Whatever of the site is asked for a page of a service is asked inside the site's own ``MIDDLEWARE``, as
   by a GET of that page: there are ``request.user``, messages, language, and whatever else the site's add.
2. Where one of these answers itself (a redirect to https, a closed site), that answer is the visitor's.
3. Each is a request to Django: with ``request_started`` and ``request_finished``, so that database
   connections are closed, or kept, as after any other, and none is held while a service works.
4. The request is read by Django's rules of hosts and forms; its body stays with the service.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import webob
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest, get_script_name
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import is_valid_path, set_script_prefix
from django.utils.module_loading import import_string
from webob.exc import HTTPBadRequest, HTTPException

from ..errors import ConfigError
from ..middleware import PlugItMiddleware
from ..page import Page
from ..people import User
from .asked import AskedHost, asked_environ, keep_cookies
from .inside import inside
from .settings import arguments_from, host_secrets

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")
_DOTTED = ("identify", "directory", "csrf", "observe", "on_denied", "stores", "mail")


def plugit(host_app: WSGIApplication, **arguments: Any) -> AskedHost:
    """Mounts the services that ``settings.PLUGIT`` names into a Django site.

    ``settings.PLUGIT`` is a dict with the arguments of `PlugItMiddleware`; identify, directory, csrf,
    mail, observe, on_denied and stores may be dotted names of what they are.

    - ``secret_key``: without one, ``SECRET_KEY`` and its fallbacks.
    - ``identify``: gets Django's request. Without one, `request_user`.
    - ``layout``: the name of a template, which gets ``page`` and all that context processors give; or a
      callable, which gets page and Django's request; or one of the library's own.
    - ``stores``: `HostSessions(lambda request: request.session)` keeps what services store in
      Django's session.
    - ``login_url``: without one, ``LOGIN_URL``, if the site has such a page.
    - ``csrf``: without one, Django's, if its middleware is in ``MIDDLEWARE``; False is the library's.

    Args:
        host_app: what ``get_wsgi_application()`` gives.
        arguments: the same, from Python; they win over the settings.

    Returns:
        A WSGI application; its ``middleware`` is the `PlugItMiddleware`.

    Raises:
        ConfigError: names the setting, the value and what was expected.
    """
    given = {
        **arguments_from(getattr(settings, "PLUGIT", {}), "settings.PLUGIT"),
        **arguments_from(arguments, "plugit"),
    }
    found = {
        "services": (),
        "secret_key": host_secrets(settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS),
        "identify": request_user,
        "login_url": _login_url(),
        **{name: _imported(name, value) for name, value in given.items()},
    }
    site = _Site()
    found = inside(found, site.ask, _render)
    csrf = found.get("csrf")
    found["csrf"] = _DjangoCsrf(site) if csrf is None and _has_csrf() else csrf or None

    def build(app: WSGIApplication) -> PlugItMiddleware:
        return PlugItMiddleware(app, **found)

    return AskedHost(host_app, build)


def request_user(request: HttpRequest) -> User | None:
    """The user of Django's session. Staff are members of each service, superusers are administrators too."""
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated:
        return None
    is_superuser = bool(getattr(account, "is_superuser", False))
    return User(
        account.pk,
        account.get_username(),
        first_name=getattr(account, "first_name", ""),
        last_name=getattr(account, "last_name", ""),
        email=getattr(account, "email", ""),
        member=is_superuser or bool(getattr(account, "is_staff", False)),
        admin=is_superuser,
    )


class _Site:
    """Asks the site something inside its own middleware. Thread-safe, if those are.

    Raises:
        ConfigError: a middleware that runs without threads only.
    """

    def __init__(self) -> None:
        chain: Callable[[HttpRequest], HttpResponse] = _answer
        for name in reversed(settings.MIDDLEWARE):
            kind = import_string(name)
            if not getattr(kind, "sync_capable", True):
                raise ConfigError(
                    "settings.MIDDLEWARE", name, "a middleware that can be called without asyncio"
                )
            try:
                chain = kind(chain)
            except MiddlewareNotUsed:
                continue
        self._chain = chain

    def ask(self, request: webob.Request, question: Callable[[HttpRequest], T]) -> T:
        """What the question gives; cookies that are set meanwhile are kept.

        Raises:
            HTTPException: the site answers itself.
        """
        found: list[T] = []
        environ = asked_environ(request.environ)
        set_script_prefix(get_script_name(environ))
        request_started.send(sender=type(self), environ=environ)
        try:
            asked = WSGIRequest(environ)
            asked.plugit_question, asked.plugit_found = question, found
            response = self._chain(asked)
        except SuspiciousOperation as error:
            raise HTTPBadRequest() from error
        finally:
            request_finished.send(sender=type(self))
        cookies = [morsel.OutputString() for morsel in response.cookies.values()]
        if not found:
            raise HTTPException("the site answers itself", _as_wsgi(response, cookies))  # type: ignore[arg-type]
        keep_cookies(request.environ, cookies)
        return found[0]


def _answer(request: Any) -> HttpResponse:
    request.plugit_found.append(request.plugit_question(request))
    return HttpResponse(headers={"Cache-Control": "private, no-store"})  # no cache of the site's keeps it


def _as_wsgi(response: HttpResponse, cookies: Sequence[str]) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Sequence[bytes]:
        headers = [*response.items(), *(("Set-Cookie", line) for line in cookies)]
        start_response(f"{response.status_code} {response.reason_phrase}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [*response]

    return answer


class _DjangoCsrf:
    """Django's own protection against forged requests, for services too. Thread-safe."""

    def __init__(self, site: _Site) -> None:
        self._site = site
        self._middleware = CsrfViewMiddleware(lambda _request: HttpResponse())

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        """See `HostCsrf.issue`; the cookie comes with the site's others."""
        return self._site.ask(request, get_token), ()

    def is_valid(self, request: webob.Request, token: str) -> bool:
        """See `HostCsrf.is_valid`; the rules are those of Django's middleware, trusted origins too."""

        def check(asked: HttpRequest) -> bool:
            asked.method = request.method
            asked.META[settings.CSRF_HEADER_NAME] = token
            if "HTTP_ORIGIN" in request.environ:
                asked.META["HTTP_ORIGIN"] = request.environ["HTTP_ORIGIN"]
            return self._middleware.process_view(asked, _answer, (), {}) is None

        return self._site.ask(request, check)


def _has_csrf() -> bool:
    return any(name.endswith(".CsrfViewMiddleware") for name in settings.MIDDLEWARE)


def _login_url() -> str | None:
    path = resolve_url(settings.LOGIN_URL)
    return path if is_valid_path(path) else None


def _imported(name: str, value: Any) -> Any:
    if name not in _DOTTED or not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise ConfigError(f"settings.PLUGIT.{name}", value, f"a dotted name ({error})") from error


def _render(name: str, page: Page, request: HttpRequest) -> str:
    text: str = render_to_string(name, {"page": page}, request)
    return text


__all__ = ["plugit", "request_user"]

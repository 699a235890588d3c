"""A Pyramid site whose own CSRF protection also guards the forms of its services."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import webob
from pyramid.config import Configurator
from pyramid.csrf import CookieCSRFStoragePolicy, get_csrf_token
from pyramid.interfaces import ICSRFStoragePolicy
from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from plugit_wsgi import PlugItMiddleware, Service


def form(request: Any) -> Response:
    """A form of the site's own: shows a token, and takes a POST."""
    return Response("posted" if request.method == "POST" else get_csrf_token(request))


class PyramidCsrf:
    """Pyramid's CSRF storage policy, in a cookie or a session, as the `csrf` of the middleware."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        asked = self._request(request)
        token = get_csrf_token(asked)
        answer = Response()
        asked._process_response_callbacks(answer)
        return token, answer.headers.getall("Set-Cookie")

    def is_valid(self, request: webob.Request, token: str) -> bool:
        policy = self._registry.getUtility(ICSRFStoragePolicy)
        return bool(policy.check_csrf_token(self._request(request), token))

    def _request(self, request: webob.Request) -> Any:
        asked = Request(request.environ)
        asked.registry = self._registry
        return asked


with Configurator() as config:
    config.set_csrf_storage_policy(CookieCSRFStoragePolicy(httponly=True))
    config.set_default_csrf_options(require_csrf=True)
    config.add_route("form", "/form")
    config.add_view(form, route_name="form")
    site = config.make_wsgi_app()

application = PlugItMiddleware(
    site,
    services=[Service("polls", os.environ["POLLS_URL"])],
    secret_key=os.environ["PLUGIT_SECRET_KEY"],
    csrf=PyramidCsrf(config.registry),
)

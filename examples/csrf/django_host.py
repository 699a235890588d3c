"""A Django site whose own CSRF protection also guards the forms of its services."""

from __future__ import annotations

import os
from collections.abc import Sequence

import webob
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.urls import path

from plugit_wsgi import PlugItMiddleware, Service

SECRET_KEY = os.environ["PLUGIT_SECRET_KEY"]
if not settings.configured:  # in a site of yours, settings.py has this already
    settings.configure(
        SECRET_KEY=SECRET_KEY,
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
    )


def form(request: HttpRequest) -> HttpResponse:
    """A form of the site's own: shows a token, and takes a POST."""
    return HttpResponse("posted" if request.method == "POST" else get_token(request))


urlpatterns = [path("form", form)]


class DjangoCsrf:
    """Django's CsrfViewMiddleware as the `csrf` of the middleware."""

    def __init__(self) -> None:
        self._middleware = CsrfViewMiddleware(lambda request: HttpResponse())

    def issue(self, request: webob.Request) -> tuple[str, Sequence[str]]:
        asked = WSGIRequest(request.environ)
        self._middleware.process_request(asked)
        token = get_token(asked)
        answer = self._middleware.process_response(asked, HttpResponse())
        return token, [morsel.OutputString() for morsel in answer.cookies.values()]

    def is_valid(self, request: webob.Request, token: str) -> bool:
        asked = WSGIRequest({**request.environ, "HTTP_X_CSRFTOKEN": token})  # settings.CSRF_HEADER_NAME
        self._middleware.process_request(asked)
        return self._middleware.process_view(asked, form, (), {}) is None


application = PlugItMiddleware(
    get_wsgi_application(),
    services=[Service("polls", os.environ["POLLS_URL"])],
    secret_key=SECRET_KEY,
    csrf=DjangoCsrf(),
)

"""A Django site as a service in pages mode; with FORCE_SCRIPT_NAME, at that place alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles.views import serve
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import engines
from django.urls import path, reverse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FORCED = os.environ.get("FORCE_SCRIPT_NAME")

settings.configure(
    SECRET_KEY="of the tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.staticfiles"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    STATICFILES_DIRS=[Path(__file__).parent / "static"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_X_FORWARDED_HOST=True,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    STATIC_URL="static/",
    FORCE_SCRIPT_NAME=FORCED,
)
django_app = get_wsgi_application()

PAGE = """{% load static %}<link rel="stylesheet" href="{% static 'site.css' %}">
<a id="next" href="{% url 'folder' %}">next</a> <a id="full" href="{{ full }}">full</a>
<form method="post" action="{% url 'save' %}"><input name="text">
<input type="hidden" name="csrfmiddlewaretoken" value="{~__PLUGIT_CSRF_TOKEN__~}"></form>"""


def rendered(source: str, **values: str) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(source).render(values))


def home(request: HttpRequest) -> HttpResponse:
    return rendered(PAGE, full=request.build_absolute_uri(reverse("folder")))


def folder(request: HttpRequest) -> HttpResponse:
    return rendered("<p>folder {{ text }}</p>", text=request.GET.get("text", ""))


def save(request: HttpRequest) -> HttpResponse:
    target = f"{reverse('folder')}?text={request.POST['text']}"
    return HttpResponseRedirect(request.build_absolute_uri(target))


def static_file(request: HttpRequest, name: str) -> Any:
    return serve(request, name, insecure=True)


urlpatterns = [
    path("", home),
    path("folder/", folder, name="folder"),
    path("save", save, name="save"),
    path("static/<path:name>", static_file),
]


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "")
    return django_app({**environ, "SCRIPT_NAME": prefix}, start_response)


if FORCED is not None:
    application = django_app  # type: ignore[assignment]

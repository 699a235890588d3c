"""A small Django site with services in it.

Run it: python examples/django/app.py

Below "The site" is a site as Django has them, in one file; below "The services" is what it takes to mount
services in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from plugit_wsgi import Membership, Organization, Service, User

HERE = Path(__file__).resolve().parent
THREADS = 8  # of the server, for one process; the middleware shares them out between the services
PORT = int(os.environ.get("PORT", "4000"))
SERVICES = os.environ.get("PLUGIT_SERVICES") or "polls=http://127.0.0.1:5000 notes=http://127.0.0.1:5001;orga"

SECRET_KEY = os.environ.get("PLUGIT_SECRET_KEY", "")
if not SECRET_KEY:
    SECRET_KEY = "for development only, everybody knows this key"
    print("WARNING: PLUGIT_SECRET_KEY is not set: everybody can forge sessions of this site", file=sys.stderr)


def services(text: str) -> Iterator[Service]:
    """What PLUGIT_SERVICES says: a name and an address each, ";orga" behind one that has organizations."""
    for item in text.split():
        name, _, address = item.partition("=")
        url, _, option = address.partition(";")
        yield Service(name, url, organizations={"": False, "orga": True}[option])


# -- The site ------------------------------------------------------------------------------------------------

DJANGO = "django.contrib"
settings.configure(
    SECRET_KEY=SECRET_KEY,
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[f"{DJANGO}.{name}" for name in ("auth", "contenttypes", "sessions", "messages")],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        f"{DJANGO}.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        f"{DJANGO}.auth.middleware.AuthenticationMiddleware",
        f"{DJANGO}.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [HERE / "templates"],
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    f"{DJANGO}.auth.context_processors.auth",
                    f"{DJANGO}.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("SITE_DATABASE") or HERE / "site.sqlite3",
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LOGIN_URL="login",
    # SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE belong here as soon as the site is on https.
    PLUGIT={
        "services": list(services(SERVICES)),
        "identify": f"{__name__}.identify",
        "layout": "service.html",
        "threads": THREADS,
    },
)
django.setup()

# These need settings.
from django.contrib import messages  # noqa: E402
from django.contrib.auth import get_user_model, login, logout  # noqa: E402
from django.contrib.auth.models import Group  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils.http import url_has_allowed_host_and_scheme  # noqa: E402
from django.views.decorators.http import require_POST  # noqa: E402
from django.views.static import serve as serve_static  # noqa: E402

from plugit_wsgi.frameworks.django import plugit, request_user  # noqa: E402

Account = get_user_model()


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html", {"services": [service.name for service in services(SERVICES)]})


def log_in(request: HttpRequest) -> HttpResponse:
    """One click is enough here; ask for a password where it matters."""
    if request.method != "POST":
        return render(request, "login.html", {"people": Account.objects.order_by("pk")})
    person = request.POST.get("person", "")
    account = Account.objects.filter(pk=person).first() if person.isdecimal() else None
    if account is None:
        return HttpResponseBadRequest()
    login(request, account)
    messages.info(request, f"Welcome, {account.first_name}.")
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return HttpResponseRedirect(target) if is_ours else redirect("home")


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("home")


urlpatterns = [
    path("", home, name="home"),
    path("login", log_in, name="login"),
    path("logout", log_out, name="logout"),
    path("static/<path:path>", serve_static, {"document_root": HERE / "static"}, name="static"),
]


def make_database() -> None:
    """Tables, people, and the organizations that they belong to: groups of Django's."""
    call_command("migrate", verbosity=0)
    one, two = (
        Group.objects.get_or_create(pk=number, name=name)[0]
        for number, name in ((1, "Radio One"), (2, "Radio Two"))
    )
    people = (
        (1, "lisa", "Lisa", "Listener", {}, ()),
        (2, "max", "Max", "Member", {"is_staff": True}, (one, two)),
        (3, "ada", "Ada", "Admin", {"is_staff": True, "is_superuser": True}, (one,)),
    )
    for number, username, first_name, last_name, rights, groups in people:
        known = {"username": username, "first_name": first_name, "last_name": last_name, **rights}
        Account.objects.get_or_create(pk=number, defaults=known)[0].groups.set(groups)


# -- The services --------------------------------------------------------------------------------------------


def identify(request: HttpRequest) -> User | None:
    """Whoever is logged in, with the organizations; staff are members, superusers administrators."""
    user = request_user(request)
    if user is None:
        return None
    memberships = [
        Membership(Organization(group.pk, group.name), admin=user.admin)
        for group in request.user.groups.order_by("pk")
    ]
    return replace(user, memberships=tuple(memberships))


make_database()
application = plugit(get_wsgi_application())

if __name__ == "__main__":
    from waitress import serve

    print(f"Serving http://127.0.0.1:{PORT}/", flush=True)
    serve(application, listen=f"127.0.0.1:{PORT}", threads=THREADS)

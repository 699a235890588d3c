"""A Django site for the tests, in a process of its own: settings are one for each process."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import django
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.urls import path
from tests.support.servers import serve_in_thread
from werkzeug.test import Client

from plugit_wsgi import Stores, User
from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

PAGE = """{% extends 'plugIt/base.html' %}{% block title %}A page{% endblock %}
{% block content %}<form>{% csrf_token %}</form><p>for {{ ebuio_u.username }}</p>{% endblock %}"""
LAYOUT = """<title>{{ page.title }}</title><a href="{% url 'about' %}">about</a> path={{ request.path }}
user={{ user.username }} perms={{ perms.auth.add_user }}
{% for text in messages %}message={{ text }}{% endfor %}
token={{ csrf_token }} tenant={{ request.tenant }} <main>{{ page.content }}</main>"""
FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]*)"')
MODULE = "tests.unit.frameworks.django_site"
RULES = {"mine": "logged", "member": "member", "admin": "admin"}
SECRET = "a secret of the tests, long enough."


class Tenant:
    """A middleware of the site's own, which closes it for some."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "closed" in request.GET:
            answer = HttpResponseRedirect("/closed")
            answer.set_cookie("why", "closed")
            return answer
        request.tenant = "radio"
        return self._get_response(request)


def about(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("about the site")


def enter(request: HttpRequest) -> HttpResponse:
    login(request, get_user_model().objects.get(username=request.GET["who"]))
    messages.info(request, "welcome")
    return HttpResponse("in")


def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse("posted" if request.method == "POST" else get_token(request))


def identify(request: HttpRequest) -> User | None:
    """Named by the settings of one test: it gets Django's request, and asks the database."""
    return User("1", f"{request.tenant} {get_user_model().objects.count()}")


STORES = Stores(sessions=HostSessions(lambda request: request.session))


def broken(_request: HttpRequest) -> User | None:
    raise LookupError("no database")


urlpatterns = [path("about", about, name="about"), path("enter", enter), path("form", form)]
urlpatterns += [path("accounts/login/", about)]


def configure(folder: Path, service_url: str, **more: Any) -> None:
    """Settings as `startproject` makes them, with a site of one file."""
    (folder / "page.html").write_text(LAYOUT, encoding="utf-8")
    contrib = "django.contrib"
    settings.configure(
        SECRET_KEY=SECRET,
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF=MODULE,
        INSTALLED_APPS=[f"{contrib}.{name}" for name in ("auth", "contenttypes", "sessions", "messages")],
        MIDDLEWARE=[
            f"{contrib}.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            f"{contrib}.auth.middleware.AuthenticationMiddleware",
            f"{contrib}.messages.middleware.MessageMiddleware",
            f"{MODULE}.Tenant",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [folder],
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        f"{contrib}.auth.context_processors.auth",
                        f"{contrib}.messages.context_processors.messages",
                    ]
                },
            }
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "site.sqlite3"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # quick: nobody types one here
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        PLUGIT={"services": [{"name": "polls", "url": service_url}], "layout": "page.html", **more},
    )
    django.setup()
    call_command("migrate", verbosity=0)
    people = get_user_model().objects
    people.create_user("anna", "anna@example.org", "x")
    people.create_user("staff", "", "x", is_staff=True)
    people.create_superuser("root", "", "x")
    connections.close_all()


def recalled(call: Call) -> Reply:
    return Reply(body={"color": call.headers.get("x-plugitsession-color", "")})


def make_service() -> FakeService:
    def told(call: Call) -> Reply:
        return Reply(body={"method": call.method})

    service = FakeService()
    service.action("/page", template=PAGE, answer=told, meta={"user_info": ["username"]})
    for name, rule in RULES.items():
        service.action(f"/{name}", template=PAGE, answer=told, meta={f"only_{rule}_user": True})
    stored = Reply(headers=(("EbuIo-PlugIt-SetSession-color", "seven"),))
    service.action("/remember", meta={"json_only": True}, answer=stored)
    service.action("/recall", meta={"json_only": True}, answer=recalled)
    service.action("/data", meta={"json_only": True}, answer=told)
    return service


class Connections:
    """How many database connections are open, over all threads."""

    def __init__(self) -> None:
        from django.db.backends.sqlite3.base import DatabaseWrapper

        self.opened = self.open = self.most = 0
        self._lock = threading.Lock()
        make, close = DatabaseWrapper.get_new_connection, DatabaseWrapper._close

        def count_made(wrapper: Any, parameters: Any) -> Any:
            made = make(wrapper, parameters)
            with self._lock:
                self.opened, self.open = self.opened + 1, self.open + 1
                self.most = max(self.most, self.open)
            return made

        def count_closed(wrapper: Any) -> Any:
            if wrapper.connection is not None:
                with self._lock:
                    self.open -= 1
            return close(wrapper)

        DatabaseWrapper.get_new_connection, DatabaseWrapper._close = count_made, count_closed


class Site:
    """The wrapped site, and how often Django was told that a request began and ended."""

    def __init__(self, folder: Path, service_url: str, **more: Any) -> None:
        configure(folder, service_url, **more)
        from plugit_wsgi.frameworks.django import plugit

        self.application = plugit(get_wsgi_application())
        self.signals: list[str] = []
        self._told = [lambda **_: self.signals.append("started"), lambda **_: self.signals.append("finished")]
        request_started.connect(self._told[0])
        request_finished.connect(self._told[1])

    def visitor(self, who: str = "") -> Client:
        visitor = Client(validator(self.application))
        if who:
            assert visitor.get(f"/enter?who={who}").text == "in"
        return visitor


def run(question: Callable[..., dict[str, Any]], folder: str, **more: Any) -> None:
    """Prints the answer to a question as JSON."""
    with serve_in_thread(make_service()) as url:
        print(json.dumps(question(Site(Path(folder), url, **more))))


# -- Questions -----------------------------------------------------------------------------------------------


def ask_pages(site: Site) -> dict[str, Any]:
    """The layout and who one is, in the default."""
    anna, nobody = site.visitor("anna"), site.visitor()
    first = anna.get("/s/polls/page")
    return {
        "first": first.text,
        "again": anna.get("/s/polls/page").text,
        "below": nobody.get("/s/polls/page", environ_overrides={"SCRIPT_NAME": "/below"}).text,
        "host": nobody.get("/about").text,
        "login": nobody.get("/s/polls/mine").headers.get("Location"),
        "rights": {
            who: [
                site.visitor(who).get(f"/s/polls/{page}").status_code for page in ("mine", "member", "admin")
            ]
            for who in ("anna", "staff", "root")
        },
        "closed": [*_closed(nobody.get("/s/polls/page?closed=1"))],
        "bad host": nobody.get("/s/polls/page", base_url="http://evil.example").status_code,
    }


def _closed(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["Location"], answer.headers["Set-Cookie"].partition(";")[0]


def ask_csrf(site: Site) -> dict[str, Any]:
    """Django's token under the names that services know."""
    visitor, other = site.visitor("anna"), site.visitor()
    page = visitor.get("/s/polls/page")
    (token,) = FIELD.findall(page.text)
    (foreign,) = FIELD.findall(other.get("/s/polls/page").text)

    def post(where: str, token: str = "", field: str = "", **headers: str) -> int:
        sent = {field: token} if field else {"a": "1"}
        more = {"X-CSRFToken": token} if token and not field else {}
        return visitor.post(where, data=sent, headers={**more, **headers}).status_code

    https = {"Origin": "https://localhost"}
    shown = re.search(r"token=(\S+)", page.text)
    return {
        "header": post("/s/polls/data", token),
        "field": post("/s/polls/page", token, "csrfmiddlewaretoken"),
        "none": post("/s/polls/data"),
        "foreign": post("/s/polls/data", foreign),
        "origin": post("/s/polls/data", token, Origin="http://localhost"),
        "evil": post("/s/polls/data", token, Origin="http://evil.example"),
        "https": visitor.post(
            "/s/polls/data", base_url="https://localhost", headers={"X-CSRFToken": token, **https}
        ).status_code,
        "own form": post("/form", token, "csrfmiddlewaretoken"),
        "layout's": post("/s/polls/data", shown[1] if shown else ""),
    }


def ask_connections(site: Site) -> dict[str, Any]:
    """Twenty visitors in threads of their own, each of which a connection is opened for."""
    visitors = [site.visitor("anna") for _ in range(4)]
    counted = Connections()
    site.signals.clear()

    def visit(visitor: Client) -> None:
        for _ in range(5):
            assert visitor.get("/s/polls/page").status_code == 200

    threads = [threading.Thread(target=visit, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "opened": counted.opened,
        "most": counted.most,
        "open": counted.open,
        "started": site.signals.count("started"),
        "finished": site.signals.count("finished"),
    }


def ask_sessions(site: Site) -> dict[str, Any]:
    """What a service stores, and where."""
    from django.contrib.sessions.models import Session

    visitor, other = site.visitor("anna"), site.visitor()
    stored = visitor.get("/s/polls/remember")
    return {
        "recalled": json.loads(visitor.get("/s/polls/recall").text),
        "other": json.loads(other.get("/s/polls/recall").text),
        "keys": [key for row in Session.objects.all() for key in row.get_decoded()],
        "cookies": [line.partition("=")[0] for line in stored.headers.getlist("Set-Cookie")],
    }


def ask_once(site: Site) -> dict[str, Any]:
    """One page, as it is."""
    answer = site.visitor().get("/s/polls/page")
    return {"status": answer.status_code, "text": answer.text, "signals": site.signals}


if __name__ == "__main__":
    name, where, settings_text = sys.argv[1:]
    run(globals()[f"ask_{name}"], where, **json.loads(settings_text))

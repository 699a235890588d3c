"""A small Pyramid site with services in it.

Run it: python examples/pyramid/app.py

Below "The site" is a site as Pyramid has them; below "The services" is what it takes to mount services in it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyramid.config import Configurator
from pyramid.csrf import new_csrf_token
from pyramid.httpexceptions import HTTPBadRequest, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from plugit_wsgi import Membership, Organization, User
from plugit_wsgi.directory import StaticDirectory

HERE = Path(__file__).parent
THREADS = 8  # of the server, for one process; the middleware shares them out between the services
PORT = int(os.environ.get("PORT", "4000"))
SERVICES = os.environ.get("PLUGIT_SERVICES") or "polls=http://127.0.0.1:5000 notes=http://127.0.0.1:5001;orga"

SECRET_KEY = os.environ.get("PLUGIT_SECRET_KEY", "")
if not SECRET_KEY:
    SECRET_KEY = "for development only, everybody knows this key"
    print("WARNING: PLUGIT_SECRET_KEY is not set: everybody can forge sessions of this site", file=sys.stderr)

ONE, TWO = Organization("1", "Radio One", "one"), Organization("2", "Radio Two", "two")
PEOPLE = {
    person.id: person
    for person in (
        User("1", "lisa", "Lisa", "Listener", "lisa@example.org"),
        User("2", "max", "Max", "Member", member=True, memberships=(Membership(ONE), Membership(TWO))),
        User("3", "ada", "Ada", "Admin", member=True, admin=True, memberships=(Membership(ONE, admin=True),)),
    )
}


# -- The site ------------------------------------------------------------------------------------------------


def home(request: Request) -> dict[str, Any]:
    return {"services": [name for name, _url, _organizations in services(SERVICES)]}


def login(request: Request) -> dict[str, Any]:
    return {"people": PEOPLE.values(), "target": request.GET.get("next", "")}


def log_in(request: Request) -> Response:
    """One click is enough here; ask for a password where it matters."""
    if request.POST.get("person") not in PEOPLE:
        raise HTTPBadRequest
    request.session.invalidate()
    request.session["person"] = request.POST["person"]
    new_csrf_token(request)  # now, because pages of services show the form for the logout too
    return HTTPSeeOther(local(request.POST.get("next", "")) or request.route_path("home"))


def log_out(request: Request) -> Response:
    request.session.invalidate()
    return HTTPSeeOther(request.route_path("home"))


def local(target: str) -> str:
    """The target if a browser can only take it for a place on this host, else ""."""
    return target if re.fullmatch(r"/(?![/\\])[!-~]*", target) else ""


class SecurityPolicy:
    """`request.identity` is a person. Services ask for it too."""

    def identity(self, request: Request) -> User | None:
        return PEOPLE.get(request.session.get("person"))

    def authenticated_userid(self, request: Request) -> str | None:
        person = self.identity(request)
        return person.id if person else None


def configure() -> Configurator:
    # Services' pages do not prolong the session, so it ends after a day and not after idle minutes. `secure`
    # belongs here as soon as the site is on https.
    session = SignedCookieSessionFactory(SECRET_KEY, timeout=24 * 60 * 60, httponly=True, samesite="Lax")
    config = Configurator(session_factory=session)
    config.set_security_policy(SecurityPolicy())
    config.set_default_csrf_options(require_csrf=True)  # every form has a token: {{ get_csrf_token() }}
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path(str(HERE / "templates"))
    config.add_static_view("static", str(HERE / "static"))
    for name, path in (("home", "/"), ("login", "/login"), ("logout", "/logout")):
        config.add_route(name, path)
    config.add_view(home, route_name="home", renderer="home.jinja2")
    config.add_view(login, route_name="login", renderer="login.jinja2", request_method="GET")
    config.add_view(log_in, route_name="login", request_method="POST")
    config.add_view(log_out, route_name="logout", request_method="POST")
    return config


# -- The services --------------------------------------------------------------------------------------------


def services(text: str) -> Iterator[tuple[str, str, bool]]:
    """What PLUGIT_SERVICES says: a name and an address each, ";orga" behind one that has organizations."""
    for item in text.split():
        name, _, address = item.partition("=")
        url, _, option = address.partition(";")
        yield name, url, {"": False, "orga": True}[option]


config = configure()
config.include("plugit_wsgi.frameworks.pyramid")
for name, url, organizations in services(SERVICES):
    config.add_plugit_service(name, url, organizations=organizations)
application = config.make_plugit_app(  # most of this could be `plugit.` settings of an ini file
    secret_key=SECRET_KEY,
    layout="service.jinja2",
    directory=StaticDirectory(PEOPLE.values()),
    login_url="/login",
    threads=THREADS,
)

if __name__ == "__main__":
    from waitress import serve

    print(f"Serving http://127.0.0.1:{PORT}/", flush=True)
    serve(application, listen=f"127.0.0.1:{PORT}", threads=THREADS)

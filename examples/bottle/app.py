"""A small Bottle site with services in it.

Run it: python examples/bottle/app.py

Below "The site" is a site as Bottle has them; below "The services" is what it takes to mount services in it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bottle
from bottle import Bottle, HTTPResponse, LocalRequest, abort, redirect, request, response, static_file

from plugit_wsgi import Membership, Organization, Page, Service, User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.frameworks.bottle import PlugIt

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

app = Bottle()


@app.get("/")
def home() -> str:
    return render("home", services=[service.name for service in services(SERVICES)])


@app.get("/login")
def login() -> str:
    return render("login", people=PEOPLE.values(), target=request.query.get("next", ""))


@app.post("/login")
def log_in() -> None:
    """One click is enough here; ask for a password where it matters."""
    check_same_site()
    person = request.forms.get("person")
    if person not in PEOPLE:
        abort(400, "There is no such person")
    # `secure=True` belongs here as soon as the site is on https.
    response.set_cookie("person", person, secret=SECRET_KEY, path="/", httponly=True, samesite="lax")
    redirect(local(request.forms.get("next", "")) or request.script_name)


@app.post("/logout")
def log_out() -> None:
    check_same_site()
    response.delete_cookie("person", path="/")
    redirect(request.script_name)


@app.get("/static/<path:path>")
def static(path: str) -> HTTPResponse:
    return static_file(path, root=HERE / "static")


def render(view: str, **values: Any) -> str:
    person, root = person_of(request), request.script_name
    return bottle.template(view, template_lookup=[str(HERE / "views")], person=person, root=root, **values)


def person_of(request: LocalRequest) -> User | None:
    return PEOPLE.get(request.get_cookie("person", secret=SECRET_KEY))


def check_same_site() -> None:
    """Refuses forms of other sites.

    Bottle has no tokens for forms. But browsers say with each POST which site the form stands on; and
    a cookie with SameSite=Lax does not come with a form of another site at all.
    """
    origin = request.get_header("Origin")
    if origin and origin.partition("://")[2] != request.get_header("Host"):
        abort(403, "This form is not from our site")


def local(target: str) -> str:
    """The target if a browser can only take it for a place on this host, else ""."""
    return target if re.fullmatch(r"/(?![/\\])[!-~]*", target) else ""


# -- The services --------------------------------------------------------------------------------------------


def services(text: str) -> Iterator[Service]:
    """What PLUGIT_SERVICES says: a name and an address each, ";orga" behind one that has organizations."""
    for item in text.split():
        name, _, address = item.partition("=")
        url, _, option = address.partition(";")
        yield Service(name, url, organizations={"": False, "orga": True}[option])


def layout(page: Page, request: LocalRequest) -> str:
    """The page of a service in the frame that all pages of this site are made with."""
    return render("service", page=page)


plugit = PlugIt(
    services(SERVICES),
    SECRET_KEY,
    identify=person_of,
    layout=layout,
    directory=StaticDirectory(PEOPLE.values()),
    login_url="/login",
    threads=THREADS,
)
application = plugit.wrap(app)

if __name__ == "__main__":
    print(f"Serving http://127.0.0.1:{PORT}/", flush=True)
    bottle.run(application, server="cheroot", port=PORT, numthreads=THREADS, quiet=True)

"""A small site without any framework, with services in it.

Run it: python examples/wsgi/app.py

It takes the standard library and this package. Below "The site" is a site as WSGI has them; below "The
services" is what it takes to mount services in it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from html import escape
from http.cookies import SimpleCookie
from pathlib import Path
from socketserver import ThreadingMixIn
from string import Template
from typing import Any
from urllib.parse import parse_qs, quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import webob

from plugit_wsgi import Membership, Organization, Page, PlugItMiddleware, Service, User

HERE = Path(__file__).parent
THREADS = (
    8  # as many as the server below may use at a time; the middleware shares them out between the services
)
PORT = int(os.environ.get("PORT", "4000"))
SERVICES = os.environ.get("PLUGIT_SERVICES") or "polls=http://127.0.0.1:5000 notes=http://127.0.0.1:5001;orga"
FILE = os.environ.get("PLUGIT_FILE")  # instead of SERVICES: may be edited while the site runs

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
PAGES = {path.stem: Template(path.read_text(encoding="utf-8")) for path in (HERE / "pages").glob("*.html")}
STATIC = {"/static/site.css": "text/css", "/static/icon.svg": "image/svg+xml"}

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


# -- The site ------------------------------------------------------------------------------------------------


def site(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    path = environ.get("PATH_INFO", "") or "/"
    method = environ["REQUEST_METHOD"]
    view = VIEWS.get(("GET" if method == "HEAD" else method, path))
    if view is not None:
        body = view(environ, start_response)
        return [] if method == "HEAD" else body
    if path in STATIC:
        return answer(start_response, (HERE / path[1:]).read_bytes(), kind=STATIC[path])
    return answer(start_response, framed(environ, "Not found", "<h1>Not found</h1>"), "404 Not Found")


def home(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    root = root_of(environ)
    links = (f'<li><a href="{root}s/{each.name}/">{each.name}</a></li>' for each in application.mounts)
    content = PAGES["home"].substitute(services="\n".join(links))
    return answer(start_response, framed(environ, "Home", content))


def login(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    (target,) = parse_qs(environ.get("QUERY_STRING", "")).get("next", [""])[:1]
    buttons = (
        f'<p><button name="person" value="{each.id}">{each.first_name} {each.last_name}</button></p>'
        for each in PEOPLE.values()
    )
    content = PAGES["login"].substitute(
        root=root_of(environ), target=escape(target), people="\n".join(buttons)
    )
    return answer(start_response, framed(environ, "Log in", content))


def log_in(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """One click is enough here; ask for a password where it matters."""
    form = form_of(environ)
    person = form.get("person", "")
    if not is_from_here(environ) or person not in PEOPLE:
        return answer(start_response, framed(environ, "No", "<h1>That did not work</h1>"), "403 Forbidden")
    # `; Secure` belongs here as soon as the site is on https.
    cookie = f"person={signed(person)}; Path=/; HttpOnly; SameSite=Lax"
    return see_other(start_response, local(form.get("next", "")) or root_of(environ), cookie)


def log_out(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if not is_from_here(environ):
        return answer(start_response, framed(environ, "No", "<h1>That did not work</h1>"), "403 Forbidden")
    return see_other(start_response, root_of(environ), "person=; Path=/; Max-Age=0")


VIEWS = {
    ("GET", "/"): home,
    ("GET", "/login"): login,
    ("POST", "/login"): log_in,
    ("POST", "/logout"): log_out,
}


def framed(
    environ: Environ, title: str, content: str, head: str = "", menu: str = "", login_url: str = ""
) -> str:
    """The page that all others stand in: title is text, the rest is HTML."""
    root = root_of(environ)
    person = person_of(environ)
    who = (
        PAGES["who"].substitute(root=root, name=escape(f"{person.first_name} {person.last_name}"))
        if person
        else f'<a href="{escape(login_url or root + "login")}">Log in</a>'
    )
    return PAGES["frame"].substitute(
        root=root, title=escape(title), head=head, who=who, menu=menu, content=content
    )


def person_of(environ: Environ) -> User | None:
    """Whoever the signed cookie names."""
    cookies = SimpleCookie()
    try:
        cookies.load(environ.get("HTTP_COOKIE", ""))
    except Exception:  # whatever a browser sends, nobody is logged in by it
        return None
    found = cookies["person"].value if "person" in cookies else ""
    person = found.partition(".")[0]
    return PEOPLE.get(person) if hmac.compare_digest(found.encode(), signed(person).encode()) else None


def signed(person: str) -> str:
    key = SECRET_KEY.encode()
    return f"{person}.{hmac.new(key, b'login of the site: ' + person.encode(), hashlib.sha256).hexdigest()}"


def form_of(environ: Environ) -> dict[str, str]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    fields = parse_qs(environ["wsgi.input"].read(min(length, 10_000)).decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def is_from_here(environ: Environ) -> bool:
    """Browsers say with each POST which site its form stands on."""
    origin = environ.get("HTTP_ORIGIN", "")
    return not origin or origin.partition("://")[2] == environ.get("HTTP_HOST")


def local(target: str) -> str:
    """The target if a browser can only take it for a place on this host, else ""."""
    return target if re.fullmatch(r"/(?![/\\])[!-~]*", target) else ""


def root_of(environ: Environ) -> str:
    """Where the site is, with a slash at the end."""
    return quote(environ.get("SCRIPT_NAME", ""), encoding="latin-1") + "/"


def answer(
    start_response: StartResponse, body: str | bytes, status: str = "200 OK", kind: str = "text/html"
) -> Iterable[bytes]:
    content = body.encode() if isinstance(body, str) else body
    headers = [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Length", str(len(content)))]
    start_response(status, headers)
    return [content]


def see_other(start_response: StartResponse, target: str, cookie: str) -> Iterable[bytes]:
    headers = [("Location", target), ("Set-Cookie", cookie), ("Content-Type", "text/plain")]
    start_response("303 See Other", headers)
    return []


# -- The services --------------------------------------------------------------------------------------------


def services(text: str) -> Iterator[Service]:
    """What PLUGIT_SERVICES says: a name and an address each, ";orga" behind one that has organizations."""
    for item in text.split():
        name, _, address = item.partition("=")
        url, _, option = address.partition(";")
        yield Service(name, url, organizations={"": False, "orga": True}[option])


def identify(request: webob.Request) -> User | None:
    """Who is visiting the service; the user says what they may do, too."""
    return person_of(request.environ)


def layout(page: Page, request: webob.Request) -> str:
    """The page of the service in the frame that all pages of this site are made with."""
    title = page.title or page.service
    menu = f"{page.menu}{organizations(page)}"
    return framed(request.environ, title, page.content, page.head, menu, page.login_url)


def organizations(page: Page) -> str:
    """A button for each organization that the visitor may switch to."""
    if not page.organization_url or not page.organizations:
        return ""
    buttons = (
        f'<button name="organization" value="{escape(each.id)}"'
        f"{' disabled' if each == page.organization else ''}>{escape(each.name)}</button>"
        for each in page.organizations
    )
    return PAGES["organizations"].substitute(
        url=page.organization_url, token=page.csrf_token, buttons="\n".join(buttons)
    )


def sees_operations(user: User | None) -> bool:
    return user is not None and user.admin


OPTIONS: dict[str, Any] = {
    "secret_key": SECRET_KEY,
    "identify": identify,
    "layout": layout,
    "login_url": "/login",
    "threads": THREADS,
    "operations": sees_operations,
}
if FILE:
    application = PlugItMiddleware.from_file(site, FILE, **OPTIONS)
else:
    application = PlugItMiddleware(site, services=services(SERVICES), **OPTIONS)


class Server(ThreadingMixIn, WSGIServer):
    """The standard library's server, with a thread for each request: to look at, not to run a site with."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    with make_server("127.0.0.1", PORT, application, Server, Quiet) as server:
        print(f"Serving http://127.0.0.1:{PORT}/", flush=True)
        server.serve_forever()

"""The host of the demonstration: a small site with a login of its own, which knows nothing of services.

1. Logging in is a click, without a password: the people are invented.
2. Who is logged in is in a signed cookie, which scripts cannot read; a login makes a new one.
3. Every form carries a token bound to that cookie, the login's too: no other site can log anybody in or out.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..csrf import Tokens, check_origin
from ..errors import CsrfRejected
from ..http import Answer, origin_of
from ..layout import BootstrapLayout
from ..middleware import send
from ..page import Page
from ..people import User
from ..wire.keys import KeyRing, Purpose
from .children import Child
from .demo_billing import OFFERS, billing_content
from .demo_people import PEOPLE, DemoDirectory
from .site import (
    Markup,
    Request,
    joined,
    local_target,
    markup,
    page_answer,
    read_form,
    read_query,
    redirect_answer,
    text_answer,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_COOKIE = "plugit-demo"
_NAME = "Demo site"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the cookie says. Immutable.

    Attributes:
        id: random; forms are bound to it.
        user: None is nobody.
        is_new: there was no cookie.
    """

    id: str
    user: User | None = None
    is_new: bool = False

    @property
    def user_id(self) -> str | None:
        """Of the user; None is nobody."""
        return None if self.user is None else self.user.id


class DemoSite:
    """The host's WSGI app, its `identify` and its layout. Thread-safe.

    Args:
        keys: to sign with.
        children: the services that are mounted, for the page that tells of them.

    Attributes:
        directory: the people, and what they subscribed to.
    """

    def __init__(self, keys: KeyRing, children: Sequence[Child]) -> None:
        self._keys = keys
        self._tokens = Tokens(keys, "demo-site")
        self._children = children
        self.directory = DemoDirectory()
        self.layout = BootstrapLayout(site_name=_NAME, navbar=self._navbar)
        self._pages = {
            ("GET", "/"): self._home,
            ("GET", "/login"): self._show_login,
            ("POST", "/login"): self._log_in,
            ("POST", "/logout"): self._log_out,
            ("GET", "/billing"): self._show_billing,
            ("POST", "/billing"): self._subscribe,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        request = Request(environ)
        method = "GET" if request.method == "HEAD" else request.method
        page = self._pages.get((method, environ.get("PATH_INFO", "") or "/"))
        try:
            answer = self._not_found(request) if page is None else page(request)
        except CsrfRejected:
            answer = text_answer("reload the page and try again", status=403)
        return send(answer, request.method, start_response)

    def identify(self, request: Request) -> User | None:
        """Who is logged in."""
        return self._load_login(request).user

    def _load_login(self, request: Request) -> Login:
        try:
            found = json.loads(self._keys.verify(request.cookies.get(_COOKIE) or "", Purpose.DEMO_LOGIN))
        except ValueError:
            return Login(id=secrets.token_urlsafe(16), is_new=True)
        return Login(id=found["id"], user=self.directory.user(found["user"] or ""))

    def _cookie(self, login: Login) -> str:
        content = {"id": login.id, "user": login.user_id}
        token = self._keys.sign(json.dumps(content).encode(), Purpose.DEMO_LOGIN)
        return f"{_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax"

    def _home(self, request: Request) -> Answer:
        user = self.identify(request)
        content = markup(
            _HOME,
            who=markup(_WHO, name=user.first_name) if user else Markup(_NOBODY),
            services=joined(_service(child) for child in self._children),
            kill=_kill(self._children[0]),
        )
        return self._page(request, "Welcome", content, self._load_login(request))

    def _show_login(self, request: Request) -> Answer:
        login = self._load_login(request)
        forms = [
            markup(
                _PERSON,
                token=self._token(login),
                next=local_target(read_query(request).get("next"), "/"),
                id=user.id,
                name=f"{user.first_name} {user.last_name}",
                role=role,
                may=may,
            )
            for user, role, may in PEOPLE
        ]
        return self._page(request, "Log in", markup(_LOGIN, people=joined(forms)), login)

    def _log_in(self, request: Request) -> Answer:
        form = self._checked_form(request)
        user = self.directory.user(form.get("person", ""))
        if user is None:
            return redirect_answer("/login")
        login = Login(id=secrets.token_urlsafe(16), user=user)
        return redirect_answer(local_target(form.get("next"), "/"), cookies=(self._cookie(login),))

    def _log_out(self, request: Request) -> Answer:
        self._checked_form(request)
        login = Login(id=secrets.token_urlsafe(16))
        return redirect_answer("/", cookies=(self._cookie(login),))

    def _show_billing(self, request: Request) -> Answer:
        login = self._load_login(request)
        if login.user is None:
            return redirect_answer("/login?next=/billing")
        content = billing_content(
            self.directory.subscription_labels(login.user.id, ""),
            token=self._token(login),
            way_back=local_target(read_query(request).get("next"), "/billing"),
        )
        return self._page(request, "Subscriptions", content, login)

    def _subscribe(self, request: Request) -> Answer:
        form = self._checked_form(request)
        user, label = self.identify(request), form.get("label", "")
        if user is None or label not in OFFERS:
            return redirect_answer("/billing")
        if form.get("act") == "end":
            self.directory.unsubscribe(user.id, label)
            return redirect_answer("/billing")
        self.directory.subscribe(user.id, label)
        return redirect_answer(local_target(form.get("next"), "/billing"))

    def _checked_form(self, request: Request) -> dict[str, str]:
        check_origin(request.environ, origin_of(request.environ, 0))
        form = read_form(request)
        login = self._load_login(request)
        self._tokens.check(form.get("csrfmiddlewaretoken", ""), login.id, login.user_id)
        return form

    def _token(self, login: Login) -> str:
        return self._tokens.issue(login.id, login.user_id)

    def _not_found(self, request: Request) -> Answer:
        content = Markup('<h1>There is nothing here</h1><p><a href="/">Go to the start</a></p>')
        return self._page(request, "Not found", content, self._load_login(request), status=404)

    def _page(
        self, request: Request, title: str, content: Markup, login: Login, *, status: int = 200
    ) -> Answer:
        page = Page(
            title=title,
            content=content,
            assets="/s/_assets/",
            user=login.user,
            login_url="" if request.environ.get("PATH_INFO") == "/login" else "/login",
        )
        cookies = (self._cookie(login),) if login.is_new else ()
        return page_answer(self.layout(page, request), status=status, cookies=cookies)

    def _navbar(self, _page: Page, request: Request) -> Markup:
        login = self._load_login(request)
        return Markup("") if login.user is None else markup(_LOGOUT, token=self._token(login))


def _service(child: Child) -> Markup:
    title, about = _SERVICES[child.name]
    return markup(_SERVICE, mount=f"/s/{child.name}/", title=title, about=about)


def _kill(child: Child) -> Markup:
    text = _KILL if child.is_running else _BRING_BACK
    return markup(text, pid=child.process.pid, command=child.command)


_SERVICES = {
    "polls": (
        "Polls",
        "Everybody looks, voters vote, members create, administrators see who voted for what.",
    ),
    "notes": (
        "Notes",
        "Each organization has its own; the bar above switches between yours. Subscribers have an archive.",
    ),
}
_HOME = """<h1>Welcome</h1>
<p class="lead">This site is one program; each service below is another one, mounted here.</p>
{who}
<div class="row">{services}</div>
<h2>Break it</h2>
{kill}"""
_WHO = '<p>You are logged in as {name}. <a href="/billing">Your subscriptions</a></p>'
_NOBODY = '<p>You are a visitor. <a href="/login">Log in</a> as one of the people here to do more.</p>'
_SERVICE = """<div class="col-md-6 mb-3"><div class="card h-100"><div class="card-body">
<h2 class="card-title h5"><a class="stretched-link" href="{mount}">{title}</a></h2>
<p class="card-text">{about}</p></div></div></div>"""
_KILL = """<p>The polls are process {pid}. End it, look at the polls, and bring it back.
The <a href="/s/_operations/">operations page</a> shows what this site makes of it.</p>
<pre class="border rounded p-3"><code>kill {pid}
{command}</code></pre>"""
_BRING_BACK = """<p>The polls were process {pid}, which has ended. If nobody brought them back yet:</p>
<pre class="border rounded p-3"><code>{command}</code></pre>"""
_LOGIN = """<h1>Log in</h1>
<p>Who do you want to be? Nobody here has a password.</p>
<div class="list-group">{people}</div>"""
_PERSON = """<form method="post" action="/login" class="list-group-item d-flex gap-3 align-items-center">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<input type="hidden" name="next" value="{next}"><input type="hidden" name="person" value="{id}">
<div class="flex-grow-1"><strong>{name}</strong>, {role}<br><span class="text-muted">{may}</span></div>
<button class="btn btn-primary text-nowrap">Log in<span class="visually-hidden"> as {name}</span></button>
</form>"""
_LOGOUT = """<form method="post" action="/logout">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<button class="btn btn-sm btn-outline-secondary" type="submit">Log out</button></form>"""

"""The host of ../compose.yaml: a site of two pages with a login. Its services are in plugit.toml.

From the environment: PLUGIT_SECRET_KEY, REDIS_URL, and PLUGIT_FILE for another file than plugit.toml.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import webob
from itsdangerous import BadSignature, TimestampSigner
from markupsafe import Markup

from plugit_wsgi import (
    BootstrapLayout,
    Membership,
    Organization,
    Page,
    PlugItMiddleware,
    Stores,
    User,
)
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.redis import RedisCache, RedisSessions

SECRET_KEY = os.environ["PLUGIT_SECRET_KEY"]
REDIS_URL = os.environ["REDIS_URL"]
FILE = os.environ.get("PLUGIT_FILE") or Path(__file__).with_name("plugit.toml")

ONE, TWO = Organization("1", "Radio One", "one"), Organization("2", "Radio Two", "two")
DIRECTORY = StaticDirectory(
    (
        User("1", "lisa", "Lisa", "Listener"),
        User("2", "max", "Max", "Member", member=True, memberships=(Membership(ONE), Membership(TWO))),
        User("3", "ada", "Ada", "Admin", member=True, admin=True, memberships=(Membership(ONE, admin=True),)),
    )
)
SIGNER = TimestampSigner(SECRET_KEY, salt="login of the compose example")
A_DAY = 24 * 60 * 60
HOME = Markup(
    '<h1>Compose Radio</h1><p><a href="{0}/s/polls/">Polls</a> <a href="{0}/s/notes/">Notes</a></p>'
)
PERSON = Markup('<button class="btn btn-primary" name="person" value="{0}">{1}</button> ')
LOGIN = Markup(
    '<h1>Log in</h1><form method="post" action="{0}/login">'
    '<input type="hidden" name="next" value="{1}">{2}</form>'
)


def identify(request: webob.Request) -> User | None:
    """The signed cookie says who it is, for a day."""
    try:
        return DIRECTORY.user(SIGNER.unsign(request.cookies.get("person", ""), max_age=A_DAY).decode())
    except BadSignature:
        return None


def login(request: webob.Request) -> webob.Response:
    """One click is enough here; ask for a password where it matters."""
    target = request.params.get("next", "")
    if not re.fullmatch(r"/(?![/\\])[!-~]*", target):
        target = request.script_name + "/"
    if request.method != "POST":
        people = Markup("").join(
            PERSON.format(str(each), DIRECTORY.user(str(each)).username) for each in (1, 2, 3)
        )
        return page(request, "Log in", LOGIN.format(request.script_name, target, people))
    user = DIRECTORY.user(request.POST.get("person", ""))
    if user is None or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        return webob.Response("no", status=403)
    answer = webob.Response(status=303, headers={"Location": target})
    answer.set_cookie("person", SIGNER.sign(user.id).decode(), httponly=True, samesite="Lax")
    return answer


def page(request: webob.Request, title: str, content: Markup) -> webob.Response:
    """A page of the site itself, in the same layout as those of its services."""
    assets = request.script_name + "/s/_assets/"
    return webob.Response(
        layout(Page(title=title, content=content, assets=assets, user=identify(request)), request)
    )


def site(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The site without its services."""
    request = webob.Request(environ)
    if request.path_info == "/login":
        return login(request)(environ, start_response)
    if request.path_info == "/":
        return page(request, "Welcome", HOME.format(request.script_name))(environ, start_response)
    return webob.Response("there is nothing here", status=404)(environ, start_response)


layout = BootstrapLayout(site_name="Compose Radio")
application = PlugItMiddleware.from_file(
    site,
    FILE,
    secret_key=SECRET_KEY,
    identify=identify,
    directory=DIRECTORY,
    layout=layout,
    stores=Stores(cache=RedisCache(REDIS_URL, SECRET_KEY), sessions=RedisSessions(REDIS_URL, SECRET_KEY)),
)

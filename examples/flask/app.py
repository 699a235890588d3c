"""A small Flask site with services in it.

Run it: python examples/flask/app.py

Below "The site" is a site as Flask has them; below "The services" is what it takes to mount services in it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from flask import Flask, abort, flash, redirect, render_template, request, session, url_for
from flask_login import LoginManager, UserMixin, login_user, logout_user
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response

from plugit_wsgi import Membership, Organization, Service, User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.frameworks.flask import FlaskWtf, PlugIt

THREADS = 8  # of the server, for one process; the middleware shares them out between the services
PORT = int(os.environ.get("PORT", "4000"))
SERVICES = os.environ.get("PLUGIT_SERVICES") or "polls=http://127.0.0.1:5000 notes=http://127.0.0.1:5001;orga"

SECRET_KEY = os.environ.get("PLUGIT_SECRET_KEY", "")
if not SECRET_KEY:
    SECRET_KEY = "for development only, everybody knows this key"
    print("WARNING: PLUGIT_SECRET_KEY is not set: everybody can forge sessions of this site", file=sys.stderr)


# -- The site ------------------------------------------------------------------------------------------------


class Account(UserMixin):
    """Somebody who can log in."""

    def __init__(self, id: str, username: str, first_name: str, last_name: str) -> None:
        self.id = id
        self.username = username
        self.first_name = first_name
        self.last_name = last_name


ACCOUNTS = {
    account.id: account
    for account in (
        Account("1", "lisa", "Lisa", "Listener"),
        Account("2", "max", "Max", "Member"),
        Account("3", "ada", "Ada", "Admin"),
    )
}

app = Flask(__name__)
app.config.update(
    SECRET_KEY=SECRET_KEY,
    SESSION_COOKIE_SAMESITE="Lax",
    # SESSION_COOKIE_SECURE=True belongs here as soon as the site is on https.
)
CSRFProtect(app)  # every form has a token: {{ csrf_token() }}
LoginManager(app).user_loader(ACCOUNTS.get)


@app.get("/")
def home() -> str:
    return render_template("home.html", services=[service.name for service in services(SERVICES)])


@app.get("/login")
def login() -> str:
    return render_template("login.html", people=ACCOUNTS.values(), target=request.args.get("next", ""))


@app.post("/login")
def log_in() -> Response:
    """One click is enough here; ask for a password where it matters."""
    account = ACCOUNTS.get(request.form.get("person", ""))
    if account is None:
        abort(400)
    session.clear()  # a token of before belongs to somebody else
    login_user(account)
    flash(f"Welcome, {account.first_name}.")
    return redirect(local(request.form.get("next", "")) or url_for("home"), 303)


@app.post("/logout")
def log_out() -> Response:
    session.clear()
    logout_user()
    return redirect(url_for("home"), 303)


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


ONE, TWO = Organization("1", "Radio One", "one"), Organization("2", "Radio Two", "two")
RIGHTS = (
    User("1", "lisa", "Lisa", "Listener"),
    User("2", "max", "Max", "Member", member=True, memberships=(Membership(ONE), Membership(TWO))),
    User("3", "ada", "Ada", "Admin", member=True, admin=True, memberships=(Membership(ONE, admin=True),)),
)
app.config.update(
    PLUGIT_SERVICES=list(services(SERVICES)),
    PLUGIT_LAYOUT="service.html",
    PLUGIT_DIRECTORY=StaticDirectory(RIGHTS),  # Flask-Login says who it is; this one, what they may do
    PLUGIT_CSRF=FlaskWtf(),
    PLUGIT_LOGIN_URL="/login",
    PLUGIT_THREADS=THREADS,
)
PlugIt(app)

application = app

if __name__ == "__main__":
    from waitress import serve

    print(f"Serving http://127.0.0.1:{PORT}/", flush=True)
    serve(application, listen=f"127.0.0.1:{PORT}", threads=THREADS)

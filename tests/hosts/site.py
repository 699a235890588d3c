"""The example hosts, and somebody who visits one over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urlsplit

import requests
from tests.hosts.markup import Document
from tests.support.servers import ROOT, Running

FOLDERS = ("pyramid", "bottle", "flask", "django", "wsgi")
PRESENT = [folder for folder in FOLDERS if (ROOT / "examples" / folder / "app.py").exists()]
SECRET = "a secret of the tests, long enough."
LISA, MAX, ADA = "1", "2", "3"
PASSWORD = "a password of the tests"
USERNAMES = {LISA: "lisa", MAX: "max", ADA: "ada"}
NAMES = {LISA: "Lisa Listener", MAX: "Max Member", ADA: "Ada Admin"}


@dataclass(frozen=True)
class Run:
    """A host under a server, at the root or below a SCRIPT_NAME."""

    folder: str
    server: str
    below: str = ""

    @property
    def id(self) -> str:
        return f"{self.folder}-below" if self.below else self.folder

    @property
    def brand(self) -> str:
        """What the site calls itself, on each of its pages."""
        return {"wsgi": "Plain"}.get(self.folder, self.folder.title()) + " Radio"

    @property
    def asks_passwords(self) -> bool:
        """Whether its login is more than a click on a name."""
        return self.folder == "django"

    def credentials(self, person: str) -> dict[str, str]:
        """What the form of its login is filled in with."""
        if self.asks_passwords:
            return {"username": USERNAMES.get(person, person), "password": PASSWORD}
        return {"person": person}


_SERVERS = {
    "pyramid": "waitress",
    "bottle": "cheroot",
    "flask": "gunicorn",
    "django": "waitress",
    "wsgi": "cheroot",
}
AT_THE_ROOT = [Run(folder, _SERVERS[folder]) for folder in PRESENT]
BELOW = [Run(folder, "gunicorn" if folder == "bottle" else "werkzeug", "/site") for folder in PRESENT]


class Site:
    """A host that runs.

    Attributes:
        home: address of its first page, without the slash at the end.
    """

    def __init__(self, run: Run, running: Running) -> None:
        self.run = run
        self.origin = running.url
        self.home = running.url + run.below
        self.brand = run.brand

    def visitor(self, person: str = "") -> Visitor:
        """Somebody with a browser of their own, logged in as `person`."""
        visitor = Visitor(self)
        if person:
            visitor.log_in(person)
        return visitor


class Visitor:
    """A browser reduced to cookies, links and forms; follows redirects. Paths are the site's own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def cookies(self) -> list[Cookie]:
        return [*self._session.cookies]

    def get(self, path: str, **options: Any) -> requests.Response:
        """Opens a page of the site."""
        return self._session.get(self.site.home + path, timeout=10, **options)

    def head(self, path: str) -> requests.Response:
        """Asks for the head of a page."""
        return self._session.head(self.site.home + path, timeout=10, allow_redirects=True)

    def send(self, path: str, *, headers: dict[str, str] | None = None, **fields: str) -> requests.Response:
        """A POST of these fields and nothing else, as from a page of the site; redirects are not followed."""
        own = {"Origin": self.site.origin, "Referer": self.site.home + "/", **(headers or {})}
        return self._session.post(
            self.site.home + path, fields, headers=own, timeout=10, allow_redirects=False
        )

    def submit(
        self, page: requests.Response, action: str, files: Any = None, **fields: str
    ) -> requests.Response:
        """Fills in the form of a page that is posted to `action`, and sends it as browsers do."""
        form = self.form(page, action)
        headers = {"Origin": self.site.origin, "Referer": page.url}
        data = {**form.hidden, **fields}
        return self._session.post(form.action, data, headers=headers, files=files, timeout=10)

    def form(self, page: requests.Response, action: str) -> Any:
        """The form of a page that is posted to `action`."""
        return Document(page).form(self.site.run.below + action)

    def log_in(self, person: str) -> requests.Response:
        """By the form of the login page."""
        page = self.submit(self.get("/login"), "/login", **self.site.run.credentials(person))
        assert NAMES[person] in Document(page).text("header"), page.text
        return page

    def log_out(self) -> requests.Response:
        """By the form in the header."""
        return self.submit(self.get("/"), "/logout")

    def path(self, page: requests.Response) -> str:
        """Where a page is, in the site, with its query."""
        assert page.url.startswith(self.site.home + "/"), page.url
        return page.url.removeprefix(self.site.home)

    def create_poll(self, title: str, files: Any = None) -> str:
        """As a member. Gives the path of its page."""
        page = self.get("/s/polls/create/")
        made = self.submit(page, "/s/polls/create/", files, title=title, responses="Yes\nNo")
        assert made.status_code == 200, made.text
        return urlsplit(self.path(made)).path


def number_of(poll: str) -> str:
    """The number at the end of the path of a poll's page."""
    return poll.rpartition("/")[2]


def vote_for(poll: str, response: int = 1) -> str:
    """Where a vote goes."""
    return f"/s/polls/vote/{number_of(poll)}/{response}"

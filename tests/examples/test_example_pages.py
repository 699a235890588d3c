"""The example services behind a host: what visitors see, and who is let in."""

from __future__ import annotations

import io
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import webob
from werkzeug.test import Client, TestResponse

from plugit_wsgi import Membership, Organization, PlugItMiddleware, Service, User
from plugit_wsgi.sdk import load_service
from plugit_wsgi.testing.clock import FakeClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FOLDER = Path(__file__).resolve().parents[2] / "examples"
EBU, RTS = Organization("-1", "EBU & friends", "zzebu"), Organization("-2", "RTS", "chrts")


def make_user(id: str, username: str, *, member: bool, admin: bool) -> User:
    memberships = tuple(Membership(each, member=member, admin=admin) for each in (EBU, RTS))
    return User(id, username, "First", "Last", member=member, admin=admin, memberships=memberships)


USERS = {
    "log": make_user("-1", "Logged", member=False, admin=False),
    "mem": make_user("-2", "Member", member=True, admin=False),
    "adm": make_user("-3", "Admin", member=True, admin=True),
}
PNG = b"\x89PNG\r\n\x1a\n and so on"


def no_page(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"the host's own"]


def identify(request: webob.Request) -> User | None:
    return USERS.get(request.headers.get("X-Test-User", ""))


class Browser(Client):
    """One visitor with cookies, who can be anybody (`who`: "ano", "log", "mem" or "adm")."""

    who = "ano"

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs["headers"] = {**kwargs.get("headers", {}), "X-Test-User": self.who}
        answer = super().open(*args, buffered=True, **kwargs)
        answer.request.environ["wsgi.input"].close()
        return answer

    def submit(self, page: str, action: str, **fields: Any) -> TestResponse:
        """Opens `page`, and sends its form that goes to `action`, with the token that is in it."""
        forms = re.findall(r"<form[^>]* action=\"([^\"]*)\".*?</form>", self.get(page).text, re.DOTALL)
        assert action in forms
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(page).text)
        assert token is not None
        return self.post(action, data={"csrfmiddlewaretoken": token[1], **fields})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(time.time())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The polls' file; it is there after the first page."""
    return tmp_path / "polls.sqlite3"


@pytest.fixture
def browser_of(
    database: Path,
    tmp_path: Path,
    clock: FakeClock,
    serve: Callable[[Any], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Browser]:
    """`browser_of(who)` is a new browser at a host that mounts both services."""
    monkeypatch.setattr("sys.path", [*sys.path])  # loading a folder adds it
    monkeypatch.delenv("PLUGIT_SERVICE_KEY", raising=False)
    monkeypatch.setenv("POLLS_DATABASE", str(database))
    monkeypatch.setenv("NOTES_DATABASE", str(tmp_path / "notes.sqlite3"))
    services = [
        Service("polls", serve(load_service(FOLDER / "polls"))),
        Service("notes", serve(load_service(FOLDER / "notes")), organizations=True),
    ]
    host = PlugItMiddleware(
        no_page, services, "a secret of the tests, 32 bytes long", identify=identify, clock=clock
    )

    def make(who: str) -> Browser:
        browser = Browser(host)
        browser.who = who
        return browser

    return make


EVERYBODY, LOGGED, MEMBERS, ADMINISTRATORS = "ano log mem adm", "log mem adm", "mem adm", "adm"


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("polls/", EVERYBODY),
        ("polls/show/1", EVERYBODY),
        ("polls/results/", EVERYBODY),
        ("polls/export/1", EVERYBODY),
        ("polls/api/polls", EVERYBODY),
        ("polls/api/polls/1", EVERYBODY),
        ("polls/feed", EVERYBODY),
        ("polls/menu/", EVERYBODY),
        ("polls/media/polls.css", EVERYBODY),
        ("polls/create/", MEMBERS),
        ("polls/voters/1", ADMINISTRATORS),
        ("notes/", MEMBERS),
        ("notes/add/", MEMBERS),
    ],
)
def test_the_host_lets_these_in_and_no_others(
    browser_of: Callable[[str], Browser], path: str, who: str
) -> None:
    """Each page as each of four visitors."""
    statuses = {each: browser_of(each).get(f"/s/{path}").status_code for each in EVERYBODY.split()}
    assert statuses == {each: 200 if each in who.split() else 403 for each in EVERYBODY.split()}


@pytest.mark.parametrize(
    ("who", "votes", "creates", "administrates"),
    [("ano", 0, False, False), ("log", 3, False, False), ("mem", 3, True, False), ("adm", 3, True, True)],
)
def test_pages_offer_what_a_visitor_may_do(
    browser_of: Callable[[str], Browser], who: str, votes: int, creates: bool, administrates: bool
) -> None:
    """No button that would only lead to a refusal."""
    browser = browser_of(who)
    shown = browser.get("/s/polls/show/1").text
    assert shown.count('action="/s/polls/vote/1/') == votes
    assert ("Log in to vote." in shown) == (not votes)
    assert ("/s/polls/voters/1" in shown) == administrates
    assert ("Create a poll" in browser.get("/s/polls/").text) == creates


def test_a_vote_from_click_to_message(browser_of: Callable[[str], Browser]) -> None:
    """The form, the redirect, the message once, the own vote marked, its button gone."""
    browser = browser_of("log")
    answer = browser.submit("/s/polls/show/1", "/s/polls/vote/1/2")
    assert answer.status_code == 302
    assert urlsplit(answer.headers["Location"]).path == "/s/polls/show/1"
    first, second = browser.get("/s/polls/show/1").text, browser.get("/s/polls/show/1").text
    assert "Thank you, your vote is counted." in first
    assert "Thank you" not in second
    assert second.count("your vote</span>") == 1
    assert "/s/polls/vote/1/2" not in second
    assert "1 vote, 100 %" in second


@pytest.mark.parametrize("form", [{}, {"csrfmiddlewaretoken": "x" * 64}])
def test_a_vote_needs_the_token(browser_of: Callable[[str], Browser], form: dict[str, str]) -> None:
    """Without it, the service is not even asked."""
    browser = browser_of("log")
    browser.get("/s/polls/show/1")
    assert browser.post("/s/polls/vote/1/2", data=form).status_code == 403
    assert browser.get("/s/polls/api/polls/1", headers={"Accept": "application/json"}).json["votes"] == 0


def test_nobody_votes_in_the_name_of_another(browser_of: Callable[[str], Browser]) -> None:
    """What a visitor sends under the host's names never arrives."""
    forged = {"ebuio_u_pk": "-3", "ebuio_u_username": "Admin", "EBUIO_U_PK": "-3"}
    browser = browser_of("log")
    browser.submit("/s/polls/show/1", "/s/polls/vote/1/2", **forged)
    browser.submit("/s/polls/show/1", "/s/polls/vote/1/3", **forged)
    shown = browser_of("adm").get("/s/polls/voters/1").text
    assert re.findall(r"<td>(.*?)</td>", shown) == ["Logged", "Friday"]


def test_a_poll_with_a_picture(browser_of: Callable[[str], Browser]) -> None:
    """Created in the form, shown on its page, and what was typed is never markup."""
    browser = browser_of("mem")
    picture = (io.BytesIO(PNG), "nice.png", "image/png")
    fields = {"title": "<b>?", "responses": "{{ csrf_token }}\n<i>", "illustration": picture}
    answer = browser.submit("/s/polls/create/", "/s/polls/create/", **fields)
    assert urlsplit(answer.headers["Location"]).path == "/s/polls/show/4"
    shown = browser.get("/s/polls/show/4").text
    assert "<title>&lt;b&gt;?" in shown
    assert "<h1>&lt;b&gt;?</h1>" in shown
    assert "{{ csrf_token }}" in shown
    assert "<i>" not in shown
    assert "by Member on" in shown
    assert 'src="/s/polls/illustration/4"' in shown
    image = browser.get("/s/polls/illustration/4")
    assert (image.content_type, image.data) == ("image/png", PNG)


def test_a_wrong_form_is_shown_again(browser_of: Callable[[str], Browser]) -> None:
    """With what was typed, the sentences at their fields, and tied to them for screen readers."""
    fields = {"title": "", "description": 'say "hi"', "responses": "<one>"}
    shown = browser_of("mem").submit("/s/polls/create/", "/s/polls/create/", **fields).text
    assert 'value="say &quot;hi&quot;"' in shown
    assert re.search(r"<textarea[^>]*>\s*&lt;one&gt;</textarea>", shown)
    assert 'id="title-error">Please write something here.' in shown
    assert re.search(r'name="title"[^>]*aria-describedby="title-error"', shown)
    assert 'id="description-error"' not in shown


def test_plurals_are_right(browser_of: Callable[[str], Browser]) -> None:
    """No vote, one vote, two votes."""
    assert "No votes yet" in browser_of("ano").get("/s/polls/").text
    browser_of("log").submit("/s/polls/show/1", "/s/polls/vote/1/1")
    assert ">1 vote<" in browser_of("ano").get("/s/polls/").text
    browser_of("mem").submit("/s/polls/show/1", "/s/polls/vote/1/1")
    assert ">2 votes<" in browser_of("ano").get("/s/polls/").text


def test_empty_pages_say_so(browser_of: Callable[[str], Browser], database: Path) -> None:
    """A service without a single poll has pages, not errors."""
    browser = browser_of("adm")
    assert "Nobody has voted yet." in browser.get("/s/polls/voters/1").text
    with sqlite3.connect(database) as polls:
        for table in ("vote", "response", "illustration", "poll"):
            polls.execute(f"DELETE FROM {table}")
    polls.close()
    for path in ("", "results/"):
        assert "There are no polls yet." in browser.get(f"/s/polls/{path}").text
    assert "<entry>" not in browser.get("/s/polls/feed").text


@pytest.mark.parametrize(
    ("path", "current"), [("", "Polls"), ("results/", "Results"), ("create/", "New poll"), ("show/1", None)]
)
def test_the_menu_marks_where_one_is(
    browser_of: Callable[[str], Browser], path: str, current: str | None
) -> None:
    """In every page, once."""
    shown = browser_of("mem").get(f"/s/polls/{path}").text
    assert shown.count(">New poll</a>") == 1
    assert re.findall(r'aria-current="page">([^<]*)<', shown) == ([current] if current else [])


def test_the_results_are_kept_for_ten_seconds(browser_of: Callable[[str], Browser], clock: FakeClock) -> None:
    """And shown to others, without anything of the one who came first."""
    first = browser_of("adm").get("/s/polls/results/").text
    assert "0 votes" in first
    browser_of("log").submit("/s/polls/show/3", "/s/polls/vote/3/4")
    kept = browser_of("log").get("/s/polls/results/").text
    assert kept.replace("First Last", "") == first.replace("First Last", "")
    clock.advance(10.1)
    assert "0 votes" not in browser_of("log").get("/s/polls/results/").text


def test_programs_get_json_with_its_version(browser_of: Callable[[str], Browser]) -> None:
    """CORS and ETag reach the visitor, and 304 comes back."""
    browser = browser_of("ano")
    wish = {"Accept": "application/json", "Origin": "https://other.example"}
    answer = browser.get("/s/polls/api/polls/1", headers=wish)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = browser.get("/s/polls/api/polls/1", headers={**wish, "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_results_are_downloaded_under_a_name(browser_of: Callable[[str], Browser]) -> None:
    """An attachment for the visitor too."""
    answer = browser_of("ano").get("/s/polls/export/2")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "results-2.csv" in answer.headers["Content-Disposition"]


def test_an_organization_has_its_notes(browser_of: Callable[[str], Browser]) -> None:
    """Its name comes from the host; only its administrators see the button that deletes."""
    member, admin = browser_of("mem"), browser_of("adm")
    assert "EBU &amp; friends has no notes yet." in member.get("/s/notes/").text
    answer = member.submit("/s/notes/", "/s/notes/add/", text="Bring <cables>\nand lamps")
    assert urlsplit(answer.headers["Location"]).path == "/s/notes/"
    assert "Bring &lt;cables&gt;<br>and lamps" in member.get("/s/notes/").text
    assert "/s/notes/delete/1" not in member.get("/s/notes/").text
    answer = admin.submit("/s/notes/", "/s/notes/delete/1")
    assert urlsplit(answer.headers["Location"]).path == "/s/notes/"
    assert "has no notes yet." in member.get("/s/notes/").text


def test_a_member_can_not_delete_by_hand(browser_of: Callable[[str], Browser]) -> None:
    """The button is not shown, and its address is closed."""
    member = browser_of("mem")
    member.submit("/s/notes/", "/s/notes/add/", text="stays")
    token = member.get("/s/notes/").text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = member.post("/s/notes/delete/1", data={"csrfmiddlewaretoken": token})
    assert answer.status_code == 403
    assert "stays" in member.get("/s/notes/").text

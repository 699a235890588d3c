"""Whoever has to log in is sent to the host's login, and from there back to the page, and nowhere else."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.hosts.markup import Document
from tests.hosts.site import LISA, MAX, NAMES, Site, vote_for

PAGE = "/s/polls/create/?a=b%26c&d=%2F"


def test_the_way_to_the_login_and_back(site: Site) -> None:
    """`next` brings the visitor to the page that was asked for, its query included; a logout works there."""
    visitor = site.visitor()
    page = visitor.get(PAGE)
    address = urlsplit(visitor.path(page))
    assert address.path == "/login"
    assert parse_qs(address.query) == {"next": [site.run.below + PAGE]}
    page = visitor.submit(page, "/login", **site.run.credentials(MAX))
    assert visitor.path(page) == PAGE
    assert "New poll" in Document(page).text("main")
    assert NAMES[MAX] in Document(page).text("header")
    page = visitor.submit(page, "/logout")
    assert visitor.path(page) == "/"
    assert NAMES[MAX] not in Document(page).text("header")


def test_the_redirect_is_for_one_visitor_and_not_kept(site: Site) -> None:
    """A cache would send people to the login who are logged in."""
    answer = site.visitor().get(PAGE, allow_redirects=False)
    assert answer.status_code == 302
    assert "no-store" in answer.headers["Cache-Control"]


def test_who_is_logged_in_and_may_not_is_told_so(site: Site) -> None:
    """To log in once more would not help."""
    answer = site.visitor(LISA).get("/s/polls/create/", allow_redirects=False)
    assert answer.status_code == 403


def test_an_action_is_not_done_by_nobody(site: Site) -> None:
    """A POST without a login leads to the login too, and what was sent is dropped."""
    poll = site.visitor(MAX).create_poll("Nobody?")
    answer = site.visitor().send(vote_for(poll))
    assert answer.status_code in (302, 303, 403)
    assert answer.status_code == 403 or urlsplit(answer.headers["Location"]).path.endswith("/login")
    assert "Nobody has voted yet" in Document(site.visitor().get(poll)).text("main")


def test_a_program_is_not_sent_to_a_login(site: Site) -> None:
    """It asked for JSON and gets a status that it understands."""
    answer = site.visitor().get(PAGE, headers={"Accept": "application/json"}, allow_redirects=False)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "///evil.example",
    ],
)
def test_the_login_sends_nobody_to_another_site(site: Site, target: str) -> None:
    """The value of `next` comes from a link that anybody can make."""
    visitor = site.visitor()
    form = visitor.get("/login", params={"next": target})
    page = visitor.submit(form, "/login", **site.run.credentials(MAX))
    assert visitor.path(page) == "/"
    assert NAMES[MAX] in Document(page).text("header")


def test_nobody_logs_in_as_somebody_who_is_not_there(site: Site) -> None:
    """No page with a traceback, and no login."""
    visitor = site.visitor()
    answer = visitor.submit(visitor.get("/login"), "/login", **site.run.credentials("no such person"))
    assert answer.status_code in ((200,) if site.run.asks_passwords else (400, 403))
    assert not any(name in Document(visitor.get("/")).text("header") for name in NAMES.values())

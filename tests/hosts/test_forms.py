"""A form works on the page it stands on, and from nowhere else."""

from __future__ import annotations

import pytest
from tests.hosts.markup import Document
from tests.hosts.site import ADA, LISA, MAX, NAMES, Site, Visitor, number_of, vote_for
from tests.hosts.test_layout import check_look

EVIL = "https://evil.example"
ELSEWHERE = [
    {"Origin": EVIL, "Referer": EVIL + "/"},
    {"Origin": "null"},
    {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
]


@pytest.fixture
def poll(site: Site) -> str:
    """One without votes."""
    return site.visitor(MAX).create_poll("Who may vote here?")


def tokens(visitor: Visitor, poll: str) -> dict[str, str]:
    """What a vote on this poll sends beside the vote."""
    hidden: dict[str, str] = visitor.form(visitor.get(poll), vote_for(poll)).hidden
    assert hidden
    return hidden


def count(site: Site, poll: str) -> int:
    """Of votes."""
    votes: int = site.visitor().get(poll.replace("/show/", "/api/polls/")).json()["votes"]
    return votes


def test_a_form_is_sent_with_what_stands_in_it(site: Site, poll: str) -> None:
    """The control for what is refused below."""
    visitor = site.visitor(LISA)
    answer = visitor.send(vote_for(poll), **tokens(visitor, poll))
    assert answer.status_code == 302
    assert count(site, poll) == 1


def test_without_its_token_a_form_is_refused(site: Site, poll: str) -> None:
    """With a page in the host's look, and nothing is done; so is one with the token of somebody else."""
    visitor = site.visitor(LISA)
    own, foreign = tokens(visitor, poll), tokens(site.visitor(LISA), poll)
    for sent in ({}, foreign, {name: value[:-4] + "AAAA" for name, value in own.items()}):
        answer = visitor.send(vote_for(poll), **sent)
        assert answer.status_code == 403
        read = check_look(site, answer)
        assert "Please send that once more" in read.text("main")
        assert NAMES[LISA] in read.text("header")
    assert count(site, poll) == 0


@pytest.mark.parametrize("headers", ELSEWHERE, ids=["origin", "null", "fetch metadata"])
def test_a_form_of_another_site_is_refused(site: Site, poll: str, headers: dict[str, str]) -> None:
    """Also with the right token."""
    visitor = site.visitor(LISA)
    answer = visitor.send(vote_for(poll), headers=headers, **tokens(visitor, poll))
    assert answer.status_code == 403
    assert "Please send that once more" in check_look(site, answer).text("main")
    assert count(site, poll) == 0


def test_the_token_of_one_login_is_not_that_of_the_next(site: Site, poll: str) -> None:
    """Whoever used the browser before may have kept it."""
    visitor = site.visitor(LISA)
    kept = tokens(visitor, poll)
    visitor.log_out()
    visitor.log_in(MAX)
    assert visitor.send(vote_for(poll), **kept).status_code == 403
    assert count(site, poll) == 0


@pytest.mark.parametrize("headers", ELSEWHERE[:2], ids=["origin", "null"])
def test_login_and_logout_take_no_forms_of_other_sites(site: Site, headers: dict[str, str]) -> None:
    """Nobody is logged in as somebody else, or logged out, by a page they look at."""
    visitor = site.visitor(LISA)
    assert visitor.send("/login", headers=headers, **site.run.credentials(ADA)).status_code in (400, 403)
    assert visitor.send("/logout", headers=headers).status_code in (400, 403)
    assert NAMES[LISA] in Document(visitor.get("/")).text("header")


def test_a_site_that_sends_no_mail_says_so(site: Site, poll: str) -> None:
    """The service asks for it and shows a sentence; nothing fails."""
    visitor = site.visitor(LISA)
    answer = visitor.submit(visitor.get(poll), f"/s/polls/mail/{number_of(poll)}")
    assert answer.status_code == 200
    assert "This site sends no mail just now" in check_look(site, answer).text("main")

"""Services see the person that the host knows, and nobody else."""

from __future__ import annotations

import re

from tests.hosts.markup import Document
from tests.hosts.site import ADA, LISA, MAX, NAMES, Site, Visitor, number_of, vote_for

MINE = "your vote"


def votes(site: Site, poll: str) -> dict[str, str]:
    """Who voted for what, as administrators see it; not by their full names, which not every host tells."""
    page = site.visitor(ADA).get(f"/s/polls/voters/{number_of(poll)}")
    rows = re.findall(r"<tr><td>(\w+).*?</td><td>(\w+)</td></tr>", page.text)
    return dict(rows)


def vote(visitor: Visitor, poll: str, response: int = 1) -> Document:
    return Document(visitor.submit(visitor.get(poll), vote_for(poll, response)))


def test_a_vote_is_of_who_is_logged_in(site: Site) -> None:
    """The header of the host and the service agree on who that is."""
    poll = site.visitor(MAX).create_poll("Who votes?")
    visitor = site.visitor(LISA)
    page = vote(visitor, poll)
    assert NAMES[LISA] in page.text("header")
    assert MINE in page.text("main")
    assert "Thank you" in page.text("main")
    assert votes(site, poll) == {"lisa": "Yes"}


def test_nobody_is_somebody_without_a_login(site: Site) -> None:
    """Neither at first nor after the logout: no name, no button, no vote of one's own."""
    poll = site.visitor(MAX).create_poll("Is anybody there?")
    visitor = site.visitor()
    for logged_out in (visitor.get(poll), None):
        if logged_out is None:
            visitor.log_in(LISA)
            vote(visitor, poll)
            assert visitor.path(visitor.log_out()) == "/"
        page = Document(visitor.get(poll))
        assert "Log in to vote" in page.text("main")
        assert MINE not in page.text("main")
        assert not any(name in page.text("header") for name in NAMES.values())


def test_the_next_person_at_the_same_browser_is_another_one(site: Site) -> None:
    """After a logout, and after a login over the one before."""
    poll = site.visitor(ADA).create_poll("Who is next?")
    visitor = site.visitor(LISA)
    vote(visitor, poll, 1)
    visitor.log_out()
    visitor.log_in(MAX)
    assert MINE not in Document(visitor.get(poll)).text("main")
    vote(visitor, poll, 2)
    visitor.log_in(LISA)
    page = Document(visitor.get(poll))
    assert NAMES[LISA] in page.text("header")
    assert NAMES[MAX] not in page.text("header")
    assert f"Yes {MINE}" in page.text("main")
    assert votes(site, poll) == {"lisa": "Yes", "max": "No"}


def test_nobody_becomes_another_by_what_they_send(site: Site) -> None:
    """A visitor's own words in the names of the protocol never arrive."""
    poll = site.visitor(MAX).create_poll("Who am I?")
    visitor = site.visitor(LISA)
    forged = {"X-Plugit-User-Id": ADA, "X_Plugit_User_Id": ADA, "X-Plugit-User-Ebuio-Admin": "True"}
    form = visitor.form(visitor.get(poll), vote_for(poll))
    visitor.send(vote_for(poll), headers=forged, **form.hidden, ebuio_u_pk=ADA, ebuio_u_username="ada")
    assert votes(site, poll) == {"lisa": "Yes"}
    denied = visitor.get(f"/s/polls/voters/{number_of(poll)}?ebuio_u_pk={ADA}", headers=forged)
    assert denied.status_code == 403

"""Notes are those of the organization that a visitor chose; what they may do there follows."""

from __future__ import annotations

import re

from tests.hosts.markup import Document
from tests.hosts.site import ADA, LISA, MAX, Site, Visitor
from tests.hosts.test_layout import check_look

SWITCH = "/s/notes/ebuio_setOrga"


def add(visitor: Visitor, text: str) -> Document:
    return Document(visitor.submit(visitor.get("/s/notes/"), "/s/notes/add/", text=text))


def switch(visitor: Visitor, organization: str) -> Document:
    page = visitor.submit(visitor.get("/s/notes/"), SWITCH, organization=organization)
    assert visitor.path(page) == "/s/notes/"
    return Document(page)


def test_the_choice_decides_what_is_shown_and_where_it_is_written(site: Site) -> None:
    """A member of two switches by a form in the host's frame, and back."""
    visitor, text = site.visitor(MAX), f"written at {site.home} in One"
    read = check_look(site, visitor.get("/s/notes/"))
    assert "Notes of Radio One" in read.text("main")
    assert text in add(visitor, text).text("main")
    read = switch(visitor, "2")
    assert "Notes of Radio Two" in read.text("main")
    assert text not in read.text("main")
    other = text.replace("One", "Two")
    assert other in add(visitor, other).text("main")
    read = switch(visitor, "1")
    assert text in read.text("main")
    assert other not in read.text("main")


def test_an_administrator_of_the_organization_deletes_and_a_member_does_not(site: Site) -> None:
    """No button for who may not, and no way around the button."""
    text = f"to be deleted at {site.home}"
    member, administrator = site.visitor(MAX), site.visitor(ADA)
    add(member, text)
    page = administrator.get("/s/notes/")
    deletes = re.findall(r'action="([^"]*/delete/\d+)"', page.text)
    action = deletes[0].removeprefix(site.run.below)
    shown = member.get("/s/notes/")
    assert "/delete/" not in shown.text
    tokens = member.form(shown, "/s/notes/add/").hidden
    assert member.send(action, **tokens).status_code == 403
    assert text in Document(member.get("/s/notes/")).text("main")
    assert text not in Document(administrator.submit(page, action)).text("main")


def test_nobody_chooses_an_organization_of_others(site: Site) -> None:
    """Ada does not belong to Two; the form does not offer it, and one that is made up is refused."""
    visitor = site.visitor(ADA)
    page = visitor.get("/s/notes/")
    assert "Radio Two" not in page.text
    tokens = visitor.form(page, "/s/notes/add/").hidden
    answer = visitor.send(SWITCH, **tokens, organization="2")
    assert answer.status_code == 404
    check_look(site, answer)
    assert "Notes of Radio One" in Document(visitor.get("/s/notes/")).text("main")


def test_the_choice_needs_the_token(site: Site) -> None:
    """Another site does not choose for a visitor."""
    visitor = site.visitor(MAX)
    tokens = visitor.form(visitor.get("/s/notes/"), SWITCH).hidden
    evil = {"Origin": "https://evil.example"}
    assert visitor.send(SWITCH, organization="2").status_code == 403
    assert visitor.send(SWITCH, headers=evil, **tokens, organization="2").status_code == 403
    assert "Notes of Radio One" in Document(visitor.get("/s/notes/")).text("main")
    assert visitor.send(SWITCH, **tokens, organization="2").status_code in (302, 303)


def test_who_belongs_to_no_organization_sees_nothing_of_them(site: Site) -> None:
    """A page that says why, in the host's look."""
    answer = site.visitor(LISA).get("/s/notes/")
    assert answer.status_code == 403
    assert "organization" in check_look(site, answer).text("main")
    assert "Radio One" not in answer.text


def test_the_choice_is_not_that_of_the_next_person(site: Site) -> None:
    """At the same browser, after a logout."""
    visitor = site.visitor(MAX)
    switch(visitor, "2")
    visitor.log_out()
    visitor.log_in(ADA)
    assert "Notes of Radio One" in Document(visitor.get("/s/notes/")).text("main")

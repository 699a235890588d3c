"""What services keep, take and give: session values, uploads, files, JSON."""

from __future__ import annotations

import csv
import io

import requests
from tests.hosts.markup import Document
from tests.hosts.site import LISA, MAX, Site

PICTURE = b"GIF89a" + bytes(range(256)) * 1000


def test_an_upload_arrives_whole(site: Site) -> None:
    """Through host and service, and back, with the type that the service says."""
    visitor, title = site.visitor(MAX), f"Is {site.home} a nice place?"
    poll = visitor.create_poll(title, {"illustration": ("a.gif", PICTURE, "image/gif")})
    page = visitor.get(poll)
    assert title in Document(page).text("main")
    address = f"{site.run.below}{poll.replace('/show/', '/illustration/')}"
    assert f'src="{address}"' in page.text
    picture = requests.get(site.origin + address, timeout=10)
    assert picture.content == PICTURE
    assert picture.headers["Content-Type"] == "image/gif"


def test_a_wrong_form_comes_back_with_what_was_typed(site: Site) -> None:
    """An upload that the service refuses, too; letters beyond ASCII survive."""
    visitor = site.visitor(MAX)
    files = {"illustration": ("a.gif", b"no picture", "image/gif")}
    page = visitor.submit(
        visitor.get("/s/polls/create/"), "/s/polls/create/", files, title="Zoë & Łukasz?", responses="one"
    )
    assert page.status_code == 200
    assert 'value="Zoë &amp; Łukasz?"' in page.text
    assert "This is not a picture" in Document(page).text("main")


def test_session_values_are_of_one_browser(site: Site) -> None:
    """What the service set on one page it gets on the next; a message is said once."""
    title = f"Remembered at {site.home}"
    poll = site.visitor(MAX).create_poll(title)
    visitor, other = site.visitor(LISA), site.visitor(LISA)
    visitor.get(poll)
    assert f"You looked at {title} last" in Document(visitor.get("/s/polls/")).text("main")
    assert "You looked at" not in Document(other.get("/s/polls/")).text("main")


def test_session_values_are_not_those_of_the_next_person(site: Site) -> None:
    """At the same browser, after a logout."""
    visitor = site.visitor(LISA)
    visitor.get("/s/polls/show/1")
    visitor.log_out()
    visitor.log_in(MAX)
    assert "You looked at" not in Document(visitor.get("/s/polls/")).text("main")


def test_a_file_is_a_file_and_no_page(site: Site) -> None:
    """With its name, and nothing of the host around it."""
    answer = site.visitor().get("/s/polls/export/2")
    assert answer.headers["Content-Type"].partition(";")[0] == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "results-2.csv" in answer.headers["Content-Disposition"]
    table = [*csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))]
    assert table[0] == ["Response", "Votes", "Percent"]
    assert len(table) > 2


def test_json_is_json_and_no_page(site: Site) -> None:
    """As the service sent it, for programs of other sites too."""
    asked = {"Origin": "https://other.example", "Accept": "application/json"}
    answer = site.visitor().get("/s/polls/api/polls", headers=asked)
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert {"id", "title", "votes"} == answer.json()["polls"][0].keys()


def test_what_has_not_changed_is_not_sent_again(site: Site) -> None:
    """The validator of a service reaches the browser, and comes back from it."""
    visitor = site.visitor()
    etag = visitor.get("/s/polls/api/polls/2").headers["ETag"]
    again = visitor.get("/s/polls/api/polls/2", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")

"""Pages of services are pages of the host: in its look, with the right status, whatever it is."""

from __future__ import annotations

import pytest
import requests
from tests.hosts.markup import Document
from tests.hosts.site import LISA, NAMES, Site


def check_look(site: Site, page: requests.Response) -> Document:
    """The page stands in the host's own frame, once; the bundled layout is nowhere."""
    own, read = Document(site.visitor().get("/")), Document(page)
    assert read.text("title").endswith(site.brand)
    assert site.brand in read.text("header")
    assert set(own.stylesheets) <= set(read.stylesheets)
    assert [read.tags.count(name) for name in ("html", "title", "header", "main", "h1")] == [1] * 5
    assert "/s/_assets/" not in page.text
    assert "plugit:" not in page.text
    return read


def test_the_home_page_is_the_hosts_own(site: Site) -> None:
    """With a link to each service, which works."""
    visitor = site.visitor()
    page = visitor.get("/")
    read = check_look(site, page)
    assert f"Welcome to {site.brand}" in read.text("main")
    links = [link for link in read.links if "/s/" in link]
    assert links == [f"{site.run.below}/s/{name}/" for name in ("polls", "notes", "weather")]
    assert visitor.get("/s/polls/").status_code == 200
    assert "private" not in page.headers.get("Cache-Control", ""), "not a page of the middleware"


def test_a_page_of_a_service_is_in_the_hosts_look(site: Site) -> None:
    """Title, head, menu and content stand in their places."""
    page = site.visitor().get("/s/polls/results/")
    read = check_look(site, page)
    assert page.status_code == 200
    assert read.text("title").startswith("Results")
    assert f"{site.run.below}/s/polls/media/polls.css" in read.stylesheets
    assert "nav" in read.links[f"{site.run.below}/s/polls/create/"]
    assert "main" not in read.links[f"{site.run.below}/s/polls/create/"]
    assert "Results may be ten seconds old" in read.text("main")


def test_the_stylesheets_of_host_and_service_are_there(site: Site) -> None:
    """Whatever the SCRIPT_NAME."""
    sheets = Document(site.visitor().get("/s/polls/")).stylesheets
    assert len(sheets) >= 2
    for href in sheets:
        style = requests.get(site.origin + href, timeout=10)
        assert (style.status_code, style.headers["Content-Type"].partition(";")[0]) == (200, "text/css")


def test_the_icon_of_the_site_is_there(site: Site) -> None:
    """A browser asks for one on every site, and complains on its console where it is missing."""
    (icon,) = Document(site.visitor().get("/s/polls/")).icons
    answer = requests.get(site.origin + icon, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("image/")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/s/polls/show/999999", 404, "Page not found"),
        ("/s/polls/no-such-action", 404, "Page not found"),
        ("/s/polls/voters/1", 403, "For administrators only"),
        ("/s/polls/create/", 403, "For members only"),
    ],
)
def test_an_error_page_keeps_its_status_and_the_hosts_look(
    site: Site, path: str, status: int, words: str
) -> None:
    """The frame says who is logged in; a way leads back to the site."""
    page = site.visitor(LISA).get(path)
    read = check_look(site, page)
    assert page.status_code == status
    assert words in read.text("main")
    assert read.text("title").startswith(words)
    assert NAMES[LISA] in read.text("header")
    assert "main" in read.links[f"{site.run.below}/"] or "header" in read.links[f"{site.run.below}/"]
    assert "Grace" not in page.text


def test_what_belongs_to_no_service_is_the_hosts(site: Site) -> None:
    """Its own answer to what it does not have."""
    page = site.visitor().get("/no-such-page")
    assert page.status_code == 404
    assert "plugit" not in page.text


@pytest.mark.parametrize("path", ["/", "/login", "/s/polls/", "/s/polls/show/999999", "/s/polls/export/2"])
def test_head_answers_as_get_does_without_the_body(site: Site, path: str) -> None:
    """For the host's pages and for those of services."""
    # Two visitors: a host's own page may have a body under HEAD, and not every server takes that away.
    head, page = site.visitor().head(path), site.visitor().get(path)
    assert head.status_code == page.status_code
    assert head.headers["Content-Type"] == page.headers["Content-Type"]
    assert head.content == b""
    assert page.content

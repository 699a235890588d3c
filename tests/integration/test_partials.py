"""Partial pages: a script gets the content of a page alone, under the same rules."""

from __future__ import annotations

from typing import Any

import pytest

from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.integration.conftest import Host, MakeHost

HTMX = {"HX-Request": "true", "Sec-Fetch-Dest": "empty"}
FETCH = {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"}
TEMPLATE = (
    "{% extends 'plugIt/base-withBlocks.html' %}{% block title %}Votes{% endblock %}"
    "{% block css %}<style></style>{% endblock %}{% block menubar %}<ul></ul>{% endblock %}"
    "{% block content %}<form>{% csrf_token %}{{ n }}</form>{% endblock %}"
)


@pytest.fixture
def host(make_host: MakeHost, service: FakeService) -> Host:
    service.action("/votes", template=TEMPLATE, answer={"n": 7}, meta={"cache_time": 60})
    service.action("/mine", template="mine", meta={"only_logged_user": True})
    service.action("/broken", template="x", answer=Reply(status=503))
    service.action("/vote", answer=Reply(headers=(("EbuIo-PlugIt-Redirect", "votes"),)))
    leave = (("EbuIo-PlugIt-Redirect", "/elsewhere"), ("EbuIo-PlugIt-Redirect-NoPrefix", "True"))
    service.action("/leave", answer=Reply(headers=leave))
    return make_host(of_service={"partial": True}, login_url="/login")


def is_whole(response: Any) -> bool:
    return "<!DOCTYPE html>" in response.text


def test_a_script_gets_the_content(host: Host, service: FakeService) -> None:
    """The same data, in the form that was asked for, however often; never stored."""
    visitor = host.visitor()
    for headers, title in ((HTMX, "<title>Votes</title>\n"), (FETCH, ""), (HTMX, "<title>Votes</title>\n")):
        part = visitor.get("/s/x/votes", headers=headers)
        assert part.text.startswith(f'{title}<form><input type="hidden" name="csrfmiddlewaretoken"')
        assert part.text.endswith(">7</form>")
        assert part.headers["Cache-Control"] == "private, no-store"
        assert is_whole(visitor.get("/s/x/votes"))
    assert len(service.called("/action/votes")) == 1


@pytest.mark.parametrize("headers", [{}, HTMX, FETCH])
def test_both_forms_say_what_they_depend_on(host: Host, headers: dict[str, str]) -> None:
    """Also pages that say what is wrong, and the way to the login."""
    for path in ("votes", "broken", "mine", "none"):
        vary = ",".join(host.visitor().get(f"/s/x/{path}", headers=headers).headers.getlist("Vary"))
        assert {"HX-Request", "X-Requested-With", "Sec-Fetch-Dest"} <= {
            name.strip() for name in vary.split(",")
        }, path


def test_without_the_option_everybody_gets_pages(make_host: MakeHost, service: FakeService) -> None:
    """And no header says that anything depends on who asks."""
    service.action("/votes", template=TEMPLATE)
    page = make_host().visitor().get("/s/x/votes", headers=HTMX)
    assert is_whole(page)
    assert "Vary" not in page.headers


@pytest.mark.parametrize("headers", [HTMX, FETCH])
@pytest.mark.parametrize(("path", "status"), [("none", 404), ("broken", 503), ("mine", 403)])
def test_errors_are_the_words_alone(host: Host, headers: dict[str, str], path: str, status: int) -> None:
    """The words of the page, for a script to show where it shows content."""
    answer = host.visitor().get(f"/s/x/{path}", headers=headers)
    assert answer.status_code == status
    assert not is_whole(answer)
    assert '<div class="plugit-error">' in answer.text


def test_the_login_is_no_content(host: Host) -> None:
    """htmx is told to leave the page; another script gets the words, and a browser is sent there."""
    visitor = host.visitor()
    htmx, fetch, browser = (visitor.get("/s/x/mine", headers=headers) for headers in (HTMX, FETCH, {}))
    assert (htmx.status_code, htmx.headers["HX-Redirect"]) == (403, "/login?next=/s/x/mine")
    assert "HX-Redirect" not in fetch.headers
    assert 'href="/login?next=/s/x/mine"' in fetch.text
    assert (browser.status_code, browser.headers["Location"]) == (302, "/login?next=/s/x/mine")


def test_a_form_has_a_token_that_works(host: Host) -> None:
    """And without one nothing is changed."""
    visitor = host.visitor()
    part = visitor.get("/s/x/votes", headers=HTMX).text
    token = part.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    done = visitor.post("/s/x/vote", headers=HTMX, data={"csrfmiddlewaretoken": token})
    assert done.headers["Location"] == "/s/x/votes"
    refused = visitor.post("/s/x/vote", headers=HTMX, data={"csrfmiddlewaretoken": "x"})
    assert (refused.status_code, is_whole(refused)) == (403, False)


def test_htmx_leaves_the_page_for_what_is_not_the_services(host: Host) -> None:
    """It follows a redirect in its own request, and would show a page of the host in a place for content."""
    htmx, fetch = (host.visitor().get("/s/x/leave", headers=headers) for headers in (HTMX, FETCH))
    assert (htmx.status_code, htmx.headers["HX-Redirect"], htmx.text) == (200, "/elsewhere", "")
    assert (fetch.status_code, fetch.headers["Location"]) == (302, "/elsewhere")


def test_pages_mode(make_host: MakeHost, service: FakeService) -> None:
    """The body alone."""
    service.answer("/a", Reply(body="<p>{~__PLUGIT_CSRF_TOKEN__~}</p>"))
    host = make_host(of_service={"partial": True, "mode": "pages"})
    part = host.visitor().get("/s/x/a", headers=FETCH).text
    assert part.startswith("<p>")
    assert "PLUGIT" not in part


@pytest.mark.parametrize("headers", [{}, FETCH])
def test_a_fault_of_the_host_has_the_form_too(make_host: MakeHost, headers: dict[str, str]) -> None:
    """The 500 page of ours, or its words."""

    def identify(_request: object) -> None:
        raise LookupError("no database")

    answer = (
        make_host(of_service={"partial": True}, identify=identify).visitor().get("/s/x/a", headers=headers)
    )
    assert answer.status_code == 500
    assert is_whole(answer) is not bool(headers)
    assert "Something went wrong" in answer.text

"""The words for errors."""

from __future__ import annotations

import pytest
from tests.unit.layout.markup import Reader

from plugit_wsgi.layout.errors import error_fragment

STATUSES = (400, 401, 403, 404, 405, 413, 429, 500, 501, 502, 503, 504)
REASONS = (
    "only_logged_user",
    "only_member_user",
    "only_admin_user",
    "only_orga_member_user",
    "only_orga_admin_user",
    "address_in_networks",
    "no_orga_in_orgamode",
    "csrf",
    "preview_altered",
    "preview_expired",
    "preview_foreign",
    "preview_gone",
)


def test_every_status_has_words_of_its_own() -> None:
    """A visitor can tell a missing page from a broken service."""
    titles = {error_fragment(status).title for status in STATUSES}
    assert len(titles) == len(STATUSES)


def test_every_reason_of_a_refusal_has_words_of_its_own() -> None:
    """What to do depends on which rule refused."""
    titles = {error_fragment(403, reason).title for reason in ("", *REASONS)}
    assert len(titles) == len(REASONS) + 1


@pytest.mark.parametrize("status", [*STATUSES, 402, 418, 451, 499, 505, 599, 999])
def test_the_page_says_what_happened_and_where_to_go(status: int) -> None:
    """Title, heading, words, a way home, and the number for whoever helps."""
    fragment = error_fragment(status, service="polls", home_url="/under/")
    found = Reader(str(fragment.content))
    assert fragment.title == found.text["h1"]
    assert found.text["p"]
    assert found.find("a", href="/under/")
    assert f"Error {status} · polls" in fragment.content


def test_the_way_to_the_service() -> None:
    """Where it makes sense to go on there."""
    content = error_fragment(403, "preview_gone", service="polls", service_url="/s/polls/").content
    assert '<a class="btn btn-primary" href="/s/polls/">Go on to polls</a>' in content
    assert "Go on" not in error_fragment(403, "preview_gone", service="polls").content


@pytest.mark.parametrize(
    ("status", "like"), [(402, 418), (418, 499), (505, 500), (599, 500), (200, 500), (999, 500)]
)
def test_an_unknown_status_gets_the_words_of_its_kind(status: int, like: int) -> None:
    """4xx: it was refused; anything else: it went wrong here."""
    assert error_fragment(status).title == error_fragment(like).title


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_is_shown_as_a_code(reason: str) -> None:
    """Support is told a word it can look up."""
    assert f"<code>{reason}</code>" in error_fragment(403, reason).content


def test_a_reason_that_is_not_known_gets_the_words_of_its_status() -> None:
    """A newer rule still makes a page, and is still named."""
    fragment = error_fragment(403, "only_on_mondays")
    assert fragment.title == error_fragment(403).title
    assert "<code>only_on_mondays</code>" in fragment.content


def test_a_reason_means_something_on_a_refusal_only() -> None:
    """A 404 is not explained by a rule."""
    assert error_fragment(404, "csrf").title == error_fragment(404).title


@pytest.mark.parametrize("status", STATUSES)
def test_a_login_is_offered_where_it_may_help(status: int) -> None:
    """On 401 and 403, if the host named a login and the visitor may still use it."""
    offered = 'href="/login"' in error_fragment(status, login_url="/login").content
    assert offered is (status in (401, 403))
    assert "Log in</a>" not in error_fragment(status).content


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "in 1 second."),
        (0.2, "in 1 second."),
        (1, "in 1 second."),
        (4.2, "in 5 seconds."),
        (60, "in 60 seconds."),
    ],
)
def test_when_to_try_again(seconds: float, said: str) -> None:
    """Whole seconds, never too early, never 0."""
    assert f"Please try again {said}" in error_fragment(503, retry_after=seconds).content


def test_what_comes_from_outside_is_escaped() -> None:
    """A service's name, a rule's name and URLs are text."""
    nasty = "<b>\"&'"
    fragment = error_fragment(403, nasty, service=nasty, login_url=nasty, home_url=nasty)
    found = Reader(str(fragment.content))
    assert not found.find("b")
    assert [link["href"] for link in found.find("a")] == [nasty, nasty]
    assert found.text["code"] == nasty

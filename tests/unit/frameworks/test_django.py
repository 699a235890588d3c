"""The wrap for Django, around real sites, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def run(folder: Path, question: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.unit.frameworks.django_site"]
    return subprocess.run(
        [*command, question, str(folder), json.dumps(settings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
    )


def ask(folder: Path, question: str, **settings: Any) -> dict[str, Any]:
    """The answer of a site with those settings to a question of `django_site`."""
    done = run(folder, question, **settings)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return {**answer, "log": done.stderr}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return ask(tmp_path_factory.mktemp("pages"), "pages")


def test_the_layout_is_a_template_of_the_site(pages: dict[str, Any]) -> None:
    """With urls, request, user, permissions, and what the site's own middleware adds."""
    assert "<title>A page</title>" in pages["first"]
    assert 'href="/about"' in pages["first"]
    assert "path=/s/polls/page" in pages["first"]
    assert "user=anna perms=False" in pages["first"]
    assert "tenant=radio" in pages["first"]
    assert 'href="/below/about"' in pages["below"]
    assert pages["host"] == "about the site"


def test_a_message_is_shown_once(pages: dict[str, Any]) -> None:
    """What the layout took out of the store is gone."""
    assert "message=welcome" in pages["first"]
    assert "message=" not in pages["again"]


def test_the_user_of_the_session_visits_the_service(pages: dict[str, Any]) -> None:
    """Staff are members, superusers administrators; nobody else has a right; who is nobody logs in first."""
    assert "for anna" in pages["first"]
    assert pages["rights"] == {"anna": [200, 403, 403], "staff": [200, 200, 403], "root": [200, 200, 200]}
    assert pages["login"] == "/accounts/login/?next=/s/polls/mine"


def test_a_middleware_of_the_site_answers_itself(pages: dict[str, Any]) -> None:
    """Before any service is asked, with its cookies; and a host that is not allowed is refused."""
    assert pages["closed"] == [302, "/closed", "why=closed"]
    assert pages["bad host"] == 400


def test_djangos_token_guards_the_forms_of_services(tmp_path: Path) -> None:
    """That of the layout, of the service's page and of the site's own form are the same."""
    found = ask(tmp_path, "csrf")
    taken = [name for name, status in found.items() if status == 200]
    assert sorted(taken) == ["field", "header", "https", "layout's", "origin", "own form"]
    assert [found[name] for name in ("none", "foreign", "evil")] == [403, 403, 403]


def test_connections_are_closed_as_after_a_request(tmp_path: Path) -> None:
    """Under four threads: none stays open, each of identify and layout is one request to Django."""
    found = ask(tmp_path, "connections")
    assert found["opened"] >= 20
    assert found["open"] == 0
    assert found["most"] <= 4
    assert found["started"] == found["finished"] > 40


def test_identify_is_named_by_its_dotted_name(tmp_path: Path) -> None:
    """It gets Django's request after the site's middleware, and may ask the database."""
    found = ask(tmp_path, "once", identify="tests.unit.frameworks.django_site.identify")
    assert "for radio 3" in found["text"]


def test_values_of_services_in_the_session_of_django(tmp_path: Path) -> None:
    """In the database, and in no cookie of ours; another visitor has none of them."""
    found = ask(tmp_path, "sessions", stores="tests.unit.frameworks.django_site.STORES")
    assert found["recalled"] == {"color": "seven"}
    assert found["other"] == {"color": ""}
    assert "plugit/polls" in found["keys"]
    assert not [name for name in found["cookies"] if "polls" in name]


def test_identify_that_raises_is_a_500_page_and_never_anonymous(tmp_path: Path) -> None:
    """The cause is in the log; Django's request has ended all the same."""
    found = ask(tmp_path, "once", identify="tests.unit.frameworks.django_site.broken")
    assert found["status"] == 500
    assert "no database" not in found["text"]
    assert "no database" in found["log"]
    assert found["signals"].count("started") == found["signals"].count("finished") > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"servces": []}, ("settings.PLUGIT.servces", "did you mean 'services'")),
        ({"identify": "nowhere.identify"}, ("settings.PLUGIT.identify", "nowhere.identify", "dotted name")),
        ({"layout": 7}, ("layout", "got 7", "callable")),
        ({"secret_key": "short"}, ("secret_key",)),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, settings: dict[str, Any], words: tuple[str, ...]
) -> None:
    """When the site starts."""
    done = run(tmp_path, "once", **settings)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "ConfigError" in last
    assert all(word in last for word in words), last

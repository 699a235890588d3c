"""The voting service in its two languages: one switch, the same pages."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import Client

from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.sdk import ServiceApp, load_service

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "polls"
PAGES = ("", "show/1", "show/2", "results/", "create/", "voters/1", "show/99")
Loader = Callable[[str], ServiceApp]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    """The service with a database of its own, in a language."""

    def in_language(language: str) -> ServiceApp:
        monkeypatch.setattr("sys.path", [*sys.path])
        monkeypatch.delenv("PLUGIT_SERVICE_KEY", raising=False)
        monkeypatch.setenv("POLLS_DATABASE", str(tmp_path / f"{language or 'default'}.sqlite3"))
        monkeypatch.setenv("POLLS_TEMPLATE_LANGUAGE", language)
        return load_service(FOLDER)

    return in_language


def test_the_switch(load: Loader) -> None:
    """Django's language is the default; the meta says which one it is."""
    told = {"X-Plugit-Protocol": "1; ext=template_language"}
    for language, said in (("", None), ("django", None), ("jinja", "jinja")):
        service = Client(load(language))
        meta = service.get("/meta/show/1").json
        assert meta is not None
        assert meta.get("template_language") == said
        text = service.get("/template/show/1", headers=told).text
        assert ("csrf_input()" in text) == (said == "jinja")


def test_both_languages_have_the_same_templates() -> None:
    """Under the same names."""
    names = [
        sorted(path.name for path in (FOLDER / kind).iterdir()) for kind in ("templates", "templates-jinja")
    ]
    assert names[0] == names[1]


def test_both_languages_make_the_same_pages(load: Loader, serve: Callable[[ServiceApp], str]) -> None:
    """To the letter but for blanks, for nobody, a member who voted and commented, and an administrator."""
    seen = {language: pages(serve(load(language))) for language in ("django", "jinja")}
    assert seen["django"].keys() == seen["jinja"].keys()
    for what, page in seen["django"].items():
        assert seen["jinja"][what] == page, what
    texts = "".join(seen["jinja"].values())
    for word in ("Who voted for what", "polls-mine", "Member Luc", "is-invalid", "Not found", "aria-current"):
        assert word.lower() in texts.lower(), word


def pages(url: str) -> dict[str, str]:
    """(visitor, path) -> page, without what differs each time."""
    found = {}
    site = create_app(url)
    for mode in ("ano", "log", "mem", "adm"):
        visitor = Client(site)
        visitor.get(f"/s/app/ebuio_setUser?mode={mode}")
        if mode == "mem":
            act(visitor)
        for path in PAGES:
            found[f"{mode} /{path}"] = plain(visitor.get(f"/s/app/{path}", follow_redirects=True).text)
        if mode == "mem":
            wrong = {"csrfmiddlewaretoken": token(visitor), "title": "<T>", "responses": "one"}
            found["wrong form"] = plain(visitor.post("/s/app/create/", data=wrong).text)
    return found


def act(visitor: Client) -> None:
    """A vote, and a poll with letters that have to be escaped."""
    given = {"csrfmiddlewaretoken": token(visitor)}
    assert visitor.post("/s/app/vote/1/2", data=given).status_code == 302
    poll = {**given, "title": '<b>Q</b> & "A"\'s', "description": "d", "responses": "<i>\nb"}
    assert visitor.post("/s/app/create/", data=poll).status_code == 302


def token(visitor: Client) -> str:
    visitor.get("/s/app/show/1")
    cookie = visitor.get_cookie("csrftoken", path="/s/app/")
    assert cookie is not None
    return cookie.value


def plain(page: str) -> str:
    """Without tokens, numbers of requests and times."""
    page = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]*', r"\1", page)
    page = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.+Z]*|[0-9a-f]{16,}|\d+(\.\d+)? ms", "", page)
    return re.sub(r"\s+", " ", page)

"""A service, or one of its actions, says what its templates are written in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.sdk.support import service

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.sdk import action

READS_JINJA = {"X-Plugit-Protocol": "1; ext=fallback,template_language"}


@action("/", template="home.html")
def home(request: Any) -> dict[str, Any]:
    return {}


@action("/django", template="home.html", template_language="django")
def in_django(request: Any) -> dict[str, Any]:
    return {}


@action("/jinja", template="home.html", template_language="jinja")
def in_jinja(request: Any) -> dict[str, Any]:
    return {}


@action("/data")
def data(request: Any) -> dict[str, Any]:
    return {}


ACTIONS = (home, in_django, in_jinja, data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one template."""
    for name in ("templates", "others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "home.html").write_text(name)
    return tmp_path


def languages(folder: Path, **options: Any) -> list[str | None]:
    client = service(*ACTIONS, folder=folder, **options)
    metas = [client.get(f"/meta{path}").json for path in ("/", "/django", "/jinja", "/data")]
    return [None if meta is None else meta.get("template_language") for meta in metas]


def test_an_action_says_it_or_the_service_does(folder: Path) -> None:
    """Django's is not said; an action without a template has none."""
    assert languages(folder) == [None, None, "jinja", None]
    assert languages(folder, template_language="jinja") == ["jinja", None, "jinja", None]
    assert languages(folder, config={"PI_TEMPLATE_LANGUAGE": "jinja"}) == ["jinja", None, "jinja", None]
    both = {"config": {"PI_TEMPLATE_LANGUAGE": "jinja"}, "template_language": "django"}
    assert languages(folder, **both) == [None, None, "jinja", None]


def test_the_tag_changes_with_the_language(folder: Path) -> None:
    """One text in two languages is two templates."""
    client = service(*ACTIONS, folder=folder)
    tags = {
        path: (client.get(f"/meta{path}").json or {})["template_tag"] for path in ("/", "/django", "/jinja")
    }
    assert tags["/"] == tags["/django"] != tags["/jinja"]


def test_a_host_that_does_not_say_that_it_reads_it_gets_no_template(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would show the text as it is; the log of the service says why it does not get it."""
    client = service(*ACTIONS, folder=folder)
    assert client.get("/template/jinja", headers=READS_JINJA).text == "templates"
    assert caplog.text == ""
    for headers in ({}, {"X-Plugit-Protocol": "1; ext=fallback"}):
        assert client.get("/template/jinja", headers=headers).status_code == 404
        assert client.get("/template/", headers=headers).text == "templates"
    assert "does not say that it reads jinja" in caplog.text


def test_the_folder_of_the_templates_is_a_setting(folder: Path) -> None:
    """So one service can have them twice."""
    client = service(*ACTIONS, folder=folder, config={"PI_TEMPLATES": "others"})
    assert client.get("/template/").text == "others"


@pytest.mark.parametrize("language", ["cobol", "Jinja", 1, ["jinja"]])
def test_an_unknown_language_is_refused_at_the_start(language: Any) -> None:
    """Of an action, of a service, of its settings."""
    with pytest.raises(ConfigError, match="template_language"):
        action("/", template="home.html", template_language=language)
    with pytest.raises(ConfigError, match="PI_TEMPLATE_LANGUAGE"):
        service(home, config={"PI_TEMPLATE_LANGUAGE": language})
    with pytest.raises(ConfigError, match="PI_TEMPLATE_LANGUAGE"):
        service(home, template_language=language)
    with pytest.raises(ConfigError, match="PI_TEMPLATES"):
        service(home, config={"PI_TEMPLATES": ""})

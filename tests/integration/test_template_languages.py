"""A template is read in the language that the action's meta names, or not at all."""

from __future__ import annotations

import logging

import pytest

from plugit_wsgi import exchanges, loading
from plugit_wsgi.testing.fake_service import FakeService
from tests.integration.conftest import Host, MakeHost

JINJA = {"template_language": "jinja"}
BOTH = "{{ 'a' ~ 'b' if true }}"
"""No template in Django's language."""


def test_the_language_of_the_meta(host: Host, service: FakeService) -> None:
    """Of each action its own."""
    service.action(
        "/jinja", template="[{{ rows|map('upper')|join }}]", answer={"rows": ["a", "b"]}, meta=JINJA
    )
    service.action("/django", template='[{{ rows|join:"+" }}]', answer={"rows": ["a", "b"]})
    assert "[AB]" in host.visitor().get("/s/x/jinja").text
    assert "[a+b]" in host.visitor().get("/s/x/django").text


def test_one_text_in_two_languages(host: Host, service: FakeService) -> None:
    """Is two templates, even under one tag."""
    text = "[{{ map.items|length }}]{% block title %}{% endblock %}"
    for path, meta in (("/django", {}), ("/jinja", JINJA)):
        service.action(
            path, template=text, answer={"map": {"items": "four"}}, meta={"template_tag": "t", **meta}
        )
    assert "[4]" in host.visitor().get("/s/x/django").text
    assert "[4]" in host.visitor().get("/s/x/jinja").text
    service.action("/a", template=BOTH, answer={}, meta={"template_tag": "t", **JINJA})
    assert "ab" in host.visitor().get("/s/x/a").text
    service.action("/a", template=BOTH, answer={}, meta={"template_tag": "t"})
    assert host.visitor().get("/s/x/a").status_code == 502


def test_a_language_that_nobody_knows_is_refused(host: Host, service: FakeService) -> None:
    """As any other value that meta cannot have."""
    service.action("/a", template="x", answer={}, meta={"template_language": "cobol"})
    assert host.visitor().get("/s/x/a").status_code == 502
    assert not service.called("/action/")


def test_a_host_that_lacks_the_extra_shows_an_error_page(
    make_host: MakeHost,
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And says in the log what is missing; other pages are as ever."""
    monkeypatch.setitem(loading._ENGINES, "jinja", ("plugit_wsgi.not_installed", "JinjaTemplates"))
    host = make_host()
    service.action("/a", template="SOURCE {{ x }}", answer={}, meta=JINJA)
    service.action("/b", template="B", answer={})
    with caplog.at_level(logging.WARNING):
        answer = host.visitor().get("/s/x/a")
    assert answer.status_code == 502
    assert "SOURCE" not in answer.text
    assert "pip install 'plugit-wsgi[jinja]'" not in answer.text
    assert "pip install 'plugit-wsgi[jinja]'" in caplog.text
    assert host.visitor().get("/s/x/b").status_code == 200


def test_the_host_says_that_it_can(host: Host, service: FakeService) -> None:
    """In each call, meta and template too."""
    service.action("/a", template="A", answer={}, meta=JINJA)
    host.visitor().get("/s/x/a")
    assert {call.path for call in service.calls} >= {"/meta/a", "/template/a", "/action/a"}
    for call in service.calls:
        assert "template_language" in call.headers["x-plugit-protocol"]
    assert exchanges.spoken(lambda _name: None) == ("fallback", "only_subscription")


@pytest.mark.parametrize("language", [{}, JINJA], ids=["django", "jinja"])
def test_only_a_fragment_that_is_for_all_is_kept(
    host: Host, service: FakeService, language: dict[str, str]
) -> None:
    """A page that is kept for all is rendered again for each visitor whom it names."""
    meta = {"cache_time": 60, "cache_by_user": False, **language}
    for path, template in (("/all", "[{{ word }}]"), ("/mine", "[{{ word }} {{ ebuio_u.username }}]")):
        service.action(path, template=template, answer={"word": "w"}, meta=meta)
    for name in ("anna", "olga"):
        assert "[w]" in host.visitor(name).get("/s/x/all").text
        assert f"[w {name}]" in host.visitor(name).get("/s/x/mine").text
    assert len(service.called("/action/")) == 2

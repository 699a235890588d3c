"""``plugitInclude`` and ``plugitGetUser``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from markupsafe import Markup
from tests.unit.templates.rendering import compiled, content, rendered

from plugit_wsgi.errors import ServiceTimeout, TemplateError
from plugit_wsgi.interfaces import CompiledTemplate, Rendered, TemplateFacts
from plugit_wsgi.page import Fragment
from plugit_wsgi.testing.template_contract import facts_for

LOAD = "{% load plugit_tags %}"


def including(**sources: str) -> TemplateFacts:
    """Facts whose service has the templates given; an action's name is written without its slash."""
    templates = {f"/{name}": compiled(source) for name, source in sources.items()}
    return facts_for(include=templates.get)


def test_included_in_the_context_of_the_place() -> None:
    """Loop variables and names of the including template are visible; its own names end with it."""
    facts = including(row="<{{ n }}{{ word }}{% now 'Y' as year %}>")
    source = LOAD + "{% for n in rows %}{% plugitInclude '/row' %}{% endfor %}{{ n }}"
    assert content(source, facts, rows=[1, 2], word="w") == "<1w><2w>"


def test_action_may_be_a_variable() -> None:
    """As the first word of the tag, or through a filter."""
    facts = including(menu="M")
    assert (
        content(LOAD + "{% plugitInclude a %}{% plugitInclude b|default:'/menu' %}", facts, a="/menu") == "MM"
    )


def test_name_is_passed_on_as_written() -> None:
    """Services write it with and without a slash; who finds the template decides what it means."""
    asked: list[str] = []
    facts = facts_for(include=lambda action: asked.append(action))
    content(LOAD + "{% plugitInclude 'menubar' %}{% plugitInclude '/menu/' %}", facts)
    assert asked == ["menubar", "/menu/"]


def test_missing_template_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The page is shown without it; visitors cannot fill the log with what they may not see."""
    with caplog.at_level(logging.INFO, logger="plugit_wsgi"):
        assert content(LOAD + "a{% plugitInclude '/gone' %}b") == "ab"
    assert not caplog.records


def test_menu_can_be_an_included_template() -> None:
    """The way services share their menu."""
    source = '{% extends "plugIt/base.html" %}' + LOAD
    source += "{% block menubar %}{% plugitInclude '/menu' %}{% endblock %}{% block content %}C{% endblock %}"
    fragment = rendered(source, including(menu="<a href='{{ ebuio_baseUrl }}'>")).fragment
    assert (fragment.menu, fragment.content) == ("<a href='/s/polls/'>", "C")


def test_included_template_with_a_parent_gives_its_body() -> None:
    """Its blocks do not mix with those of the including template."""
    facts = including(
        page='{% extends "plugIt/base.html" %}{% block title %}X{% endblock %}'
        "{% block content %}in{% endblock %}"
    )
    source = '{% extends "plugIt/base.html" %}' + LOAD
    source += "{% block title %}T{% endblock %}{% block content %}[{% plugitInclude '/page' %}]{% endblock %}"
    fragment = rendered(source, facts).fragment
    assert (fragment.title, fragment.content) == ("T", "[in]")


def test_including_oneself_ends() -> None:
    """Recursion is bounded, and the error is the template's."""
    template = compiled(LOAD + "x{% plugitInclude '/self' %}")
    with pytest.raises(TemplateError, match="deeper than"):
        template.render({}, facts_for(include=lambda _action: template))


def test_including_twice_by_each_is_bounded_too() -> None:
    """A tree of includes shares one budget."""
    template = compiled(LOAD + "{% for x in l %}{% plugitInclude a %}{% endfor %}")
    answers = iter(range(1_000_000))

    def include(_action: str) -> CompiledTemplate | None:
        return template if next(answers) % 7 else None

    with pytest.raises(TemplateError):
        template.render({"l": list(range(100)), "a": "/self"}, facts_for(include=include))


def test_error_in_an_included_template_is_that_templates() -> None:
    """Its tag and its line are reported."""
    facts = including(bad="\n{{ 1|divisibleby:0 }}")
    outer = LOAD + "\n\n\n{% plugitInclude '/bad' %}"
    with pytest.raises(TemplateError) as caught:
        rendered(outer, facts)
    assert (caught.value.template_tag, caught.value.line) == ("tag", 2)


@pytest.mark.parametrize("error", [ServiceTimeout("slow"), RuntimeError("directory is down")])
@pytest.mark.parametrize("tag", ["{% plugitInclude '/x' %}", "{% plugitGetUser 1 as u %}"])
def test_errors_of_host_and_service_stay_what_they_are(error: Exception, tag: str) -> None:
    """A template is not blamed for a directory, or a network, that fails."""

    def fail(_name: str) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        rendered(LOAD + tag, facts_for(include=fail, get_user=fail))
    assert caught.value is error


def test_template_of_another_engine_can_be_included() -> None:
    """It gets the answer and the facts."""

    class Other:
        def render(self, data: Mapping[str, Any], facts: TemplateFacts) -> Rendered:
            text = Markup(f"<i>{data['word']}{facts.base_url}</i>")
            return Rendered(fragment=Fragment(content=text), personal=False)

    facts = facts_for(include=lambda _action: Other())
    assert content(LOAD + "{% plugitInclude '/x' %}", facts, word="w") == "<i>w/s/polls/</i>"


def test_user_by_pk() -> None:
    """Number or text; the fields that are given, and no others."""
    people = {"7": {"id": "7", "username": "zoe"}}
    source = LOAD + "{% plugitGetUser pk as who %}{{ who.username }}{{ who.id }}{{ who.email }}{{ who.get }}"
    for pk in (7, "7"):
        assert content(source, facts_for(get_user=people.get), pk=pk) == "zoe7"


def test_user_that_is_not_there() -> None:
    """None; and without a pk nobody is asked."""
    asked: list[str] = []
    facts = facts_for(get_user=lambda pk: asked.append(pk))
    source = LOAD + "{% plugitGetUser pk as who %}{% if who %}x{% endif %}[{{ who.username }}]"
    assert [content(source, facts, pk=pk) for pk in (9, None, "")] == ["[]"] * 3
    assert content(source, facts) == "[]"
    assert asked == ["9"]

"""Whether a fragment may be shown to others: what of the visitor was read."""

from __future__ import annotations

import pytest
from tests.unit.templates.rendering import compiled, content, rendered

from plugit_wsgi.people import User, Visitor
from plugit_wsgi.testing.template_contract import facts_for

DATA = {"rows": [1], "word": "w", "key": "ebuio_u", "ebuio_x": "x"}
LOAD = "{% load plugit_tags %}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ebuio_u }}",
        "{{ ebuio_u.id }}",
        "{{ ebuio_u.not_a_field }}",
        "{{ ebuio_orga }}",
        "{{ ebuio_orgas|length }}",
        "{{ ebuio_userMode }}",
        "{{ csrf_token }}",
        "{% csrf_token %}",
        "{% if ebuio_u %}{% endif %}",
        "{% if word == ebuio_u.id %}{% endif %}",
        "{% if not word or ebuio_u.ebuio_admin %}{% endif %}",
        "{% with ebuio_u as u %}{% endwith %}",
        "{% with u=ebuio_u.username %}{% endwith %}",
        "{% for o in ebuio_orgas %}{% endfor %}",
        "{% for r in rows %}{% if forloop.first %}{{ ebuio_u.id }}{% endif %}{% endfor %}",
        "{{ word|default:ebuio_u.username }}",
        "{{ missing|default:ebuio_u.username }}",
        "{% firstof ebuio_u.username 'x' %}",
        "{% cycle ebuio_u.id 'x' %}",
        "{% widthratio ebuio_u.id 1 1 %}",
        "{% filter add:ebuio_u.id %}{% endfilter %}",
        "{% ifchanged ebuio_u.id %}{% endifchanged %}",
        "{% regroup ebuio_orgas by pk as g %}",
        "{% ifequal ebuio_u.id 7 %}{% endifequal %}",
        "{% block content %}{% block inner %}{{ ebuio_u.id }}{% endblock %}{% endblock %}",
        LOAD + "{% plugitGetUser 7 as v %}",
        LOAD + "{% plugitInclude ebuio_u.username %}",
        '{% extends "plugIt/base.html" %}{% block title %}{{ ebuio_u.id }}{% endblock %}',
        '{% extends "plugIt/base.html" %}{% block menubar %}{% csrf_token %}{% endblock %}',
        '{% extends "plugIt/base-withBlocks.html" %}{% block css %}{{ ebuio_orga.pk }}{% endblock %}',
    ],
)
def test_each_way_to_read_the_visitor_is_noticed(source: str) -> None:
    """By name, by another name, in a condition, loop, filter, tag or block."""
    assert rendered(source, **DATA).personal


@pytest.mark.parametrize(
    "source",
    [
        "",
        "ebuio_u csrf_token",
        "{{ word }}{{ ebuio_x }}{{ key }}",
        "{{ ebuio_baseUrl }}{{ ebuio_hpro_name }}{{ ebuio_hpro_pk }}{{ MEDIA_URL }}{{ STATIC_URL }}",
        "{{ ebuio_orgamode }}{{ ebuio_realUsers }}",
        "{% if missing %}{{ ebuio_u.id }}{% endif %}",
        "{% for x in missing %}{% csrf_token %}{% endfor %}",
        "{# {{ ebuio_u }} #}{% comment %}{{ ebuio_u }}{% endcomment %}",
        "{% verbatim %}{{ ebuio_u }}{% endverbatim %}",
        "{{ word.ebuio_u }}{{ missing.csrf_token }}",
        "{% with ebuio_u=word %}{{ ebuio_u }}{% endwith %}",
        '{% extends "plugIt/base.html" %}{% block css %}{{ ebuio_u.id }}{% endblock %}',
        LOAD + "{{ word|url_target_blank }}",
    ],
)
def test_what_is_for_all_is_not_personal(source: str) -> None:
    """Reading the answer and the mount, or not getting to a place, reads nothing of the visitor."""
    assert not rendered(source, **DATA).personal


@pytest.mark.parametrize("action", ["/user", "/plain", "/refused"])
def test_including_is_personal(action: str) -> None:
    """Whatever is in it: another visitor may not see that action, or it could not be asked for this one."""
    included = {"/user": compiled("{{ ebuio_u.id }}"), "/plain": compiled("{{ word }}")}
    facts = facts_for(include=included.get)
    assert rendered(LOAD + "{% plugitInclude '" + action + "' %}", facts).personal
    not_taken = LOAD + "{% if missing %}{% plugitInclude '" + action + "' %}{% endif %}"
    assert not rendered(not_taken, facts).personal


def test_one_rendering_says_nothing_of_the_next() -> None:
    """The same template is personal for one answer, and not for another."""
    template = compiled("{% if word %}{{ ebuio_u.id }}{% endif %}")
    assert template.render({"word": 1}, facts_for()).personal
    assert not template.render({}, facts_for()).personal


def test_fragment_that_is_not_personal_is_the_same_for_all() -> None:
    """The reason for all this: two visitors, one text."""
    source = "{{ ebuio_baseUrl }}{% for r in rows %}{{ r }}{% endfor %}"
    one, other = facts_for(Visitor(user=User("1", "a"))), facts_for(Visitor())
    assert rendered(source, one, **DATA) == rendered(source, other, **DATA)


def test_nobody_is_falsy_but_prints_as_before() -> None:
    """The original gave nobody the id "None", a text that is true; ours prints so and is false."""
    nobody = facts_for(Visitor())
    assert (
        content("{% if ebuio_u.id %}in{% endif %}[{{ ebuio_u.id }}][{{ ebuio_u.username }}]", nobody)
        == "[None][]"
    )
    assert (
        content("{% if ebuio_u.pk %}in{% endif %}{% if ebuio_u.ebuio_member %}member{% endif %}", nobody)
        == ""
    )

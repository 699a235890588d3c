"""Templates that would take all time or memory are stopped."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.templates.rendering import compiled, content, failure

from plugit_wsgi.errors import ServiceBusy, TemplateError
from plugit_wsgi.templates.budget import Budget, OverBudget, is_deeper, measure
from plugit_wsgi.templates.context import ServiceContext
from plugit_wsgi.testing.template_contract import facts_for

MIB = 1024 * 1024
DATA: dict[str, Any] = {"l": list(range(1000)), "w": "x" * 1000, "deep": ["x"], "big": ["y" * 100] * 1000}
for _ in range(200):
    DATA["deep"] = [DATA["deep"], ["z"]]


def doubled(value: str, times: int) -> str:
    """A template that adds a value to itself again and again."""
    opened = "".join("{% with a=a|add:a %}" for _ in range(times))
    return "{% with a=" + value + " %}" + opened + "{{ a|length }}" + "{% endwith %}" * (times + 1)


LOOPS = [
    "{% for a in l %}{% for b in l %}{% for c in l %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% if a == b and b != a or not a %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in l %}" + "{{ w|upper|lower }}" * 50 + "{% endfor %}",
    "{% for a in l %}" + "t" * 5000 + "{% endfor %}",
    "{% for a in l %}{{ w }}{{ w }}{{ w }}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% cycle w w %}{% endfor %}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% firstof w %}{% endfor %}{% endfor %}",
    "{% for a in l %}{% now '" + "Y" * 1000 + "' %}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% if w == '"
    + "q" * 100
    + "' %}{% else %}{% csrf_token %}{% endif %}{% endfor %}{% endfor %}",
]
MULTIPLIERS = [
    "{{ w|center:2000000000 }}",
    "{{ w|ljust:1000000 }}",
    "{{ w|rjust:'99999999999999999999' }}",
    "{{ 1|stringformat:'1000000000d' }}",
    "{{ 1|stringformat:'.1000000000f' }}",
    "{{ 1|floatformat:1000000000 }}",
    "{{ 1|floatformat:'-100000000g' }}",
    "{% lorem 100000000 w %}",
    "{% lorem 1000000 p %}",
    doubled("w", 40),
    doubled("l", 40),
    doubled("big", 10),
    "{% for a in l %}{% cycle w|add:w w|add:w as w silent %}{% endfor %}",
    "{{ long|make_list|length }}",
    "{{ long|safeseq|length }}",
    "{{ long|escapeseq|length }}",
    "{{ long|join:'' }}",
    "{{ long|unordered_list }}",
    "{{ long|pprint }}",
    "{{ lines|linenumbers }}",
    "{{ long|truncatechars_html:90000 }}",
    "{{ long|truncatewords_html:90000 }}",
    "{{ l|join:w|length }}{{ big|join:big.0|length }}" + "{{ l|join:huge }}",
    "{{ deep|unordered_list }}",
    "{% with a=w" + "|addslashes|add:'\\\\'" * 60 + " %}{{ a|length }}{% endwith %}",
]


@pytest.mark.parametrize("source", LOOPS)
def test_loops_that_never_end_are_refused(source: str) -> None:
    """Rounds, values that are read, and text that goes out are counted."""
    assert isinstance(failure(source, DATA).__cause__, OverBudget)


@pytest.mark.parametrize("source", MULTIPLIERS)
def test_what_multiplies_is_refused_in_little_memory(source: str) -> None:
    """Widths, doubling, separators, depth: one short line that would take all memory."""
    data = {**DATA, "huge": "h" * 100_000, "long": "ä" * 1_000_000, "lines": "\n" * 200_000}
    template = compiled(source)
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError) as caught:
            template.render(data, facts_for())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(caught.value.__cause__, OverBudget)
    assert peak < 16 * MIB


@pytest.mark.parametrize("filter_", ["center:5000", "ljust:5000", "stringformat:'5000d'", "join:huge"])
def test_refused_filter_in_a_condition_fails_the_template(filter_: str) -> None:
    """Django's ``if`` takes every error for false, but not this one."""
    data = {**DATA, "huge": "h" * 100_000}
    error = failure("{% if l|" + filter_ + " == 1 or 1 == 1 %}ok{% endif %}", data)
    assert isinstance(error.__cause__, OverBudget)


SLOW = [
    "{% for a in l %}{% for b in l %}{% if a in huge %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% if huge == other %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in l %}{{ huge|dictsort:0|length }}{% endfor %}",
    "{% for a in l %}{% for b in l %}{% now '" + "u" * 1000 + "' as x %}{% endfor %}{% endfor %}",
    "{% for a in l %}{{ text|slugify|length }}{% endfor %}",
]


@pytest.mark.parametrize("source", SLOW)
def test_what_is_slow_without_being_much_is_stopped_by_time(source: str) -> None:
    """Few steps that each go through a long list, or format a long date."""
    huge = [str(n) for n in range(50_000)]
    data = {**DATA, "huge": huge, "other": list(huge), "text": "word " * 20_000}
    started = time.thread_time()
    error = failure(source, data)
    assert isinstance(error.__cause__, OverBudget)
    assert time.thread_time() - started < 2


def test_time_is_looked_at_now_and_then() -> None:
    """Not at every step, but always after a large value."""
    now = [0.0]
    context = ServiceContext({}, facts_for(), Budget(seconds=1), clock=lambda: now[0])
    for _ in range(100):
        context.spend(0)
    now[0] = 1.1
    with pytest.raises(OverBudget, match="seconds"):
        context.spend(2000)
    context = ServiceContext({}, facts_for(), Budget(seconds=1), clock=lambda: now[0])
    now[0] = 2.2
    with pytest.raises(OverBudget, match="seconds"):
        any(context.spend(0) for _ in range(20))


def test_limits_are_the_engines() -> None:
    """`max_output` and `max_loops` are arguments; at the limit all is well, above it nothing is shown."""
    text = "{% for a in l %}x{% endfor %}"
    ten = {"l": list(range(10))}
    assert compiled(text, max_output=10, max_loops=20).render(ten, facts_for()).fragment.content == "x" * 10
    failure(text, ten, max_output=9)
    failure(text, ten, max_loops=9)


def test_head_menu_and_content_share_one_budget() -> None:
    """The output is all that is rendered."""
    source = '{% extends "plugIt/base.html" %}{% block menubar %}12345{% endblock %}'
    source += "{% block content %}12345{% endblock %}"
    compiled(source, max_output=10).render({}, facts_for())
    failure(source, max_output=9)


def test_a_large_honest_page_is_no_bomb() -> None:
    """3000 rows with six cells each, a page of a quarter of a megabyte and more."""
    rows = [{"id": n, "name": f"name {n}", "tags": ["a", "b"]} for n in range(3000)]
    source = """{% for r in rows %}<tr><td>{{ forloop.counter }}</td><td>{{ r.id }}</td>
    <td>{{ r.name|upper }}</td><td>{{ r.tags.0|default:"-" }}</td>
    <td>{% if r.id == 7 %}seven{% else %}{{ r.tags|join:", " }}{% endif %}</td>
    <td>{% for t in r.tags %}{{ t }}{% endfor %}</td></tr>{% endfor %}"""
    assert len(content(source, rows=rows)) > 270_000


def test_long_title_is_cut_before_its_markup_is_taken_out() -> None:
    """A hundred thousand comments in a title are none of the host's work."""
    source = "{% block title %}T {{ long|safe }}{% endblock %}"
    title = compiled(source).render({"long": "<!---->x" * 100_000}, facts_for()).fragment.title
    assert title.startswith("T xx")
    assert len(title) < 2000


def test_nested_deeper_than_python_can() -> None:
    """A text of tags within tags is refused, not a crash."""
    failure("{% if x %}" * 20_000)
    failure("{% if " + "not " * 20_000 + "x %}{% endif %}")


@pytest.mark.parametrize(
    ("value", "most", "expected"),
    [
        ("abc", 100, 4),
        (5, 100, 1),
        (["ab", ["c"]], 100, 7),
        ({"a": "bc"}, 100, 6),
        (["x" * 50] * 100, 60, 101),
    ],
)
def test_measure(value: Any, most: int, expected: int) -> None:
    """One for each value and its characters; counting ends soon above the limit."""
    assert measure(value, most) == expected if most == 100 else measure(value, most) <= expected + 60


def test_is_deeper() -> None:
    """Depth of lists alone."""
    assert not is_deeper([["x"]], 2)
    assert is_deeper([[["x"]]], 2)
    assert not is_deeper("text", 1)


def test_the_host_may_end_a_rendering() -> None:
    """Its error comes out as it is, through conditions and templates included, and is not the template's."""
    busy = ServiceBusy("another page", retry_after=1)

    def stop(_seconds: float) -> None:
        raise busy

    inner = compiled("{% for a in l %}{% if a %}{{ a }}{% endif %}{% endfor %}")
    facts = replace(facts_for(), pace=stop, include=lambda _action: inner)
    for source in ("{% if 1 %}{% for a in l %}{{ a }}{% endfor %}{% endif %}", "{% plugitInclude 'inner' %}"):
        with pytest.raises(ServiceBusy) as caught:
            compiled("{% load plugit_tags %}" + source).render(DATA, facts)
        assert caught.value is busy

"""Jinja's language, as templates of services have it."""

# ruff: noqa: E501
from __future__ import annotations

import keyword
import re
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugit_wsgi.errors import ServiceBusy, TemplateError
from plugit_wsgi.interfaces import CompiledTemplate, Rendered, TemplateFacts
from plugit_wsgi.templates.budget import Budget, OverBudget
from plugit_wsgi.templates.django import DjangoTemplates
from plugit_wsgi.templates.jinja import JinjaTemplates
from plugit_wsgi.templates.jinja_library import FILTERS, METHODS, TESTS
from plugit_wsgi.templates.jinja_meter import Meter
from plugit_wsgi.templates.jinja_parser import Look
from plugit_wsgi.templates.jinja_scope import FUNCTIONS
from plugit_wsgi.testing.template_contract import facts_for

PAGE = Path(__file__).resolve().parents[3] / "docs" / "templates-jinja.md"
DATA: dict[str, Any] = {
    "word": "wörd",
    "markup": "<b>&",
    "one": 1,
    "half": 0.5,
    "nothing": None,
    "yes": True,
    "rows": [{"n": 3, "name": "c"}, {"n": 1, "name": "A"}, {"n": 2, "name": "b"}],
    "letters": ["b", "a", "b"],
    "map": {"k": "v", "items": "key"},
    "pairs": [["x", 1], ["y", 2]],
    "tree": {"name": "r", "kids": [{"name": "s", "kids": []}, {"name": "t", "kids": []}]},
}


def compiled(source: str) -> CompiledTemplate:
    return JinjaTemplates().compile(source, template_tag="tag", menu_action="menubar")


def rendered(source: str, data: Mapping[str, Any] = DATA, facts: TemplateFacts | None = None) -> Rendered:
    return compiled(source).render(data, facts or facts_for())


def content(source: str, data: Mapping[str, Any] = DATA, facts: TemplateFacts | None = None) -> str:
    return str(rendered(source, data, facts).fragment.content)


def failure(source: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        rendered(source)
    return caught.value


SAYS = [
    ("{{ one + 1 }} {{ one - 2 }} {{ 3 * 2 }} {{ 1 / 2 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 5 }} {{ -one }}",
     "2 -1 6 0.5 3 3 32 -1"),
    ("{{ word ~ one ~ markup }}", "wörd1&lt;b&gt;&amp;"),
    ("{{ word + '!' }}{{ (letters + [1])|length }}", "wörd!4"),
    ("{{ one == 1 }}{{ word != 'x' }}{{ one < 2 }}{{ 'a' >= 'b' }}{{ rows == rows }}{{ letters != rows }}",
     "TrueTrueTrueFalseTrueTrue"),
    ("{{ 'a' in letters }}{{ 'z' not in letters }}{{ 'k' in map }}{{ 'ör' in word }}{{ 1 in [1, 2] }}",
     "TrueTrueTrueTrueTrue"),
    ("{{ yes and word }}{{ nothing or 'o' }}{{ not yes }}{{ 'a' if yes else 'b' }}[{{ 'a' if not yes }}]",
     "wördoFalsea[]"),
    ("{{ rows[0].n }}{{ rows[-1]['name'] }}{{ map.k }}{{ map['k'] }}{{ word[1:3] }}{{ word[::-1] }}"
     "{{ letters[1] }}[{{ letters[9] }}{{ map.zzz.y[3] }}{{ one.x }}]", "3bvvördröwa[]"),
    ("{{ map.items }} {{ map.items()|length }} {{ map.keys()|join('+') }} {{ map.values()|join }} "
     "{{ map.get('z', 'd') }}", "key 2 k+items vkey d"),
    ("{{ word.upper() }}{{ word.startswith('w') }}{{ ' a '.strip() }}{{ word.replace('ö', 'o') }}",
     "WÖRDTrueaword"),
    ("{% for r in rows %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}"
     "{{ loop.last }}{{ loop.length }}{{ loop.cycle('a', 'b') }} {% endfor %}",
     "1032TrueFalse3a 2121FalseFalse3b 3210FalseTrue3a "),
    ("{% for r in rows %}[{{ loop.previtem.name }}{{ r.name }}{{ loop.nextitem.name }}]{% endfor %}",
     "[cA][cAb][Ab]"),
    ("{% for r in letters %}{{ loop.changed(r) }}{% endfor %}", "TrueTrueTrue"),
    ("{% for r in [1, 1, 2] %}{{ loop.changed(r) }}{% endfor %}", "TrueFalseTrue"),
    ("{% for r in rows if r.n > 1 %}{{ r.n }}{{ loop.length }}{% else %}none{% endfor %}", "3222"),
    ("{% for r in rows if r.n > 9 %}{{ r.n }}{% else %}none{% endfor %}", "none"),
    ("{% for r in nothing %}x{% else %}none{% endfor %}{% for r in missing %}x{% endfor %}", "none"),
    ("{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}{% for k, v in map.items() %}{{ k }}{% endfor %}",
     "x1y2kitems"),
    ("{% for k in map %}{{ k }}{% endfor %}{% for c in 'ab' %}{{ c }}.{% endfor %}", "kitemsa.b."),
    ("{% for a in 'ab' %}{% set outer = loop %}{% for b in 'cd' %}{{ outer.index }}{{ loop.index }}{{ loop.depth }} "
     "{% endfor %}{% endfor %}", "112 122 212 222 "),
    ("{% set x = 1 %}{{ x }}{% for a in 'ab' %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "112121"),
    ("{{ x }}{% set x = 2 %}{{ x }}", "2"),
    ("{% for a in [1, 2] %}{% if a == 1 %}{% set y = 'set' %}{% endif %}[{{ y }}]{% endfor %}", "[set][]"),
    ("{% set word = 'other' %}{{ word }}{% if yes %}{% set word = 'third' %}{% endif %}{{ word }}", "otherthird"),
    ("{% set a, b = pairs[0] %}{{ a }}{{ b }}", "x1"),
    ("{% set ns = namespace(n=0) %}{% for r in rows %}{% set ns.n = ns.n + r.n %}{% endfor %}{{ ns.n }}", "6"),
    ("{% set x %}<i>{{ markup }}</i>{% endset %}{{ x }}{% set y | upper %}a{% endset %}{{ y }}",
     "<i>&lt;b&gt;&amp;</i>A"),
    ("{% with x = 1, y = word %}{{ x }}{{ y }}{% endwith %}[{{ x }}]", "1wörd[]"),
    ("{% macro m(a, b='d') %}({{ a }}{{ b }}){% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=markup) }}{{ m() }}",
     "(1d)(12)(&lt;b&gt;&amp;3)(d)"),
    ("{{ m(2) }}{% macro m(a) %}{{ a }}{% endmacro %}", None),
    ("{% macro kids(t) %}{{ t.name }}{% for k in t.kids %}<{{ kids(k) }}>{% endfor %}{% endmacro %}{{ kids(tree) }}",
     "r<s><t>"),
    ("{% macro box() %}<p>{{ caller() }}</p>{% endmacro %}{% call box() %}{{ markup }}{% endcall %}",
     "<p>&lt;b&gt;&amp;</p>"),
    ("{% macro each() %}{% if caller %}{% for r in rows %}{{ caller(r.n) }}{% endfor %}{% endif %}{% endmacro %}"
     "{% call(n) each() %}[{{ n }}]{% endcall %}{{ each() }}", "[3][1][2]"),
    ("{% filter upper %}a{{ markup }}{% endfilter %}", "A&LT;B&GT;&AMP;"),
    ("{% autoescape false %}{{ markup }}{% endautoescape %}{{ markup }}", "<b>&&lt;b&gt;&amp;"),
    ("{{ markup|safe }}{{ markup|e }}{{ (markup|safe)|forceescape }}", "<b>&&lt;b&gt;&amp;&lt;b&gt;&amp;"),
    ("{{ '<i>'|safe ~ markup }}{{ ['<i>'|safe, markup]|join(',') }}",
     "<i>&lt;b&gt;&amp;<i>,&lt;b&gt;&amp;"),
    ("{% raw %}{{ x }}{% endraw %}{# gone #}a{{- ' b ' -}}  c", "{{ x }}a b c"),
    ("{{ letters|sort|join }}{{ letters|unique|join }}{{ letters|reverse|join }}{{ letters|first }}{{ letters|last }}",
     "abbbababbb"),
    ("{{ rows|sort(attribute='name')|map(attribute='name')|join }}{{ rows|sum(attribute='n') }}"
     "{{ rows|sort(attribute='n', reverse=true)|map(attribute='n')|join }}", "Abc6321"),
    ("{{ rows|selectattr('n', 'gt', 1)|map(attribute='n')|join }}{{ rows|rejectattr('n', 'eq', 1)|list|length }}"
     "{{ [0, 1, 2]|select('odd')|join }}{{ [0, 1]|select|join }}{{ [0, 1]|reject|join }}", "322110"),
    ("{% for g in rows|groupby('n') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}", "112131"),
    ("{{ letters|map('upper')|join }}{{ [3, 1]|max }}{{ [3, 1]|min }}{{ 'a-b'|replace('-', '+') }}", "BAB31a+b"),
    ("{% for r in range(5)|batch(2, 'x') %}{{ r|join }} {% endfor %}{% for r in range(5)|slice(2) %}{{ r|join }} "
     "{% endfor %}", "01 23 4x 012 34 "),
    ("{{ missing|default('d') }}{{ ''|default('e', true) }}{{ nothing|d('f') }}", "deNone"),
    ("{{ map|dictsort|length }}{{ '12'|int + 1 }}{{ 'x'|int(7) }}{{ '1.5'|float }}{{ 2.567|round(1) }}{{ -2|abs }}",
     "21371.52.62"),
    ("{{ map|tojson }}{{ '</script>'|tojson }}",
     '{"k": "v", "items": "key"}"\\u003c/script\\u003e"'),
    ("{{ 'a b c'|truncate(3, true, '') }}{{ 'abcdefghijkl'|truncate(5, true, '~', 0) }}{{ ' x '|trim }}", "a b cabcd~x"),
    ("{{ 'a\\nb'|indent(2) }}{{ 'hello world'|title }}{{ 'ab'|capitalize }}{{ word|length }}{{ 'a b'|wordcount }}",
     "a\n  bHello WorldAb42"),
    ("{{ 2|pluralize }}{{ yes|yesno('on,off') }}{{ 'a\\n<'|linebreaksbr }}{{ 'a b'|urlencode }}{{ 1024|filesizeformat }}",
     "sona<br>&lt;a%20b1.0\xa0KB"),
    ("{{ missing is defined }}{{ word is string }}{{ one is number }}{{ map is mapping }}{{ nothing is none }}"
     "{{ 3 is odd }}{{ 4 is divisibleby 2 }}{{ one is not even }}{{ 1 is eq 1 }}{{ 'a' is in letters }}",
     "False" + "True" * 9),
    ("{{ [1, 'a'] }}{{ {'a': 1} }}{{ (1, 2) }}{{ true }}{{ none }}{{ 1.5 }}",
     "[1, &#x27;a&#x27;]{&#x27;a&#x27;: 1}(1, 2)TrueNone1.5"),
    ("{{ ('<b>'|safe)|linebreaksbr }}{{ '<b>'|linebreaksbr }}", "<b>&lt;b&gt;"),
    ("{{ dict(a=1).a }}{{ range(3)|join }}", "1012"),
    ("{% block content %}a{% set v = 3 %}{{ v }}{% endblock %}b", "a3b"),
    ('{% extends "plugIt/base.html" %}{% set v = 3 %}{% macro m() %}M{{ v }}{% endmacro %}'
     "{% block content %}{{ v }}{{ m() }}{{ super() }}{{ block.super }}{{ self }}{% endblock %}", "3M3"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "said"), SAYS)
def test_what_a_template_says(source: str, said: str | None) -> None:
    """Statements, expressions, filters, tests, functions; None is an error."""
    if said is None:
        failure(source)
    else:
        assert content(source) == said


REFUSED = [
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    '{% extends "plugIt/base.html" %}{% extends "plugIt/base.html" %}',
    '{% if yes %}{% extends "plugIt/base.html" %}{% endif %}',
    "{% for a in rows recursive %}{{ loop(a) }}{% endfor %}",
    "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    "{{ word|nonsense }}",
    "{{ word is nonsense }}",
    "{{ nonsense() }}",
    "{{ word.nonsense() }}",
    "{{ rows.append(1) }}",
    "{% if false %}{{ rows.append(1) }}{% endif %}",
    "{% if false %}{{ nonsense() }}{{ word|nonsense }}{% endif %}",
    "{{ rows.clear() }}",
    "{{ map.pop('k') }}",
    "{{ map.update(k=1) }}",
    "{{ map.__class__ }}",
    "{{ _x }}",
    "{{ ''['__class__'].mro() }}",
    "{{ rows[0]() }}",
    "{{ (word)() }}",
    "{{ range }}",
    "{{ dict(map) }}",
    "{{ namespace(map) }}",
    "{{ caller() }}",
    "{{ cycler(1) }}",
    "{{ lipsum() }}",
    "{{ word|attr('upper') }}",
    "{{ rows|map('nonsense') }}",
    "{{ rows|map(attribute='a', **map) }}",
    "{{ range(*letters) }}",
    "{{ 1 < one < 3 }}",
    "{% set ebuio_u = 1 %}",
    "{% set csrf_token = 1 %}",
    "{% for loop in rows %}{% endfor %}",
    "{% macro range() %}{% endmacro %}",
    "{% with ebuio_baseUrl = 'x' %}{% endwith %}",
    '{{ plugitInclude("x", ebuio_u=1) }}',
    "{% set word.x = 1 %}",
    "{% autoescape word %}{% endautoescape %}",
    "{{ one + word }}",
    "{{ one < word }}",
    "{{ 1 // 0 }}",
    "{{ rows|sort }}",
    "{% for a in one %}{% endfor %}",
    "{{ 'a' * 3 }}",
    "{{ 1e999 }}",
    "{{ 99999999999999999999 }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m }}",
    "{% do rows %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
]


@pytest.mark.parametrize("source", REFUSED)
def test_what_is_refused(source: str) -> None:
    """Names the tag and the line; the line of a text that is refused while it is compiled, too."""
    error = failure("\n\n" + source)
    assert (error.template_tag, error.line) == ("tag", 3)


def test_python_is_not_there() -> None:
    """A key is a key, whatever it is called; what is in no data is nothing."""
    for name in ("mro", "format", "gi_frame", "im_func", "items_of", "facts"):
        assert content(f"[{{{{ word.{name} }}}}{{{{ word['{name}'] }}}}{{{{ {name} }}}}]") == "[]"
    for name in ("__class__", "__globals__", "__builtins__", "__init__"):
        assert content(f"[{{{{ word['{name}'] }}}}{{{{ map['{name}'] }}}}]") == "[]"
    for name in (
        *keyword.kwlist,
        "s",
        "text",
        "apply",
        "FILTERS",
        "MISSING",
        "template",
        "n0",
        "len",
        "type",
    ):
        if name not in ("and", "if", "in", "is", "not", "or", "else", "True", "False", "None"):
            assert content(f"[{{{{ {name} }}}}]", {name: "theirs"}) == "[theirs]"


@given(st.text().filter(lambda text: "\r" not in text and "{" not in text))
@example("'''\"\"\"\\\n\0{\x1b\u2028")
def test_text_of_a_template_is_printed_as_it_is(text: str) -> None:
    """Nothing in it is code."""
    assert content(text) == text
    said = repr(text.replace("\\", "")).replace("\\x", "").replace("\\u", "").replace("\\U", "")
    assert content("{{ x|safe }}{% set y = " + said + " %}", {"x": text}) == text


_WORDS = (
    "{{ }} {% %} ( ) [ ] , . | ~ + - ' \" \\ \n if for in endfor endif set endset x loop s text rows() is = == 1 ; "
    "import os : # {# #} __import__ lambda exec raw endraw macro m endmacro block endblock"
)
_PIECES = st.lists(st.sampled_from(_WORDS.split(" ")))


@given(_PIECES)
def test_no_text_makes_anything_but_a_page_or_an_error(pieces: list[str]) -> None:
    """And no warning of Python's compiler."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with suppress(TemplateError):
            rendered(" ".join(pieces))


def test_the_token_is_in_a_field() -> None:
    """`csrf_input()`, as a function or a value, and nothing where there is no token."""
    field = '<input type="hidden" name="csrfmiddlewaretoken" value="TOKEN">'
    both = rendered("{{ csrf_input() }}{{ csrf_input }}")
    assert (str(both.fragment.content), both.personal) == (field * 2, True)
    assert content("{{ csrf_input() }}", facts=facts_for(csrf_token="")) == ""


def test_other_users_are_asked_of_the_host() -> None:
    """Their fields, or nothing; the page is the visitor's business then."""
    facts = facts_for(get_user=lambda pk: {"username": f"<{pk}>"} if pk == "7" else None)
    shown = rendered(
        "{% set u = plugitGetUser(7) %}{{ u.username }}[{{ plugitGetUser(8).username }}]", facts=facts
    )
    assert (str(shown.fragment.content), shown.personal) == ("&lt;7&gt;[]", True)


def test_templates_of_other_actions() -> None:
    """In the same context, with what the place gives them; without one, nothing."""
    menu = compiled("<{{ word }}{{ here }}{{ ebuio_baseUrl }}{{ mine }}>")
    facts = facts_for(include=lambda action: menu if action == "menu/" else None)
    source = "{% set mine = 'mine' %}{{ plugitInclude('menu/', here='h', word='w') }}{{ plugitInclude('x') }}{{ word }}"
    shown = rendered(source, facts=facts)
    assert (str(shown.fragment.content), shown.personal) == ("<wh/s/polls/>wörd", True)


def test_templates_in_two_languages_include_each_other() -> None:
    """Both see the answer; neither can go on for ever by way of the other."""
    django = DjangoTemplates().compile("D{{ word }}{{ here }}", template_tag="d", menu_action="m")
    jinja = compiled("J{{ word }}")
    assert content("{{ plugitInclude('d', here=1) }}", facts=facts_for(include=lambda _: django)) == "Dwörd1"
    source = "{% load plugit_tags %}{% plugitInclude 'j' %}"
    outer = DjangoTemplates().compile(source, template_tag="d", menu_action="m")
    assert str(outer.render(DATA, facts_for(include=lambda _: jinja)).fragment.content) == "Jwörd"
    endless = compiled("{{ plugitInclude('d') }}")
    facts = facts_for(include=lambda action: endless if action == "j" else outer)
    with pytest.raises(TemplateError, match="deeper than 8"):
        endless.render(DATA, facts)


def test_errors_of_the_host_stay_its_own() -> None:
    """A directory that fails is no fault of a template."""

    def fails(_pk: str) -> None:
        raise OSError("the directory is away")

    with pytest.raises(OSError, match="away"):
        rendered("{{ plugitGetUser(7) }}", facts=facts_for(get_user=fails))


def test_the_host_may_end_a_rendering_and_a_compilation() -> None:
    """What `pace` raises goes on, as it is."""

    def ends(_seconds: float) -> None:
        raise ServiceBusy("not now")

    with pytest.raises(ServiceBusy):
        rendered("{% for a in range(9999) %}{{ a }}{% endfor %}", facts=facts_for(pace=ends))
    with pytest.raises(ServiceBusy):
        JinjaTemplates().compile("{{ x }}" * 100, template_tag="t", menu_action="m", pace=ends)


def test_an_error_is_of_the_template_that_it_is_in() -> None:
    """Of the included one, in its line."""
    other = JinjaTemplates().compile("\n{{ 1 // 0 }}", template_tag="other", menu_action="m")
    with pytest.raises(TemplateError) as caught:
        rendered("{{ plugitInclude('o') }}", facts=facts_for(include=lambda _: other))
    assert (caught.value.template_tag, caught.value.line) == ("other", 2)
    assert failure("a\n{% macro m() %}\n{{ 1 // 0 }}{% endmacro %}\n\n{{ m() }}").line == 3


def test_an_error_has_no_names_of_ours() -> None:
    """It is for whoever wrote the template."""
    assert "before it is there" in str(failure("{{ m(2) }}{% macro m(a) %}{{ a }}{% endmacro %}"))
    assert "there is no test 'nonsense'" in str(failure("{{ rows|select('nonsense') }}"))
    assert "name of an attribute" in str(failure("{{ rows|selectattr }}"))
    assert content("[{{ caller.x }}{{ block.x }}]") == "[]"


def test_going_over_the_budget_is_costly() -> None:
    """So the host does not try it again at once; another mistake is not."""
    assert failure("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}").is_costly
    assert not failure("{{ 1 // 0 }}").is_costly


def test_an_honest_large_page_is_made() -> None:
    """Ten thousand cells, sorted, with conditions and a macro."""
    rows = [{"name": f"n{number}", "votes": number, "open": number % 2} for number in range(2000)]
    source = (
        "{% macro cell(x) %}<td>{{ x }}</td>{% endmacro %}{% for r in rows|sort(attribute='votes', reverse=true) %}"
        "<tr>{{ cell(r.name) }}{{ cell(r.votes) }}<td>{{ r.votes * 2 }}</td><td>{{ 'open' if r.open else 'closed' }}</td>"
        "<td>{{ loop.index }}</td></tr>{% endfor %}"
    )
    assert content(source, {"rows": rows}).count("<td>") == 10_000


@pytest.mark.parametrize(
    ("heading", "words"),
    [("Functions", FUNCTIONS), ("Filters", FILTERS), ("Tests", TESTS), ("Methods", METHODS)],
)
def test_the_manual_lists_what_there_is(heading: str, words: Collection[str]) -> None:
    """All of it, and nothing else."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n### {heading}\n\n")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", section)) == set(words)


def test_each_limit_is_held_by_itself() -> None:
    """Whatever the others would do a little later."""
    assert "100000 rounds of loops" in str(
        failure("{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}")
    )
    assert "macros called deeper than 40" in str(failure("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"))
    look = Look(lambda _seconds: None)
    for _ in range(20_000):
        look()
    with pytest.raises(OverBudget, match="20000 words"):
        look()


def test_the_time_of_the_processor_is_held() -> None:
    """Of a rendering: what is told to `pace` is what passed since it began."""
    told: list[float] = []
    times = iter([10.0, 10.1, 10.2, 10.4])
    meter = Meter(Budget(), told.append, lambda: next(times))
    meter.enter(2000, 0)
    meter.enter(2000, 0)
    with pytest.raises(OverBudget, match=r"0\.3 seconds"):
        meter.enter(2000, 0)
    assert [round(seconds, 3) for seconds in told] == [0.1, 0.2]

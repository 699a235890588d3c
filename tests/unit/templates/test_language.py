"""What services write in their templates, and what it means."""

from __future__ import annotations

import pytest
from tests.unit.templates.rendering import content, failure, rendered

from plugit_wsgi.templates.django import DjangoTemplates
from plugit_wsgi.testing.template_contract import facts_for

ROWS = [{"k": "a", "n": 1}, {"k": "a", "n": 2}, {"k": "b", "n": 3}]
DATA = {
    "word": "Zoë",
    "x": 3,
    "y": 3,
    "z": 4,
    "half": 0.5,
    "million": 1_000_000,
    "none": None,
    "yes": True,
    "rows": ROWS,
    "pairs": [["a", 1], ["b", 2]],
    "mapping": {"one": 1, "two": 2},
    "shadowed": {"items": "theirs"},
    "size": 123_456,
    "when": "10:30",
    "markup": "<b>x</b>",
    "links": '<a href="/x">x</a>',
    "empty": [],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ word }}{# remark #}", "Zoë"),
        ("{% comment %}{{ word }} {% nonsense %}{% endcomment %}", ""),
        ("{{ x }} {{ half }} {{ million }} {{ none }} {{ yes }}", "3 0.5 1000000 None True"),
        ("{{ rows.1.n }}{{ pairs.0.1 }}{{ word.0 }}", "21Z"),
        ("[{{ rows.9.n }}{{ rows.n }}{{ not.there.at.all }}{{ word.upper }}{{ x.real }}]", "[]"),
        ("{{ mapping.two }}{{ shadowed.items }}", "2theirs"),
        ("{% for k, v in mapping.items %}{{ k }}={{ v }};{% endfor %}", "one=1;two=2;"),
        ("{% for k in mapping %}{{ k }};{% endfor %}", "one;two;"),
        ("{% for v in mapping.values %}{{ v }};{% endfor %}", "1;2;"),
        ("{{ markup }}{{ markup|safe }}", "&lt;b&gt;x&lt;/b&gt;<b>x</b>"),
        ("{% autoescape off %}{{ markup }}{% endautoescape %}", "<b>x</b>"),
        ("{% verbatim %}{{ word }}{% if %}{% endverbatim %}", "{{ word }}{% if %}"),
        ("{% templatetag openvariable %}", "{{"),
    ],
)
def test_variables_and_text(source: str, expected: str) -> None:
    """Dots are keys and numbers of items; what is missing is empty; None prints as in Django."""
    assert content(source, **DATA) == expected


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        ("x", True),
        ("missing", False),
        ("empty", False),
        ("x == y", True),
        ("x != y", False),
        ("x==y", True),
        ("x!=y", False),
        ("x<z", True),
        ("x>=z", False),
        ("x<=z and x>2", True),
        ('word=="Zoë"', True),
        ('word!="a==b"', True),
        ("word|default:'a=b'==\"Zoë\"", True),
        ("not x == z", True),
        ("not x and y or z", True),
        ("x in mapping.values", False),
        ("'one' in mapping", True),
        ("missing.deep == x", False),
        ("rows|length == 3", True),
        ("x is y", True),
    ],
)
def test_conditions_with_and_without_blanks(condition: str, is_true: bool) -> None:
    """``{% if a==b %}`` is the same as ``{% if a == b %}``; Django's own parser refuses the first."""
    assert content(f"{{% if {condition} %}}yes{{% else %}}no{{% endif %}}", **DATA) == (
        "yes" if is_true else "no"
    )


def test_elif_without_blanks() -> None:
    """Each branch of an if is read the same way, also close to its braces."""
    source = "{%if x==z%}1{%elif x!=y%}2{%elif x==y%}3{%else%}4{%endif%}"
    assert content(source, **DATA) == "3"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for r in rows %}{{ forloop.counter }}{{ forloop.counter0 }}{% endfor %}", "102132"),
        ("{% for r in rows %}{% if forloop.first %}F{% elif forloop.last %}L{% endif %}{% endfor %}", "FL"),
        ("{% for r in rows %}{{ forloop.revcounter }}{% endfor %}", "321"),
        (
            "{% for a in rows %}{% for b in pairs %}{{ forloop.parentloop.counter }}{% endfor %}{% endfor %}",
            "112233",
        ),
        ("{% for r in rows reversed %}{{ r.n }}{% endfor %}", "321"),
        ("{% for e in empty %}x{% empty %}none{% endfor %}", "none"),
        ("{% for e in missing %}x{% endfor %}", ""),
        ("{% for k, v in pairs %}{{ k }}{{ v }}{% endfor %}", "a1b2"),
        ("{% for r in rows %}{% cycle 'odd' 'even' %}{% endfor %}", "oddevenodd"),
        ("{% for r in rows %}{% ifchanged r.k %}{{ r.k }}{% endifchanged %}{% endfor %}", "ab"),
        ("{% for r in rows %}{% ifchanged %}{{ r.k }}{% else %}-{% endifchanged %}{% endfor %}", "a-b"),
        (
            "{% for p in pairs %}{% for r in rows %}{% ifchanged r.k %}{{ r.k }}{% endifchanged %}"
            "{% endfor %}{% endfor %}",
            "abab",
        ),
        (
            "{% regroup rows by k as g %}{% for e in g %}{{ e.grouper }}{{ e.list|length }}{% endfor %}",
            "a2b1",
        ),
        (
            "{% regroup rows by k as g %}{% for name, items in g %}{{ name }}{{ items.0.n }}{% endfor %}",
            "a1b3",
        ),
    ],
)
def test_loops(source: str, expected: str) -> None:
    """Loops, their counters, and the tags that remember the round before."""
    assert content(source, **DATA) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% with a=x b=word|upper %}{{ a }}{{ b }}{% endwith %}{{ a }}", "3ZOË"),
        ("{% with missing|default:'q' as a %}{{ a }}{% endwith %}", "q"),
        ("{% with a=missing|default:'x' %}{{ a }}{% endwith %}", "x"),
        ("{% widthratio x z 100 %}%", "75%"),
        ("{% widthratio x 0 100 %}", "0"),
        ("{% widthratio x z 100 as w %}<{{ w }}>", "<75>"),
        ("{% ifequal x y %}eq{% else %}ne{% endifequal %}{% ifnotequal x z %}ne{% endifnotequal %}", "eqne"),
        ("{% firstof missing none word %}", "Zoë"),
        ("{% filter upper %}{{ word }}!{% endfilter %}", "ZOË!"),
        ("{% spaceless %}<p> <b>x</b> </p>{% endspaceless %}", "<p><b>x</b></p>"),
        ("{% now 'Y' as year %}{{ year|length }}", "4"),
        ("{% lorem 2 w %}", "lorem ipsum"),
        ("{% load plugit_tags %}{{ links|url_target_blank|safe }}", '<a target="_blank" href="/x">x</a>'),
        ("{% load url_target_blank from plugit_tags %}{{ links|url_target_blank|safe|length }}", "34"),
    ],
)
def test_tags(source: str, expected: str) -> None:
    """Tags found in services, and Django's other harmless ones."""
    assert content(source, **DATA) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ none|default:'leer' }}{{ missing|default:'leer' }}{{ word|default:'leer' }}", "leerleerZoë"),
        ("{{ yes|yesno:'ja,nein' }}{{ none|yesno }}", "jamaybe"),
        ("{{ word|length }}{{ rows|length }}{{ missing|length }}", "330"),
        ("{{ rows|length_is:'3' }}{{ word|length_is:4 }}{{ x|length_is:word }}", "TrueFalse"),
        ("{{ word|upper }}{{ word|lower }}", "ZOËzoë"),
        ("{{ size|filesizeformat }}", "120.6\xa0KB"),
        ("[{{ when|time }}{{ when|date:'Y' }}]", "[]"),
        ("{{ x|add:'2' }}{{ word|add:'!' }}{{ x|add:word }}", "5Zoë!"),
        ("{{ rows|first|length }}{{ rows.0.k|add:rows.2.k }}", "2ab"),
        ("{{ half|floatformat:2 }}{{ x|stringformat:'03d' }}[{{ word|center:5 }}]", "0.50003[ Zoë ]"),
        ("{{ pairs.0|join:'-' }}{{ markup|striptags }}{{ x|pluralize }}", "a-1xs"),
        (
            "{{ mapping|json_script:'d' }}",
            '<script id="d" type="application/json">{"one": 1, "two": 2}</script>',
        ),
        ("{% for r in rows|dictsortreversed:'n'|slice:':2' %}{{ r.n }}{% endfor %}", "32"),
        ("{{ markup|escape }}{{ markup|force_escape|safe }}", "&lt;b&gt;x&lt;/b&gt;" * 2),
        ("{{ word|urlencode }}{{ 'a b'|slugify }}", "Zo%C3%ABa-b"),
    ],
)
def test_filters(source: str, expected: str) -> None:
    """Filters found in services, and Django's other ones."""
    assert content(source, **DATA) == expected


def test_blocks_in_blocks_and_super() -> None:
    """Nested blocks are shown where they stand; the parents' blocks are empty, so super is nothing."""
    source = """{% extends "plugIt/base-withBlocks.html" %}
    {% block css %}{{ block.super }}<style>{% endblock css %}
    {% block content %}A{% block inner %}[{{ block.super }}{{ word }}]{% endblock %}B{% endblock content %}"""
    fragment = rendered(source, **DATA).fragment
    assert (fragment.head, fragment.content) == ("<style>", "A[Zoë]B")


def test_base_html_has_no_place_for_styles() -> None:
    """As in the original, `css` and `javascript` are blocks of the other parent only."""
    source = '{% extends "plugIt/base.html" %}{% block css %}<style>{% endblock %}'
    assert rendered(source).fragment.head == ""


def test_menu_that_stands_in_the_content_is_content() -> None:
    """The original looks for the menu's block outside other blocks only."""
    source = (
        '{% extends "plugIt/base.html" %}{% block content %}A{% block menubar %}M{% endblock %}{% endblock %}'
    )
    fragment = rendered(source).fragment
    assert (fragment.menu, fragment.content) == ("", "AM")


def test_blocks_without_a_parent_stay_where_they_are() -> None:
    """All of the text is content; title and menu are given apart as well, nothing goes to the head."""
    source = "<h1>{% block title %}T{% endblock %}</h1>{% block css %}<style>{% endblock %}"
    source += "{% block menubar %}M{% endblock %}"
    fragment = rendered(source).fragment
    assert (fragment.title, fragment.menu, fragment.head) == ("T", "M", "")
    assert fragment.content == "<h1>T</h1><style>M"


def test_menu_may_have_another_name() -> None:
    """The mount says which block is the menu."""
    source = "{% block menubar %}M{% endblock %}{% block side %}S{% endblock %}"
    template = DjangoTemplates().compile(source, template_tag="", menu_action="side")
    assert template.render({}, facts_for()).fragment.menu == "S"


def test_token_is_a_hidden_field() -> None:
    """``{% csrf_token %}`` is the field that forms send, escaped; nothing without a token."""
    field = '<input type="hidden" name="csrfmiddlewaretoken" value="a&quot;b">'
    assert content("{% csrf_token %}", facts_for(csrf_token='a"b')) == field
    assert content("{% csrf_token %}", facts_for(csrf_token="")) == ""


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("{% if %}", 1),
        ("a\n{% if x %}\n", 2),
        ("a\n\n{{ x| }}", 3),
        ("\n{% nonsense %}", 2),
        ("{{ x|nonsense }}", 1),
        ('{% extends "plugIt/base.html" %}\n{% block a %}{% endblock %}\n{% block a %}{% endblock %}', 3),
        ('{{ x }}\n{% extends "plugIt/base.html" %}', 2),
        ("{{ _x }}", 1),
        ("{{ x._y }}", 1),
        ("{% plugitInclude 'a' %}", 1),
        ("{% load plugit_tags %}\n{% plugitInclude %}", 2),
        ("{% load plugit_tags %}\n{% plugitGetUser 1 %}", 2),
    ],
)
def test_errors_of_the_text_have_a_line(source: str, line: int) -> None:
    """A text that is no template is refused with tag and line."""
    error = failure(source)
    assert (error.template_tag, error.line) == ("tag", line)


def test_errors_of_rendering_have_the_line_of_the_innermost_tag() -> None:
    """Also deep inside other tags."""
    source = '{% extends "plugIt/base.html" %}\n{% block content %}\n'
    source += "{% if 1 %}\n{{ 1|divisibleby:0 }}{% endif %}{% endblock %}"
    error = failure(source)
    assert (error.line, type(error.__cause__)) == (4, ZeroDivisionError)

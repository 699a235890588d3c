"""F26 to F29: templates that are none, never end, take all memory, or try to get out."""

from __future__ import annotations

import pytest

from plugit_wsgi.testing.transport_contract import memory_below
from tests.faults.conftest import MakeWorld
from tests.faults.world import World
from tests.integration.conftest import PEOPLE, SECRET

MIB = 1024 * 1024
#: Seconds that a template may take, and what a page may take of memory.
LIMIT = 0.5
SLOT = 16 * MIB


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{% for a in %}x{% endfor %}",
        "{% endfor %}",
        "{% if a %}",
        "{{ a|nosuchfilter }}",
        "{% nosuchtag %}",
        "{% load nosuchlibrary %}",
        "{{ a b }}",
        "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    ],
)
def test_f26_has_a_template_that_is_none(world: World, source: str) -> None:
    """502 for that action, and one line that says so."""
    world.teach_template("odd", source)
    world.suffer("odd", status=502, within=0.05, keeps=True)
    assert "kind=TemplateError" in world.lines[0]


LOOP = "{% for a in items %}"
END = "{% endfor %}"
ENDLESS = [
    LOOP * 3 + "x" + END * 3,
    LOOP * 6 + END * 6,
    LOOP * 4 + "{{ a }}{{ forloop.counter }}" + END * 4,
    LOOP * 4 + "{% if a == forloop.counter %}{% cycle 'a' 'b' %}{% endif %}" + END * 4,
    LOOP * 4 + "{% with b=a|add:1 %}{{ b }}{% endwith %}" + END * 4,
    LOOP * 4 + '{% firstof a "" %}{% widthratio a 2 3 %}' + END * 4,
    "{% for a in text %}" * 9 + "{{ a|upper|lower|slugify }}" + END * 9,
]


@pytest.mark.parametrize("source", ENDLESS)
def test_f27_has_a_template_that_never_ends(world: World, source: str) -> None:
    """502 within half a second."""
    world.teach_template("endless", source)
    world.suffer("endless", status=502, within=LIMIT, keeps=True)


def test_f27_has_a_template_that_prints_without_end(world: World) -> None:
    """And within the memory of a place."""
    world.teach_template("endless", LOOP * 4 + "{{ text }}{{ a }}" + END * 4)
    with memory_below(SLOT):
        world.suffer("endless", status=502, within=LIMIT, keeps=True)


HUGE = [
    '{{ text|ljust:"300000000" }}',
    '{{ text|rjust:"300000000" }}',
    '{{ text|center:"300000000" }}',
    '{{ 1|stringformat:"0300000000d" }}',
    '{{ text|stringformat:"300000000s" }}',
    '{{ 1.5|floatformat:"300000000" }}',
    '{% with a=text|ljust:"9999" %}' + LOOP * 3 + "{{ a }}" + END * 3 + "{% endwith %}",
    "{% with a=items|pprint|ljust:9999 %}" + "{{ a }}" * 2000 + "{% endwith %}",
    "{% filter force_escape %}" + LOOP * 3 + "&&&&&&&&" + END * 3 + "{% endfilter %}",
    '{{ text|linenumbers|urlize|linebreaks|ljust:"99999999" }}',
    '{{ items|join:text|ljust:"99999999" }}',
    "{% lorem 99999999 w %}",
]


@pytest.mark.parametrize("source", HUGE)
def test_f28_has_a_template_that_takes_all_memory(world: World, source: str) -> None:
    """502 within half a second, or a page of a size that is bounded; within the memory of a place."""
    world.teach_template("huge", source)
    world.expect_well()
    with memory_below(SLOT):
        seen = world.visit("huge")
    assert seen.status in (200, 502)
    assert seen.seconds < LIMIT + 0.5
    assert len(seen.text) < 3 * MIB
    world.expect_free()
    world.expect_well()


def test_f28_doubles_what_it_has(world: World) -> None:
    """Text that doubles forty times is stopped."""
    doubling = "".join(f"{{% with a{n + 1}=a{n}|add:a{n} %}}" for n in range(40))
    world.teach_template("double", f"{{% with a0=text %}}{doubling}{{{{ a40 }}}}" + "{% endwith %}" * 41)
    with memory_below(SLOT):
        world.suffer("double", status=502, within=LIMIT, keeps=True)


REACHING = [
    "{{ settings.SECRET_KEY }}",
    "{{ settings }}",
    "{{ request.META }}{{ request.environ }}{{ request }}",
    "{{ ebuio_u.email.__class__ }}",
    "{{ ebuio_u.__class__.__mro__ }}",
    "{{ ebuio_u.format.__globals__ }}{{ text.format.__globals__ }}",
    "{{ text.__class__.__base__.__subclasses__ }}",
    "{{ block.nodelist.0.origin.loader.engine.dirs }}",
    "{{ block.nodelist }}{{ block.super.nodelist }}{{ block.context }}{{ block.parent }}",
    "{{ forloop.parentloop.parentloop.items }}",
    "{{ items.clear }}{{ items.pop }}{{ items.sort }}{{ items }}",
    "{{ csrf_token.__class__ }}",
    "{{ environ }}{{ os.environ }}{{ sys.path }}",
    "{{ self }}{{ context }}{{ template }}{{ engine }}{{ True.__class__ }}",
]
ESCAPING = [
    '{% include "/etc/passwd" %}',
    '{% include "plugIt/base.html" %}',
    '{% ssi "/etc/passwd" %}',
    "{% load i18n %}{% get_current_language as x %}{{ x }}",
    "{% load static %}{% static 'x' %}",
    "{% debug %}",
    "{% url 'admin:index' %}",
    "{% csrf_token %}{% include request %}",
]
#: What no page may hold: secrets, files, addresses of objects, the inside of Python.
INSIDE = (
    SECRET,
    "root:x:",
    "<class",
    " object at 0x",
    "bound method",
    "__",
    "site-packages",
    "DJANGO",
    "/usr",
)


@pytest.mark.parametrize("source", REACHING)
def test_f29_has_a_template_that_reaches_out(world: World, source: str) -> None:
    """It finds nothing; what it prints is what a page without it has."""
    world.teach_template("empty", "[]")
    world.teach_template("reach", f"[{source}]")
    empty, seen = world.visit("empty"), world.visit("reach")
    assert seen.status in (200, 502)
    if seen.status == 200:
        found = seen.text[seen.text.index("[") + 1 : seen.text.rindex("]")]
        assert not any(word in found for word in INSIDE), found
        assert empty.status == 200
    world.expect_well()


@pytest.mark.parametrize("source", ESCAPING)
def test_f29_has_a_template_that_is_closed(world: World, source: str) -> None:
    """502: there is no such tag, or no such template."""
    world.teach_template("escape", source)
    world.suffer("escape", status=502, within=0.05, keeps=True)


def test_f29_changes_nothing_for_the_next_visitor(make_world: MakeWorld) -> None:
    """What a template can call changes neither data that is kept nor people."""
    world = make_world()
    named = ("items.clear", "items.pop", "ebuio_u.memberships.clear", "ebuio_orgas.clear", "ebuio_u.delete")
    calls = "".join(f"{{{{ {name} }}}}" for name in named)
    world.teach_template("change", calls + "({{ items|length }})")
    before = dict(PEOPLE)
    for _ in range(2):
        assert "(100)" in world.visit("change").text
    assert before == PEOPLE

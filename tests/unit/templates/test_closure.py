"""Known ways out of Django's engine beside those of `test_escape` and `test_reach`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.template import TemplateDoesNotExist
from tests.unit.templates.rendering import compiled, content, rendered
from tests.unit.templates.test_settings import run

from plugit_wsgi.people import User, Visitor
from plugit_wsgi.templates.compiler import ClosedEngine
from plugit_wsgi.testing.template_contract import facts_for

PLANTED = "Pl4nted-in-the-host"

IN_A_DJANGO_SITE = """
import sys; sys.path.insert(0, {folder!r})
import django
from django.conf import settings
settings.configure(
    SECRET_KEY={planted!r}, DEBUG=True, USE_I18N=True, LANGUAGE_CODE="en",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.admin"],
    TEMPLATES=[{{
        "BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [{folder!r}], "APP_DIRS": True,
        "OPTIONS": {{
            "builtins": ["planted_tags"], "libraries": {{"planted": "planted_tags"}},
            "context_processors": ["planted_tags.processor"], "string_if_invalid": {planted!r},
        }},
    }}],
)
django.setup()
from django.template import engines
assert {planted!r} in engines["django"].from_string("{{% planted %}}{{% include 'secret.html' %}}").render()
from plugit_wsgi.errors import TemplateError
from tests.unit.templates.rendering import content
"""
TAGS = f"""
from django import template
register = template.Library()
register.simple_tag(lambda: {PLANTED!r}, name="planted")
register.filter("planted", lambda value: {PLANTED!r})
def processor(request):
    return {{"planted": {PLANTED!r}}}
"""


def test_a_django_site_around_it_opens_nothing(tmp_path: Path) -> None:
    """Its templates, builtins, libraries, processors and debug mode are its own engine's."""
    (tmp_path / "planted_tags.py").write_text(TAGS)
    (tmp_path / "secret.html").write_text(PLANTED)
    program = IN_A_DJANGO_SITE.format(folder=str(tmp_path), planted=PLANTED)
    program += """
for source in (
    "{% planted %}", "{{ 1|planted }}", "{{ planted }}", "{% load planted %}", "{% load planted_tags %}",
    "{% include 'secret.html' %}", "{% extends 'secret.html' %}", "{% load admin_urls %}", "{% debug %}",
    "{{ settings.SECRET_KEY }}", "{{ missing.SECRET_KEY }}", "{% now 'SECRET_KEY' %}",
    "{{ _('SECRET_KEY').x }}",
    "{{ 1.5|floatformat:'SECRET_KEY' }}", "{{ '{0.settings}'|stringformat:'s' }}",
):
    try:
        print(repr(content(source)))
    except TemplateError as error:
        print(error)
"""
    said = run(program)
    assert said.count("\n") >= 14
    assert PLANTED not in said


def test_a_date_is_printed_by_no_setting_but_formats() -> None:
    """Django once took the name of any setting for a format."""
    program = f"""
from datetime import datetime
from django.conf import settings
settings.configure(SECRET_KEY={PLANTED!r}, USE_I18N=True)
import django; django.setup()
from tests.unit.templates.rendering import content
print(content("{{{{ d|date:'SECRET_KEY' }}}} {{{{ d|time:'SECRET_KEY' }}}} {{{{ d|date:'DATE_FORMAT' }}}}",
    d=datetime(2024, 1, 2)))
"""
    said = run(program)
    assert PLANTED not in said
    assert said.endswith("Jan. 2, 2024")


def test_the_language_of_who_came_first_is_not_kept() -> None:
    """Not of who compiled a template, nor of who rendered it; also in arguments of filters."""
    program = """
import django
from django.conf import settings
settings.configure(LANGUAGE_CODE='en', USE_I18N=True)
django.setup()
from django.utils import translation
translation.activate('fr')
from tests.unit.templates.rendering import content
print(content("{{ x|default:_('yes,no,maybe') }} {{ _('yes,no,maybe') }}"))
"""
    assert run(program) == "yes,no,maybe yes,no,maybe"


def test_texts_to_be_translated_are_texts() -> None:
    """Django's are objects that call a function when printed."""
    source = (
        "{% with a=_('x') b=x|default:_('y') %}{{ a.proxy }}{{ b.proxy }}{{ a.func }}{{ a }}{{ b|pprint }}"
    )
    assert content(source + "{% endwith %}") == "x&#x27;y&#x27;"


@pytest.mark.parametrize("filter_", ["dictsort:'real'", "dictsortreversed:'real'", "dictsort:'get'"])
@pytest.mark.parametrize("data", [[2, 1], [5], ["b"]])
def test_no_list_is_sorted_by_attributes(filter_: str, data: list[object]) -> None:
    """Django's filters look for Python attributes where there is no such key."""
    assert content("{{ rows|" + filter_ + " }}{{ ebuio_orgas|" + filter_ + " }}", rows=data) == ""


def test_lists_are_sorted_by_keys_as_ever() -> None:
    """One key, or several with dots between; equal ones keep their order, also reversed."""
    rows = [{"n": {"m": 2}, "t": "a"}, {"n": {"m": 1}, "t": "b"}, {"n": {"m": 2}, "t": "c"}]
    shown = "{% for each in rows|dictsort:'n.m' %}{{ each.t }}{% endfor %} "
    shown += "{% for each in rows|dictsortreversed:'n.m' %}{{ each.t }}{% endfor %} {{ pairs|dictsort:0 }}"
    assert content(shown, rows=rows, pairs=[[2, 1], [1, 2]]) == "bac acb [[1, 2], [2, 1]]"


def test_what_can_be_called_is_not_called() -> None:
    """Django calls what a variable finds. A field of the host's that is a function is text, uncalled."""
    calls: list[object] = []
    user = User("1", extra={"act": lambda *a: calls.append(a), "deep": {"act": calls.clear, "type": dict}})
    facts = facts_for(Visitor(user=user), user_fields=("act", "deep"))
    source = "{{ ebuio_u.act }}{{ ebuio_u.deep.act }}{{ ebuio_u.deep.type }}{{ ebuio_u.deep.type.x }}"
    source += (
        "{% for each in ebuio_u.deep.values %}{{ each|length }}{% endfor %}{% if ebuio_u.act %}{% endif %}"
    )
    assert content(source, facts)
    assert calls == []


def test_the_engine_finds_no_template() -> None:
    """Nor does one engine know what another one compiled."""
    engine = ClosedEngine()
    compiled("{% block content %}{{ secret }}{% endblock %}")
    for name in ("tag", "service", "plugIt/base.html", "/etc/hostname", "admin/base.html"):
        with pytest.raises(TemplateDoesNotExist):
            engine.get_template(name)
    assert (engine.dirs, engine.app_dirs, engine.debug, engine.context_processors) == ([], False, False, [])


def test_what_a_tag_remembers_ends_with_its_rendering() -> None:
    """`cycle`, `ifchanged` and loops begin anew for each visitor, also where many render one template."""
    source = (
        "{% for n in 'abc' %}{% cycle 'x' 'y' as w %}{% ifchanged n %}{{ n }}{% endifchanged %}{% endfor %}"
    )
    template = compiled(source + "{% cycle 'p' 'q' %}{{ own }}{{ forloop }}")
    start = threading.Barrier(8)

    def render(number: int) -> bool:
        start.wait(20)
        shown = [template.render({"own": number}, facts_for()).fragment.content for _ in range(50)]
        return set(shown) == {f"xaybxcp{number}"}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(render, range(8)))


def test_markup_ends_in_the_title() -> None:
    """`safe` makes markup of a service's text, which is its own affair; a title is text in any layout."""
    fragment = rendered(
        "{% block title %}{{ x|safe }}{% endblock %}", x="<script>1</script>&lt;b&gt;"
    ).fragment
    assert fragment.title == "1<b>"


@pytest.mark.parametrize("posed", ['"><script>', "'", None, 5, {"a": 1}])
def test_the_token_is_the_hosts(posed: object) -> None:
    """An answer cannot put one of its own into a form, nor take the field apart."""
    assert content("{% csrf_token %}", csrf_token=posed).endswith('value="TOKEN">')
    set_by_template = "{% with csrf_token=posed %}{% csrf_token %}{% endwith %}"
    assert "<script" not in content(set_by_template, posed=posed)

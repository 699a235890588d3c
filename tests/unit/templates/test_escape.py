"""Known ways from a template into the host; none of them leads anywhere."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import pytest
from tests.unit.templates.rendering import content, failure

from plugit_wsgi.people import User, Visitor
from plugit_wsgi.templates.compiler import ClosedEngine
from plugit_wsgi.testing.template_contract import facts_for

DATA = {
    "word": "w",
    "name": "plugIt/base.html",
    "rows": [{"n": 2}, {"n": 1}],
    "mapping": {"a": 1},
    "nested": {"list": [1, 2]},
    "number": 5,
}


@pytest.mark.parametrize(
    "variable",
    [
        "block.nodelist",
        "block.nodelist.0.origin.loader.engine",
        "block.nodelist.0.token",
        "block.context",
        "block.render",
        "block.name",
        "block.parent",
        "ebuio_u.get",
        "ebuio_u.fields",
        "ebuio_orga.memberships",
        "ebuio_orga.get",
        "ebuio_orgas.count",
        "forloop.parentloop.parentloop.parentloop",
        "forloop.clear",
        "word.encode",
        "word.format",
        "word.join",
        "rows.clear",
        "rows.pop",
        "rows.0.popitem",
        "mapping.clear",
        "mapping.copy",
        "nested.list.append",
        "number.real",
        "number.to_bytes",
        "True.real",
        "request",
        "request.META",
        "settings",
        "settings.SECRET_KEY",
        "user",
        "perms",
        "self",
        "context",
        "engine",
        "dicts",
        "render_context",
        "facts",
        "ebuio_hpro_key",
    ],
)
def test_dots_lead_to_data_only(variable: str) -> None:
    """Attributes and methods of Python objects do not exist; nothing is called, so nothing is emptied."""
    before = copy.deepcopy(DATA)
    loop = "{% for x in rows %}{{ " + variable + " }}{% endfor %}"
    source = '{% extends "plugIt/base.html" %}{% block content %}' + loop + "{% endblock %}"
    assert content(source, **DATA) == ""
    assert before == DATA


@pytest.mark.parametrize("variable", ["ebuio_u.__class__", "word.__class__.__mro__", "_private", "rows.0._n"])
def test_underscores_are_refused(variable: str) -> None:
    """A name that begins with an underscore is no variable."""
    failure(f"{{{{ {variable} }}}}", DATA)


@pytest.mark.parametrize(
    "tag",
    [
        '{% include "plugIt/base.html" %}',
        '{% include "/etc/hostname" %}',
        "{% include word %}",
        '{% ssi "/etc/hostname" %}',
        "{% debug %}",
        "{% url 'admin:index' %}",
        "{% querystring a=1 %}",
        '{% extends "../../etc/hostname" %}',
        '{% extends "./base.html" %}',
        '{% extends "admin/base.html" %}',
        "{% extends name %}",
        '{% extends name|default:"plugIt/base.html" %}',
        '{% extends "plugIt/base.html"|safe %}',
        "{% load static %}",
        "{% load i18n %}",
        "{% load l10n tz cache %}",
        "{% load admin_urls %}",
        "{% load plugit_wsgi.templates.language %}",
        "{% load os from plugit_tags %}",
        "{% trans 'x' %}",
        "{% static 'x' %}",
        "{% cache 500 x %}{% endcache %}",
        "{% partialdef x %}{% endpartialdef %}",
    ],
)
def test_tags_that_reach_the_host_do_not_exist(tag: str) -> None:
    """They are refused when the template is compiled, taken or not."""
    failure("{% if missing %}" + tag + "{% endif %}" if "extends" not in tag else tag, DATA)


def test_words_alone_are_not_refused() -> None:
    """The language is closed by construction: texts about it are only texts."""
    text = "{% comment %}{% include 'x' %}{% endcomment %}{% verbatim %}{% load os %}{% endverbatim %}"
    assert content(text + "__class__ ssi") == "{% load os %}__class__ ssi"


def test_engine_has_no_loader_and_no_library_of_the_host() -> None:
    """What is not built in cannot be reached, whatever a template says."""
    engine = ClosedEngine()
    assert engine.template_loaders == []
    assert list(engine.template_libraries) == ["plugit_tags"]
    assert not {"include", "debug", "url", "querystring"} & set(engine.template_builtins[0].tags)


@pytest.mark.parametrize(
    "source",
    [
        "{% cycle 'a' 'b' as word %}",
        "{% for r in rows %}{% cycle 'a' 'b' as mapping silent %}{% endfor %}",
        "{% with forloop=mapping %}{% ifchanged word %}{% endifchanged %}{% endwith %}",
        "{% for forloop in rows %}{% ifchanged word %}{% endifchanged %}{% endfor %}",
        "{% for n in rows %}{% ifchanged %}{{ n.n }}{% endifchanged %}{% endfor %}",
        "{% regroup rows by n as rows %}",
        "{% widthratio 1 2 3 as number %}{% now 'Y' as word %}{% firstof 'x' as name %}",
        "{{ rows|dictsort:'n'|length }}{{ nested.list|add:nested.list|length }}{{ nested.list|random }}",
        "{{ rows|dictsort:'clear' }}{{ rows|slice:'0' }}{{ rows|unordered_list }}{{ mapping|pprint }}",
        "{% load plugit_tags %}{% plugitGetUser 1 as mapping %}",
    ],
)
def test_no_tag_or_filter_changes_the_answer(source: str) -> None:
    """The answer may be in the cache, and rendered for others at this moment."""
    data = {**DATA, "forloop": {"mine": 1}, "block": {"mine": 1}}
    before = copy.deepcopy(data)
    content(source, **data)
    assert data == before
    assert [*data["forloop"], *data["mapping"]] == ["mine", "a"]


def test_what_a_template_sets_ends_with_its_rendering() -> None:
    """Also when it sets names of ours."""
    assert content("{% cycle 'x' as ebuio_baseUrl %}") == "x"
    assert content("{{ ebuio_baseUrl }}") == "/s/polls/"


def test_objects_of_the_host_become_text() -> None:
    """An extra field of a user may be anything; a template gets its text, and no more."""

    class Wallet:
        secret = "42"

        def __str__(self) -> str:
            return "<wallet>"

    user = User("1", extra={"wallet": Wallet(), "labels": {"a": [Wallet()]}})
    facts = facts_for(Visitor(user=user), user_fields=("wallet", "labels"))
    source = "{{ ebuio_u.wallet }}{{ ebuio_u.wallet.secret }}"
    source += "{{ ebuio_u.labels.a.0 }}{{ ebuio_u.labels.a.0.secret }}"
    assert content(source, facts) == "&lt;wallet&gt;" * 2


@pytest.mark.parametrize(
    "printed", ["{{ ebuio_u }}", "{{ ebuio_u|pprint }}", "{{ block }}", "{{ ebuio_orgas|stringformat:'s' }}"]
)
def test_printing_a_record_tells_nothing_of_its_fields(printed: str) -> None:
    """Records print as nothing, organizations as their name."""
    shown = content("{% block content %}" + printed + "{% endblock %}")
    assert shown.strip("()[],") in ("", "Radio")


def test_environment_stays_unread() -> None:
    """A planted secret in environment and settings is not printed by any variable at the top."""
    program = (
        "import os; os.environ['PLANTED'] = 'PLANTED-VALUE'\n"
        "from django.conf import settings; settings.configure(SECRET_KEY='PLANTED-VALUE', DEBUG=True)\n"
        "from tests.unit.templates.rendering import content\n"
        "for name in ('settings', 'environ', 'os', 'debug', 'sql_queries', 'SECRET_KEY', 'PLANTED'):\n"
        "    print(content('{{ %s }}' % name))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.strip() == ""

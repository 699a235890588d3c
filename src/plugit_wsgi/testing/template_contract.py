"""What every template engine does, whatever its language: a suite to inherit from.

::

    class TestDjangoTemplates(TemplateContract):
        def make_engine(self):
            return DjangoTemplates()

The texts are written so that Django's language and Jinja's read them alike.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import TemplateError
from ..interfaces import CompiledTemplate, Rendered, TemplateEngine, TemplateFacts
from ..people import Organization, Rights, User, Visitor

__all__ = ["TemplateContract", "facts_for"]

_FIELDS = ("pk", "username", "ebuio_member")
_RADIO = Organization("3", "Radio", "chradio")

_OURS = {
    "ebuio_baseUrl": "/s/polls/",
    "ebuio_hpro_name": "polls",
    "ebuio_hpro_pk": "42",
    "STATIC_URL": "/static/",
    "MEDIA_URL": "/media/",
    "csrf_token": "TOKEN",
}
"""Keys that an answer cannot take from us, with the values of `facts_for`."""

_PERSONAL = {
    "a field of the user": "{{ ebuio_u.username }}",
    "whether somebody is logged in": "{% if ebuio_u.id %}in{% endif %}",
    "a right": "{% if ebuio_u.ebuio_member %}member{% endif %}",
    "the organization": "{{ ebuio_orga.name }}",
    "the organizations": "{% for each in ebuio_orgas %}{{ each.pk }}{% endfor %}",
    "the token": "{{ csrf_token }}",
    "the user, by another name": "{% for x in once %}{% with u=ebuio_u %}{{ u.id }}{% endwith %}{% endfor %}",
    "the user, through a filter": "{{ ebuio_u.username|upper }}",
}
_FOR_ALL = {
    "text": "only text",
    "the answer": "{{ word }}{% for each in once %}{{ each }}{% endfor %}",
    "the mount": "{{ ebuio_baseUrl }}{{ ebuio_hpro_name }}{{ ebuio_hpro_pk }}{{ STATIC_URL }}{{ MEDIA_URL }}",
    "the mode": "{% if ebuio_orgamode %}organizations{% endif %}",
    "a branch not taken": "{% if nothing %}{{ ebuio_u.username }}{% endif %}",
}
_NO_WAY_OUT = (
    '{% include "/etc/hostname" %}',
    '{% extends "../../etc/hostname" %}',
    '{% extends "admin/base.html" %}',
    "{% extends word %}",
)
_NOTHING_THERE = (
    "{{ word.__class__ }}",
    "{{ word.__class__.__mro__ }}",
    "{{ ebuio_u.__class__ }}",
    "{{ ebuio_u._fields }}",
    "{{ rows.clear }}",
    "{{ rows.append }}",
    "{{ request }}{{ settings }}",
)


def facts_for(visitor: Visitor | None = None, **changes: Any) -> TemplateFacts:
    """Facts to render with.

    Args:
        visitor: None is a member called zoe, in an organization.
        changes: fields of the facts.
    """
    known: dict[str, Any] = {
        "user_fields": _FIELDS,
        "base_url": "/s/polls/",
        "csrf_token": "TOKEN",
        "organization_mode": True,
        "service_name": "polls",
        "service_pk": "42",
        "media_url": "/media/",
    }
    return TemplateFacts(visitor=visitor or _visitor(User("7", "zoe")), **{**known, **changes})


class TemplateContract:
    """The promises of `TemplateEngine`. Inherit, and say how an engine is made."""

    def make_engine(self) -> TemplateEngine:
        """A new engine with its own limits."""
        raise NotImplementedError

    def compile(self, source: str) -> CompiledTemplate:
        """A template of the engine."""
        return self.make_engine().compile(source, template_tag="tag", menu_action="menubar")

    def render(
        self, source: str, data: Mapping[str, Any] | None = None, facts: TemplateFacts | None = None
    ) -> Rendered:
        """A template of the engine, rendered."""
        return self.compile(source).render({} if data is None else data, facts or facts_for())

    def content(
        self, source: str, data: Mapping[str, Any] | None = None, facts: TemplateFacts | None = None
    ) -> str:
        """The content of a template of the engine."""
        return str(self.render(source, data, facts).fragment.content)

    def test_the_answers_keys_are_variables(self) -> None:
        """The answer's keys, dots into mappings, loops and conditions work."""
        source = "{{ word }}{% for row in rows %}[{{ row.name }}]{% endfor %}{% if word == 'a' %}!{% endif %}"
        assert self.content(source, {"word": "a", "rows": [{"name": "x"}, {"name": "y"}]}) == "a[x][y]!"

    def test_what_is_missing_is_nothing(self) -> None:
        """A missing name is empty, without an error."""
        assert self.content("[{{ nothing }}]") == "[]"

    def test_text_of_the_answer_is_escaped(self) -> None:
        """Autoescape is on: an answer cannot bring markup in."""
        printed = self.content("{{ word }}", {"word": "<b>\"&'"})
        assert printed.startswith("&lt;b&gt;")
        assert not set("<>\"'") & set(printed)

    def test_an_answer_cannot_pose_as_the_host(self) -> None:
        """The answer's keys come first, then ours win."""
        for name, value in _OURS.items():
            assert self.content(f"{{{{ {name} }}}}", {name: "theirs"}) == value
        assert self.content("{{ ebuio_u.username }}", {"ebuio_u": {"username": "root"}}) == "zoe"
        assert self.content("{{ ebuio_orga.name }}", {"ebuio_orga": {"name": "theirs"}}) == "Radio"

    def test_only_allowed_fields_of_the_user_are_there(self) -> None:
        """`user_fields` and the id; a field the mount does not allow is as missing as any other."""
        visitor = _visitor(User("7", "zoe", email="zoe@example.org"))
        source = "{{ ebuio_u.id }}|{{ ebuio_u.username }}|{{ ebuio_u.email }}"
        assert self.content(source, facts=facts_for(visitor)) == "7|zoe|"

    def test_nobody_has_no_id_and_no_rights(self) -> None:
        """An anonymous visitor is falsy where templates ask: `.id` and the rights."""
        source = "{% if ebuio_u.id %}in{% else %}out{% endif %}{% if ebuio_u.ebuio_member %}member{% endif %}"
        assert self.content(source, facts=facts_for(Visitor())) == "out"

    def test_organizations_are_there_in_organization_mode_only(self) -> None:
        """`ebuio_orga` and `ebuio_orgas` have pk, name and ebu_codops."""
        source = "{{ ebuio_orga.pk }}{{ ebuio_orga.name }}{{ ebuio_orga.ebu_codops }}"
        source += "{% for each in ebuio_orgas %}[{{ each.name }}]{% endfor %}"
        assert self.content(source) == "3Radiochradio[Radio]"
        assert self.content(source, facts=facts_for(organization_mode=False)) == ""

    def test_a_parent_takes_title_and_content(self) -> None:
        """`plugIt/base.html`: pretitle stands before content, what is in no block is not shown."""
        source = '{% extends "plugIt/base.html" %}lost{% block title %}A{% endblock %}'
        source += "{% block content %}C{% endblock %}{% block pretitle %}P{% endblock %}"
        fragment = self.render(source).fragment
        assert (fragment.title, fragment.content, fragment.head, fragment.menu) == ("A", "PC", "", "")

    def test_a_parent_with_blocks_takes_styles_and_scripts(self) -> None:
        """`plugIt/base-withBlocks.html`: meta, css and javascript make the head."""
        source = (
            '{% extends "plugIt/base-withBlocks.html" %}{% block javascript %}<script></script>{% endblock %}'
        )
        source += "{% block css %}<style></style>{% endblock %}{% block content %}C{% endblock %}"
        source += "{% block meta %}<meta>{% endblock %}"
        fragment = self.render(source).fragment
        assert (fragment.head, fragment.content) == ("<meta><style></style><script></script>", "C")

    def test_without_a_parent_all_is_content(self) -> None:
        """A template that extends nothing."""
        fragment = self.render("<p>all</p>").fragment
        assert (fragment.title, fragment.content, fragment.head, fragment.menu) == ("", "<p>all</p>", "", "")

    def test_the_menu_is_rendered_apart(self) -> None:
        """The block named by `menu_action` is the menu, and not in the content."""
        source = '{% extends "plugIt/base.html" %}{% block menubar %}<nav>{{ word }}</nav>{% endblock %}'
        source += "{% block content %}C{% endblock %}"
        fragment = self.render(source, {"word": "M"}).fragment
        assert (fragment.menu, fragment.content) == ("<nav>M</nav>", "C")

    def test_the_title_is_text(self) -> None:
        """Markup is stripped, entities are what they stand for, blanks are one."""
        source = (
            '{% extends "plugIt/base.html" %}{% block title %}\n <i>Q</i> &amp;\n A: {{ word }}{% endblock %}'
        )
        assert self.render(source, {"word": "a < b"}).fragment.title == "Q & A: a < b"

    def test_reading_the_visitor_is_noticed(self) -> None:
        """Each way to read the user, rights, organization or token makes the fragment personal."""
        for way, source in _PERSONAL.items():
            assert self.render(source, {"once": [1]}).personal, way

    def test_a_fragment_for_all_is_not_personal(self) -> None:
        """What reads the answer and the mount only may be shown to everybody."""
        for what, source in _FOR_ALL.items():
            assert not self.render(source, {"word": "w", "once": [1]}).personal, what

    def test_reading_what_is_not_there_is_personal_too(self) -> None:
        """That there is no organization, or nobody, tells visitors apart as well."""
        nobody = facts_for(Visitor())
        assert self.render("{% if ebuio_orga %}x{% endif %}", facts=nobody).personal
        assert self.render("{% if ebuio_u.id %}x{% endif %}", facts=nobody).personal

    def test_the_answer_is_never_changed(self) -> None:
        """The same answer is rendered for others: it stays as it was."""
        data = {"rows": [{"n": 1}], "word": "w", "once": [1]}
        before = copy.deepcopy(data)
        for source in (*_NOTHING_THERE, *_PERSONAL.values(), *_FOR_ALL.values()):
            self._attempt(source, data)
        assert data == before

    def test_a_text_that_is_no_template_is_refused_with_its_line(self) -> None:
        """Compiling raises, with tag and line."""
        error = _raised(lambda: self.compile("one\ntwo\n{% if %}"))
        assert (error.template_tag, error.line) == ("tag", 3)

    def test_a_template_that_fails_says_where(self) -> None:
        """Rendering raises, with tag and line."""
        template = self.compile("one\n{% for a, b in rows %}{% endfor %}")
        error = _raised(lambda: template.render({"rows": [[1, 2, 3]]}, facts_for()))
        assert (error.template_tag, error.line) == ("tag", 2)

    def test_files_and_foreign_templates_are_out_of_reach(self) -> None:
        """Nothing but the two parents can be extended, and nothing of the host included."""
        for source in _NO_WAY_OUT:
            _raised(lambda source=source: self.render(source, {"word": "plugIt/base.html"}))  # type: ignore[misc]

    def test_python_is_out_of_reach(self) -> None:
        """Attributes and methods of values print nothing, or are refused."""
        for source in _NOTHING_THERE:
            printed = self._attempt(source, {"word": "w", "rows": [1]})
            assert printed in ("", "[1]"), source

    def test_a_template_that_never_ends_is_stopped(self) -> None:
        """Loops in loops are cut off, whether they print or not."""
        loops = "{% for a in l %}{% for b in l %}{% for c in l %}BODY{% endfor %}{% endfor %}{% endfor %}"
        for body in ("", "x", "{{ a }}", "{% if a == b %}{% endif %}"):
            template = self.compile(loops.replace("BODY", body))
            _raised(lambda template=template: template.render({"l": list(range(1000))}, facts_for()))  # type: ignore[misc]

    def test_a_template_that_prints_too_much_is_stopped(self) -> None:
        """Text of the template and of the answer count alike."""
        many = list(range(1000))
        for source in (
            "{% for a in l %}" + "x" * 10_000 + "{% endfor %}",
            "{% for a in l %}{{ w }}{% endfor %}",
        ):
            template = self.compile(source)
            data = {"l": many, "w": "y" * 10_000}
            _raised(lambda template=template, data=data: template.render(data, facts_for()))  # type: ignore[misc]

    def test_threads_do_not_meet(self) -> None:
        """One template, many threads: each sees its own visitor and answer."""
        source = "{% for each in rows %}{{ each }}-{{ ebuio_u.username }} {% endfor %}"
        template = self.compile(source)

        def one(number: int) -> tuple[str, str]:
            visitor = _visitor(User(str(number), f"u{number}"))
            rendered = template.render({"rows": [number] * 50}, facts_for(visitor))
            return str(rendered.fragment.content), f"{number}-u{number} " * 50

        with ThreadPoolExecutor(8) as pool:
            for got, expected in pool.map(one, range(64)):
                assert got == expected

    def _attempt(self, source: str, data: Mapping[str, Any]) -> str:
        try:
            return self.content(source, data)
        except TemplateError:
            return ""


def _visitor(user: User) -> Visitor:
    rights = Rights(member=True, orga_member=True)
    return Visitor(user=user, rights=rights, organization=_RADIO, organizations=(_RADIO,))


def _raised(call: Callable[[], Any]) -> TemplateError:
    try:
        call()
    except TemplateError as error:
        return error
    raise AssertionError("no TemplateError")

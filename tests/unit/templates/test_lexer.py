"""Templates are read in time that grows with their length and no faster, whoever wrote them."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from django.template.base import Lexer, tag_re
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.templates.rendering import compiled, content, failure

from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ServiceBusy, TemplateError
from plugit_wsgi.templates.django import DjangoTemplates
from plugit_wsgi.templates.lexer import LONGEST_TAG, ServiceLexer, split

SIZE = Limits().template_size


def filled(before: str, piece: str, after: str) -> str:
    return before + piece * ((SIZE - len(before) - len(after)) // len(piece)) + after


@pytest.mark.parametrize(
    "source",
    [
        filled("", "{{", ""),
        filled("", "{%", ""),
        filled("", "{#", "%}"),
        filled("", "{{ {% {# ", "%}}"),
        filled("{% verbatim %}", "{{", ""),
        filled("{% if ", '"\\', " %}{% endif %}"),
        filled("{% if a=='", "\\'", " %}{% endif %}"),
        filled("{% with ", "a\"\\' ", " %}{% endwith %}"),
        filled("{{ x|default:", '"\\', " }}"),
        filled("{{ x", "|lower", " }}"),
        filled("{% if a", " or a", " %}{% endif %}"),
        filled("{% if a", "<a", " %}{% endif %}"),
        filled("", "{% if " + '"\\' * 2000 + " %}{% endif %}", ""),
        filled("", "{% with " + "a\"\\' " * 900 + " %}{% endwith %}", ""),
        filled("", "{{ x" + "|lower" * 600 + " }}", ""),
    ],
    ids=range(15),
)
def test_no_text_takes_long_to_compile(source: str) -> None:
    """Of the largest that is fetched. Whatever comes of it: the processor is free again within a second."""
    started = time.thread_time()
    with suppress(TemplateError):
        compiled(source)
    assert time.thread_time() - started < 1


def test_a_text_that_takes_long_to_compile_is_costly() -> None:
    """Many tags, each of which takes its time, end at the limit that rendering has."""
    error = failure(filled("", "{{ x" + "|lower" * 600 + " }}", ""))
    assert "to compile" in str(error)
    assert error.is_costly


def test_a_tag_has_a_limit() -> None:
    """Its line is told. Comments and what is verbatim are not read, so they have none."""
    long = "a" * (LONGEST_TAG + 1)
    assert failure("\n\n{{ " + long + " }}").line == 3
    assert failure("{% if " + long + " %}{% endif %}").line == 1
    assert (
        content("{# " + long + " #}{% verbatim %}{{ " + long + " }}{% endverbatim %}") == "{{ " + long + " }}"
    )
    assert content("{{ " + long[: LONGEST_TAG - 1] + " }}") == ""


pieces = st.lists(
    st.sampled_from(["{", "}", "%", "#", "{{", "}}", "{%", "%}", "{#", "#}", "\n", "\r", " ", "a", "verbatim",
                     "endverbatim", "{% verbatim %}", "{% endverbatim %}"])
).map("".join)  # fmt: skip


@given(pieces)
def test_the_tokens_are_djangos(source: str) -> None:
    """The same texts, kinds and lines."""

    def told(lexer: Lexer) -> list[tuple[object, str, int]]:
        return [(token.token_type, token.contents, token.lineno) for token in lexer.tokenize()]

    assert "".join(piece for piece, _ in split(source)) == source
    assert [piece for piece, is_tag in split(source) if is_tag] == tag_re.findall(source)
    assert told(ServiceLexer(source)) == told(Lexer(source))


def test_the_pace_is_told_from_the_first_token_on() -> None:
    """While tokens are made, and while nodes are; what it raises is nobody's mistake in the template."""
    told_of: list[float] = []
    DjangoTemplates().compile("a{{ b }}" * 50, template_tag="", menu_action="", pace=told_of.append)
    assert len(told_of) >= 200
    assert told_of == sorted(told_of)

    def stop(_seconds: float) -> None:
        raise ServiceBusy("another page takes long")

    with pytest.raises(ServiceBusy):
        DjangoTemplates().compile("a", template_tag="", menu_action="", pace=stop)

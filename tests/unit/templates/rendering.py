"""Short ways to render, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from plugit_wsgi.errors import TemplateError
from plugit_wsgi.interfaces import Rendered, TemplateFacts
from plugit_wsgi.templates.django import DjangoTemplate, DjangoTemplates
from plugit_wsgi.testing.template_contract import facts_for


def compiled(source: str, **limits: int) -> DjangoTemplate:
    return DjangoTemplates(**limits).compile(source, template_tag="tag", menu_action="menubar")


def rendered(source: str, facts: TemplateFacts | None = None, /, **data: Any) -> Rendered:
    return compiled(source).render(data, facts or facts_for())


def content(source: str, facts: TemplateFacts | None = None, /, **data: Any) -> str:
    return str(rendered(source, facts, **data).fragment.content)


def failure(source: str, data: Mapping[str, Any] | None = None, **limits: int) -> TemplateError:
    """The error that compiling or rendering raises."""
    with pytest.raises(TemplateError) as caught:
        compiled(source, **limits).render(data or {}, facts_for())
    return caught.value

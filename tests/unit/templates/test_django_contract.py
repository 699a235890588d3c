from __future__ import annotations

from plugit_wsgi.interfaces import TemplateEngine
from plugit_wsgi.templates.django import DjangoTemplates
from plugit_wsgi.testing.template_contract import TemplateContract


class TestDjangoTemplates(TemplateContract):
    """The engine keeps the promises of every engine."""

    def make_engine(self) -> TemplateEngine:
        return DjangoTemplates()

"""Jinja's engine keeps the contract of all template engines."""

from __future__ import annotations

from plugit_wsgi.interfaces import TemplateEngine
from plugit_wsgi.templates.jinja import JinjaTemplates
from plugit_wsgi.testing.template_contract import TemplateContract


class TestJinjaTemplates(TemplateContract):
    """All of it, with the limits that hosts have by default."""

    def make_engine(self) -> TemplateEngine:
        return JinjaTemplates()

"""``{% load plugit_tags %}``: the protocol's own tags and filter."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from django.template import Library, TemplateSyntaxError
from django.template.base import Node, Token
from django.template.defaultfilters import stringfilter

from ..interfaces import CompiledTemplate
from .budget import OverBudget
from .context import ServiceContext
from .data import Record


@runtime_checkable
class Includable(Protocol):
    """A compiled template that can be rendered inside another one's context."""

    def render_inside(self, context: ServiceContext) -> str:
        """Its body, with the variables of the place it stands at."""


class Include(Node):
    """``{% plugitInclude %}``: the template of another action, in the context of this one. Immutable.

    It is always the visitor's business: whether there is a template depends on what this visitor may see, and
    on whether the service could be asked just now. What came of it is not for others.
    """

    child_nodelists = ()

    def __init__(self, action: Any) -> None:
        self.action = action

    def render(self, context: ServiceContext) -> str:
        """The other template's body; "" if there is none."""
        context.mark_personal()
        action = str(self.action.resolve(context))
        template = context.ask(context.facts.include, action)
        if template is None:
            return ""
        context.depth += 1
        if context.depth > context.budget.depth:
            raise OverBudget(f"templates included deeper than {context.budget.depth}")
        try:
            return _body(template, context)
        finally:
            context.depth -= 1


def _body(template: CompiledTemplate, context: ServiceContext) -> str:
    if isinstance(template, Includable):
        return template.render_inside(context)
    content = template.render(context.answer, context.facts).fragment.content
    context.emit(len(content))
    return str(content)


class GetUser(Node):
    """``{% plugitGetUser pk as name %}``: the allowed fields of another user, or None. Immutable."""

    child_nodelists = ()

    def __init__(self, pk: Any, name: str) -> None:
        self.pk = pk
        self.name = name

    def render(self, context: ServiceContext) -> str:
        """Nothing; sets the name."""
        context.mark_personal()
        pk = self.pk.resolve(context, ignore_failures=True)
        user = None if pk is None or pk == "" else context.ask(context.facts.get_user, str(pk))
        context[self.name] = None if user is None else Record(user)
        return ""


def _include(parser: Any, token: Token) -> Node:
    words = token.split_contents()
    if len(words) != 2:
        raise TemplateSyntaxError("plugitInclude takes one argument: the action whose template is meant")
    return Include(parser.compile_filter(words[1]))


def _get_user(parser: Any, token: Token) -> Node:
    words = token.split_contents()
    if len(words) != 4 or words[2] != "as":
        raise TemplateSyntaxError("plugitGetUser is written {% plugitGetUser pk as name %}")
    return GetUser(parser.compile_filter(words[1]), words[3])


def url_target_blank(value: str) -> str:
    """Links of a text open in a new window."""
    return value.replace("<a ", '<a target="_blank" ')


register = Library()
register.tags.update({"plugitInclude": _include, "plugitGetUser": _get_user})
register.filter("url_target_blank", stringfilter(url_target_blank), is_safe=True)

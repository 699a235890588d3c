"""Variables and filters: what stands between the braces.

Django's grammar, with two things of our own: a variable looks into data only (`data.look_up`), and all that
is read or made is counted (`budget`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from django.template.base import FilterExpression, Variable, VariableDoesNotExist
from django.utils.safestring import SafeData, mark_safe

from .context import ServiceContext
from .data import MISSING, look_up

_SPECIAL = re.compile("[&<>\"']")


class DataVariable(Variable):
    """A name with dots, or a literal. Immutable."""

    __slots__ = ("first", "rest")

    def __init__(self, name: str) -> None:
        super().__init__(name)
        names: tuple[str, ...] = self.lookups or ("",)
        self.first = names[0]
        self.rest = names[1:]

    def find(self, context: ServiceContext) -> Any:
        """The value, or `MISSING`."""
        if self.lookups is None:
            return mark_safe(str(super().resolve(context))) if self.translate else self.literal
        for layer in reversed(context.dicts):
            if self.first in layer:
                value = layer[self.first]
                break
        else:
            return MISSING
        for name in self.rest:
            value = value[name] if type(value) is dict and name in value else look_up(value, name)
        return value

    def resolve(self, context: ServiceContext) -> Any:
        """As the base.

        Raises:
            VariableDoesNotExist: there is no such value.
        """
        value = self.find(context)
        if value is MISSING:
            raise VariableDoesNotExist("Nothing is called %s", (self.var,))
        return value


class Call(NamedTuple):
    """One filter of an expression. Immutable.

    Attributes:
        function: the filter.
        arguments: each a variable, or a literal.
        takes_autoescape: it wants to know whether texts are escaped.
        is_safe: what was markup before it is markup after it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    takes_autoescape: bool
    is_safe: bool

    @classmethod
    def of(cls, function: Callable[..., Any], arguments: list[tuple[bool, Any]]) -> Call:
        """From what Django's grammar found: pairs (is a variable, variable or text)."""
        values = tuple(DataVariable(each.var) if is_name else mark_safe(each) for is_name, each in arguments)
        takes_autoescape = bool(getattr(function, "needs_autoescape", False))
        return cls(function, values, takes_autoescape, bool(getattr(function, "is_safe", False)))

    def apply(self, value: Any, context: ServiceContext) -> Any:
        """Calls the filter and counts what it made."""
        arguments = [
            each.resolve(context) if isinstance(each, DataVariable) else each for each in self.arguments
        ]
        if self.takes_autoescape:
            made = self.function(value, *arguments, autoescape=context.autoescape)
        else:
            made = self.function(value, *arguments)
        context.spend(len(made) if isinstance(made, (str, list, tuple)) else 0)
        return mark_safe(made) if self.is_safe and isinstance(value, SafeData) else made


class Expression(FilterExpression):
    """A variable or literal with its filters. Immutable."""

    __slots__ = ("calls", "start")

    def __init__(self, token: str, parser: Any) -> None:
        super().__init__(token, parser)
        self.start = DataVariable(self.var.var) if self.is_var else self.var
        self.calls = tuple(Call.of(function, arguments) for function, arguments in self.filters)

    def resolve(self, context: ServiceContext, ignore_failures: bool = False) -> Any:
        """As the base: a missing value is None with `ignore_failures`, else ""."""
        value = self.start.find(context) if self.is_var else self.start
        if value is MISSING:
            value = None if ignore_failures else ""
        # As `ServiceContext.spend`, which is not called here: this is the most frequent step of all.
        size = len(value) if isinstance(value, str) else 0
        context.steps -= 1 + (size >> 6)
        if context.steps < context.look_at or size > context.largest:
            context.look(size)
        for call in self.calls:
            value = call.apply(value, context)
        return value


def printed(value: Any, autoescape: bool) -> str:
    """A value as text of the page."""
    kind = type(value)
    if kind is str:
        return escape(value) if autoescape and _SPECIAL.search(value) else value
    text = str(value)
    if not autoescape or kind is int or kind is float or isinstance(value, SafeData):
        return text
    return escape(text)

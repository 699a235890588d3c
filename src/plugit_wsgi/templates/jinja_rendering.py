"""What one rendering of a Jinja template can call.

1. Whatever takes time or memory by the size of a value counts it (`jinja_meter`, `jinja_values`).
2. A template sees data only; see `data`.
3. What is read of the visitor is remembered.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from ..interfaces import CompiledTemplate, TemplateFacts
from .budget import Budget, OverBudget
from .context import plain_facts, visitor_values
from .data import MISSING, Record
from .jinja_values import Values


class Deeper:
    """`TemplateFacts.include` of a template that was itself included: counts how deep. Immutable."""

    def __init__(self, include: Callable[[str], CompiledTemplate | None], depth: int) -> None:
        self.include = getattr(include, "include", include)
        self.depth = depth

    def __call__(self, action: str) -> CompiledTemplate | None:
        """The template of another action."""
        return self.include(action)


class Rendering(Values):
    """One rendering: what it sees and may spend. One per request, used by one thread.

    Attributes:
        given: the answer of the action, with the names that an include got.
        answer: the names that are the same for everybody: those given, with ours over them.
        facts: what the host says.
        personal: something of the visitor was read.
        outside: an error that a callable of the host raised, or None.
    """

    def __init__(self, answer: Mapping[str, Any], facts: TemplateFacts, budget: Budget) -> None:
        super().__init__(budget, facts.pace)
        self.given = answer
        self.answer: Mapping[str, Any] = {**answer, **plain_facts(facts)}
        self.facts = facts
        self.personal = False
        self.outside: Exception | None = None
        self._depth: int = getattr(facts.include, "depth", 0)
        self._visitor: dict[str, Any] = {}

    def text(self, value: Any) -> str:
        """A value as text of the page, escaped and counted."""
        kind = type(value)
        if kind is str:
            text = html.escape(value)
        elif kind is int or kind is float:
            text = str(value)
        elif kind is Markup:
            text = value
        else:
            text = self.string(value)
            text = text if isinstance(text, Markup) else html.escape(text)
        room = self._room = self._room - len(text)
        if room < 0:
            self._look(0)
        return text

    def raw(self, value: Any) -> str:
        """A value as text of the page, as it is, counted."""
        text = self.string(value)
        self.enter(0, len(text))
        return text

    def visitor(self, name: str) -> Any:
        """A value that differs between visitors."""
        self.personal = True
        if name not in self._visitor:
            self._visitor[name] = visitor_values(self.facts)[name]()
        return self._visitor[name]

    def csrf_input(self) -> Markup:
        """The hidden field of a form; nothing where there is no token."""
        token = self.visitor("csrf_token")
        field = '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        return Markup(field).format(token) if token else Markup("")

    def get_user(self, pk: Any) -> Any:
        """``plugitGetUser(pk)``: the allowed fields of another user, or None."""
        self.personal = True
        user = None if pk in (None, "", MISSING) else self._ask(self.facts.get_user, self.string(pk))
        return None if user is None else Record(user)

    def include(self, action: Any, names: Mapping[str, Any]) -> Markup:
        """``plugitInclude(action, name=value)``: the template of another action, with these names more."""
        self.personal = True
        template = self._ask(self.facts.include, self.string(action))
        if template is None:
            return Markup("")
        self._depth += 1
        if self._depth > self._budget.depth:
            raise OverBudget(f"templates included deeper than {self._budget.depth}")
        self.spend(len(self.given), 1)  # which are copied
        given, answer = self.given, self.answer
        self.given = {**given, **names}
        try:
            return self._body(template)
        finally:
            self.given, self.answer = given, answer
            self._depth -= 1

    def _body(self, template: CompiledTemplate) -> Markup:
        """In the budget of this rendering, if it is of this language."""
        inside = getattr(template, "body_inside", None)
        if inside is not None:
            self.answer = {**self.given, **plain_facts(self.facts)}
            return Markup(inside(self))
        facts = replace(self.facts, include=Deeper(self.facts.include, self._depth))
        content = template.render(self.given, facts).fragment.content
        self.spend(len(content))
        return content

    def _ask(self, question: Callable[[str], Any], argument: str) -> Any:
        try:
            return question(argument)
        except Exception as error:
            self.outside = error
            raise

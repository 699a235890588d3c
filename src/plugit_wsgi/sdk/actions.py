"""The actions of a module, and the routes they make."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import MethodNotAllowed

from ..errors import ConfigError
from .decorators import Marks, get_marks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Action:
    """One action. Immutable.

    Attributes:
        name: of the function, for the log.
        function: takes the request and the route's values.
        marks: what its decorators said.
    """

    name: str
    function: Callable[..., Any]
    marks: Marks


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """All actions of one path. Immutable.

    Meta is asked for a path, not for a method: so all actions of a path have the same access rules,
    and a path never runs an action of another route than the one whose meta was shown.

    Attributes:
        rule: as in the `action` mark.
        first: the action that gives meta and template.
        by_method: the action of each method.
    """

    rule: str
    first: Action
    by_method: Mapping[str, Action]

    @property
    def methods(self) -> list[str]:
        """What a client may use, for ``Allow``."""
        implied = {"OPTIONS"} | ({"HEAD"} if "GET" in self.by_method else set())
        return sorted(implied.union(self.by_method))

    def load_action(self, method: str) -> Action:
        """The action of a method; HEAD is GET.

        Raises:
            MethodNotAllowed: there is none.
        """
        found = self.by_method.get(method)
        if found is None and method == "HEAD":
            found = self.by_method.get("GET")
        if found is None:
            raise MethodNotAllowed(valid_methods=self.methods)
        return found


def collect_routes(module: object) -> tuple[Route, ...]:
    """The routes of all actions in a module, or any object with attributes.

    Raises:
        ConfigError: two actions fight for one path, or one cannot be called as an action.
    """
    grouped: dict[str, list[Action]] = {}
    for action in _actions(module):
        grouped.setdefault(action.marks.route or "/", []).append(action)
    return tuple(_route(rule, actions) for rule, actions in grouped.items())


def _actions(module: object) -> list[Action]:
    found: dict[int, Action] = {}
    for name in dir(module):
        candidate = getattr(module, name, None)
        marks = get_marks(candidate)
        if marks is None or marks.route is None or isinstance(candidate, type):
            continue
        if not callable(candidate) or inspect.iscoroutinefunction(candidate):
            raise ConfigError(f"action {name}", candidate, "a plain function, not `async def`")
        # Two names for one function are one action.
        found.setdefault(id(candidate), Action(name=name, function=candidate, marks=marks))
    return list(found.values())


def _route(rule: str, actions: list[Action]) -> Route:
    by_method: dict[str, Action] = {}
    first = actions[0]
    for action in actions:
        if action.marks.meta.rules_digest != first.marks.meta.rules_digest:
            expected = f"the access rules of {first.name!r}: the host asks for them by path, not by method"
            raise ConfigError(f"action {rule}", action.name, expected)
        for method in action.marks.methods:
            if method in by_method:
                expected = f"another route or method: {by_method[method].name!r} has {method} {rule}"
                raise ConfigError(f"action {rule}", action.name, expected)
            by_method[method] = action
    return Route(rule=rule, first=first, by_method=by_method)

"""Lines of code for a Jinja template, with their scopes; what is in them is `jinja_statements`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from jinja2 import nodes

from .jinja_expressions import Expressions
from .jinja_parser import Look, refused
from .jinja_scope import Macro, Scope, names_of, names_set

DEEPEST = 20
"""How deep loops, conditions and blocks may be nested in one another."""
SHORT = 100
"""Characters of a branch that count as those around it, whether it is taken or not."""


_INSIDE = (nodes.AssignBlock, nodes.Block, nodes.FilterBlock, nodes.ScopedEvalContextModifier, nodes.With)


class Writer:
    """Writes lines. One per template, used by one thread."""

    def __init__(self, look: Look) -> None:
        self._expressions = Expressions(look)
        self._written: list[tuple[str, int]] = []
        self._indent = 1
        self._line = 1

    def _put(self, text: str) -> None:
        self._written.append((" " * self._indent + text, self._line))

    @contextmanager
    def _indented(self, head: str) -> Iterator[None]:
        self._put(head)
        self._indent += 1
        if self._indent > DEEPEST:
            raise refused(f"nested deeper than {DEEPEST}", nodes.Name("", "load", lineno=self._line))
        yield
        self._put("pass")
        self._indent -= 1

    def _scope(self, body: Iterable[nodes.Node], outer: Scope) -> Scope:
        """A scope with the names that a body sets, which have the values that they have outside."""
        scope = Scope(outer)
        body = list(body)
        for macro in _macros_of(body):
            names_of(nodes.Name(macro.name, "store", lineno=macro.lineno))
            parameters = tuple(each.name for each in macro.args)
            scope.macros[macro.name] = Macro(self._expressions.new("m"), parameters)
        for name in names_set(body):
            if name in scope.variables:
                continue
            is_macro = outer.macro(name) is not None or name in scope.macros
            load = nodes.Name(name, "load", lineno=self._line)
            value = "MISSING" if is_macro else self._expressions.write(load, outer)
            scope.variables[name] = self._expressions.new()
            self._put(f"{scope.variables[name]} = {value}")
        return scope

    def _printed(self) -> tuple[str, str]:
        """A new list for what is printed, and what puts into it."""
        out, put = self._expressions.new("o"), self._expressions.new("p")
        self._put(f"{out} = []")
        self._put(f"{put} = {out}.extend")
        return out, put

    def _expression(self, node: nodes.Node, scope: Scope) -> str:
        self._line = node.lineno or self._line
        return self._expressions.write(node, scope)

    def _target(self, target: nodes.Node, scope: Scope) -> str:
        """The variables of a target, which are of the scope from here on."""
        for name in names_of(target):
            scope.variables.setdefault(name, self._expressions.new())
        return self._variables(target, scope)

    def _variables(self, target: nodes.Node, scope: Scope) -> str:
        if isinstance(target, nodes.Name):
            return scope.variables[target.name]
        if isinstance(target, nodes.Tuple):
            return f"({''.join(self._variables(each, scope) + ', ' for each in target.items)})"
        raise refused("a name is expected", target)


def _macros_of(body: Iterable[nodes.Node]) -> Iterator[nodes.Macro]:
    for node in body:
        if isinstance(node, nodes.Macro):
            yield node
        elif isinstance(node, nodes.If):
            yield from _macros_of([*node.body, *node.elif_, *node.else_])


def weight(body: Iterable[nodes.Node]) -> int:
    """The nodes of a body, those inside others too."""
    return sum(1 + sum(1 for _ in node.find_all(nodes.Node)) for node in body)


def text_size(body: Iterable[nodes.Node]) -> int:
    """The characters of its own that a body prints each time, with those of short branches."""
    size = 0
    for node in body:
        if isinstance(node, nodes.Output):
            size += sum(len(each.data) for each in node.nodes if isinstance(each, nodes.TemplateData))
        elif isinstance(node, nodes.If):
            branches = (node.body, *(each.body for each in node.elif_), node.else_)
            size += sum(each for each in map(text_size, branches) if each <= SHORT)
        elif isinstance(node, _INSIDE):
            size += text_size(node.body)
    return size

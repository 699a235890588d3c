"""From statements of a Jinja template to lines of Python.

1. Text that a template prints again and again is counted by whoever repeats it: a round, a call, a branch.
2. Variables of a scope are made where it begins, so that nothing is left of the round before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import nodes

from .jinja_parser import Look, refused
from .jinja_scope import Loop, Scope
from .jinja_writer import SHORT, Writer, text_size, weight

_NOT_THERE = {
    nodes.Include: 'include: write {{ plugitInclude("/action") }}',
    nodes.Import: "import: macros are written where they are used",
    nodes.FromImport: "import: macros are written where they are used",
}


class Statements(Writer):
    """Writes statements. One per template, used by one thread."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self._loops = 0
        self._escapes = True

    def _body(self, body: Iterable[nodes.Node], scope: Scope, put: str) -> None:
        for node in body:
            self._line = node.lineno
            for kind, reason in _NOT_THERE.items():
                if isinstance(node, kind):
                    raise refused(f"there is no {reason}", node)
            writer = _WRITERS.get(type(node))
            if writer is None:
                raise refused(f"{type(node).__name__} is not of this language", node)
            writer(self, node, scope, put)

    def _output(self, node: nodes.Output, scope: Scope, put: str) -> None:
        shown = "text" if self._escapes else "s.raw"
        # One call for all of it, each part in a line of its own: errors name the line.
        self._put(f"{put}((")
        for each in node.nodes:
            if isinstance(each, nodes.TemplateData):
                self._put(f"{each.data!r},")
            else:
                self._put(f"{shown}({self._expression(each, scope)}),")
        self._put("))")

    def _if(self, node: nodes.If, scope: Scope, put: str) -> None:
        branches = [(node.test, node.body), *((each.test, each.body) for each in node.elif_)]
        for word, (test, body) in zip(["if", *["elif"] * len(node.elif_)], branches, strict=True):
            with self._indented(f"{word} {self._expression(test, scope)}:"):
                self._branch(body, scope, put)
        if node.else_:
            with self._indented("else:"):
                self._branch(node.else_, scope, put)

    def _branch(self, body: list[nodes.Node], scope: Scope, put: str) -> None:
        size = text_size(body)
        if size > SHORT:
            self._put(f"s.enter(0, {size})")
        self._body(body, scope, put)

    def _for(self, node: nodes.For, scope: Scope, put: str) -> None:
        if node.recursive:
            raise refused("a loop is not recursive: a macro can call itself", node)
        items, index = self._expressions.new("l"), self._expressions.new("i")
        self._put(f"{items} = {self._expression(node.iter, scope)}")
        inner = Scope(scope)
        target = self._target(node.target, inner)
        if node.test is not None:
            self._put(f"{items} = {self._chosen(node, inner, target, items)}")
        is_numbered = _names(node.body, "loop")
        inner.loop = Loop(items, index, self._loops)
        if node.else_ or is_numbered:
            self._put(f"{items} = s.listed({items})")
        rounds = f"s.rounds({items}, {weight(node.body)}, {text_size(node.body)})"
        self._loops += 1
        with self._indented(
            f"for {index}, {target} in enumerate({rounds}):" if is_numbered else f"for {target} in {rounds}:"
        ):
            self._body(node.body, self._scope(node.body, inner), put)
        self._loops -= 1
        if node.else_:
            with self._indented(f"if not {items}:"):
                self._branch(node.else_, scope, put)

    def _chosen(self, node: nodes.For, inner: Scope, target: str, items: str) -> str:
        """The items that pass the loop's condition, in a list of their own."""
        kept, each = self._expressions.new("l"), self._expressions.new("e")
        self._put(f"{kept} = []")
        test: Any = node.test
        with self._indented(f"for {each} in s.rounds({items}, {weight([test])}, 0):"):
            self._put(f"{target} = {each}")
            with self._indented(f"if {self._expression(test, inner)}:"):
                self._put(f"{kept}.append({each})")
        return kept

    def _assign(self, node: nodes.Assign, scope: Scope, _put: str) -> None:
        self._give(node.target, self._expression(node.node, scope), scope)

    def _give(self, target: nodes.Node, value: str, scope: Scope) -> None:
        if isinstance(target, nodes.NSRef):
            space = self._expressions.write(nodes.Name(target.name, "load", lineno=target.lineno), scope)
            self._put(f"s.assign({space}, {target.attr!r}, {value})")
            return
        self._put(f"{self._variables(target, scope)} = {value}")

    def _assign_block(self, node: nodes.AssignBlock, scope: Scope, _put: str) -> None:
        value = self._captured(node.body, scope)
        if node.filter is not None:
            value = self._expressions.filtered(node.filter, value, scope)
        self._give(node.target, value, scope)

    def _captured(self, body: list[nodes.Node], scope: Scope) -> str:
        out, put = self._printed()
        self._body(body, self._scope(body, scope), put)
        return f"s.joined({out})"

    def _filter_block(self, node: nodes.FilterBlock, scope: Scope, put: str) -> None:
        value = self._expressions.filtered(node.filter, self._captured(node.body, scope), scope)
        self._put(f"{put}((text({value}),))")

    def _with(self, node: nodes.With, scope: Scope, put: str) -> None:
        values = [self._expression(each, scope) for each in node.values]
        inner = Scope(scope)
        for target, value in zip(node.targets, values, strict=True):
            self._put(f"{self._target(target, inner)} = {value}")
        self._body(node.body, self._scope(node.body, inner), put)

    def _block(self, node: nodes.Block, scope: Scope, put: str) -> None:
        self._body(node.body, self._scope(node.body, scope), put)

    def _macro(self, node: nodes.Macro, scope: Scope, _put: str) -> None:
        macro = scope.macros[node.name]
        caller = self._expressions.new("c")
        inner = Scope(scope, caller=caller)
        self._callable(node, macro.function, inner, caller, "s.called({})", "s.call")

    def _callable(self, node: Any, name: str, inner: Scope, first: str, end: str, begin: str) -> None:
        """A macro, or the body of a call block: parameters, those that are not given, and what it prints."""
        variables = [self._target(each, inner) for each in node.args]
        parameters = [first] if first else []
        parameters += [f"{each}=MISSING" for each in variables]
        with self._indented(f"def {name}({', '.join(parameters)}):"):
            self._put(f"{begin}({weight(node.body)}, {text_size(node.body)})")
            defaults = zip(variables[len(variables) - len(node.defaults) :], node.defaults, strict=True)
            for variable, default in defaults:
                with self._indented(f"if {variable} is MISSING:"):
                    self._put(f"{variable} = {self._expression(default, inner)}")
            out, put = self._printed()
            self._body(node.body, self._scope(node.body, inner), put)
            self._put(f"return {end.format(out)}")

    def _call_block(self, node: nodes.CallBlock, scope: Scope, put: str) -> None:
        name = self._expressions.new("c")
        self._callable(node, name, Scope(scope), "", "s.joined({})", "s.enter")
        self._put(f"{put}((text({self._expressions.call_macro(node.call, scope, name)}),))")

    def _escaping(self, node: nodes.ScopedEvalContextModifier, scope: Scope, put: str) -> None:
        option = node.options[0]
        if len(node.options) != 1 or option.key != "autoescape" or not isinstance(option.value, nodes.Const):
            raise refused("autoescape takes true or false", node)
        before, self._escapes = self._escapes, bool(option.value.value)
        self._body(node.body, self._scope(node.body, scope), put)
        self._escapes = before


def _names(body: Iterable[nodes.Node], name: str) -> bool:
    return any(each.name == name for node in body for each in node.find_all(nodes.Name))


_WRITERS: dict[type, Callable[[Statements, Any, Scope, str], None]] = {
    nodes.Assign: Statements._assign,
    nodes.AssignBlock: Statements._assign_block,
    nodes.Block: Statements._block,
    nodes.CallBlock: Statements._call_block,
    nodes.FilterBlock: Statements._filter_block,
    nodes.For: Statements._for,
    nodes.If: Statements._if,
    nodes.Macro: Statements._macro,
    nodes.Output: Statements._output,
    nodes.Scope: Statements._block,
    nodes.ScopedEvalContextModifier: Statements._escaping,
    nodes.With: Statements._with,
}

"""From expressions of a Jinja template to expressions of Python.

1. Of the template's text only constants come into the code, as `repr` writes them; all names are our own.
2. What could take time or memory by the size of a value is a call of `Rendering`, which counts.
3. A dot and a subscript look into data only; what is called is one of a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from .jinja_library import FILTERS, METHODS, TESTS
from .jinja_parser import Look, refused
from .jinja_scope import FUNCTIONS, TAKEN, VISITOR, Loop, Scope

DEEPEST = 40
"""How deep expressions may be nested in one another."""

_PYTHON = {"eq": "==", "ne": "!="}
_ORDER = {"lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}
_LOOP: Mapping[str, str] = {
    "index": "({index} + 1)",
    "index0": "{index}",
    "revindex": "(len({items}) - {index})",
    "revindex0": "(len({items}) - {index} - 1)",
    "first": "({index} == 0)",
    "last": "({index} == len({items}) - 1)",
    "length": "len({items})",
    "depth": "{depth1}",
    "depth0": "{depth}",
    "previtem": "({items}[{index} - 1] if {index} else MISSING)",
    "nextitem": "({items}[{index} + 1] if {index} + 1 < len({items}) else MISSING)",
}


class Expressions:
    """Writes expressions. One per template, used by one thread.

    Args:
        look: at the time.

    Attributes:
        free: names that the template does not set, with the variables that hold their values.
    """

    def __init__(self, look: Look) -> None:
        self.free: dict[str, str] = {}
        self._look = look
        self._written = 0
        self._number = 0
        self._depth = 0

    def new(self, kind: str = "v") -> str:
        """A name of the code that nothing else has."""
        self._number += 1
        return f"{kind}{self._number}"

    def write(self, node: nodes.Node, scope: Scope) -> str:
        """An expression.

        Raises:
            TemplateSyntaxError: it has something that is not let in.
        """
        kind = next((each for each in type(node).__mro__ if each in _WRITERS), None)
        if kind is None:
            raise refused(f"{type(node).__name__} is not of this language", node)
        self._written += 1
        if self._written % 64 == 0:
            self._look.at_time()
        self._depth += 1
        if self._depth > DEEPEST:
            raise refused(f"expressions nested deeper than {DEEPEST}", node)
        written = _WRITERS[kind](self, node, scope)
        self._depth -= 1
        return written

    def several(self, found: Any, scope: Scope) -> str:
        """Arguments."""
        return ", ".join(self.write(each, scope) for each in found)

    def _constant(self, node: nodes.Const, _scope: Scope) -> str:
        value = node.value
        if isinstance(value, float) and not math.isfinite(value):
            raise refused("a number that is too large", node)
        if isinstance(value, int) and abs(value) >= 2**63:
            raise refused("a number of more than 63 bits", node)
        return repr(value)

    def _data(self, node: nodes.TemplateData, _scope: Scope) -> str:
        return f"Markup({node.data!r})"

    def _name(self, node: nodes.Name, scope: Scope) -> str:
        name = node.name
        if name in VISITOR:
            return f"s.visitor({name!r})"
        if name == "csrf_input":
            return "s.csrf_input()"
        if name == "caller":
            return f"({scope.nearest_caller()} is not None)" if scope.nearest_caller() else "False"
        loop = scope.nearest_loop()
        if name == "loop" and loop is not None:
            fields = ", ".join(f"{each!r}: {_loop_field(loop, each)}" for each in _LOOP)
            return f"s.namespace({{{fields}}})"
        if name == "block":
            return "BLOCK"
        if name in FUNCTIONS or scope.macro(name) is not None:
            raise refused(f"{name} can be called, and nothing else", node)
        if name.startswith("_"):
            raise refused(f"{name!r} begins with _", node)
        return scope.variable(name) or self.free.setdefault(name, f"n{len(self.free)}")

    def _attribute(self, node: nodes.Getattr, scope: Scope) -> str:
        name = node.attr
        if name.startswith("_"):
            raise refused(f"{name!r} begins with _", node)
        loop = scope.nearest_loop()
        if isinstance(node.node, nodes.Name) and node.node.name == "loop" and loop is not None:
            if name not in _LOOP:
                raise refused(f"loop has no {name!r}", node)
            return _loop_field(loop, name)
        base = self.write(node.node, scope)
        if base[0] in "nv" and base[1:].isdigit():
            # The frequent case without a call: a key of an answer's object.
            is_there = f"type({base}) is dict and {name!r} in {base}"
            return f"({base}[{name!r}] if {is_there} else s.look({base}, {name!r}))"
        return f"s.look({base}, {name!r})"

    def _subscript(self, node: nodes.Getitem, scope: Scope) -> str:
        base = self.write(node.node, scope)
        if isinstance(node.arg, nodes.Slice):
            bounds = (node.arg.start, node.arg.stop, node.arg.step)
            written = ("None" if each is None else self.write(each, scope) for each in bounds)
            return f"s.part({base}, {', '.join(written)})"
        return f"s.item({base}, {self.write(node.arg, scope)})"

    def _call(self, node: nodes.Call, scope: Scope) -> str:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise refused("* and ** are not for calls", node)
        called = node.node
        if isinstance(called, nodes.Getattr):
            return self._method(node, called, scope)
        if not isinstance(called, nodes.Name):
            raise refused("only names can be called", node)
        macro = scope.macro(called.name)
        if macro is not None:
            return self.call_macro(node, scope)
        if called.name == "super" and not node.args:
            return "''"
        if called.name == "caller" and scope.nearest_caller() is not None and not node.kwargs:
            return f"s.call_back({scope.nearest_caller()}, {self.several(node.args, scope)})"
        if called.name not in _CALLS:
            raise refused(f"there is no function {called.name!r}", node)
        return _CALLS[called.name](self, node, scope)

    def _method(self, node: nodes.Call, called: nodes.Getattr, scope: Scope) -> str:
        arguments = self.several(node.args, scope)
        loop = scope.nearest_loop()
        if isinstance(called.node, nodes.Name) and called.node.name == "loop" and loop is not None:
            if called.attr == "cycle" and node.args:
                return f"({arguments},)[{loop.index} % {len(node.args)}]"
            if called.attr == "changed" and node.args:
                return f"s.changed({self.new('c')!r}, {loop.items}, ({arguments},))"
        if called.attr == "super" and isinstance(called.node, nodes.Name) and called.node.name == "block":
            return "''"
        if called.attr not in METHODS or node.kwargs:
            raise refused(f"there is no method {called.attr!r}", node)
        return f"apply(s, METHODS[{called.attr!r}], {self.write(called.node, scope)}, {arguments})"

    def call_macro(self, node: nodes.Call, scope: Scope, body: str = "None") -> str:
        """A call of a macro; `body` is what its ``caller()`` prints."""
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        macro = scope.macro(name)
        if macro is None:
            raise refused(f"there is no macro {name!r}", node)
        given = dict(zip(macro.parameters, node.args, strict=False))
        named = {each.key: each.value for each in node.kwargs}
        if (
            len(node.args) > len(macro.parameters)
            or named.keys() - set(macro.parameters)
            or named.keys() & given
        ):
            raise refused(f"{name} takes {', '.join(macro.parameters) or 'nothing'}", node)
        given |= named
        values = (self.write(given[each], scope) if each in given else "MISSING" for each in macro.parameters)
        return f"{macro.function}({', '.join((body, *values))})"

    def _filter(self, node: nodes.Filter, scope: Scope) -> str:
        if node.name not in FILTERS or node.dyn_args is not None or node.dyn_kwargs is not None:
            raise refused(f"there is no filter {node.name!r}", node)
        value = "''" if node.node is None else self.write(node.node, scope)
        return f"apply(s, FILTERS[{node.name!r}], {value}, {self._arguments(node, scope)})"

    def _arguments(self, node: Any, scope: Scope) -> str:
        named = (f"**{{{each.key!r}: {self.write(each.value, scope)}}}" for each in node.kwargs)
        return ", ".join((*(self.write(each, scope) for each in node.args), *named))

    def filtered(self, node: nodes.Filter, value: str, scope: Scope) -> str:
        """Filters of a block, around what it printed."""
        inner = value if node.node is None else self.filtered(node.node, value, scope)  # type: ignore[arg-type]
        if node.name not in FILTERS:
            raise refused(f"there is no filter {node.name!r}", node)
        return f"apply(s, FILTERS[{node.name!r}], {inner}, {self._arguments(node, scope)})"

    def _test(self, node: nodes.Test, scope: Scope) -> str:
        name = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}.get(
            node.name, node.name
        )
        name = {"lessthan": "lt", "greaterthan": "gt"}.get(name, name)
        if name not in TESTS:
            raise refused(f"there is no test {node.name!r}", node)
        return f"TESTS[{name!r}](s, {self.write(node.node, scope)}, {self._arguments(node, scope)})"

    def _compare(self, node: nodes.Compare, scope: Scope) -> str:
        if len(node.ops) != 1:
            raise refused("write a < b and b < c, not a < b < c", node)
        sides = (node.expr, node.ops[0].expr)
        left, right = (self.write(each, scope) for each in sides)
        sign = node.ops[0].op
        if sign in _PYTHON:
            if any(isinstance(each, nodes.Const) for each in sides):
                return f"({left} {_PYTHON[sign]} {right})"
            return f"({'not ' if sign == 'ne' else ''}s.equal({left}, {right}))"
        if sign in _ORDER:
            return f"s.order({_ORDER[sign]!r}, {left}, {right})"
        return f"({'not ' if sign == 'notin' else ''}s.within({left}, {right}))"

    def _concat(self, node: nodes.Concat, scope: Scope) -> str:
        return f"s.concat({self.several(node.nodes, scope)})"

    def _binary(self, node: nodes.BinExpr, scope: Scope) -> str:
        left, right = self.write(node.left, scope), self.write(node.right, scope)
        if node.operator in ("and", "or"):
            return f"({left} {node.operator} {right})"
        return f"s.arithmetic({node.operator!r}, {left}, {right})"

    def _unary(self, node: nodes.UnaryExpr, scope: Scope) -> str:
        inner = self.write(node.node, scope)
        return f"(not {inner})" if node.operator == "not" else f"s.arithmetic({node.operator!r}, 0, {inner})"

    def _choice(self, node: nodes.CondExpr, scope: Scope) -> str:
        other = "MISSING" if node.expr2 is None else self.write(node.expr2, scope)
        return f"({self.write(node.expr1, scope)} if {self.write(node.test, scope)} else {other})"

    def _list(self, node: nodes.List, scope: Scope) -> str:
        return f"s.made([{self.several(node.items, scope)}])"

    def _tuple(self, node: nodes.Tuple, scope: Scope) -> str:
        return f"s.made(({''.join(self.write(each, scope) + ', ' for each in node.items)}))"

    def _dict(self, node: nodes.Dict, scope: Scope) -> str:
        pairs = (f"{self.write(each.key, scope)}: {self.write(each.value, scope)}" for each in node.items)
        return f"s.made({{{', '.join(pairs)}}})"

    def named(self, node: nodes.Call, scope: Scope) -> str:
        """Named arguments as a mapping."""
        for each in node.kwargs:
            if each.key in TAKEN:
                raise refused(f"{each.key!r} cannot be set: the name is taken", node)
        pairs = (f"{each.key!r}: {self.write(each.value, scope)}" for each in node.kwargs)
        return f"{{{', '.join(pairs)}}}"

    def only_named(self, node: nodes.Call, scope: Scope) -> str:
        """Named arguments, and no others."""
        if node.args:
            raise refused("only named arguments are expected", node)
        return self.named(node, scope)

    def one(self, node: nodes.Call, scope: Scope) -> str:
        """The one argument of a function."""
        if len(node.args) != 1:
            raise refused("one argument is expected", node)
        return self.write(node.args[0], scope)


def _loop_field(loop: Loop, name: str) -> str:
    return _LOOP[name].format(items=loop.items, index=loop.index, depth=loop.depth, depth1=loop.depth + 1)


_CALLS: Mapping[str, Callable[[Expressions, nodes.Call, Scope], str]] = {
    "csrf_input": lambda _self, _node, _scope: "s.csrf_input()",
    "dict": lambda self, node, scope: f"s.made({self.only_named(node, scope)})",
    "namespace": lambda self, node, scope: f"s.namespace({self.only_named(node, scope)})",
    "plugitGetUser": lambda self, node, scope: f"s.get_user({self.one(node, scope)})",
    "plugitInclude": lambda self, node, scope: (
        f"s.include({self.one(node, scope)}, {self.named(node, scope)})"
    ),
    "range": lambda self, node, scope: f"s.range({self.several(node.args, scope)})",
}
_WRITERS: dict[type, Callable[[Expressions, Any, Scope], str]] = {
    nodes.Add: Expressions._binary,
    nodes.BinExpr: Expressions._binary,
    nodes.Call: Expressions._call,
    nodes.Compare: Expressions._compare,
    nodes.Concat: Expressions._concat,
    nodes.CondExpr: Expressions._choice,
    nodes.Const: Expressions._constant,
    nodes.Dict: Expressions._dict,
    nodes.Filter: Expressions._filter,
    nodes.Getattr: Expressions._attribute,
    nodes.Getitem: Expressions._subscript,
    nodes.List: Expressions._list,
    nodes.Name: Expressions._name,
    nodes.TemplateData: Expressions._data,
    nodes.Test: Expressions._test,
    nodes.Tuple: Expressions._tuple,
    nodes.UnaryExpr: Expressions._unary,
}

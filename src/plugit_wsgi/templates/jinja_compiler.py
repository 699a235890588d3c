"""From a Jinja template to a function of Python, by way of `Expressions`.

The function takes a `Rendering`, runs what stands outside of blocks, and gives the `Parts` of a fragment.

1. Text that a template prints again and again is counted by whoever repeats it: a round, a call, a branch.
2. Variables of a scope are made where it begins, so that nothing is left of the round before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from jinja2 import nodes
from markupsafe import Markup

from .data import BLOCK, MISSING
from .jinja_expressions import Expressions
from .jinja_library import FILTERS, METHODS, TESTS, apply
from .jinja_parser import Look, parse, refused
from .jinja_rendering import Rendering
from .jinja_scope import Loop, Macro, Scope, names_of, names_set
from .parents import PARENTS, TITLE, Parent

FILE = "<service template>"
"""What the code of all templates is said to come from."""

DEEPEST = 20
"""How deep loops, conditions and blocks may be nested in one another."""
SHORT = 100
"""Characters of a branch that count as those around it, whether it is taken or not."""

_NOT_THERE = {
    nodes.Include: 'include: write {{ plugitInclude("/action") }}',
    nodes.Import: "import: macros are written where they are used",
    nodes.FromImport: "import: macros are written where they are used",
}
_WORLD = {
    "__builtins__": {"dict": dict, "enumerate": enumerate, "len": len, "type": type},
    "BLOCK": BLOCK,
    "FILTERS": FILTERS,
    "METHODS": METHODS,
    "MISSING": MISSING,
    "Markup": Markup,
    "TESTS": TESTS,
    "apply": apply,
}


class Parts(NamedTuple):
    """What makes a fragment; each a function that renders it. Immutable."""

    title: Callable[[], str] | None
    head: Sequence[Callable[[], str]]
    body: Sequence[Callable[[], str]]
    menu: Callable[[], str] | None


class Code(NamedTuple):
    """A compiled template. Immutable.

    Attributes:
        run: the function.
        lines: of the template, one for each line of the code.
    """

    run: Callable[[Rendering], Parts]
    lines: tuple[int, ...]


def compile_template(source: str, menu_action: str, pace: Callable[[float], None]) -> Code:
    """Compiles.

    Raises:
        Interrupted: with what `pace` raised.
        OverBudget: it takes too long, or is too large.
        Exception: it is no template.
    """
    look = Look(pace)
    text, lines = _Compiler(parse(source, look), menu_action, look).write()
    look.at_time()
    world = dict(_WORLD)
    # Constants are all that the template has in this text; see `jinja_expressions`.
    exec(compile(text, FILE, "exec", dont_inherit=True), world)  # nosec B102
    return Code(world["template"], lines)  # type: ignore[arg-type]


class _Compiler:
    """Writes the code of one template. Used by one thread."""

    def __init__(self, template: nodes.Template, menu_action: str, look: Look) -> None:
        self._template = template
        self._expressions = Expressions(look)
        self._written: list[tuple[str, int]] = []
        self._indent = 1
        self._line = 1
        self._loops = 0
        self._escapes = True
        self._parent = _parent_of(template)
        self._blocks = _blocks_of(template)
        tops = [each for each in template.body if isinstance(each, nodes.Block)]
        self._menu = menu_action if any(each.name == menu_action for each in tops) else ""

    def write(self) -> tuple[str, tuple[int, ...]]:
        """The code, and the template's line for each of its lines."""
        scope = self._scope(self._template.body, Scope())
        parent = self._parent or Parent(head=(), body=())
        names = {TITLE, self._menu, *parent.head, *parent.body} & self._blocks.keys()
        if self._parent is None:
            self._all(self._template.body, scope)
        else:
            self._quietly(self._template.body, scope)
        for name in sorted(names):
            self._function(f"block_{sorted(names).index(name)}", self._blocks[name].body, Scope(scope))
        found = {name: f"block_{number}" for number, name in enumerate(sorted(names))}
        head = "".join(f"{found[each]}, " for each in parent.head if each in found)
        body = "".join(f"{found[each]}, " for each in parent.body if each in found)
        body = body if self._parent is not None else "body, "
        self._put(f"return {found.get(TITLE)}, ({head}), ({body}), {found.get(self._menu)}")
        free = self._expressions.free.items()
        first = [("def template(s):", 1), (" text = s.text", 1)]
        first += [(f" {variable} = s.answer.get({name!r}, MISSING)", 1) for name, variable in free]
        lines = first + self._written
        return "\n".join(text for text, _line in lines) + "\n", tuple(line for _text, line in lines)

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

    def _scope(self, body: Iterable[nodes.Node], outer: Scope, **more: Any) -> Scope:
        """A scope with the names that a body sets, which have the values that they have outside."""
        scope = Scope(outer, **more)
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

    def _function(self, name: str, body: list[nodes.Node], scope: Scope) -> None:
        """A function that renders a block."""
        with self._indented(f"def {name}():"):
            self._put(f"s.enter({_weight(body)}, {_text_size(body)})")
            out, put = self._printed()
            self._body(body, self._scope(body, scope), put)
            self._put(f"return ''.join({out})")

    def _all(self, body: list[nodes.Node], scope: Scope) -> None:
        """A template without a parent: all of it is the content."""
        self._put(f"s.enter({_weight(body)}, {_text_size(body)})")
        out, put = self._printed()
        self._body(body, scope, put)
        with self._indented("def body():"):
            self._put(f"return ''.join({out})")

    def _quietly(self, body: list[nodes.Node], scope: Scope) -> None:
        """What stands beside the blocks of a template with a parent: only what it sets is of use."""
        out = self._expressions.new("o")
        self._put(f"{out} = [].extend")
        useful = (nodes.Assign, nodes.AssignBlock, nodes.Macro, nodes.If)
        self._body([each for each in body if isinstance(each, useful)], scope, out)

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

    def _expression(self, node: nodes.Node, scope: Scope) -> str:
        self._line = node.lineno or self._line
        return self._expressions.write(node, scope)

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
        size = _text_size(body)
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
        rounds = f"s.rounds({items}, {_weight(node.body)}, {_text_size(node.body)})"
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
        with self._indented(f"for {each} in s.rounds({items}, {_weight([test])}, 0):"):
            self._put(f"{target} = {each}")
            with self._indented(f"if {self._expression(test, inner)}:"):
                self._put(f"{kept}.append({each})")
        return kept

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
            self._put(f"{begin}({_weight(node.body)}, {_text_size(node.body)})")
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


def _parent_of(template: nodes.Template) -> Parent | None:
    found = list(template.find_all(nodes.Extends))
    if not found:
        return None
    name = found[0].template.value if isinstance(found[0].template, nodes.Const) else None
    if not isinstance(name, str) or name not in PARENTS or len(found) > 1 or found[0] not in template.body:
        raise refused(f"a template can extend {' and '.join(PARENTS)}, once, and nothing else", found[0])
    return PARENTS[name]


def _blocks_of(template: nodes.Template) -> dict[str, nodes.Block]:
    blocks: dict[str, nodes.Block] = {}
    for block in template.find_all(nodes.Block):
        if block.name in blocks:
            raise refused(f"there are two blocks {block.name!r}", block)
        blocks[block.name] = block
    return blocks


def _macros_of(body: Iterable[nodes.Node]) -> Iterator[nodes.Macro]:
    for node in body:
        if isinstance(node, nodes.Macro):
            yield node
        elif isinstance(node, nodes.If):
            yield from _macros_of([*node.body, *node.elif_, *node.else_])


def _names(body: Iterable[nodes.Node], name: str) -> bool:
    return any(each.name == name for node in body for each in node.find_all(nodes.Name))


def _weight(body: Iterable[nodes.Node]) -> int:
    """The nodes of a body, those inside others too."""
    return sum(1 + sum(1 for _ in node.find_all(nodes.Node)) for node in body)


def _text_size(body: Iterable[nodes.Node]) -> int:
    """The characters of its own that a body prints each time, with those of short branches."""
    size = 0
    for node in body:
        if isinstance(node, nodes.Output):
            size += sum(len(each.data) for each in node.nodes if isinstance(each, nodes.TemplateData))
        elif isinstance(node, nodes.If):
            branches = (node.body, *(each.body for each in node.elif_), node.else_)
            size += sum(each for each in map(_text_size, branches) if each <= SHORT)
        elif isinstance(node, _INSIDE):
            size += _text_size(node.body)
    return size


_INSIDE = (nodes.AssignBlock, nodes.Block, nodes.FilterBlock, nodes.ScopedEvalContextModifier, nodes.With)
_WRITERS: dict[type, Callable[[_Compiler, Any, Scope, str], None]] = {
    nodes.Assign: _Compiler._assign,
    nodes.AssignBlock: _Compiler._assign_block,
    nodes.Block: _Compiler._block,
    nodes.CallBlock: _Compiler._call_block,
    nodes.FilterBlock: _Compiler._filter_block,
    nodes.For: _Compiler._for,
    nodes.If: _Compiler._if,
    nodes.Macro: _Compiler._macro,
    nodes.Output: _Compiler._output,
    nodes.Scope: _Compiler._block,
    nodes.ScopedEvalContextModifier: _Compiler._escaping,
    nodes.With: _Compiler._with,
}

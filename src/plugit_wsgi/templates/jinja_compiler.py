"""From a Jinja template to a function of Python, by way of `Statements` and `Expressions`.

The function takes a `Rendering`, runs what stands outside of blocks, and gives the `Parts` of a fragment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jinja2 import nodes
from markupsafe import Markup

from .data import BLOCK, MISSING
from .jinja_library import FILTERS, METHODS, TESTS, apply
from .jinja_parser import Look, parse, refused
from .jinja_rendering import Rendering
from .jinja_scope import Scope
from .jinja_statements import Statements
from .jinja_writer import text_size, weight
from .parents import PARENTS, TITLE, Parent

FILE = "<service template>"
"""What the code of all templates is said to come from."""

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


class _Compiler(Statements):
    """Writes the code of one template. Used by one thread."""

    def __init__(self, template: nodes.Template, menu_action: str, look: Look) -> None:
        super().__init__(look)
        self._template = template
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

    def _function(self, name: str, body: list[nodes.Node], scope: Scope) -> None:
        """A function that renders a block."""
        with self._indented(f"def {name}():"):
            self._put(f"s.enter({weight(body)}, {text_size(body)})")
            out, put = self._printed()
            self._body(body, self._scope(body, scope), put)
            self._put(f"return ''.join({out})")

    def _all(self, body: list[nodes.Node], scope: Scope) -> None:
        """A template without a parent: all of it is the content."""
        self._put(f"s.enter({weight(body)}, {text_size(body)})")
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

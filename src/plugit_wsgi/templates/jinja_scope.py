"""Which name of a template is which variable of the code, decided while compiling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from jinja2 import nodes

from .jinja_parser import refused

PLAIN = frozenset(
    {
        *("ebuio_baseUrl", "ebuio_orgamode", "ebuio_realUsers", "ebuio_hpro_name", "ebuio_hpro_pk"),
        *("MEDIA_URL", "STATIC_URL"),
    }
)
VISITOR = frozenset({"ebuio_u", "ebuio_orga", "ebuio_orgas", "ebuio_userMode", "csrf_token"})
FUNCTIONS = frozenset(
    {"caller", "csrf_input", "dict", "namespace", "plugitGetUser", "plugitInclude", "range", "super"}
)
TAKEN = PLAIN | VISITOR | FUNCTIONS | {"loop", "block"}
"""Names that a template cannot give to something else."""


@dataclass(frozen=True)
class Macro:
    """A macro as its callers see it. Immutable.

    Attributes:
        function: its name in the code.
        parameters: names, in order.
    """

    function: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """The variables of a loop in the code, as expressions. Immutable.

    Attributes:
        items, index: the list, and the number of the round from 0.
        depth: of loops around it, from 0.
    """

    items: str
    index: str
    depth: int


@dataclass
class Scope:
    """The names of a body: a loop, block, macro. One for each, used by one thread.

    Attributes:
        variables: name to variable.
        macros: name to macro.
        loop: of the body, or None.
        caller: the variable with the body that a call block gave, or None.
    """

    outer: Scope | None = None
    variables: dict[str, str] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    loop: Loop | None = None
    caller: str | None = None

    def __iter__(self) -> Iterator[Scope]:
        """From the inside to the outside."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def variable(self, name: str) -> str | None:
        """The variable of a name, None for one that the template does not set."""
        return next((scope.variables[name] for scope in self if name in scope.variables), None)

    def macro(self, name: str) -> Macro | None:
        """The macro of a name, unless a variable is nearer."""
        for scope in self:
            if name in scope.variables:
                return None
            if name in scope.macros:
                return scope.macros[name]
        return None

    def nearest_loop(self) -> Loop | None:
        """The loop around."""
        return next((scope.loop for scope in self if scope.loop is not None), None)

    def nearest_caller(self) -> str | None:
        """What `caller` is."""
        return next((scope.caller for scope in self if scope.caller is not None), None)


def names_of(target: nodes.Node) -> list[str]:
    """The names that a target of ``set`` or ``for`` gives values to."""
    if isinstance(target, nodes.Name):
        if target.name in TAKEN or target.name.startswith("_"):
            raise refused(f"{target.name!r} cannot be set: the name is taken, or begins with _", target)
        return [target.name]
    if isinstance(target, nodes.Tuple):
        return [name for each in target.items for name in names_of(each)]
    return []


def names_set(body: Iterable[nodes.Node]) -> list[str]:
    """The names that a body sets in its own scope, in order."""
    found: list[str] = []
    for node in body:
        if isinstance(node, (nodes.Assign, nodes.AssignBlock)):
            found += names_of(node.target)
        elif isinstance(node, nodes.If):
            found += names_set([*node.body, *node.elif_, *node.else_])
    return list(dict.fromkeys(found))

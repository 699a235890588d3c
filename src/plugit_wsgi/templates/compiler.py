"""From a template's text to nodes: Django's lexer and grammar, with our engine, variables and nodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from django.template import Engine, Template
from django.template.base import (
    Node,
    NodeList,
    Origin,
    Parser,
    TextNode,
    Token,
    VariableNode,
)
from django.template.defaulttags import (
    AutoEscapeControlNode,
    FilterNode,
    ForNode,
    IfChangedNode,
    IfNode,
    SpacelessNode,
    WithNode,
)

from ..errors import PlugItError
from .budget import DEFAULT, Interrupted, OverBudget
from .expressions import Expression
from .lexer import ServiceLexer
from .nodes import Block, Extends, Leaf, Output, Text

_WITH_BODY = (
    AutoEscapeControlNode,
    Block,
    Extends,
    FilterNode,
    ForNode,
    IfChangedNode,
    IfNode,
    SpacelessNode,
    WithNode,
)


class ClosedEngine(Engine):
    """Django's engine without a way to the host: no loader, no library but ours, no processor. Immutable.

    Each engine is one of its own, though nothing in it could be changed by a template.
    """

    default_builtins: ClassVar[list[str]] = ["plugit_wsgi.templates.language"]

    def __init__(self) -> None:
        super().__init__(loaders=[], libraries={"plugit_tags": "plugit_wsgi.templates.tags"}, debug=False)


class ServiceTemplate(Template):
    """The nodes of a template. Immutable.

    Args:
        source: the text.
        engine: ours.
        pace: told now and then how many seconds of the processor it took so far.

    Raises:
        Interrupted: with what `pace` raised.
    """

    def __init__(self, source: str, *, engine: Engine, pace: Callable[[float], None]) -> None:
        self._look: Callable[[], None] = _Look(pace)
        super().__init__(source, engine=engine)
        del self._look  # of this one compilation

    def compile_nodelist(self) -> NodeList:
        """As the base, with our parser."""
        tokens = ServiceLexer(self.source, self._look).tokenize()
        engine = self.engine
        parser = ServiceParser(tokens, engine.template_libraries, engine.template_builtins, Origin("service"))
        parser.look = self._look
        return parser.parse()


class _Look:
    """Tells the time that passed since it was made. Used by one thread."""

    def __init__(self, pace: Callable[[float], None]) -> None:
        self._pace = pace
        self._started = time.thread_time()

    def __call__(self) -> None:
        try:
            self._pace(time.thread_time() - self._started)
        except PlugItError as error:
            raise Interrupted(error) from error


class ServiceParser(Parser):
    """Django's parser, making our expressions and nodes. One per template, used by one thread.

    Raises:
        OverBudget: from any of its methods, when compiling takes the processor longer than rendering may.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._until = time.thread_time() + DEFAULT.seconds
        self.look: Callable[[], None] = lambda: None

    def next_token(self) -> Token:
        """As the base."""
        if time.thread_time() > self._until:
            raise OverBudget(f"more than {DEFAULT.seconds} seconds of the processor to compile")
        self.look()
        return super().next_token()

    def compile_filter(self, token: str) -> Expression:
        """An expression that sees data only."""
        return Expression(token, self)

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        """As the base, with a counting node in place of each that prints."""
        super().extend_nodelist(nodelist, _counted(node), token)


def _counted(node: Any) -> Any:
    if isinstance(node, (Text, *_WITH_BODY)):
        return node
    if isinstance(node, TextNode):
        return Text(node.s)
    if isinstance(node, VariableNode):
        return Output(node.filter_expression)
    return Leaf(node)

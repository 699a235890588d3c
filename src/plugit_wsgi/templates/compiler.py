"""From a template's text to nodes: Django's lexer and grammar, with our engine, variables and nodes."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.template import Engine, Template
from django.template.base import (
    Lexer,
    Node,
    NodeList,
    Origin,
    Parser,
    TextNode,
    Token,
    TokenType,
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

from .expressions import Expression
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
_CONDITION = re.compile(r"(?:el)?if\s")
_PIECE = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^"'=!<>]|[=!](?!=))+|[=!<>]=|[<>]""")
_OPERATOR = re.compile(r"[=!<>]=|[<>]")


class ClosedEngine(Engine):
    """Django's engine without a way to the host: no loader, no library but ours, no processor. Immutable.

    Each engine is one of its own, though nothing in it could be changed by a template.
    """

    default_builtins: ClassVar[list[str]] = ["plugit_wsgi.templates.language"]

    def __init__(self) -> None:
        super().__init__(loaders=[], libraries={"plugit_tags": "plugit_wsgi.templates.tags"}, debug=False)


class ServiceTemplate(Template):
    """The nodes of a template. Immutable."""

    def compile_nodelist(self) -> NodeList:
        """As the base, with our parser."""
        tokens = [_with_blanks(token) for token in Lexer(self.source).tokenize()]
        parser = ServiceParser(
            tokens, self.engine.template_libraries, self.engine.template_builtins, Origin("service")
        )
        return parser.parse()


class ServiceParser(Parser):
    """Django's parser, making our expressions and nodes. One per template, used by one thread."""

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


def _with_blanks(token: Token) -> Token:
    """``{% if a==b %}`` as ``{% if a == b %}``: Django wants the blanks, services do without them."""
    if token.token_type != TokenType.BLOCK or not _CONDITION.match(token.contents):
        return token
    pieces = _PIECE.findall(token.contents)
    if "".join(pieces) == token.contents:
        token.contents = "".join(f" {each} " if _OPERATOR.fullmatch(each) else each for each in pieces)
    return token

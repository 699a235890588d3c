"""From a template's text to tokens, in time that grows with the text and no faster.

1. Django's expression for tags tries each opening brace to the end of its line: a template of nothing but
   ``{{`` held the processor, and with it every visitor, for minutes. Here a line is looked through once for
   each kind of tag.
2. What is inside a tag is read with expressions that may be slow for long texts, so a tag has a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from django.template import TemplateSyntaxError
from django.template.base import Lexer, Token, TokenType

LONGEST_TAG = 4096
"""Characters between the braces of a tag or a variable; comments may be longer."""

_OPENING = re.compile(r"\{[%{#]")
_CLOSING = {"{%": "%}", "{{": "}}", "{#": "#}"}
_CONDITION = re.compile(r"(?:el)?if\s")
# A quote that is never closed takes the rest, so that no character is looked at again from each quote in it.
_PIECE = re.compile(
    r"""(?:"(?:\\.|[^"\\])*(?:"|\\?$)|'(?:\\.|[^'\\])*(?:'|\\?$)|[^"'=!<>]|[=!](?!=))+|[=!<>]=|[<>]"""
)
_OPERATOR = re.compile(r"[=!<>]=|[<>]")


class ServiceLexer(Lexer):
    """Django's tokens. One per template, used by one thread.

    Args:
        source: of the template.
        look: called for each token.
    """

    def __init__(self, source: str, look: Callable[[], None] = lambda: None) -> None:
        super().__init__(source)
        self._look = look

    def tokenize(self) -> list[Token]:
        """All tokens, in order.

        Raises:
            TemplateSyntaxError: a tag is too long.
        """
        line, tokens = 1, []
        for text, is_tag in split(self.template_string):
            self._look()
            tokens.append(_with_blanks(_checked(self.create_token(text, None, line, is_tag))))
            line += text.count("\n")
        return tokens


def split(source: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a template, none empty, and whether each is a tag: from braces to braces on one line."""
    start = done = 0
    nowhere = dict.fromkeys(_CLOSING, 0)  # up to where a kind of tag is known not to be closed
    while (opening := _OPENING.search(source, start)) is not None:
        kind, start = opening[0], opening.start() + 1
        if opening.start() < nowhere[kind]:
            continue
        line_end = source.find("\n", start)
        line_end = len(source) if line_end < 0 else line_end
        closing = source.find(_CLOSING[kind], opening.end(), line_end)
        if closing < 0:
            nowhere[kind] = line_end
            continue
        if done < opening.start():
            yield source[done : opening.start()], False
        start = done = closing + 2
        yield source[opening.start() : done], True
    if done < len(source):
        yield source[done:], False


def _checked(token: Token) -> Token:
    if token.token_type in (TokenType.BLOCK, TokenType.VAR) and len(token.contents) > LONGEST_TAG:
        error = TemplateSyntaxError(f"a tag of more than {LONGEST_TAG} characters")
        error.token = token
        raise error
    return token


def _with_blanks(token: Token) -> Token:
    """``{% if a==b %}`` as ``{% if a == b %}``: Django wants the blanks, services do without them."""
    if token.token_type != TokenType.BLOCK or not _CONDITION.match(token.contents):
        return token
    pieces = _PIECE.findall(token.contents)
    if "".join(pieces) == token.contents:
        token.contents = "".join(f" {each} " if _OPERATOR.fullmatch(each) else each for each in pieces)
    return token

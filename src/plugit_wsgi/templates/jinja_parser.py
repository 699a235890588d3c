"""From a Jinja template's text to syntax: Jinja2's own parser, and nothing else of Jinja2.

1. No code of Jinja2 is run for a rendering: neither its compiler, nor its filters, nor its sandbox.
2. Reading takes turns and has an end: the time is looked at with each word, and so is the size of the syntax.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension

from ..errors import PlugItError
from .budget import DEFAULT, Interrupted, OverBudget

MOST_WORDS = 20_000
"""Words, signs and texts of a template: Python's compiler, which comes last, cannot be stopped."""
_EVERY = 16
_LONG_NUMBER = re.compile(r"[0-9_]{1000}")
"""Jinja2 reads a number by an expression that takes 300 bytes for each digit."""


class Look:
    """Looks at the time now and then while a template is compiled. One per template, used by one thread.

    Args:
        pace: told how many seconds of the processor it took so far.

    Raises:
        Interrupted: with what `pace` raised.
        OverBudget: it takes too long, or is too large.
    """

    def __init__(self, pace: Callable[[float], None]) -> None:
        self._pace = pace
        self._started = time.thread_time()
        self._words = 0

    def __call__(self) -> None:
        """Once for each word."""
        self._words += 1
        if self._words > MOST_WORDS:
            raise OverBudget(f"more than {MOST_WORDS} words")
        if self._words % _EVERY == 0:
            self.at_time()

    def at_time(self) -> None:
        """Once for each piece of work, which may be a large one."""
        seconds = time.thread_time() - self._started
        if seconds > DEFAULT.seconds:
            raise OverBudget(f"more than {DEFAULT.seconds} seconds of the processor to compile")
        try:
            self._pace(seconds)
        except PlugItError as error:
            raise Interrupted(error) from error


class _Looking(Extension):
    """Looks at the time with each word."""

    def filter_stream(self, stream: Any) -> Iterator[Any]:
        """The same words."""
        look: Look = self.environment.look  # type: ignore[attr-defined]
        for token in stream:
            look()
            yield token


def parse(source: str, look: Look) -> nodes.Template:
    """The syntax of a template.

    Raises:
        TemplateSyntaxError: it is no template.
        BaseException: what `look` raises.
    """
    if _LONG_NUMBER.search(source):
        raise OverBudget("a number of more than 1000 digits")
    environment = Environment(autoescape=True, keep_trailing_newline=True, extensions=[_Looking])
    environment.look = look  # type: ignore[attr-defined]
    return environment.parse(source)


def refused(message: str, node: nodes.Node) -> TemplateSyntaxError:
    """An error that names the line."""
    return TemplateSyntaxError(message, node.lineno)

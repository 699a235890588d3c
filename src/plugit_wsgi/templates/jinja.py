"""Jinja's language for templates of services: its grammar as Jinja2 reads it, and our own code for all of it.

1. Closed by construction: what a template can say is a list of nodes, filters, tests and functions
   (`jinja_compiler`, `jinja_expressions`, `jinja_library`), and its variables see data only (`data`).
2. Everything counts against a budget (`jinja_rendering`); over it, the template fails and nothing is shown.
3. What is read of the visitor is remembered: only a fragment that is for all is kept for others.

Needs the extra ``jinja``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from jinja2 import TemplateSyntaxError
from markupsafe import Markup

from ..errors import PlugItError, TemplateError
from ..interfaces import Rendered, TemplateFacts
from ..page import Fragment
from .budget import DEFAULT, Budget, Interrupted, OverBudget
from .jinja_compiler import FILE, Code, Parts, compile_template
from .jinja_rendering import Rendering
from .parents import TITLE_SIZE
from .settings import ensure_settings, in_host_language


class JinjaTemplates:
    """Compiles templates in Jinja's language. Thread-safe.

    Args:
        max_output: characters that a template may print, and that any value in it may have.
        max_loops: rounds of all loops of one rendering together.
    """

    def __init__(self, *, max_output: int = DEFAULT.output, max_loops: int = DEFAULT.loops) -> None:
        self._budget = Budget(output=max_output, loops=max_loops)

    def compile(
        self,
        source: str,
        *,
        template_tag: str,
        menu_action: str,
        pace: Callable[[float], None] = lambda _seconds: None,
    ) -> JinjaTemplate:
        """Compiles one template text.

        Args:
            source: the template.
            template_tag: for errors.
            menu_action: name of the block that is the menu.
            pace: told now and then how many seconds of the processor it took so far.

        Raises:
            PlugItError: whatever `pace` raises.
            TemplateError: with the line, if the text is not a template; or it took too long.
        """
        ensure_settings()
        try:
            code = compile_template(source, menu_action, pace)
        except Interrupted as interrupted:
            raise interrupted.error from None
        except (Exception, OverBudget) as error:
            line = error.lineno if isinstance(error, TemplateSyntaxError) else None
            raise _failure(error, template_tag, line) from error
        return JinjaTemplate(code, template_tag, self._budget)


class JinjaTemplate:
    """A template ready to render. Thread-safe.

    Title, head, content and menu are found as in Django's language, see `DjangoTemplate`.
    """

    def __init__(self, code: Code, template_tag: str, budget: Budget) -> None:
        self._code = code
        self._tag = template_tag
        self._budget = budget

    def render(self, data: Mapping[str, Any], facts: TemplateFacts) -> Rendered:
        """Renders.

        Args:
            data: the answer of the action; never changed.
            facts: what is visible beside it.

        Raises:
            TemplateError: it failed, or went over its budget.
            PlugItError: the host has ended it (`TemplateFacts.pace`).
        """
        rendering = Rendering(data, facts, self._budget)
        try:
            with in_host_language():
                fragment = _fragment(self._code.run(rendering))
        except Interrupted as interrupted:
            raise interrupted.error from None
        except (Exception, OverBudget) as error:
            raise self._blamed(error, rendering) from error
        return Rendered(fragment=fragment, personal=rendering.personal)

    def body_inside(self, rendering: Rendering) -> str:
        """The content alone, in the rendering of a template that includes this one.

        Raises:
            TemplateError: it failed, or went over the budget of the rendering it is part of.
        """
        try:
            return "".join(part() for part in self._code.run(rendering)[2])
        except (Exception, OverBudget) as error:
            raise self._blamed(error, rendering) from error

    def _blamed(self, error: BaseException, rendering: Rendering) -> BaseException:
        """An error of the host stays what it is; all else is this template's."""
        if error is rendering.outside or isinstance(error, PlugItError):
            return error
        line = self._line(error)
        if isinstance(error, NameError):
            # All names of the code are ours, and macros alone are not made where their scope begins.
            error = TypeError("a macro is called before it is there")
        return _failure(error, self._tag, line)

    def _line(self, error: BaseException) -> int | None:
        """The line of the template whose code was running."""
        found = None
        trace: TracebackType | None = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == FILE:
                found = self._code.lines[trace.tb_lineno - 1]
            trace = trace.tb_next
        return found


def _fragment(parts: Parts | tuple[Any, ...]) -> Fragment:
    title, head, body, menu = parts
    content = Markup("".join(part() for part in body))
    return Fragment(
        title=Markup(title()[:TITLE_SIZE]).striptags() if title else "",
        head=Markup("".join(part() for part in head)),
        content=content,
        menu=Markup(menu()) if menu else Markup(""),
    )


def _failure(error: BaseException, template_tag: str, line: int | None) -> TemplateError:
    message = f"{type(error).__name__}: {error}"
    return TemplateError(
        message, template_tag=template_tag, line=line, is_costly=isinstance(error, OverBudget)
    )

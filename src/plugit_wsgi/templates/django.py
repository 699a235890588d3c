"""The protocol's template language: Django's, closed against the host.

1. Closed by construction: the engine has no loader, an allow-list of tags (`language`), and variables that
   see data only (`data`). No text is searched for forbidden words.
2. Everything counts against a budget (`budget`); over it, the template fails and nothing of it is shown.
3. What is read of the visitor is remembered (`context`): only a fragment that is for all is kept for others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from django.template.base import Node
from markupsafe import Markup

from ..errors import PlugItError, TemplateError
from ..interfaces import Rendered, TemplateFacts
from ..page import Fragment
from .budget import DEFAULT, Budget, Interrupted, OverBudget
from .compiler import ClosedEngine, ServiceTemplate
from .context import ServiceContext
from .nodes import Block, Extends
from .parents import TITLE, TITLE_SIZE
from .settings import ensure_settings, in_host_language


class DjangoTemplates:
    """Compiles templates in Django's language. Thread-safe.

    Args:
        max_output: characters that a template may print, and that any value in it may have.
        max_loops: rounds of all loops of one rendering together.
    """

    def __init__(self, *, max_output: int = DEFAULT.output, max_loops: int = DEFAULT.loops) -> None:
        self._budget = Budget(output=max_output, loops=max_loops)
        self._engine = ClosedEngine()

    def compile(
        self,
        source: str,
        *,
        template_tag: str,
        menu_action: str,
        pace: Callable[[float], None] = lambda _seconds: None,
    ) -> DjangoTemplate:
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
            template = ServiceTemplate(source, engine=self._engine, pace=pace)
        except Interrupted as interrupted:
            raise interrupted.error from None
        except (Exception, OverBudget) as error:
            raise _failure(error, template_tag) from error
        return DjangoTemplate(template, template_tag, menu_action, self._budget)


class DjangoTemplate:
    """A template ready to render. Thread-safe.

    With a parent: the parent says which blocks make head and content. Without one: all of the text is the
    content, its blocks where they stand, and nothing goes to the head. In both, the block ``title`` is the
    page's title, and the block `menu_action` is the menu unless it stands inside another block or tag; as in
    the original, each is also shown where it stands, should that be a place that is shown.
    """

    def __init__(
        self, template: ServiceTemplate, template_tag: str, menu_action: str, budget: Budget
    ) -> None:
        self._template = template
        self._tag = template_tag
        self._budget = budget
        self._extends = next((node for node in template.nodelist if isinstance(node, Extends)), None)
        nodes = template.nodelist if self._extends is None else self._extends.nodelist
        titles = [node for node in nodes.get_nodes_by_type(Block) if node.name == TITLE]
        menus = [node for node in nodes if isinstance(node, Block) and node.name == menu_action]
        self._title: Block | None = titles[0] if titles else None
        self._menu: Block | None = menus[0] if menus else None

    def render(self, data: Mapping[str, Any], facts: TemplateFacts) -> Rendered:
        """Renders.

        Args:
            data: the answer of the action; never changed.
            facts: what is visible beside it.

        Raises:
            TemplateError: it failed, or went over its budget.
            PlugItError: the host has ended it (`TemplateFacts.pace`).
        """
        context = ServiceContext(data, facts, self._budget)
        context.template = self._template
        try:
            with in_host_language(), context.render_context.push_state(self._template):
                fragment = self._fragment(context)
        except Interrupted as interrupted:
            raise interrupted.error from None
        except (Exception, OverBudget) as error:
            raise self._blamed(error, context) from error
        return Rendered(fragment=fragment, personal=context.personal)

    def render_inside(self, context: ServiceContext) -> str:
        """The content alone, in the context of a template that includes this one.

        Raises:
            TemplateError: it failed, or went over the budget of the rendering it is part of.
        """
        try:
            with context.render_context.push_state(self._template):
                return str(self._template.nodelist.render(context))
        except (Exception, OverBudget) as error:
            raise self._blamed(error, context) from error

    def _fragment(self, context: ServiceContext) -> Fragment:
        head = "" if self._extends is None else self._extends.blocks_text(self._extends.parent.head, context)
        return Fragment(
            title=Markup(_text(self._title, context)[:TITLE_SIZE]).striptags(),
            head=Markup(head),
            content=Markup(self._template.nodelist.render(context)),
            menu=Markup(_text(self._menu, context)),
        )

    def _blamed(self, error: BaseException, context: ServiceContext) -> BaseException:
        """An error of the host stays what it is; all else is this template's."""
        if error is context.outside or isinstance(error, PlugItError):
            return error
        return _failure(error, self._tag)


def _text(block: Block | None, context: ServiceContext) -> str:
    return "" if block is None else str(block.render_annotated(context))


def _failure(error: BaseException, template_tag: str) -> TemplateError:
    message = f"{type(error).__name__}: {error}"
    costly = isinstance(error, OverBudget)
    return TemplateError(message, template_tag=template_tag, line=_line(error), is_costly=costly)


def _line(error: BaseException) -> int | None:
    """The line of the innermost tag that was being compiled or rendered."""
    token = getattr(error, "token", None)
    line: int | None = getattr(token, "lineno", None)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        node = trace.tb_frame.f_locals.get("self")
        if isinstance(node, Node) and node.token is not None:
            line = node.token.lineno
        trace = trace.tb_next
    return line

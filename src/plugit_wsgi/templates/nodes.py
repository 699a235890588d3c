"""The nodes that differ from Django's: they count what goes out, and blocks hide what they are.

Nodes hold no state of a rendering: that is in the context, so that many threads can render one template.
"""

from __future__ import annotations

from typing import Any

from django.template.base import Node, NodeList, TextNode, VariableNode
from django.template.defaulttags import IfChangedNode, LoremNode
from django.template.loader_tags import BlockNode
from django.utils.html import escape

from .budget import WIDEST, OverBudget
from .context import ServiceContext
from .data import BLOCK
from .expressions import printed
from .parents import Parent


class Text(TextNode):
    """Text of the template itself. Immutable."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = str(text)
        self.size = len(text)

    def render_annotated(self, context: ServiceContext) -> str:
        """The text, counted."""
        context.room -= self.size
        if context.room < 0:
            context.overflow()
        return self.text


class Output(VariableNode):
    """A variable that is printed. Immutable."""

    def render(self, context: ServiceContext) -> str:
        """The value as text, counted."""
        text = printed(self.filter_expression.resolve(context), context.autoescape)
        context.room -= len(text)
        if context.room < 0:
            context.overflow()
        return text

    render_annotated = render


class Leaf(Node):
    """Any tag without a body, so that what it prints is counted. Immutable."""

    child_nodelists = ()

    def __init__(self, tag: Node) -> None:
        self.tag = tag

    def render(self, context: ServiceContext) -> str:
        """What the tag prints, counted."""
        text = str(self.tag.render(context))
        context.emit(len(text))
        return text


class Block(BlockNode):
    """A block of a template. Immutable.

    Inside it ``block`` is a record that holds ``super`` alone: Django's is the node itself, and from there
    dots led to the engine and the files of the host.
    """

    def render(self, context: ServiceContext) -> str:
        """The block's text."""
        with context.push(block=BLOCK):
            return str(self.nodelist.render(context))


class Extends(Node):
    """A template with one of the bundled parents. Immutable.

    Attributes:
        parent: where its blocks go.
        nodelist: what stands after the tag.
        blocks: the blocks in it by name, those inside others too.
    """

    must_be_first = True

    def __init__(self, parent: Parent, nodelist: NodeList) -> None:
        self.parent = parent
        self.nodelist = nodelist
        self.blocks = {block.name: block for block in nodelist.get_nodes_by_type(Block)}

    def render(self, context: ServiceContext) -> str:
        """The body: what a template of this kind is when another one includes it."""
        return self.blocks_text(self.parent.body, context)

    def blocks_text(self, names: tuple[str, ...], context: ServiceContext) -> str:
        """The texts of some blocks, one after the other; a block that is not there is ""."""
        return "".join(self.blocks[name].render_annotated(context) for name in names if name in self.blocks)


class IfChanged(IfChangedNode):
    """``{% ifchanged %}``. Immutable.

    Django's keeps its memory in whatever is called ``forloop``, and a template can call a part of the answer
    so: ``{% with forloop=row %}`` then wrote into data that other visitors get from the cache.
    """

    def _get_context_stack_frame(self, context: ServiceContext) -> dict[Any, Any]:
        loop = context.get("forloop")
        held = context.render_context.get(self)
        if held is None or held[0] is not loop:
            held = (loop, {})
            context.render_context[self] = held
        memory: dict[Any, Any] = held[1]
        return memory


class Lorem(LoremNode):
    """``{% lorem %}``, with a bound on its number. Immutable."""

    def render(self, context: ServiceContext) -> str:
        """Some Latin."""
        try:
            wished = int(self.count.resolve(context))
        except (ValueError, TypeError):
            wished = 1
        if wished > WIDEST:
            raise OverBudget(f"lorem of more than {WIDEST}")
        return str(super().render(context))


class CsrfToken(Node):
    """``{% csrf_token %}``: the hidden field; nothing where there is no token. Immutable."""

    child_nodelists = ()

    def render(self, context: ServiceContext) -> str:
        """The field."""
        token = context.get("csrf_token")
        if not token:
            return ""
        return f'<input type="hidden" name="csrfmiddlewaretoken" value="{escape(token)}">'

"""The parents a service's template may extend, as a table: which blocks of the template are shown, and where.

They are no templates, so there is nothing in them to reach, to load or to change. All their blocks are empty,
so ``{{ block.super }}`` is always "" (the host's own styles and scripts are the layout's business).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Parent:
    """Where the blocks of a template go. Immutable.

    Attributes:
        head: names of the blocks that make the page's head, in order.
        body: names of the blocks that make the content, in order.
    """

    head: tuple[str, ...]
    body: tuple[str, ...]


PARENTS = MappingProxyType(
    {
        "plugIt/base.html": Parent(head=(), body=("pretitle", "content")),
        "plugIt/base-withBlocks.html": Parent(
            head=("meta", "css", "javascript"), body=("pretitle", "content")
        ),
    }
)

TITLE = "title"
"""The block that is the page's title, with any parent and without one."""

TITLE_SIZE = 2000
"""Characters of that block that are looked at: to take the markup out of megabytes takes for ever."""

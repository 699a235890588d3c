"""What the body of an answer in pages mode says of its page, at its beginning: a title, and meta elements.

1. Only at the very beginning, only in these forms; anything else is content and stays where it is.
2. The title is text. Of meta elements, name or property and content pass; no ``http-equiv``.
"""

from __future__ import annotations

import html
import re

from markupsafe import Markup

MOST_METAS = 20
_TITLE = re.compile(r"<title>([^<\x00-\x08\x0b\x0e-\x1f\x7f]{0,500})</title>\s*", re.IGNORECASE)
_META = re.compile(
    r"""<meta\s+(?:name|property)="[A-Za-z0-9:._-]{1,64}"\s+content="[^"<>]{0,1000}"\s*/?>\s*""",
    re.IGNORECASE,
)


def split_body(text: str) -> tuple[str, Markup, str]:
    """Cuts off what is about the page.

    Args:
        text: the body.

    Returns:
        The title ("" without one), the meta elements, and the content.
    """
    title, metas = "", list[str]()
    rest = text.lstrip("\ufeff \t\r\n\f")
    is_titled = False
    while len(metas) < MOST_METAS:
        if not is_titled and (found := _TITLE.match(rest)):
            title, is_titled = " ".join(html.unescape(found[1]).split()), True
        elif found := _META.match(rest):
            metas.append(found[0].strip())
        else:
            break
        rest = rest[found.end() :]
    return title, Markup("\n".join(metas)), rest if is_titled or metas else text

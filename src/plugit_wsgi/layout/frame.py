"""The document in the frame of a service in a sandbox: a page without the host's part.

A layout that has a method ``frame``, with its own arguments page and request, makes it too; without it the
 document is bare. The service's scripts can read all that stands in it.
"""

from __future__ import annotations

from typing import cast

import webob
from markupsafe import escape

from ..interfaces import Layout
from ..page import Page

_DOCUMENT = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}
</head>
<body class="plugit-framed">
{menu}
{content}
</body>
</html>
"""


def frame_layout(layout: Layout) -> Layout:
    """What makes the documents of frames, for a host with this layout."""
    return cast(Layout, getattr(layout, "frame", bare_frame))


def bare_frame(page: Page, _request: webob.Request) -> str:
    """A document of the service's parts."""
    title = escape(page.title or page.service)
    return _DOCUMENT.format(title=title, head=page.head, menu=page.menu, content=page.content)

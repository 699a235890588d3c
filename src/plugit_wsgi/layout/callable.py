"""Any callable as a layout: how one is made ready, and what it must give back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import webob

from ..clock import Clock
from ..errors import ConfigError
from ..interfaces import Cache, Layout
from ..page import Page
from .captured import CapturedLayout
from .preview_bar import with_preview

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def bind_layout(
    layout: Layout | CapturedLayout,
    host_app: WSGIApplication,
    *,
    clock: Clock | None = None,
    cache: Cache | None = None,
) -> Layout:
    """The callable that frames pages, for a host. At construction, once.

    Args:
        layout: any.
        host_app: the host.
        clock: as in `CapturedLayout.bind`.
        cache: as in `CapturedLayout.bind`.

    Raises:
        ConfigError: `layout` cannot be called.
    """
    if isinstance(layout, CapturedLayout):
        return layout.bind(host_app, clock=clock, cache=cache)
    if not callable(layout):
        raise ConfigError(
            "layout", layout, "a callable with the arguments page and request, or a CapturedLayout"
        )
    return layout


def apply_layout(layout: Layout, page: Page, request: webob.Request) -> str:
    """Frames a page.

    Raises:
        TypeError: the layout gave something that is not text; the message names the layout.
        Exception: whatever the layout raises.
    """
    document = layout(with_preview(layout, page), request)
    if not isinstance(document, str):
        name = getattr(layout, "__qualname__", type(layout).__qualname__)
        raise TypeError(f"layout {name} returned {type(document).__qualname__}, expected str")
    return document

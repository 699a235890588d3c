"""Layouts put a service's fragment into a page: the bundled ones, the host's own page, or any callable."""

from .bootstrap import BootstrapLayout
from .callable import apply_layout, bind_layout
from .captured import CALLER, LAYOUT_HEADERS, STARTED, CapturedLayout, inner_environ
from .frame import frame_layout
from .preview_bar import preview_bar

__all__ = [
    "CALLER",
    "LAYOUT_HEADERS",
    "STARTED",
    "BootstrapLayout",
    "CapturedLayout",
    "apply_layout",
    "bind_layout",
    "frame_layout",
    "inner_environ",
    "preview_bar",
]

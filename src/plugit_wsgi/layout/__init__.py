"""Layouts put a service's fragment into a page: the bundled ones, the host's own page, or any callable."""

from .bootstrap import BootstrapLayout
from .callable import apply_layout, bind_layout
from .captured import LAYOUT_HEADERS, CapturedLayout
from .frame import frame_layout

__all__ = [
    "LAYOUT_HEADERS",
    "BootstrapLayout",
    "CapturedLayout",
    "apply_layout",
    "bind_layout",
    "frame_layout",
]

"""The bar on pages of a preview: what the visitor sees, and the way out, which is one click.

A layout that puts ``page.preview`` somewhere itself has an attribute ``shows_preview`` that is True. For any
other layout it stands in front of the content, so no host needs code for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from markupsafe import Markup

from ..interfaces import Layout
from ..page import Page


def preview_bar(*, variant: str, service: str, url: str, token: str) -> Markup:
    """The bar; nothing of the service's is in it.

    Args:
        variant: its name.
        service: its name.
        url: where a preview is left: of the page about it, and of the form.
        token: for the form; "" leaves the page alone, which has a form.
    """
    leave = Markup(_FORM).format(url=url, token=token) if token else Markup(_LINK).format(url=url)
    return Markup(_BAR).format(variant=variant, service=service, leave=leave)


def with_preview(layout: Layout, page: Page) -> Page:
    """The page as that layout needs it."""
    if not page.preview or getattr(layout, "shows_preview", False):
        return page
    return replace(page, content=page.preview + page.content)


_BAR: Final = """<section class="plugit-preview alert alert-info" aria-label="Preview">
Preview: you see the variant <strong>{variant}</strong> of {service}. {leave}
</section>
"""
_FORM: Final = """<form method="post" action="{url}">\
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">\
<button class="btn btn-sm btn-primary" name="act" value="leave">Leave the preview</button></form>"""
_LINK: Final = '<a class="btn btn-sm btn-primary" href="{url}">Leave the preview</a>'

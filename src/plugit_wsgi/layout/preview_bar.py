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


def preview_bar(*, variant: str, service: str, url: str, token: str, is_named: bool = False) -> Markup:
    """The bar; nothing of the service's is in it.

    Args:
        variant: its name; "" is the main deployment.
        service: its name.
        url: where a preview is left: of the page about it, and of the form.
        token: for the form; "" leaves the page alone, which has a form.
        is_named: the visitor is in no preview: the settings give them the variant, and the way out is to the
            main deployment.
    """
    act, label = ("away", _AWAY) if is_named else ("leave", _LEAVE)
    values = {"url": url, "token": token, "act": act, "label": label}
    return Markup(_BAR).format(
        kind="Variant" if is_named else "Preview",
        what=Markup(_VARIANT).format(variant) if variant else "the main deployment",
        service=service,
        leave=Markup(_FORM if token else _LINK).format(**values),
    )


def with_preview(layout: Layout, page: Page) -> Page:
    """The page as that layout needs it."""
    if not page.preview or getattr(layout, "shows_preview", False):
        return page
    return replace(page, content=page.preview + page.content)


_LEAVE: Final = "Leave the preview"
_AWAY: Final = "See what others see"
_VARIANT: Final = "the variant <strong>{}</strong>"
_BAR: Final = """<section class="plugit-preview alert alert-info" aria-label="{kind}">
{kind}: you see {what} of {service}. {leave}
</section>
"""
_FORM: Final = """<form method="post" action="{url}">\
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">\
<button class="btn btn-sm btn-primary" name="act" value="{act}">{label}</button></form>"""
_LINK: Final = '<a class="btn btn-sm btn-primary" href="{url}">{label}</a>'

"""The demonstration's page for subscriptions: a click is a payment, and another one ends it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from .site import Markup, joined, markup

OFFERS: Final = {"archive": ("Archive of notes", "All notes of your organizations, back to the first one.")}
"""Label of a subscription, and its words for people."""


def billing_content(held: Collection[str], *, token: str, way_back: str) -> Markup:
    """The offers, each with a button.

    Args:
        held: labels that the visitor has.
        token: of the forms.
        way_back: URL path of the page that sent the visitor here.
    """
    offers = (
        markup(
            _OFFER,
            title=title,
            about=about,
            label=label,
            token=token,
            next=way_back,
            kind=_ENDS if label in held else _BEGINS,
        )
        for label, (title, about) in OFFERS.items()
    )
    return markup(_PAGE, offers=joined(offers))


_PAGE = """<h1>Subscriptions</h1>
<p>A click is enough: nobody pays here.</p>
<div class="list-group">{offers}</div>"""
_OFFER = """<form method="post" action="/billing" class="list-group-item d-flex gap-3 align-items-center">
<input type="hidden" name="csrfmiddlewaretoken" value="{token}">
<input type="hidden" name="next" value="{next}"><input type="hidden" name="label" value="{label}">
<div class="flex-grow-1"><strong>{title}</strong><br><span class="text-muted">{about}</span></div>
{kind}
</form>"""
_BEGINS = Markup('<button class="btn btn-primary" name="act" value="begin">Subscribe</button>')
_ENDS = Markup('<button class="btn btn-outline-secondary" name="act" value="end">End it</button>')

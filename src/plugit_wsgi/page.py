"""What the layout gets: a page, and the fragment in it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from .people import Organization, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What a service contributes to a page. Immutable.

    Attributes:
        title: text, not markup; "" if the service gives none.
        head: links, styles and scripts for the page's head.
        menu: the service's menu; "" if it has none.
        content: the body.
    """

    title: str = ""
    head: Markup = Markup("")
    menu: Markup = Markup("")
    content: Markup = Markup("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A fragment with what a layout needs to frame it. Immutable.

    Attributes:
        title: text, not markup.
        head, menu, content: markup, ready to be put in.
        status: HTTP status the page goes out with.
        service: name of the service; "" on a page of the host's own.
        mount: URL path of the service with trailing slash, the host's SCRIPT_NAME included.
        assets: URL path, with trailing slash, of the bundled stylesheets and scripts.
        user: None is anonymous.
        organization: the current one; None outside organization mode.
        organizations: those the visitor may switch to.
        organization_ended: the visitor does not belong to the one that was chosen any more. Said once.
        organization_url: where the switch is posted to (fields ``organization`` and the token); "" without.
        csrf_token: for forms of the layout that post to the service's mount; "" if there is none.
        login_url: where to log in, complete with the way back; "" if the host named none.
        is_stale: the service could not be asked, this is what it said before.
        is_fallback: this stands in for a service that is down.
        variant: name of the service's deployment that made it; "" is the main one.
        is_preview: the visitor is in a preview of that variant.
        preview: the bar that says so, with the way out; "" on other pages. It stands in front of the content,
            unless the layout has an attribute ``shows_preview`` that is True.
    """

    title: str = ""
    head: Markup = Markup("")
    menu: Markup = Markup("")
    content: Markup = Markup("")
    status: int = 200
    service: str = ""
    mount: str = ""
    assets: str = ""
    user: User | None = None
    organization: Organization | None = None
    organizations: tuple[Organization, ...] = ()
    organization_ended: bool = False
    organization_url: str = ""
    csrf_token: str = ""
    login_url: str = ""
    is_stale: bool = False
    is_fallback: bool = False
    variant: str = ""
    is_preview: bool = False
    preview: Markup = Markup("")

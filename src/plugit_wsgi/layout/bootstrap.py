"""The bundled layout: a complete page on Bootstrap, with no script of its own and nothing from other servers.

1. Text fields are escaped here, markup fields are put in as they are, neither twice.
2. No inline style, inline script or data: image of ours: a strict content security policy is no obstacle.
3. Scripts are loaded in the head, before the content: services' pages call ``$(...)`` and ``bootstrap`` while
   they are parsed. The stylesheet, three times the size, holds up the first paint anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import webob
from markupsafe import Markup, escape

from ..http import script_name_of
from ..page import Page
from ..people import User
from .skins import CLASSIC, MODERN

Navbar = Callable[[Page, webob.Request], Markup]
"""Further markup for the right end of the navbar."""

_LIST_ITEM = re.compile(r"\s*<li[\s>]", re.IGNORECASE)
_STALE = "This service cannot be reached just now. You see what it said the last time; it may be out of date."
_ENDED = "You do not belong to the organization that you had chosen any more."
_NOW = " This page is for {}."
_ALERT = '<div class="alert alert-warning" role="status">{}</div>'
_FALLBACK = "This service cannot be reached just now. Another page stands in for it."


class BootstrapLayout:
    """The bundled layout. Thread-safe.

    Args:
        classic: Bootstrap 3.4 and jQuery, for services that use class names of that time; else Bootstrap 5.
        site_name: for people, in the navbar and in the titles of pages; "" names no site.
        navbar: gives further markup for the right end of the navbar.
    """

    shows_preview = True

    def __init__(self, *, classic: bool = False, site_name: str = "", navbar: Navbar | None = None) -> None:
        self._skin = CLASSIC if classic else MODERN
        self._site = escape(site_name or "Home")
        self._site_name = escape(site_name)
        self._navbar = navbar

    def __call__(self, page: Page, request: webob.Request) -> str:
        """The page as a complete HTML document."""
        skin = self._skin
        name = escape(page.service)
        return skin.page.format(
            title=self._title(escape(page.title) or name),
            resources=self._resources(escape(page.assets)),
            head=page.head,
            home=script_name_of(request.environ) + "/",
            site=self._site,
            service=skin.service.format(mount=escape(page.mount), name=name) if page.service else "",
            tools=self._tools(page, request),
            notice=page.preview + _notice(page),
            menu=self._side_bar(page),
            main_class=skin.main_class[0 if page.menu else 1],
            content=page.content,
        )

    def frame(self, page: Page, request: webob.Request) -> str:
        """The document in the frame of a service in a sandbox: its own parts, in the same style."""
        return self._skin.frame.format(
            title=escape(page.title) or escape(page.service),
            resources=self._resources(escape(page.assets)),
            head=page.head,
            menu=self._side_bar(page),
            main_class=self._skin.main_class[0 if page.menu else 1],
            content=page.content,
        )

    def _side_bar(self, page: Page) -> str:
        return self._skin.menu.format(name=escape(page.service), menu=_menu(page.menu)) if page.menu else ""

    def _title(self, title: str) -> str:
        return " · ".join(filter(None, (title, self._site_name))) or self._site

    def _resources(self, assets: str) -> str:
        links = [f'<link rel="stylesheet" href="{assets}{path}">' for path in self._skin.css]
        scripts = [f'<script src="{assets}{path}"></script>' for path in self._skin.scripts]
        return "\n".join(links + scripts)

    def _tools(self, page: Page, request: webob.Request) -> str:
        """What stands at the right end of the navbar."""
        parts: list[str] = []
        if page.organization_url and len(page.organizations) > 1:
            parts.append(self._organizations(page))
        if page.user is not None:
            parts.append(self._skin.user.format(name=escape(_name(page.user))))
        elif page.login_url:
            parts.append(self._skin.login.format(url=escape(page.login_url)))
        if self._navbar is not None:
            parts.append(self._navbar(page, request))
        return "\n".join(parts)

    def _organizations(self, page: Page) -> str:
        current = page.organization.id if page.organization else None
        options = [
            '<option value="{}"{}>{}</option>'.format(
                escape(item.id), " selected" if item.id == current else "", escape(item.name or item.id)
            )
            for item in page.organizations
        ]
        token = f'<input type="hidden" name="csrfmiddlewaretoken" value="{escape(page.csrf_token)}">'
        return self._skin.organizations.format(
            action=escape(page.organization_url), token=token, options="".join(options)
        )


def _name(user: User) -> str:
    full = f"{user.first_name} {user.last_name}".strip()
    return full or user.username or user.id


def _menu(menu: Markup) -> str:
    """A menu of bare list items gets its list; whatever else a service sends stays as it is."""
    return f"<ul>{menu}</ul>" if _LIST_ITEM.match(menu) else menu


def _notice(page: Page) -> Markup:
    texts = [_STALE if page.is_stale else _FALLBACK if page.is_fallback else ""]
    if page.organization_ended:
        current = page.organization
        texts.append(_ENDED + (_NOW.format(escape(current.name or current.id)) if current else ""))
    return Markup("").join(Markup(_ALERT).format(Markup(text)) for text in texts if text)

"""The markup of the bundled layout in two generations of Bootstrap: texts with named places, nothing else.

What goes into a place is markup already: `bootstrap` escapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .assets import BOOTSTRAP_CSS, BOOTSTRAP_SCRIPT, CLASSIC_CSS, CLASSIC_SCRIPT, JQUERY, OWN_CSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """The pieces of a page. Immutable.

    Attributes:
        css, scripts: asset paths, in the order of loading.
        page: the frame: ``title resources head home site service tools notice menu main_class content``.
        frame: the document in a frame: ``title resources head menu main_class content``.
        service: link to the service, in the navbar: ``mount name``.
        organizations: the form that switches: ``action token options``.
        user: who is logged in: ``name``.
        login: the link to the login: ``url``.
        menu: the side bar: ``name menu``.
        main_class: classes of the content beside a menu, and without one.
    """

    css: tuple[str, ...]
    scripts: tuple[str, ...]
    page: str
    frame: str
    service: str
    organizations: str
    user: str
    login: str
    menu: str
    main_class: tuple[str, str]


_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{resources}
{head}
</head>
<body>
"""

_BODY = """
<div class="container">
{notice}
<div class="row">
{menu}
<main class="plugit-main {main_class}" id="plugit-main" tabindex="-1">
{content}
</main>
</div>
</div>
</body>
</html>
"""

_FRAME = (
    _HEAD
    + """<div class="plugit-framed container-fluid">
<div class="row">
{menu}
<div class="plugit-main {main_class}">
{content}
</div>
</div>
</div>
</body>
</html>
"""
)

MODERN: Final = Skin(
    css=(BOOTSTRAP_CSS, OWN_CSS),
    scripts=(BOOTSTRAP_SCRIPT,),
    page=_HEAD
    + """<a class="visually-hidden-focusable" href="#plugit-main">Skip to content</a>
<header>
<nav class="plugit-navbar navbar navbar-expand-md bg-body-tertiary border-bottom" aria-label="Site">
<div class="container">
<a class="navbar-brand" href="{home}">{site}</a>
<button class="navbar-toggler" type="button" data-bs-toggle="collapse" data-bs-target="#plugit-navbar"
 aria-controls="plugit-navbar" aria-expanded="false" aria-label="Site navigation">
<span class="plugit-bars"></span></button>
<div class="collapse navbar-collapse" id="plugit-navbar">
<ul class="navbar-nav me-auto">{service}</ul>
<div class="plugit-tools">{tools}</div>
</div>
</div>
</nav>
</header>"""
    + _BODY,
    frame=_FRAME,
    service='<li class="nav-item"><a class="nav-link active" href="{mount}">{name}</a></li>',
    organizations="""<form method="post" action="{action}">{token}
<label class="visually-hidden" for="plugit-organization">Organization</label>
<select class="form-control form-control-sm" id="plugit-organization" name="organization">{options}</select>
<button class="btn btn-sm btn-outline-secondary" type="submit">Switch</button></form>""",
    user='<span class="plugit-user"><span class="visually-hidden">Logged in as </span>{name}</span>',
    login='<a class="btn btn-sm btn-outline-primary" href="{url}">Log in</a>',
    menu="""<nav class="plugit-menu col-md-3 col-lg-2" aria-label="{name} menu">
<button class="btn btn-sm btn-outline-secondary d-md-none" type="button" data-bs-toggle="collapse"
 data-bs-target="#plugit-menu" aria-controls="plugit-menu" aria-expanded="false">{name} menu</button>
<div class="collapse d-md-block" id="plugit-menu">{menu}</div>
</nav>""",
    main_class=("col-md-9 col-lg-10", "col-12"),
)

CLASSIC: Final = Skin(
    css=(CLASSIC_CSS, OWN_CSS),
    scripts=(JQUERY, CLASSIC_SCRIPT),
    page=_HEAD
    + """<a class="sr-only sr-only-focusable" href="#plugit-main">Skip to content</a>
<header>
<nav class="plugit-navbar plugit-navbar-classic navbar navbar-default" aria-label="Site">
<div class="container">
<div class="navbar-header">
<button class="navbar-toggle collapsed" type="button" data-toggle="collapse" data-target="#plugit-navbar"
 aria-controls="plugit-navbar" aria-expanded="false" aria-label="Site navigation">
<span class="plugit-bars"></span></button>
<a class="navbar-brand" href="{home}">{site}</a>
</div>
<div class="collapse navbar-collapse" id="plugit-navbar">
<ul class="nav navbar-nav">{service}</ul>
<div class="plugit-tools">{tools}</div>
</div>
</div>
</nav>
</header>"""
    + _BODY,
    frame=_FRAME,
    service='<li class="active"><a href="{mount}">{name}</a></li>',
    organizations="""<form method="post" action="{action}">{token}
<label class="sr-only" for="plugit-organization">Organization</label>
<select class="form-control input-sm" id="plugit-organization" name="organization">{options}</select>
<button class="btn btn-sm btn-default" type="submit">Switch</button></form>""",
    user='<span class="plugit-user"><span class="sr-only">Logged in as </span>{name}</span>',
    login='<a class="btn btn-sm btn-default" href="{url}">Log in</a>',
    menu="""<nav class="plugit-menu plugit-menu-classic col-sm-3 col-md-2" aria-label="{name} menu">
<button class="btn btn-sm btn-default visible-xs-inline-block" type="button" data-toggle="collapse"
 data-target="#plugit-menu" aria-controls="plugit-menu" aria-expanded="false">{name} menu</button>
<div class="collapse" id="plugit-menu">{menu}</div>
</nav>""",
    main_class=("col-sm-9 col-md-10", "col-xs-12"),
)

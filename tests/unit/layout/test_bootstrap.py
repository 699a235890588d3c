"""The bundled layout, as text; how it looks is tested in a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
import webob
from markupsafe import Markup
from tests.unit.layout.markup import Reader

from plugit_wsgi.layout import BootstrapLayout
from plugit_wsgi.layout.assets import ASSETS, JQUERY
from plugit_wsgi.page import Page
from plugit_wsgi.people import Organization, User

NASTY = "<b>\"x\"&'y'{0}%s</b>"
EBU, BBC = Organization("-1", "EBU"), Organization("-3", "BBC")
FULL = Page(
    title="A poll",
    head=Markup("<style>.x{color:red}</style>"),
    menu=Markup('<ul class="nav"><li><a href="#">All</a></li></ul>'),
    content=Markup("<p>{content} %s</p>"),
    service="polls",
    mount="/s/polls/",
    assets="/s/_assets/",
    user=User("7", "luc", "Member", "Luc"),
    organization=BBC,
    organizations=(EBU, BBC),
    organization_url="/s/polls/ebuio_setOrga",
    csrf_token="token",
)
EMPTY = Page(assets="/s/_assets/")
SKINS = pytest.mark.parametrize("classic", [False, True], ids=["modern", "classic"])


def request(script_name: str = "") -> webob.Request:
    return webob.Request.blank("/s/polls/", environ={"SCRIPT_NAME": script_name})


@SKINS
@pytest.mark.parametrize(
    "page", [FULL, EMPTY, replace(FULL, is_stale=True), replace(EMPTY, is_fallback=True)]
)
def test_a_page_is_one_whole_document(classic: bool, page: Page) -> None:
    """Everything opened is closed, landmarks and language are there, whatever the page has and has not."""
    document = BootstrapLayout(classic=classic, site_name="Site")(page, request())
    assert document.startswith("<!DOCTYPE html>\n")
    found = Reader(document)
    assert found.find("html")[0]["lang"]
    assert len(found.find("main", id="plugit-main")) == len(found.find("header")) == 1
    assert found.find("a", href="#plugit-main"), "no way to skip the navbar"
    assert all(nav["aria-label"] for nav in found.find("nav"))


@SKINS
def test_text_is_escaped_once(classic: bool) -> None:
    """Names and titles come from services and users."""
    page = replace(
        FULL,
        title=NASTY,
        service=NASTY,
        mount=NASTY,
        assets=NASTY,
        user=User("7", first_name=NASTY),
        organizations=(Organization(NASTY, NASTY), BBC),
        organization_url=NASTY,
        csrf_token=NASTY,
        menu=Markup("<li>x</li>"),
        content=Markup(""),
        head=Markup(""),
    )
    document = BootstrapLayout(classic=classic, site_name=NASTY)(page, request())
    assert "<b>" not in document
    assert "&amp;amp;" not in document
    found = Reader(document)
    assert found.text["title"] == f"{NASTY} · {NASTY}"
    assert found.find("form")[0]["action"] == NASTY
    assert found.find("input", type="hidden")[0]["value"] == NASTY
    assert found.find("option")[0]["value"] == NASTY
    login = BootstrapLayout(classic=classic)(replace(EMPTY, login_url=NASTY), request())
    assert Reader(login).find("a", href=NASTY)


@SKINS
def test_markup_is_put_in_as_it_is(classic: bool) -> None:
    """Braces and percents of a service's scripts are no places to fill."""
    document = BootstrapLayout(classic=classic)(FULL, request())
    for part in (FULL.head, FULL.menu, FULL.content):
        assert document.count(part) == 1
    assert document.index(FULL.head) < document.index("</head>") < document.index(FULL.content)


@SKINS
def test_what_is_loaded_is_ours_and_comes_before_the_content(classic: bool) -> None:
    """No other server is asked; services' pages use the scripts while they are parsed."""
    document = BootstrapLayout(classic=classic)(replace(FULL, head=Markup("<!--service-->")), request())
    found = Reader(document)
    paths = [link["href"] for link in found.find("link")] + [script["src"] for script in found.find("script")]
    assert {str(path).removeprefix("/s/_assets/") for path in paths} <= ASSETS.keys()
    assert document.rindex("<script") < document.index("<!--service-->"), "the service's head comes last"
    assert (JQUERY in document) is classic
    assert "defer" not in document
    assert "async" not in document


@SKINS
def test_a_strict_content_security_policy_is_no_obstacle(classic: bool) -> None:
    """Neither styles nor scripts stand in the markup of ours."""
    page = replace(FULL, head=Markup(""), is_stale=True)
    found = Reader(BootstrapLayout(classic=classic)(page, request()))
    assert not found.find("style")
    assert all(set(script) == {"src"} for script in found.find("script"))
    assert not [
        name for _, element in found.elements for name in element if name.startswith("on") or name == "style"
    ]


@pytest.mark.parametrize(
    ("title", "service", "site", "expected"),
    [
        ("A poll", "polls", "Radio", "A poll · Radio"),
        ("A poll", "polls", "", "A poll"),
        ("", "polls", "Radio", "polls · Radio"),
        ("", "", "Radio", "Radio"),
        ("", "", "", "Home"),
    ],
)
def test_the_title(title: str, service: str, site: str, expected: str) -> None:
    """The page's, else the service's name; then the site. Never empty: it is what a tab is called."""
    document = BootstrapLayout(site_name=site)(Page(title=title, service=service), request())
    assert f"<title>{expected}</title>" in document


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        (User("7", "luc", "Member", "Luc"), "Member Luc"),
        (User("7", "luc", "", "Luc"), "Luc"),
        (User("7", "luc"), "luc"),
        (User("7"), "7"),
    ],
)
def test_who_is_logged_in(user: User, shown: str) -> None:
    """The best name there is; no login is offered."""
    document = BootstrapLayout()(replace(EMPTY, user=user, login_url="/login"), request())
    assert f"</span>{shown}</span>" in document
    assert "/login" not in document


@SKINS
def test_a_login_is_offered_if_the_host_has_one(classic: bool) -> None:
    """An anonymous visitor gets the link, or nothing."""
    layout = BootstrapLayout(classic=classic)
    assert Reader(layout(replace(EMPTY, login_url="/login?next=%2F"), request())).find(
        "a", href="/login?next=%2F"
    )
    assert "Log in" not in layout(EMPTY, request())


@SKINS
def test_the_organization_switch_posts_with_the_token(classic: bool) -> None:
    """It changes something, so it is a form, and says which one is current."""
    found = Reader(BootstrapLayout(classic=classic)(FULL, request()))
    assert found.find("form", method="post", action="/s/polls/ebuio_setOrga")
    assert found.find("input", name="csrfmiddlewaretoken", value="token", type="hidden")
    assert found.find("select", name="organization")
    assert [(one["value"], "selected" in one) for one in found.find("option")] == [
        ("-1", False),
        ("-3", True),
    ]


@pytest.mark.parametrize(
    "page",
    [
        replace(FULL, organizations=(EBU,)),
        replace(FULL, organizations=()),
        replace(FULL, organization_url=""),
    ],
)
def test_no_switch_where_there_is_nothing_to_choose(page: Page) -> None:
    """One organization, none, or nowhere to post to."""
    assert not Reader(BootstrapLayout()(page, request())).find("form")


def test_without_a_current_organization_none_is_selected_by_us() -> None:
    """The first visit in organization mode."""
    found = Reader(BootstrapLayout()(replace(FULL, organization=None), request()))
    assert not [one for one in found.find("option") if "selected" in one]


@pytest.mark.parametrize(
    ("script_name", "home"),
    [("", "/"), ("/under/here", "/under/here/"), ("/h\u00c3\u00b6r <", "/h%C3%B6r%20%3C/")],
)
def test_home_is_the_host_even_below_a_script_name(script_name: str, home: str) -> None:
    """SCRIPT_NAME is decoded bytes as latin-1 text; a link is percent-encoded."""
    found = Reader(BootstrapLayout()(FULL, request(script_name)))
    assert found.find("a", **{"class": "navbar-brand"})[0]["href"] == home


@SKINS
def test_the_host_adds_to_the_navbar(classic: bool) -> None:
    """The callable sees the page and the request; its markup stands in the navbar as it is."""
    seen: list[object] = []

    def navbar(*arguments: object) -> Markup:
        seen.extend(arguments)
        return Markup('<i id="mine">x</i>')

    asked = request()
    document = BootstrapLayout(classic=classic, navbar=navbar)(FULL, asked)
    assert seen == [FULL, asked]
    assert document.index("<nav") < document.index('<i id="mine">x</i>') < document.index("</nav>")


@pytest.mark.parametrize(
    ("menu", "expected"),
    [
        ("<li>One</li>", "<ul><li>One</li></ul>"),
        ("\n  <LI class=x>One</LI>", "<ul>\n  <LI class=x>One</LI></ul>"),
        ("<ul><li>One</li></ul>", "<ul><li>One</li></ul>"),
        ("<link rel=x>", "<link rel=x>"),
        ("<div><h3>A</h3></div>", "<div><h3>A</h3></div>"),
    ],
)
@SKINS
def test_a_menu_stays_as_it_is_but_items_get_their_list(classic: bool, menu: str, expected: str) -> None:
    """Services send items, lists, or sections of their own."""
    document = BootstrapLayout(classic=classic)(replace(FULL, menu=Markup(menu)), request())
    assert f'id="plugit-menu">{expected}</div>' in document


@SKINS
def test_without_a_menu_the_content_has_the_width(classic: bool) -> None:
    """No empty column."""
    layout = BootstrapLayout(classic=classic)
    assert 'id="plugit-menu"' in layout(FULL, request())
    assert "plugit-menu" not in layout(replace(FULL, menu=Markup("")), request())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (EMPTY, None),
        (replace(EMPTY, is_stale=True), "out of date"),
        (replace(EMPTY, is_fallback=True), "stands in"),
        (replace(EMPTY, organization_ended=True), "do not belong to the organization"),
        (replace(FULL, organization_ended=True), "This page is for BBC."),
    ],
)
def test_a_page_that_is_not_the_real_one_says_so(page: Page, said: str | None) -> None:
    """The visitor must know that what is shown may be wrong by now."""
    document = BootstrapLayout()(page, request())
    assert (said in document) if said else ('role="status"' not in document)


@SKINS
def test_the_document_of_a_frame_has_the_style_and_nothing_of_the_host(classic: bool) -> None:
    """A service in a sandbox reads all that stands in it; text is escaped, markup is as it is."""
    secret = "told-to-nobody"
    page = replace(
        FULL,
        title=NASTY,
        service=NASTY,
        user=User("7", first_name=secret),
        organizations=(Organization(secret, secret), BBC),
        csrf_token=secret,
        login_url=secret,
    )
    document = BootstrapLayout(classic=classic, site_name=secret).frame(page, request())
    assert secret not in document
    assert Reader(document).text["title"] == NASTY
    for part in (FULL.head, FULL.menu, FULL.content):
        assert document.count(part) == 1
    assert (JQUERY in document) is classic

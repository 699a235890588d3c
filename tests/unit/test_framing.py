"""What leaves for the visitor: headers, cookies, redirects."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
import webob
from markupsafe import Markup
from tests.unit.visiting import ANNA, IDS, ORGANIZATIONS, PAGES, SECRETS, SESSIONS, visit

from plugit_wsgi.answer_headers import guarded
from plugit_wsgi.config import Limits
from plugit_wsgi.csrf import Tokens
from plugit_wsgi.errors import ServiceFailed
from plugit_wsgi.events import Dropped, Event
from plugit_wsgi.framing import Framer, login_target
from plugit_wsgi.http import Answer
from plugit_wsgi.page import Fragment, Page
from plugit_wsgi.tokens import VisitTokens
from plugit_wsgi.wire.result import Data, File, Redirect, SessionWrites, Status

TOKENS = Tokens(SECRETS.derived("csrf"), "x")


def layout(page: Page, _request: webob.Request) -> str:
    return f"{page.title}|{page.content}|{page.csrf_token}|{page.login_url}|{page.organization_url}"


TOLD: list[Event] = []
FRAMER = Framer(
    layout=layout,
    tokens=VisitTokens(TOKENS),
    sessions=SESSIONS,
    visitor_ids=IDS,
    limits=Limits(),
    login_url="/login",
    observe=lambda event: TOLD.append(event),
)
FRAGMENT = Fragment(title="T", content=Markup("<p>"))


def values(answer: Answer, name: str) -> list[str]:
    return [value for key, value in answer.headers if key.lower() == name.lower()]


# Cache-Control -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([], "private, no-cache"),
        (["max-age=60"], "private, max-age=60"),
        (["public, max-age=60"], "private, max-age=60"),
        (["PUBLIC , s-maxage=9,max-age=60"], "private, max-age=60"),
        (["private"], "private"),
        (["no-store"], "private, no-store"),
        (["private, no-store"], "private, no-store"),
        (["max-age=60", "no-store"], "private, max-age=60, no-store"),
        ([""], "private, no-cache"),
        (["must-revalidate, ,"], "private, must-revalidate"),
    ],
)
def test_guarded(given: list[str], kept: str) -> None:
    """Private; what the service said about storing stays so, on however many lines."""
    headers = (("ETag", "e"), *(("Cache-Control", value) for value in given))
    assert guarded(headers, True) == (("Cache-Control", kept), ("ETag", "e"))
    assert guarded(headers, False) == headers


# Pages ---------------------------------------------------------------------------------


def test_a_page() -> None:
    """Private and never stored; what belongs to the bare answer of the service is gone."""
    headers = (("ETag", "e"), ("Last-Modified", "then"), ("Cache-Control", "public"), ("Vary", "A"))
    token = FRAMER.token(visit())
    answer = FRAMER.page(FRAGMENT, visit(), token=token, status=201, headers=headers)
    assert answer.body == f"T|<p>|{token}|/login?next=/s/x/a|".encode()
    assert answer.status == 201
    assert values(answer, "cache-control") == ["private, no-store"]
    assert values(answer, "content-type") == ["text/html; charset=utf-8"]
    assert (values(answer, "last-modified"), values(answer, "vary")) == ([], ["A"])


def test_cookies_of_a_new_visitor() -> None:
    """The token that scripts read, and the id it is bound to."""
    new = visit()
    token = FRAMER.token(new)
    found = values(FRAMER.page(FRAGMENT, new, token=token), "set-cookie")
    assert found[0] == f"csrftoken={token}; Path=/s/x/; SameSite=Lax"
    assert found[1].startswith("plugit=")
    assert len(found) == 2
    assert values(FRAMER.page(FRAGMENT, new, token=""), "set-cookie") == []


def test_cookies_over_https() -> None:
    """Secure; the id has the prefix that no neighbour can set."""
    new = visit(secure=True)
    found = values(FRAMER.page(FRAGMENT, new, token=FRAMER.token(new)), "set-cookie")
    assert all(line.endswith("; Secure") for line in found)
    assert found[1].startswith("__Host-plugit=")


@pytest.mark.parametrize(("token_of", "sent"), [("same", 0), ("other user", 1), ("nonsense", 1), ("none", 1)])
def test_a_good_token_is_not_sent_again(token_of: str, sent: int) -> None:
    """Only to whoever has none, or one of before the login."""
    own = IDS.format_cookie("v" * 22, secure=False).partition(";")[0]
    token = {
        "same": TOKENS.issue("v" * 22, "7"),
        "other user": TOKENS.issue("v" * 22, None),
        "nonsense": "abc",
        "none": "",
    }[token_of]
    known = visit({"HTTP_COOKIE": f"{own}; csrftoken={token}"}, user=ANNA)
    found = values(FRAMER.page(FRAGMENT, known, token=FRAMER.token(known)), "set-cookie")
    assert len(found) == sent
    assert all(line.startswith("csrftoken=") for line in found)


def test_organization_switch() -> None:
    """Its URL is on the page where there is something to switch."""
    answer = FRAMER.page(FRAGMENT, visit(service=ORGANIZATIONS), token="")
    assert isinstance(answer.body, bytes)
    assert answer.body.endswith(b"|/s/x/ebuio_setOrga")


# Other answers -------------------------------------------------------------------------


def test_bytes_without_a_layout() -> None:
    """Never sniffed."""
    result = Data(value={}, raw=b"{}", headers=(("ETag", "e"),))
    answer = FRAMER.bare(b"{}", "application/json", result, visit(), personal=True)
    assert answer.headers == (
        ("Content-Type", "application/json"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "private, no-cache"),
        ("ETag", "e"),
    )
    assert FRAMER.bare(b"", "image/png", result, visit(), personal=False).headers[2:] == (("ETag", "e"),)


OPENED = [
    # Sent by the service, what a visitor gets, how a browser shows it.
    ("text/plain; charset=utf-8", "text/plain; charset=utf-8", "inline"),
    ("Application/JSON", "application/json", "inline"),
    ("text/css;", "text/css", "inline"),
    ("image/svg+xml", "image/svg+xml", "sandbox"),
    ("TEXT/XML", "text/xml", "sandbox"),
    ("application/xhtml+xml; charset=x", "application/xhtml+xml; charset=x", "sandbox"),
    ("application/zip", "application/zip", "attachment"),
    ("text/plain; x=y, text/html", "application/octet-stream", "attachment"),
    ("text/html; x=y, text/xml", "application/octet-stream", "attachment"),
    ("text", "application/octet-stream", "attachment"),
]


def how_shown(answer: Answer) -> str:
    """An attachment is in the sandbox as well: some browsers open them."""
    confined = values(answer, "content-security-policy") == ["sandbox"]
    saved = [value.partition(";")[0] for value in values(answer, "content-disposition")] == ["attachment"]
    return {(True, True): "attachment", (True, False): "sandbox", (False, False): "inline"}[confined, saved]


@pytest.mark.parametrize(("kind", "sent", "how"), [*OPENED, ("Text/HTML; a=b", "text/html; a=b", "inline")])
def test_answers_without_layout_run_scripts_only_as_html(kind: str, sent: str, how: str) -> None:
    """A service is trusted with its HTML; a drawing that it was given by somebody is not."""
    bare = FRAMER.bare(b"x", kind, Status(status=200), visit(), personal=True)
    head = FRAMER.status(Status(status=200), visit(), personal=True, content_type=kind)
    assert bare.headers == head.headers
    assert (values(bare, "content-type"), how_shown(bare)) == ([sent], how)
    assert values(bare, "x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize(
    ("kind", "sent", "how"),
    [*OPENED, ("text/html", "text/html", "sandbox"), ("", "application/octet-stream", "attachment")],
)
def test_files_that_are_documents_run_no_scripts(kind: str, sent: str, how: str) -> None:
    """A browser that opens one by itself would run them in the host's origin."""
    headers = (("Content-Type", kind),) if kind else ()
    answer = FRAMER.stream(File(body=(b"x",), headers=headers), (b"x",), visit(), personal=False)
    assert (values(answer, "content-type"), how_shown(answer)) == ([sent], how)
    assert values(answer, "x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize(
    ("kind", "said", "sent"),
    [
        ("text/plain", "inline; filename=a.txt", ['inline; filename="a.txt"']),
        ("text/plain", "attachment", ["attachment"]),
        ("text/html", "inline; filename=../a.html", ['inline; filename="a.html"']),
        ("application/zip", "inline; filename=a.zip", ['attachment; filename="a.zip"']),
        ("text/plain", None, []),
    ],
)
def test_the_name_of_a_file_is_written_anew(kind: str, said: str | None, sent: list[str]) -> None:
    """And what is not to be shown is saved, whatever the service says."""
    more = (("Content-Disposition", said),) if said is not None else ()
    result = File(body=(), headers=(("Content-Type", kind), *more))
    assert values(FRAMER.stream(result, (), visit(), personal=True), "content-disposition") == sent


def test_session_writes_come_along() -> None:
    """With every kind of answer; the state is signed, on the mount, bound to the visitor."""
    writes = SessionWrites(stored=(("a", "1"),))
    new = visit()
    answers = [
        FRAMER.page(FRAGMENT, new, token="", writes=writes),
        FRAMER.bare(b"", "a/b", Data(value={}, raw=b"", writes=writes), new, personal=True),
        FRAMER.stream(File(body=(), writes=writes), (), new, personal=True),
        FRAMER.status(Status(status=204, writes=writes), new, personal=True),
        FRAMER.redirect(Redirect(target="/", absolute=False, writes=writes), new),
    ]
    for answer in answers:
        lines = values(answer, "set-cookie")
        assert [line.partition("=")[0] for line in lines] == ["plugit-x", "plugit"]
        again = visit({"HTTP_COOKIE": "; ".join(line.partition(";")[0] for line in lines)})
        assert dict(again.session.values) == {"a": "1"}


def test_writes_over_a_limit_are_told() -> None:
    """And the page is shown."""
    TOLD.clear()
    writes = SessionWrites(stored=(("a", "x" * 2000), ("b", "1")))
    answer = FRAMER.page(FRAGMENT, visit(), token="", writes=writes)
    assert answer.status == 200
    assert [(event.what, event.count) for event in TOLD if isinstance(event, Dropped)] == [("session", 1)]


@pytest.mark.parametrize(("content_type", "sent"), [("", []), ("text/html", ["text/html"])])
def test_status(content_type: str, sent: list[str]) -> None:
    """Without a body."""
    answer = FRAMER.status(Status(status=200), visit(), personal=True, content_type=content_type)
    assert (answer.body, values(answer, "content-type")) == (b"", sent)


# Redirects -----------------------------------------------------------------------------


def target(result: Redirect, **more: Any) -> str | None:
    try:
        answer = FRAMER.redirect(result, visit(**more))
    except ServiceFailed:
        return None
    assert values(answer, "cache-control") == ["private, no-store"]
    return values(answer, "location")[0]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("show/1", "/s/x/show/1"),
        ("/show/1?a=b#c", "/s/x/show/1?a=b#c"),
        ("//evil.example", "/s/x/evil.example"),
        ("\\/evil.example", "/s/x/evil.example"),
        ("", "/s/x/"),
        ("/", "/s/x/"),
        ("/é x", "/s/x/%C3%A9%20x"),
        ("/a\r\nSet-Cookie: x", "/s/x/a%0D%0ASet-Cookie:%20x"),
        ("http://evil.example", "/s/x/http://evil.example"),
        ("javascript:alert(1)", "/s/x/javascript:alert(1)"),
        ("../../admin", "/s/x/admin"),
        ("show/../../../admin?a=/../b", "/s/x/admin?a=/../b"),
        ("%2e%2E/.%2e/admin", "/s/x/admin"),
        (".//evil.example", "/s/x/evil.example"),
        ("a/b/../c/.", "/s/x/a/c/"),
    ],
)
def test_redirect_below_the_mount(given: str, sent: str) -> None:
    """Whatever it is, it is below the mount; no double slash."""
    assert target(Redirect(target=given, absolute=False)) == sent
    assert target(Redirect(target=given, absolute=False), script_name="/app") == "/app" + sent


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("/elsewhere?a=b", "/elsewhere?a=b"),
        ("https://friend.example/x", "https://friend.example/x"),
        ("http://FRIEND.example", "http://FRIEND.example"),
        ("http://host.example/x", "http://host.example/x"),
        ("https://friend.example:8443/", None),
        ("https://evil.example/", None),
        ("//friend.example/", None),
        ("https://friend.example.evil.example/", None),
        ("https://friend.example@evil.example/", None),
        ("javascript:alert(1)", None),
        ("elsewhere", None),
        ("", None),
    ],
)
def test_redirect_without_prefix(given: str, sent: str | None) -> None:
    """On the host, or to a host of the allow-list; else it is the service's failure."""
    assert target(Redirect(target=given, absolute=True)) == sent


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://127.0.0.1:5000/base/x?a=b", "/s/x/x?a=b"),
        ("http://127.0.0.1:5000/base/", "/s/x/"),
        ("/x", "/s/x/x"),
        ("/s/x/y", "/s/x/y"),
        ("/s/x", "/s/x"),
        ("/s/xy", "/s/x/s/xy"),
        ("http://host.example/s/x/y", "/s/x/y"),
        ("http://host.example/y", "/s/x/y"),
        ("http://host.example", "/s/x/"),
        ("y", "/s/x/y"),
        ("../y", "/s/x/y"),
        ("%2e%2e/%2e%2e/y", "/s/x/y"),
        ("../../y?a=b#../c", "/s/x/y?a=b#../c"),
        ("/../../y", "/s/x/y"),
        ("/s/x/../../y", "/s/x/y"),
        ("/s/x/%2e%2e/%2e./y", "/s/x/y"),
        ("http://host.example/s/x/../y", "/s/x/y"),
        ("http://host.example/../y", "/s/x/y"),
        ("http://127.0.0.1:5000/base/../y", None),
        ("?a=b", "/s/x/a?a=b"),
        ("https://friend.example/x", "https://friend.example/x"),
        ("//evil.example", None),
        ("/\\evil.example", "/s/x/%5Cevil.example"),
        ("https://evil.example", None),
        ("http://127.0.0.1:5001/base/x", None),
        ("javascript:alert(1)", None),
    ],
)
def test_location_in_pages_mode(given: str, sent: str | None) -> None:
    """The service's own, and paths that are not below the mount yet, go below the mount; no double prefix."""
    assert target(Redirect(target=given, absolute=True, status=302), service=PAGES) == sent


@pytest.mark.parametrize(
    ("given", "sent"), [(200, 302), (301, 301), (303, 303), (307, 307), (308, 308), (304, 302)]
)
def test_status_of_a_redirect(given: int, sent: int) -> None:
    """302 unless the service chose one; only CORS goes along."""
    headers = (("ETag", "e"), ("Access-Control-Allow-Origin", "*"))
    result = Redirect(target="/", absolute=False, status=given, headers=headers)
    answer = FRAMER.redirect(result, visit())
    assert answer.status == sent
    assert (values(answer, "etag"), values(answer, "access-control-allow-origin")) == ([], ["*"])


# Login ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login_url", "environ", "sent"),
    [
        ("/login", {}, "/login?next=/s/x/a"),
        ("/login?a=b", {}, "/login?a=b&next=/s/x/a"),
        ("https://login.example", {}, "https://login.example?next=/s/x/a"),
        ("/login", {"QUERY_STRING": "a=1&b=2"}, "/login?next=/s/x/a%3Fa%3D1%26b%3D2"),
        ("/login", {"QUERY_STRING": "a=1", "REQUEST_METHOD": "POST"}, "/login?next=/s/x/a"),
        ("/login", {"QUERY_STRING": "a=1", "REQUEST_METHOD": "HEAD"}, "/login?next=/s/x/a%3Fa%3D1"),
        ("/login", {"SCRIPT_NAME": "/app"}, "/app/login?next=/app/s/x/a"),
        ("/login", {"PATH_INFO": "/s/x/\xff&next=//evil"}, "/login?next=/s/x/%25FF%26next%3D//evil"),
        (None, {}, None),
    ],
)
def test_login_target(login_url: str | None, environ: dict[str, str], sent: str | None) -> None:
    """With the way back; a change is not repeated by coming back to it."""
    base = {"REQUEST_METHOD": "GET", "PATH_INFO": "/s/x/a", "wsgi.input": io.BytesIO()}
    assert login_target(login_url, webob.Request({**base, **environ})) == sent


def test_an_organization_is_chosen() -> None:
    """Kept in the session, bound to the visitor, who is sent on."""
    new = visit(user=ANNA)
    answer = FRAMER.chosen_organization(replace(new.session, organization="2"), new, "/s/x/")
    assert (answer.status, values(answer, "location")) == (303, ["/s/x/"])
    lines = values(answer, "set-cookie")
    again = visit({"HTTP_COOKIE": "; ".join(line.partition(";")[0] for line in lines)}, user=ANNA)
    assert again.session.organization == "2"

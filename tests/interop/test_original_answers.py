"""Protocol section 4: what a visitor gets for each answer a service of the original can give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi import PlugItMiddleware, Service
from tests.interop.processes import Process
from tests.interop.visitor import Answer, Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Browse = Callable[..., Visitor]

HTML = {"Accept": "text/html"}


def location(answer: Answer, visitor: Visitor) -> str:
    """The Location as a path of the host."""
    return (answer.header("Location") or "").removeprefix(visitor.origin)


# -- Redirects


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/go/relative", "/s/app/form/?a=1"),
        ("/go/slash", "/s/app/form/"),
        ("/go/host", "/elsewhere/on/the/host"),
        ("/go/words", "/s/app/form/?name=Gr%C3%B6%C3%9Fe%20&%20mehr"),
    ],
)
def test_a_redirect_stays_on_the_host(visitor: Visitor, path: str, target: str) -> None:
    """Below the mount, with one slash; or with NoPrefix as it is, inside the host."""
    answer = visitor.get(path)
    assert (answer.status, location(answer, visitor)) == (302, target)


def test_a_redirect_to_another_site_is_refused(visitor: Visitor) -> None:
    """Unless the mount allows that site (with the original any service could send visitors anywhere)."""
    answer = visitor.get("/go/away")
    assert answer.status == 502
    assert answer.header("Location") is None


def test_a_redirect_to_a_site_that_the_mount_allows(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """`redirect_hosts` of the mount names it."""
    service = Service("app", original_service.url, redirect_hosts=("evil.example",))
    answer = Visitor(serve(PlugItMiddleware(nothing_else, [service], "k" * 32)), "/s/app").get("/go/away")
    assert (answer.status, answer.header("Location")) == (302, "http://evil.example/")


def test_a_redirect_after_a_form(visitor: Visitor) -> None:
    """The browser goes on with GET."""
    answer = visitor.post("/go/post", [("csrfmiddlewaretoken", visitor.token())])
    assert answer.status in (302, 303)
    assert location(answer, visitor) == "/s/app/form/"


# -- Files


def test_a_file_is_shown(visitor: Visitor) -> None:
    """As it is, with its type."""
    answer = visitor.get("/file/inline")
    assert (answer.status, answer.text) == (200, "Eine Notiz: größer als ASCII.\n")
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.header("ETag")
    assert answer.header("Last-Modified")


def test_a_file_is_downloaded(visitor: Visitor) -> None:
    """With its name."""
    answer = visitor.get("/file/attachment")
    assert (answer.status, answer.text) == (200, "Zahlen;Größen\n1;2\n")
    disposition = answer.header("Content-Disposition") or ""
    assert disposition.startswith("attachment")
    assert "table.csv" in disposition


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_file_keeps_a_name_outside_ascii(visitor: Visitor, method: str) -> None:
    """In the form of RFC 6266; a form may lead to a file, and a file may come with a session value."""
    answer = visitor.send(method, "/file/named", headers={"X-CSRFToken": visitor.token()})
    assert (answer.status, answer.body) == (200, b"%PDF-1.4 ...")
    disposition = answer.header("Content-Disposition") or ""
    assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%26%20Co%3B%20%C5%81%C3%B3d%C5%BA.pdf" in disposition
    assert visitor.get("/session/get").json()["session"] == {"got": "1"}


def test_head_of_a_page_and_of_a_file(visitor: Visitor) -> None:
    """No body, the status of GET."""
    for path in ("/plain/", "/file/inline", "/media/note.txt", "/json/"):
        answer = visitor.send("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
    assert visitor.send("HEAD", "/nothing").status == 404


def test_a_big_file_arrives_whole(visitor: Visitor) -> None:
    """Two megabytes, byte for byte."""
    answer = visitor.get("/file/big")
    expected = b"0123456789abcdef" * 131072
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(expected).digest()


def test_media_keep_validators_and_ranges(visitor: Visitor) -> None:
    """ETag, conditions and ranges work through us."""
    whole = visitor.get("/media/note.txt")
    etag = whole.header("ETag")
    assert etag
    assert visitor.get("/media/note.txt", {"If-None-Match": etag}).status == 304
    part = visitor.get("/media/note.txt", {"Range": "bytes=5-9"})
    assert (part.status, part.body) == (206, whole.body[5:10])
    assert part.header("Content-Range") == f"bytes 5-9/{len(whole.body)}"


def test_media_that_could_run_scripts_do_not(visitor: Visitor) -> None:
    """An SVG is a document with scripts, when opened by itself."""
    answer = visitor.get("/media/drawing.svg")
    assert answer.header("X-Content-Type-Options") == "nosniff"
    shown_apart = "attachment" in (answer.header("Content-Disposition") or "")
    confined = "sandbox" in (answer.header("Content-Security-Policy") or "")
    assert shown_apart or confined


# -- JSON and XML


def test_json_for_a_script_that_asks_for_it(visitor: Visitor) -> None:
    """`application/json`, when Accept has json."""
    answer = visitor.get("/json/", {"Accept": "application/json"})
    assert (answer.header("Content-Type") or "").startswith("application/json")
    assert answer.json() == {"text": "<script>Größe</script>", "count": 3}


def test_json_for_who_did_not_ask_for_it(visitor: Visitor) -> None:
    """Plain text that no browser runs (the original sent text/html)."""
    answer = visitor.get("/json/", HTML)
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.json()["count"] == 3


@pytest.mark.parametrize(
    ("kind", "value"), [("list", [1, "zwei", None]), ("null", None), ("text", "wort"), ("number", 42)]
)
def test_json_of_any_kind(visitor: Visitor, kind: str, value: object) -> None:
    """Not only objects."""
    answer = visitor.get(f"/json/{kind}")
    assert (answer.status, answer.json()) == (200, value)


@pytest.mark.parametrize("kind", ["list", "null", "text", "number", "nonsense"])
def test_other_than_an_object_is_no_page(visitor: Visitor, kind: str) -> None:
    """The service's fault, in the layout."""
    assert visitor.get(f"/answer/{kind}", HTML).status == 502


def test_an_empty_body_is_an_empty_object(visitor: Visitor) -> None:
    """A page is made of it."""
    answer = visitor.get("/answer/empty")
    assert (answer.status, answer.element("shown")) == (200, "shown to nobody")


def test_xml(visitor: Visitor) -> None:
    """The value of `xml`, or a bare string."""
    answer = visitor.get("/xml/")
    assert (answer.header("Content-Type") or "").startswith("application/xml")
    assert answer.text == '<?xml version="1.0" encoding="utf-8"?><größe n="1">ä</größe>'
    assert visitor.get("/xml/text").text == "<bare/>"


# -- Statuses


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 418, 429])
def test_statuses_of_the_400s_are_kept(visitor: Visitor, status: int) -> None:
    """Most of them became 404 with the original; words of the service are not shown in our layout."""
    answer = visitor.get(f"/status/{status}", HTML)
    assert answer.status == status
    assert answer.header("WWW-Authenticate") is None


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusals_come_in_the_layout(visitor: Visitor, status: int) -> None:
    """When the visitor wants HTML."""
    answer = visitor.get(f"/status/{status}", HTML)
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert "<title>" in answer.text


def test_retry_after_is_kept(visitor: Visitor) -> None:
    """429 says when to come back."""
    assert visitor.get("/status/429").header("Retry-After") == "17"


@pytest.mark.parametrize(
    ("status", "seen"), [(500, 500), (501, 502), (502, 502), (503, 503), (504, 504), (599, 502)]
)
def test_statuses_of_the_500s(visitor: Visitor, status: int, seen: int) -> None:
    """500 stays; a gateway's are a gateway's; the rest is 502."""
    answer = visitor.get(f"/status/{status}", HTML)
    assert answer.status == seen
    assert "service says" not in answer.text


def test_a_crash_shows_nothing_from_inside(visitor: Visitor) -> None:
    """A 500 page of ours."""
    answer = visitor.get("/crash/", HTML)
    assert answer.status == 500
    assert "secret inner detail" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("status", [201, 202])
def test_other_good_statuses_are_kept(visitor: Visitor, status: int) -> None:
    """With the page."""
    answer = visitor.get(f"/made/{status}")
    assert (answer.status, answer.element("shown")) == (status, "shown to nobody")


def test_no_content(visitor: Visitor) -> None:
    """204 has no body and no layout."""
    answer = visitor.get("/made/204")
    assert (answer.status, answer.body) == (204, b"")


def test_json_with_an_etag_is_not_modified(visitor: Visitor) -> None:
    """The visitor's condition reaches the service, its 304 the visitor."""
    first = visitor.get("/etag-json/")
    assert (first.status, first.header("ETag"), first.json()) == (
        200,
        '"v1"',
        {"word": "etag", "_plugit_etag": '"v1"'},  # the original leaves it in the data as well
    )
    again = visitor.get("/etag-json/", {"If-None-Match": '"v1"'})
    assert (again.status, again.body) == (304, b"")
    assert again.header("ETag") == '"v1"'


def test_a_page_with_an_etag_is_never_another_users_page(browse: Browse) -> None:
    """The service does not know the layout: its 304 must not bring back the page of the user before."""
    visitor = browse("mem")
    first = visitor.get("/etag/")
    assert first.header("ETag") == '"v1"'
    assert first.header("Cache-Control") == "private, no-store"
    visitor.become("adm")
    again = visitor.get("/etag/", {"If-None-Match": '"v1"'})
    assert again.status == 200
    assert again.element("shown") == "shown to Admin"


def test_a_websocket_is_refused(visitor: Visitor) -> None:
    """501."""
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert visitor.get("/plain/", asked).status == 501


# -- CORS


def test_a_preflight_is_answered_by_the_service(visitor: Visitor) -> None:
    """With its headers."""
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "PUT"}
    answer = visitor.send("OPTIONS", "/cors/", headers=asked)
    assert answer.status in (200, 204)
    assert answer.header("Access-Control-Allow-Origin") == "https://friend.example"
    assert answer.header("Access-Control-Allow-Methods") == "GET, PUT"
    assert answer.header("Access-Control-Allow-Headers") == "X-TOKEN"
    assert answer.header("Access-Control-Max-Age") == "21600"


def test_a_preflight_needs_no_login(visitor: Visitor) -> None:
    """Browsers send it without cookies; the call itself is refused."""
    asked = {"Origin": "https://friend.example", "Access-Control-Request-Method": "GET"}
    preflight = visitor.send("OPTIONS", "/cors-member/", headers=asked)
    assert preflight.header("Access-Control-Allow-Origin") == "*"
    assert visitor.get("/cors-member/").status == 403


def test_an_answer_keeps_its_cors_headers(visitor: Visitor) -> None:
    """And the service learns the origin."""
    answer = visitor.get("/cors/", {"Origin": "https://friend.example"})
    assert answer.header("Access-Control-Allow-Origin") == "https://friend.example"
    assert answer.json() == {"origin": "https://friend.example"}


# -- Session and headers


def test_a_redirect_may_set_the_session(visitor: Visitor) -> None:
    """Both arrive."""
    assert visitor.get("/session/set-and-go").status == 302
    assert visitor.get("/session/get").json()["session"] == {"step": "2"}


def test_headers_on_the_list_are_forwarded(visitor: Visitor) -> None:
    """Last-Modified, Vary and language as they are; there is a Cache-Control."""
    answer = visitor.get("/headers/")
    assert answer.header("Last-Modified") == "Sat, 01 Aug 2015 10:00:00 GMT"
    assert answer.header("Content-Language") == "de"
    assert "Accept-Language" in (answer.header("Vary") or "")
    assert answer.header("Cache-Control")


def test_other_headers_are_dropped(visitor: Visitor) -> None:
    """First of all Set-Cookie, and everything that commands a front server or the browser."""
    answer = visitor.get("/bad-headers/")
    assert answer.status == 200
    text = repr(answer.headers)
    for planted in ("planted", "passwd", "evil.example", "10.0.0.1", "max-age=1", '"*"', "default-src *"):
        assert planted not in text
    assert answer.header("Service-Worker-Allowed") is None

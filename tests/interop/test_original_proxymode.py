"""A ProxyMode service of the original era behind our host: the body of an answer is the fragment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plugit_wsgi.cli.dev import create_app
from tests.interop.conftest import MOUNT
from tests.interop.processes import Process
from tests.interop.visitor import Visitor

Browse = Callable[..., Visitor]

MARKER = "{~__PLUGIT_CSRF_TOKEN__~}"


def token(visitor: Visitor) -> str:
    """A token, from the service's page."""
    return visitor.get("/").field("csrfmiddlewaretoken")


def test_a_page_comes_in_our_layout_with_a_token(browse_pages: Browse, pages_service: Process) -> None:
    """Neither meta nor template are asked for; the marker becomes a token."""
    visitor = browse_pages()
    answer = visitor.get("/")
    assert (answer.status, answer.element("mode")) == (200, "GET")
    assert "<title>" in answer.text
    assert MARKER not in answer.text
    assert answer.field("csrfmiddlewaretoken")
    assert [call.target for call in pages_service.calls()] == ["/"]


def test_a_form_goes_there_and_back(browse_pages: Browse) -> None:
    """With the token; without it the service is not called."""
    visitor = browse_pages("log")
    fields = [("csrfmiddlewaretoken", token(visitor)), ("name", "Grüße & <b>")]
    answer = visitor.post("/post", fields)
    assert (answer.status, answer.element("mode"), answer.element("name")) == (
        200,
        "POST",
        "Grüße &amp; &lt;b&gt;",
    )
    assert visitor.post("/post", [("name", "x")]).status == 403


def test_user_and_mount_come_as_headers(browse_pages: Browse, pages_service: Process) -> None:
    """With hyphens, for each field; values as text."""
    browse_pages("adm").get("/")
    call = pages_service.only_call("/")
    expected = {
        "User-Pk": "-3",
        "User-Username": "Admin",
        "User-First-Name": "Admin",
        "User-Last-Name": "Charles",
        "User-Email": "admin@plugit-standalone.ebuio",
        "User-Ebuio-Member": "True",
        "User-Ebuio-Admin": "True",
        "Base-Url": MOUNT + "/",
        "Remote-Addr": "127.0.0.1",
    }
    assert {name: call.header(f"X-Plugit-{name}") for name in expected} == expected


def test_forged_user_headers_are_dropped(browse_pages: Browse, pages_service: Process) -> None:
    """An anonymous visitor stays one, however the header is spelled."""
    forged = {"X-Plugit-User-Pk": "-3", "X_Plugit_User_Username": "Admin", "x-plugit-base-url": "/evil/"}
    browse_pages().get("/", forged)
    values = [value for _, value in pages_service.only_call("/").headers]
    assert not {"-3", "Admin", "/evil/"}.intersection(values)


def test_the_organization_comes_as_headers(serve: Callable[..., str], pages_service: Process) -> None:
    """Number, name and code."""
    url = serve(create_app(pages_service.url, mount=MOUNT, mode="pages", organizations=True))
    Visitor(url, MOUNT).become("mem").get("/echo")
    call = pages_service.only_call("/echo")
    found = [call.header(f"X-Plugit-Orga-{name}") for name in ("Pk", "Name", "Codops")]
    assert found == ["-1", "EBU", "zzebu"]


@pytest.mark.parametrize("value", ["yes", "empty", "False"])
def test_no_template_is_the_body_with_a_token(browse_pages: Browse, value: str) -> None:
    """Whatever the header's value; the marker is replaced here too (with the original it stayed)."""
    answer = browse_pages().get(f"/no-template/{value}")
    assert answer.text.startswith('<p id="raw">roh größer <input value="')
    assert MARKER not in answer.text


def test_a_script_keeps_its_type(browse_pages: Browse) -> None:
    """A body without layout goes out as what it is."""
    answer = browse_pages().get("/script")
    assert (answer.header("Content-Type"), answer.text) == (
        "application/javascript; charset=utf-8",
        "window.größe = 1;",
    )


def test_query_form_and_files_arrive(browse_pages: Browse) -> None:
    """As in actions mode, without the parameters of actions mode."""
    visitor = browse_pages("mem")
    value = token(visitor)
    seen = visitor.upload(
        "/echo?a=1&ebuio_u_pk=-3",
        [("csrfmiddlewaretoken", value), ("b", "2")],
        [("f", "größe.txt", "text/x-own", b"abc")],
    ).json()
    assert seen["args"] == [["a", "1"]]
    assert seen["form"] == [["b", "2"], ["csrfmiddlewaretoken", value]]
    assert seen["files"] == [["f", "größe.txt", "text/x-own", 3]]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_bodies_of_other_methods_arrive(browse_pages: Browse, method: str) -> None:
    """Byte for byte."""
    visitor = browse_pages()
    headers = {"X-CSRFToken": token(visitor), "Content-Type": "application/json"}
    seen = visitor.send(method, "/echo", headers=headers, body=b'{"a": 1}').json()
    assert (seen["method"], seen["data"]) == (method, '{"a": 1}')


def test_a_redirect_by_header(browse_pages: Browse) -> None:
    """Below the mount."""
    visitor = browse_pages()
    answer = visitor.get("/redirect")
    found = (answer.header("Location") or "").removeprefix(visitor.origin)
    assert (answer.status, found) == (302, MOUNT + "/post-done")


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("path", MOUNT + "/echo?a=1"),
        ("own", MOUNT + "/echo"),
        ("mounted", MOUNT + "/echo"),
    ],
)
def test_a_location_is_rewritten_once(browse_pages: Browse, kind: str, target: str) -> None:
    """To the mount, unless it is there already."""
    visitor = browse_pages()
    answer = visitor.get(f"/location/{kind}")
    found = (answer.header("Location") or "").removeprefix(visitor.origin)
    assert (answer.status, found) == (302, target)


def test_a_location_on_another_site_is_refused(browse_pages: Browse) -> None:
    """No open redirect."""
    answer = browse_pages().get("/location/away")
    assert answer.status == 502
    assert answer.header("Location") is None


def test_head_parts_come_by_link(browse_pages: Browse) -> None:
    """A style sheet goes into the layout's head."""
    answer = browse_pages().get("/head")
    head = answer.text.partition("<body")[0]
    assert f"{MOUNT}/media/style.css" in head
    assert "mit Kopf" in answer.text


def test_a_file(browse_pages: Browse) -> None:
    """Without layout, with its name."""
    answer = browse_pages().get("/file")
    assert answer.text == "a;b\n1;2\n"
    assert "table.csv" in (answer.header("Content-Disposition") or "")


@pytest.mark.parametrize(("status", "seen"), [(404, 404), (403, 403), (409, 409), (500, 500), (503, 503)])
def test_statuses(browse_pages: Browse, status: int, seen: int) -> None:
    """As in actions mode."""
    assert browse_pages().get(f"/status/{status}").status == seen


def test_session_values_come_back(browse_pages: Browse, pages_service: Process) -> None:
    """As header and cookie, in the bytes they were set with: Flask of that time wrote and read latin-1."""
    visitor = browse_pages()
    visitor.get("/session/gr%C3%BCn")
    visitor.get("/echo")
    assert pages_service.only_call("/echo").header("X-Plugitsession-colour") == "grün"


def test_other_headers_are_dropped(browse_pages: Browse) -> None:
    """Also without meta."""
    answer = browse_pages().get("/bad-headers")
    assert answer.status == 200
    assert "planted" not in repr(answer.headers)
    assert answer.header("X-Accel-Redirect") is None


def test_media_are_fetched(browse_pages: Browse) -> None:
    """From the service's media folder."""
    assert "teal" in browse_pages().get("/media/style.css").text

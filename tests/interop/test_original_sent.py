"""Protocol section 3: path, query, form and files as a service of the original receives them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.interop.processes import Call, Process
from tests.interop.visitor import Visitor, multipart

if TYPE_CHECKING:
    pass

Browse = Callable[..., Visitor]


def action_call(service: Process) -> Call:
    """The one action that was called."""
    return service.only_call("/action/")


# -- The path


@pytest.mark.parametrize(
    ("asked", "called", "read"),
    [
        ("a%20b", "a%20b", "a b"),
        ("caf%C3%A9", "caf%C3%A9", "café"),
        ("a%2Fb", "a/b", "a/b"),
        ("a%3Fb=1", "a%3Fb=1", "a?b=1"),
        ("a%23b", "a%23b", "a#b"),
        ("a%3Bb", "a%3Bb", "a;b"),
        ("a;b", "a%3Bb", "a;b"),
        ("100%25", "100%25", "100%"),
        ("a+b", "a+b", "a+b"),
        ("a..b", "a..b", "a..b"),
    ],
)
def test_path_is_called_as_the_rules_saw_it(
    visitor: Visitor, original_service: Process, asked: str, called: str, read: str
) -> None:
    """Meta and action are asked for the same bytes; what would end a path goes out encoded."""
    assert visitor.get(f"/path/{asked}").json() == {"rest": read, "args": []}
    assert [call.target for call in original_service.calls()] == [
        f"/meta/path/{called}",
        f"/action/path/{called}",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/path/../plain/",
        "/path/%2e%2e/plain/",
        "/path/a%2F..%2Fb",
        "/path//a",
        "/path/a%5Cb",
        "/path/a%00",
        "/path/%0d%0a",
    ],
)
def test_paths_with_two_readings_are_refused(visitor: Visitor, original_service: Process, path: str) -> None:
    """The service is not asked at all."""
    assert visitor.get(path).status in (400, 404)
    assert original_service.calls() == []


def test_identity_does_not_come_in_by_an_encoded_question_mark(
    visitor: Visitor, original_service: Process
) -> None:
    """With the original anybody became user -3 so; here it is a path nobody serves."""
    assert visitor.get("/who%3Febuio_u_pk=-3").status == 404
    assert not original_service.calls("/action/")
    assert visitor.get("/who").json() == {"pk": None, "all": []}


# -- Query and form


def test_query_keeps_repeats_order_and_blanks(visitor: Visitor, original_service: Process) -> None:
    """Repeated keys, their order, and empty values."""
    visitor.get("/echo/?b=2&a=1&b=&empty=&b=3&%C3%BC=%E2%82%AC+x")
    assert action_call(original_service).query == "b=2&a=1&b=&empty=&b=3&%C3%BC=%E2%82%AC+x"


@pytest.mark.parametrize(
    "name",
    ["ebuio_u_pk", "EBUIO_U_PK", "Ebuio_orgapk", "%65buio_u_pk", "ebuio%5Fu_pk", "ebuio_", "%45BUIO_x"],
)
def test_reserved_parameters_of_the_visitor_are_dropped(
    browse: Browse, original_service: Process, name: str
) -> None:
    """In any case and encoding; the host's own value is the only one."""
    visitor = browse("log")
    assert visitor.get(f"/who?{name}=-3&kept=1").json() == {"pk": "-1", "all": ["-1"]}
    assert "kept=1" in action_call(original_service).query


def test_form_arrives_with_its_token_and_without_reserved_fields(visitor: Visitor) -> None:
    """`csrfmiddlewaretoken` is passed on: services may look at it."""
    token = visitor.token()
    fields = [("b", "2"), ("a", "Größe"), ("b", ""), ("ebuio_u_pk", "-3"), ("EBUIO_x", "1")]
    seen = visitor.post("/echo/?q=1", [("csrfmiddlewaretoken", token), *fields]).json()
    assert seen["method"] == "POST"
    assert seen["args"] == [["q", "1"]]
    assert sorted(seen["form"]) == [["a", "Größe"], ["b", ""], ["b", "2"], ["csrfmiddlewaretoken", token]]


def test_json_text_as_a_form_is_a_key(visitor: Visitor) -> None:
    """A real service posts JSON with a form's content type and reads the first key."""
    value = {"a": [1, "Größe", {"b": "=&+;"}]}
    body = quote(json.dumps(value)).encode()
    headers = {"X-CSRFToken": visitor.token(), "Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.send("POST", "/json-key/", headers=headers, body=body).json() == {"read": value}


def test_files_arrive_all_with_their_types_and_names(browse: Browse) -> None:
    """All files of a name; the type the browser said; names outside ASCII; and the user in the form."""
    visitor = browse("mem")
    files = [
        ("many", "eins.txt", "application/x-first", b"1"),
        ("many", "größe.bin", "application/x-second", bytes(range(256)) * 4096),
        ("one", "leer.png", "image/png", b""),
    ]
    answer = visitor.upload("/upload/", [("csrfmiddlewaretoken", visitor.token()), ("note", "Zoë")], files)
    assert answer.status == 200
    rows = [row.partition("</li>")[0] for row in answer.text.split('<li class="file">')[1:]]
    assert rows == [
        f"{field}|{name}|{kind}|{len(content)}|{hashlib.sha256(content).hexdigest()}"
        for field, name, kind, content in files
    ]
    assert (answer.element("note"), answer.element("by")) == ("Zoë", "Member")


def test_a_file_name_is_only_a_base_name(visitor: Visitor, original_service: Process) -> None:
    """Folders in front of it stay here."""
    files = [("one", "../../etc/passwd", "text/plain", b"x")]
    answer = visitor.upload("/upload/", [("csrfmiddlewaretoken", visitor.token())], files)
    assert "one|passwd|text/plain|1|" in answer.text
    assert not [call for call in original_service.calls("/action/upload/") if b"etc" in call.body]


def test_reserved_fields_of_a_multipart_form_are_dropped(browse: Browse) -> None:
    """In the form with files as well."""
    visitor = browse("log")
    token = visitor.token()
    fields = [("csrfmiddlewaretoken", token), ("ebuio_u_username", "Admin"), ("Ebuio_x", "1"), ("a", "1")]
    kind, body = multipart(fields, [("f", "f.txt", "text/plain", b"x")])
    seen = visitor.send("POST", "/echo/", headers={"Content-Type": kind}, body=body).json()
    assert seen["form"] == [["a", "1"], ["csrfmiddlewaretoken", token]]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/octet-stream", "text/plain; charset=utf-8"]
)
def test_other_bodies_are_forwarded_as_they_are(
    visitor: Visitor, original_service: Process, method: str, kind: str
) -> None:
    """Every byte and the type; the original dropped them."""
    body = b'{"a": "\x00\xff"}'
    headers = {"X-CSRFToken": visitor.token(), "Content-Type": kind}
    seen = visitor.send(method, "/echo/?x=1", headers=headers, body=body).json()
    assert (seen["method"], seen["data"].encode("latin-1"), seen["content_type"]) == (method, body, kind)
    assert seen["args"] == [["x", "1"]]

"""The visitor's body: read once, filtered, bounded, spooled, hashed."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data

from plugit_wsgi import body as body_module
from plugit_wsgi.body import Body, has_body, is_form, media_type, read_body
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import BadRequest, BodyTooLarge

LIMITS = Limits()
SMALL = Limits(upload_size=3000, form_size=1000, form_parts=5)
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
ENDED = {"CONTENT_LENGTH": None, **CHUNKED}
OURS = [(b"ebuio_u_pk", b"7"), (b"ebuio_u_first_name", "Zoë".encode())]


def environ(content: bytes, content_type: str = FORM, **more: Any) -> dict[str, Any]:
    found = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


def multipart(*parts: bytes, boundary: str = "xyz", end: bytes | None = None, **more: Any) -> dict[str, Any]:
    """A form of parts, each its head and body with a blank line between."""
    last = f"--{boundary}--\r\n".encode() if end is None else end
    content = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts) + last
    return environ(content, f"multipart/form-data; boundary={boundary}", **more)


def part(disposition: str | bytes, content: bytes = b"v", *heads: str) -> bytes:
    """One part; what follows ``form-data`` in its Content-Disposition is given."""
    raw = disposition.encode() if isinstance(disposition, str) else disposition
    lines = [b"Content-Disposition: form-data" + raw, *(item.encode() for item in heads)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


def field(name: str, content: bytes = b"v") -> bytes:
    return part(f'; name="{name}"', content)


def file(name: str, filename: str, content: bytes = b"v", content_type: str = "text/plain") -> bytes:
    return part(f'; name="{name}"; filename="{filename}"', content, f"Content-Type: {content_type}")


Sent = tuple[list[tuple[str, str]], list[tuple[str, str, str, bytes]], Body]


def send(given_environ: dict[str, Any], ours: Any = (), limits: Limits = LIMITS) -> Sent:
    """What a service reads: its fields, its files (name, filename, type, content), and the body."""
    body = read_body(given_environ, ours, limits)
    assert body.file is not None
    content = body.file.read()
    body.close()
    assert len(content) == body.length
    assert hashlib.sha256(content).hexdigest() == body.digest
    _, form, files = parse_form_data(environ(content, body.content_type), silent=False)
    found = [
        (name, item.filename or "", item.headers.get("Content-Type", ""), item.read())
        for name, items in files.lists()
        for item in items
    ]
    for _, items in files.lists():
        for item in items:
            item.close()
    return [(name, value) for name, values in form.lists() for value in values], found, body


# What there is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_environ", "there", "kind", "form"),
    [
        ({}, False, "", False),
        ({"CONTENT_LENGTH": ""}, False, "", False),
        ({"CONTENT_LENGTH": "0", "CONTENT_TYPE": FORM}, False, "", False),
        ({"CONTENT_LENGTH": "1"}, True, "application/octet-stream", False),
        ({"CONTENT_LENGTH": "1", "CONTENT_TYPE": "application/x-url-encoded"}, True, FORM, True),
        ({"CONTENT_LENGTH": "1", "CONTENT_TYPE": FORM.title() + "; charset=x"}, True, FORM, True),
        ({"CONTENT_LENGTH": "1", "CONTENT_TYPE": MULTIPART + '; boundary="x"'}, True, MULTIPART, True),
        ({"CONTENT_LENGTH": "1", "CONTENT_TYPE": "application/json"}, True, "application/json", False),
        ({**CHUNKED, "CONTENT_TYPE": FORM}, True, FORM, True),
        ({**CHUNKED, "HTTP_TRANSFER_ENCODING": "Chunked"}, True, "application/octet-stream", False),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, False, "", False),
        ({"wsgi.input_terminated": True}, False, "", False),
    ],
)  # fmt: skip
def test_what_kind_of_body(given_environ: dict[str, Any], there: bool, kind: str, form: bool) -> None:
    """Chunked bodies come without a length; they count where the server says that it ends them."""
    assert (has_body(given_environ), media_type(given_environ), is_form(given_environ)) == (there, kind, form)


def test_no_body() -> None:
    """Nothing to send, and the digest of nothing; closing it is allowed."""
    body = read_body({"REQUEST_METHOD": "GET"}, OURS, LIMITS)
    assert (body.file, body.length, body.content_type) == (None, 0, "")
    assert body.digest == hashlib.sha256(b"").hexdigest()
    body.close()
    body.close()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b'{"a": 1}', "application/json"), (b"\x00\xff" * 500, "application/octet-stream"), (b"x", None),
     (b"a=1&b=2", "text/plain"), (b'{"note": "see ebuio_u_pk"}', "application/json"),
     (b"<a/>", "text/xml; charset=utf-8")],
)  # fmt: skip
def test_other_bodies_go_as_they_are(content: bytes, content_type: str | None) -> None:
    """With their type, byte for byte; nothing of ours is written into them."""
    body = read_body(environ(content, content_type), OURS, LIMITS)  # type: ignore[arg-type]
    assert body.file is not None
    assert (body.file.read(), body.length, body.content_type) == (
        content,
        len(content),
        content_type or "application/octet-stream",
    )
    assert (body.digest, body.csrf_token) == (hashlib.sha256(content).hexdigest(), "")
    body.close()


@pytest.mark.parametrize(
    "content_type",
    [FORM + ",x", FORM + " x", "text", "multipart/mixed; boundary=x", FORM + "\x0b; a=b", ";", "a/b c/d",
     "multipart/related; boundary=x", "a/b/c", "a/b, " + FORM, "a/b\n; x", "/b", "a/", "é/b"],
)  # fmt: skip
def test_a_type_that_parsers_read_in_different_ways_is_refused(content_type: str) -> None:
    """What is no form to us could be one to the service, with fields that only the host may send."""
    with pytest.raises(BadRequest):
        read_body(environ(b"whatever it holds", content_type), OURS, LIMITS)


@pytest.mark.parametrize(
    "content",
    [
        b"ebuio_u_pk=1",
        b'{"a": "&ebuio_u_pk=1"}',
        b"a=1&%65buio_u_pk=1",
        b"a;EBUIO.u=1",
        b"a=1&+ebuio-u=1",
        b"&[ebuio_u=1",
        b"&%C2%A0ebuio_u=1",
        b"a=1&\xa0ebuio_u=1",
        b"a=1&e%00buio_u=1",
        "a=1&ebuio_u=1".encode("utf-16-le"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", "application/json", None])
def test_a_body_that_some_would_read_as_a_form_has_no_reserved_field(
    content: bytes, content_type: str | None
) -> None:
    """Some frameworks parse any body as a form, whatever its type says."""
    with pytest.raises(BadRequest):
        read_body(environ(content, content_type), OURS, LIMITS)  # type: ignore[arg-type]


def test_a_chunked_body_is_read_to_its_end() -> None:
    """Without a Content-Length."""
    body = read_body(environ(b"x" * 200_000, "text/plain", **ENDED), (), LIMITS)
    assert body.length == 200_000
    body.close()
    assert send(environ(b"a=1", FORM, **ENDED))[0] == [("a", "1")]


# Urlencoded ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"a=1&b=2", b"a=1&b=2"),
        (b"a=1&a=2&a=", b"a=1&a=2&a="),
        (b"ebuio_u_pk=9&a=1&EBUIO.u.pk=9&%65buio_x=9&[ebuio_x]=9", b"a=1"),
        (b'{"k": "v"}', b"%7B%22k%22%3A+%22v%22%7D="),
        (b"csrfmiddlewaretoken=abc&a=1", b"csrfmiddlewaretoken=abc&a=1"),
        ("ä=ö".encode(), b"%C3%A4=%C3%B6"),
        (b"&", b""),
    ],
)
def test_urlencoded(content: bytes, sent: bytes) -> None:
    """Ours first, then the visitor's but for the reserved; a JSON text is a key with an empty value."""
    for ours, first in (((), b""), (OURS, b"ebuio_u_pk=7&ebuio_u_first_name=Zo%C3%AB")):
        body = read_body(environ(content), ours, LIMITS)
        assert body.file is not None
        assert body.file.read() == b"&".join(item for item in (first, sent) if item)
        assert body.content_type == FORM
        body.close()


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (b"csrfmiddlewaretoken=abc", "abc"),
        (b"a=1&csrfmiddlewaretoken=first&csrfmiddlewaretoken=second", "first"),
        (b"csrfmiddlewaretoken=" + b"x" * 1000, "x" * 256),
        (b"csrfmiddlewaretoken=%FF", "\xff"),
        (b"Csrfmiddlewaretoken=abc", ""),
        (b"a=1", ""),
    ],
)
def test_the_token_of_a_form(content: bytes, token: str) -> None:
    """The first; never more than a token can be."""
    body = read_body(environ(content), (), LIMITS)
    assert body.csrf_token == token
    assert "abc" not in repr(body)
    body.close()


# Multipart -----------------------------------------------------------------------------


def test_fields_and_files_of_a_form() -> None:
    """Ours first; order, repeats, types, base names kept."""
    form, files, body = send(
        multipart(
            field("a", b"1"),
            file("f", "C:\\\\photos\\\\a b.png", b"\x89PNG", "image/png"),
            field("a", b"2"),
            file("f", "/etc/../x/b.svg", b"<svg/>", "image/svg+xml"),
            part('; name="f"; filename="c"', b"3"),
            field("csrfmiddlewaretoken", b"abc"),
            field("empty", b""),
        ),
        OURS,
    )
    assert form[:2] == [("ebuio_u_pk", "7"), ("ebuio_u_first_name", "Zoë")]
    assert form[2:] == [("a", "1"), ("a", "2"), ("csrfmiddlewaretoken", "abc"), ("empty", "")]
    assert files == [
        ("f", "a b.png", "image/png", b"\x89PNG"),
        ("f", "b.svg", "image/svg+xml", b"<svg/>"),
        ("f", "c", "", b"3"),
    ]
    assert body.csrf_token == "abc"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('; name="ä ö€"', "ä ö€"),
        ('; name="a%22b"', 'a"b'),
        ('; name="a\\"b"', 'a"b'),
        ("; name=\"a'b;c=d\"", "a'b;c=d"),
        ("; name=plain", "plain"),
        ('; NAME="a"', "a"),
        ("; name*=utf-8''%C3%A9", "é"),
        ("; name*=utf-8''a%0D%0AX-Evil%3A%20b", "a%0D%0AX-Evil: b"),
        ("; name*=utf-8''a%22%3B%20name%3D%22ebuio_u_pk", 'a"; name="ebuio_u_pk'),
        ("; name*=utf-8''a%00b", "a%00b"),
        ('; name="a\\\\"', "a%5C"),
        ('; name=""', ""),
        ('; name="a"; x="y"', "a"),
        ('; name="x[y][]"', "x[y][]"),
    ],
)  # fmt: skip
def test_odd_names(disposition: str, name: str) -> None:
    """A name is one name on the other side too: quotes, line ends and backslashes end nothing."""
    form, files, _ = send(multipart(part(disposition, b"v"), field("last")))
    assert (form, files) == ([(name, "v"), ("last", "v")], [])


RESERVED = [
    '; name="ebuio_u_pk"',
    '; name="EBUIO_U_PK"',
    '; name="ebuio.u.pk"',
    '; name="ebuio u pk"',
    '; name=" ebuio_u_pk"',
    '; name="[ebuio_u_pk]"',
    "; name=ebuio_u_pk",
    "; name*=utf-8''ebuio_u_pk",
    "; name*=utf-8''%65buio_u_pk",
    "; name*=utf-8''%0D%0Aebuio_u_pk",
    "; name*0=ebuio; name*1=_u_pk",
    '; name="a"; name="ebuio_u_pk"',
    '; name="ebuio_u_pk"; name="a"',
    '; name="a"; name*=utf-8\'\'ebuio_u_pk',
    '; name="\\\\"; filename="; name=ebuio_u_pk; x="',
    '; name="a\\\\"; filename="\\"; name=\\"ebuio_u_pk"',
    '; name="\\\\"; x="; name=ebuio_u_pk; y="',
    '; name="\\""; filename="; name=ebuio_u_pk; x="',
    '; name="a"; filename="b\\"; name=\\"ebuio_u_pk"',
    '; name="a"; filename="\\\\\\"; name=ebuio_u_pk; x=\\""',
    '; name="a\\"; name=\\"ebuio_u_pk"',
]  # fmt: skip


@pytest.mark.parametrize("disposition", RESERVED)
@pytest.mark.parametrize("more", ["", '; filename="x.txt"'])
def test_reserved_names_never_pass(disposition: str, more: str) -> None:
    """In fields and in files, in any spelling, and not by what a service's parser makes of our quoting."""
    if "filename" in disposition and more:
        return
    form, files, _ = send(multipart(part(disposition + more, b"evil"), field("a")), OURS)
    values = dict(form)
    assert values["ebuio_u_pk"] == "7"
    assert [name for name, *_ in form if name.lower().startswith("ebuio")] == [
        "ebuio_u_pk",
        "ebuio_u_first_name",
    ]
    assert not [name for name, *_ in files if name.strip(" []").lower() == "ebuio_u_pk"]


parts_of_names = st.lists(
    st.sampled_from([*'"\\%;=\r\na /é', "name", "filename", "ebuio_u_pk"]), max_size=8
).map("".join)


@given(parts_of_names, st.none() | parts_of_names)
def test_no_name_becomes_another_one(name: str, filename: str | None) -> None:
    """Whatever is in a name or a file name: the part stays one part, its name never becomes ours."""

    def quoted(text: str) -> str:
        return "".join(f"%{byte:02X}" for byte in text.encode())

    disposition = f"; name*=utf-8''{quoted('a' + name)}"
    if filename is not None:
        disposition += f"; filename*=utf-8''{quoted(filename)}"
    form, files, _ = send(multipart(part(disposition, b"evil"), field("last", b"good")), OURS)
    found = [*form, *(item[:1] + item[3:] for item in files)]
    assert len(found) == 4
    assert [item for item in found if item[0] in ("ebuio_u_pk", "last")] == [
        ("ebuio_u_pk", "7"),
        ("last", "good"),
    ]
    if filename is not None:
        assert len(files) == 1
        assert not {"/", "\\"} & set(files[0][1])


@pytest.mark.parametrize(
    ("filename", "base"),
    [
        ("a.txt", "a.txt"),
        ("ä€.txt", "ä€.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\\\dir\\\\a.txt", "a.txt"),
        ("a/", ""),
        ("", ""),
        ('a\\"b.txt', "a%22b.txt"),
        ("a;b=c.txt", "a;b=c.txt"),
    ],
)
def test_file_names_are_base_names(filename: str, base: str) -> None:
    """Without folders of either kind; an empty one is a file still (a form's empty file field)."""
    body = read_body(multipart(file("f", filename)), (), LIMITS)
    assert body.file is not None
    head = body.file.read().split(b"\r\n\r\n")[0].decode()
    body.close()
    assert f'name="f"; filename="{base}"\r\nContent-Type: text/plain' in head


def test_text_of_a_boundary_inside_of_content() -> None:
    """The visitor's own, or one like ours: content stays content."""
    evil = b'\r\n--plugit-00\r\nContent-Disposition: form-data; name="ebuio_u_pk"\r\n\r\n9\r\n--plugit-00--'
    near = b"-- xyz\r\n --xyz--\r\n-\r\n--xy\r\n--xyzz\r\n--xyz-"
    form, files, body = send(multipart(field("a", evil), file("f", "x", near), field("b", near)), OURS)
    assert form[2:] == [("a", evil.decode()), ("b", near.decode())]
    assert files == [("f", "x", "text/plain", near)]
    assert body.content_type.startswith("multipart/form-data; boundary=plugit-")


def test_our_boundary_is_never_the_same() -> None:
    """Nobody can write a part of ours into a value of theirs."""
    boundaries = {send(multipart(field("a")))[2].content_type for _ in range(20)}
    assert len(boundaries) == 20


@pytest.mark.parametrize(
    "content_type",
    ["text/plain\tx", "text/plain; name=\"a;b\"", "é/ü", "x" * 300, "text/html; charset=utf-16"],
)  # fmt: skip
def test_types_of_parts_are_kept(content_type: str) -> None:
    """On their one line."""
    assert send(multipart(file("f", "x", b"v", content_type)))[1] == [("f", "x", content_type, b"v")]


def test_other_headers_of_a_part_are_dropped() -> None:
    """Content-Transfer-Encoding among them: the bytes are what they are."""
    body = read_body(
        multipart(part('; name="a"', b"YQ==", "Content-Transfer-Encoding: base64", "X-A: b")), (), LIMITS
    )
    assert body.file is not None
    content = body.file.read()
    body.close()
    assert b"base64" not in content
    assert b"X-A" not in content
    assert b"YQ==" in content


def test_preamble_and_epilogue_are_dropped() -> None:
    """They are no part of the form."""
    inner = b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--xyz--\r\n'
    content = b"preamble\r\n" + inner + b"epilogue" * 1000
    form, _, body = send(environ(content, "multipart/form-data; boundary=xyz"))
    assert form == [("a", "v")]
    assert body.length < 200
    assert send(environ(b"--xyz--\r\n", "multipart/form-data; boundary=xyz"))[0] == []


@pytest.mark.parametrize(
    "given_environ",
    [
        multipart(field("a"), end=b""),
        multipart(field("a"), end=b"--xyz"),
        multipart(field("a"), end=b"--xyz-"),
        multipart(field("a"), end=b"--abc--\r\n"),
        multipart(b'Content-Disposition: form-data; name="a"', end=b""),
        multipart(b"no header at all"),
        multipart(b"Content-Type: text/plain\r\n\r\nv"),
        multipart(b'Content-Disposition: form-data; name="\xff"\r\n\r\nv'),
        multipart(part("")),
        multipart(part('; filename="x"')),
        environ(b"", "multipart/form-data; boundary=xyz", CONTENT_LENGTH="5"),
        environ(b"nothing of a form", "multipart/form-data; boundary=xyz"),
        environ(b"--xyz--", "multipart/form-data"),
        environ(b"--xyz--", "multipart/form-data; boundary="),
        environ(b"----", 'multipart/form-data; boundary=""'),
        environ(b"--\xe9--", "multipart/form-data; boundary*=utf-8''%E2%82%AC"),
        environ(b"a=1", CONTENT_LENGTH="4"),
        environ(b"x" * 9, "text/plain", CONTENT_LENGTH="10"),
        environ(b"a=1", CONTENT_LENGTH="three"),
        environ(b"a=1", CONTENT_LENGTH="-3"),
        environ(b"a=1", CONTENT_LENGTH="+3"),
        environ(b"a=1", CONTENT_LENGTH="3.0"),
        environ(b"a=1", CONTENT_LENGTH="0_3"),
        environ(b"a=1", CONTENT_LENGTH="٣"),
        environ(b"a=1", CONTENT_LENGTH=" 3"),
        environ(b"a=1", **CHUNKED),
        environ(b"a=1", HTTP_TRANSFER_ENCODING="identity"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_400(given_environ: dict[str, Any]) -> None:
    """No final boundary, cut short, no name, no boundary, no number."""
    with pytest.raises(BadRequest) as caught:
        read_body(given_environ, OURS, LIMITS)
    assert caught.value.status == 400


class Broken(io.RawIOBase):
    """A connection that breaks off."""

    def read(self, _size: int = -1) -> bytes:
        raise OSError("the visitor hung up")


def test_a_connection_that_breaks_off_is_400() -> None:
    """The server raises whatever it raises for a read that failed."""
    with pytest.raises(BadRequest) as caught:
        read_body(environ(b"a=1", **{"wsgi.input": Broken()}), (), LIMITS)
    assert isinstance(caught.value.__cause__, OSError)


class Endless(io.RawIOBase):
    """A body without an end, that remembers how much was asked for."""

    def __init__(self, piece: bytes = b"x" * 1000) -> None:
        self.piece, self.given = piece, 0

    def read(self, size: int = -1) -> bytes:
        self.given += min(size, len(self.piece))
        return self.piece[:size]


@pytest.mark.parametrize(
    "given_environ",
    [
        environ(b"x" * 3001, "text/plain"),
        environ(b"a=" + b"x" * 999),
        environ(b"&".join([b"a=1"] * 6)),
        environ(b"&" * 6),
        multipart(*[field("a")] * 6),
        multipart(*[field("ebuio_x")] * 6),
        multipart(*[file("f", "x")] * 6),
        multipart(field("a", b"x" * 3000)),
        environ(b"", "text/plain", CONTENT_LENGTH="9" * 30),
        environ(b"", "text/plain", **{**ENDED, "wsgi.input": Endless()}),
        environ(b"", FORM, **{**ENDED, "wsgi.input": Endless()}),
        environ(b"", "multipart/form-data; boundary=x", **{**ENDED, "wsgi.input": Endless()}),
        multipart(part('; name="' + "x" * 1500 + '"', b"v" * 500)),
    ],
)  # fmt: skip
def test_what_is_over_a_limit_is_413(given_environ: dict[str, Any]) -> None:
    """Bytes, fields, parts; said or not."""
    with pytest.raises(BodyTooLarge) as caught:
        read_body(given_environ, (), SMALL)
    assert caught.value.status == 413
    stream = given_environ["wsgi.input"]
    if isinstance(stream, Endless):
        assert stream.given < 5000


@pytest.mark.parametrize(
    "given_environ",
    [
        environ(b"x" * 3000, "text/plain"),
        environ(b"a=" + b"x" * 998),
        environ(b"&".join([b"a=1"] * 5)),
        multipart(*[field("a")] * 5),
    ],
)
def test_what_is_at_a_limit_passes(given_environ: dict[str, Any]) -> None:
    """Not one less."""
    read_body(given_environ, (), SMALL).close()


def test_ten_thousand_parts_are_413() -> None:
    """With the limits as they are."""
    for given_environ in (multipart(*[field("a")] * 10_000), environ(b"a=1&" * 10_000)):
        with pytest.raises(BodyTooLarge):
            read_body(given_environ, (), LIMITS)


# What it costs -------------------------------------------------------------------------


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The temporary files that were made."""
    made: list[Any] = []
    real = body_module.tempfile.SpooledTemporaryFile

    def make(*args: Any, **named: Any) -> Any:
        made.append(real(*args, **named))
        return made[-1]

    monkeypatch.setattr(body_module.tempfile, "SpooledTemporaryFile", make)
    return made


def open_temporary_files() -> int:
    """Of this process: they have no name any more."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += "(deleted)" in os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
    return found


def test_temporary_files_are_gone_afterwards(spools: list[Any]) -> None:
    """After the body is closed, and after every error."""
    before = open_temporary_files()
    large = b"x" * 1_000_000
    body = read_body(multipart(file("f", "x", large)), (), LIMITS)
    assert open_temporary_files() == before + 1
    body.close()
    for broken in (
        multipart(file("f", "x", large), end=b""),
        multipart(file("f", "x", large), *[field("a")] * 2000),
        environ(large, "text/plain", CONTENT_LENGTH="2000000"),
        multipart(part("", large)),
    ):
        with pytest.raises((BadRequest, BodyTooLarge)):
            read_body(broken, (), LIMITS)
    assert len(spools) == 5
    assert all(spool.closed for spool in spools)
    gc.collect()
    assert open_temporary_files() == before


class Upload(io.RawIOBase):
    """A large upload that is made as it is read."""

    def __init__(self, head: bytes, size: int, tail: bytes) -> None:
        self._pieces: Iterator[bytes] = iter([head, *[b"\r\n-" * 4096] * (size // 12288), tail])
        self._rest = b""
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        self.largest = max(self.largest, size)
        while len(self._rest) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


@pytest.mark.parametrize("kind", ["multipart", "raw", "chunked"])
def test_memory_stays_flat(kind: str) -> None:
    """30 MB of lines that look like the beginning of a boundary: less than 3 MB of memory."""
    head = b'--xyz\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
    tail = b"\r\n--xyz--\r\n"
    size = 30 * 1024 * 1024 // 12288 * 12288
    content_type = "text/plain" if kind == "raw" else "multipart/form-data; boundary=xyz"
    more: dict[str, Any] = (
        dict(ENDED) if kind == "chunked" else {"CONTENT_LENGTH": str(len(head) + size + len(tail))}
    )
    upload = Upload(head, size, tail)
    more["wsgi.input"] = upload
    tracemalloc.start()
    try:
        body = read_body(environ(b"", content_type, **more), OURS, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    body.close()
    assert body.length >= size
    assert peak < 3 * 1024 * 1024
    assert 0 < upload.largest <= 64 * 1024


def test_a_form_of_nothing_but_separators_costs_little() -> None:
    """Fields are counted before they are taken apart: 4 MB of them would be hundreds."""
    given_environ = environ(b"a=&" * (4 * 1024 * 1024 // 3))
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            read_body(given_environ, (), LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 10 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_body_says_nothing_of_its_content() -> None:
    """In logs and tracebacks."""
    make: Callable[..., Body] = Body
    assert "secret" not in repr(make(file=io.BytesIO(b"secret"), csrf_token="secret"))

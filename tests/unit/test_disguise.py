"""JSON and XML that a service could read a reserved field from; and what must go on passing."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugit_wsgi.body import media_type, read_body
from plugit_wsgi.config import Limits
from plugit_wsgi.disguise import PARSED
from plugit_wsgi.errors import BadRequest
from plugit_wsgi.http import is_reserved

JSON = "application/json"
XML = "application/xml"
KEY = b'{"ebuio_u_pk": -3}'


def environ(content: bytes, content_type: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
    }


def passed(content: bytes, content_type: str = JSON) -> bytes:
    """What the service gets."""
    body = read_body(environ(content, content_type), (), Limits())
    assert body.file is not None
    try:
        return body.file.read()
    finally:
        body.close()


def refusal(content: bytes, content_type: str = JSON) -> str:
    """Why it is refused; "" if it passes."""
    try:
        sent = passed(content, content_type)
    except BadRequest as error:
        return error.reason
    assert sent == content
    return ""


# JSON ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (KEY, "ebuio_u_pk"),
        (b'{"a": [1, {"b": 2}], "ebuio_orgapk": "1"}', "ebuio_orgapk"),
        (b'{"Ebuio-U.pk": 1}', "Ebuio-U.pk"),
        (b'{" ebuio_x": 1}', "ebuio_x"),
        (b'{"\xc2\xa0ebuio_x": 1}', "ebuio_x"),
        (b'{"\\u00a0ebuio_x": 1}', "ebuio_x"),
        (b'{"\\ufeffebuio_x": 1}', "ebuio_x"),
        (b'{"\\u0000ebu\\u0000io_x": 1}', "ebuio_x"),
        (b'{"[ebuio_x]": 1}', "[ebuio_x]"),
        (b'{"\\u0065\\u0042uio\\u005fx": 1}', "eBuio_x"),
        (b'{"ebuio_x": 1, "ebuio_x": 2, "a": 3}', "ebuio_x"),
        (b'{"a": 1, "a": 2, "ebuio_x": 1, "a": 3}', "ebuio_x"),
        (b'\xef\xbb\xbf{"ebuio_x": 1}', "ebuio_x"),
        (b' \r\n\t{"ebuio_x": NaN}', "ebuio_x"),
        (KEY.decode().encode("utf-16"), "ebuio_u_pk"),
        (KEY.decode().encode("utf-16-be"), "ebuio_u_pk"),
        (KEY.decode().encode("utf-16-le"), "ebuio_u_pk"),
        (KEY.decode().encode("utf-32"), "ebuio_u_pk"),
        (KEY.decode().encode("utf-32-le"), "ebuio_u_pk"),
        (b'{"\xff": 1, "ebuio_x": 1}', "ebuio_x"),
        (b'{"ebuio_<b>\\u0007\\u00e9": 1}', "ebuio_<b>"),
        (b'{"ebuio_' + b"x" * 100 + b'": 1}', "ebuio_" + "x" * 34),
    ],
)
@pytest.mark.parametrize("content_type", [JSON, "application/vnd.api+json", "text/plain", ""])
def test_a_reserved_name_at_the_top_is_refused_by_name(content: bytes, name: str, content_type: str) -> None:
    """In any spelling that a decoder reads as it, whatever the type; what is shown is short and printable."""
    assert refusal(content, content_type) == f"reserved field {name}"


@pytest.mark.parametrize(
    "content",
    [
        b'{"note": "ebuio_u_pk"}',
        b'\xef\xbb\xbf {"note": "ebuio_u_pk"}',
        '{"note": "ebuio_u_pk"}'.encode("utf-16"),
        b'{"a": {"ebuio_u_pk": 1}}',
        b'[{"ebuio_u_pk": 1}]',
        b'["ebuio_u_pk"]',
        b'"ebuio_u_pk"',
        b'{"a": "\\", \\"ebuio_u_pk\\": 1"}',
        b'{"my_ebuio_u_pk": 1}',
        b'{"ebuio": 1}',
        b'{"ebuiox": 1, "\xc3\xa9ebuio_x": 1}',
        b"{}",
        b"{",
        b"no JSON",
        b'{"a": "\xc3\xa9 \\u00e9"}',
        b"[" * 100_000,
    ],
)
def test_other_json_passes_as_it_is(content: bytes) -> None:
    """Values, deeper levels, lists, names that are nobody's; broken JSON that mentions none."""
    assert refusal(content) == ""


@pytest.mark.parametrize(
    "content",
    [
        b'{"ebuio_u_pk": 1',
        b'{"ebuio_u_pk": 1} x',
        b'{"a": 1}{"ebuio_u_pk": 1}',
        b'{"a": 1}\n{"ebuio_u_pk": 1}',
        b'{/*"*/"ebuio_u_pk":1, "a":"b"}',
        b"{'ebuio_u_pk': 1}",
        b"{ebuio_u_pk: 1}",
        b'{"\\x65buio_u_pk": 1}',
        b'{"a": ' + b"[" * 100_000 + b'"ebuio_u_pk"',
    ],
)
def test_what_is_no_json_and_mentions_a_reserved_name_is_refused(content: bytes) -> None:
    """Some parsers take comments, single quotes, a second value; nobody knows which name they read."""
    assert refusal(content).startswith("reserved field ")


@pytest.mark.parametrize("charset", ["utf-7", "cp037", "shift_jis", "UTF-8; charset=utf-7", "utf-8''utf-7"])
@pytest.mark.parametrize("content_type", [JSON, XML])
def test_an_encoding_in_which_ascii_is_something_else_is_refused(content_type: str, charset: str) -> None:
    """There the name would be spelled in other bytes."""
    content = b'{"a": 1}' if content_type == JSON else b"<a/>"
    assert refusal(content, f"{content_type}; charset={charset}") == "charset"


def test_what_says_that_it_is_xml_is_taken_at_its_word() -> None:
    """Whatever its type."""
    assert refusal(b"<?xml version='1.0'?><r/>", "text/plain; charset=utf-7") == "charset"
    assert refusal(b"<p>", "text/html; charset=shift_jis") == ""


@pytest.mark.parametrize("charset", ["utf-8", '"UTF-8"', "utf8", "us-ascii", "ISO-8859-1", "windows-1252"])
@pytest.mark.parametrize("content_type", [JSON, XML])
def test_usual_encodings_pass(content_type: str, charset: str) -> None:
    """Quoted or not, in any case."""
    content = b'{"a": 1}' if content_type == JSON else b"<a/>"
    assert refusal(content, f"{content_type}; charset={charset}") == ""


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["ebuio_u_pk", '"ebuio_x":']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
json_names = st.lists(
    st.sampled_from(
        ["ebuio", "EBU", "io", "_", ".", "\x00", "\ufeff", "\xa0", " ", "[", "u", "é", '"', "\\"]
    ),
    max_size=5,
).map("".join)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(json_names, json_values), max_size=4),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
    st.booleans(),
)
def test_json_passes_exactly_if_no_name_is_reserved(
    pairs: list[tuple[str, Any]], coding: str, escapes: bool
) -> None:
    """Whatever the names and values, however they are written."""
    members = (
        f"{json.dumps(name, ensure_ascii=escapes)}: {json.dumps(value, ensure_ascii=escapes)}"
        for name, value in pairs
    )
    content = ("{" + ", ".join(members) + "}").encode(coding, "surrogatepass")
    assert bool(refusal(content)) is any(is_reserved(name.encode()) for name, _ in pairs)


# XML -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<r><ebuio_u_pk>1</ebuio_u_pk></r>", "ebuio_u_pk"),
        (b"<ebuio_u_pk/>", "ebuio_u_pk"),
        (b"<r><a><EBUIO-u.pk x='1'/></a></r>", "EBUIO-u.pk"),
        (b'<r xmlns:n="n"><n:ebuio_x/></r>', "ebuio_x"),
        ('<é:r xmlns:é="n"><é:ebuio_x/></é:r>'.encode(), "ebuio_x"),
        ('<r xmlns:\u0120="n"><\u0120:ebuio_x/></r>'.encode("utf-16"), "ebuio_x"),
        ("<r><ebuio_x/></r>".encode("utf-16-le"), "ebuio_x"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><r><ebuio_x/></r>', "ebuio_x"),
        (b"<!DOCTYPE r [<!ENTITY e '<ebuio_x/>'>]><r>&e;</r>", "ebuio_x"),
    ],
)
@pytest.mark.parametrize("content_type", [XML, "text/xml", "application/soap+xml", "text/plain"])
def test_an_element_of_a_reserved_name_is_refused(content: bytes, name: str, content_type: str) -> None:
    """At any depth, with any prefix, in any encoding that hides nothing."""
    assert refusal(content, content_type) == f"reserved field {name}"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"<r a='ebuio_u_pk'>see ebuio_u_pk</r>", XML),
        (b"<r><my_ebuio_x/><ebuio/></r>", XML),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><r>\xe9</r>', XML),
        (b'<!DOCTYPE svg [<!ENTITY ns "http://n.example/">]><svg xmlns="&ns;"/>', "image/svg+xml"),
        (b"<!DOCTYPE html><p>&#8364; see ebuio_u_pk", "text/html; charset=shift_jis"),
        (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"", "text/xml"),
    ],
)
def test_other_xml_passes_as_it_is(content: bytes, content_type: str) -> None:
    """Text, attributes, other names, plain entities, HTML, documents that only have XML in their type."""
    if content:
        assert refusal(content, content_type) == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!DOCTYPE r [<!ENTITY e '<&#101;buio_u_pk/>'>]><r>&e;</r>", "XML entity"),
        (b"<!DOCTYPE r [<!ENTITY % a 'ebu'><!ENTITY e '<%a;io_u_pk/>'>]><r>&e;</r>", "XML entity"),
        ("<!DOCTYPE r [<!ENTITY e '<&#101;buio_x/>'>]><r>&e;</r>".encode("utf-16"), "XML entity"),
        (b'<?xml version="1.0" encoding="utf-7"?><r/>', "charset"),
        (b"<?xml version=\"1.0\"\n encoding = 'cp037'?><r/>", "charset"),
        ('<?xml version="1.0" encoding="utf-7"?><r/>'.encode("utf-16-le"), "charset"),
        (b"<?xml " + b" " * 70_000 + b'encoding="utf-7"?><r/>', "not XML"),
        ("<r/>".encode("cp037"), "not XML"),
        (b"+ADw-r/+AD4-", "not XML"),
    ],
)
def test_xml_that_may_hide_a_name_is_refused(content: bytes, reason: str) -> None:
    """Character references in entities, entities in pieces, encodings of other bytes."""
    assert refusal(content, XML) == reason


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            ["ebuio", "EBU", "io", "_", "-", ".", "é", "n:", "<!--", "-->", "<r>", "<", "/>", "</r>", " "]
        ),
        max_size=8,
    ),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_no_parsed_element_is_reserved(pieces: list[str], coding: str) -> None:
    """What passes and is XML has no such element."""
    content = ('<r xmlns:n="n">' + "".join(pieces) + "</r>").encode(coding)
    try:
        elements = [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(content).iter()]
    except ElementTree.ParseError:
        return
    if any(is_reserved(tag.encode()) for tag in elements):
        assert refusal(content, XML).startswith("reserved field ")


# Size ----------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 65_505, 65_520, 65_536, 5 * 1024 * 1024])
@pytest.mark.parametrize("name", [b"ebuio_u_pk", b"\\u0065\\u0062\\u0075\\u0069\\u006f\\u005fpk"])
def test_no_padding_hides_a_name(at: int, name: bytes) -> None:
    """Wherever it is, also across two pieces, also beyond what is taken for a form."""
    content = b'{"a": "' + b"x" * at + b'", "' + name + b'": 1}'
    assert refusal(content).startswith("reserved field ")
    assert refusal(content.decode().encode("utf-16")).startswith("reserved field ")


@pytest.mark.parametrize("blanks", [65_536, 200_000])
@pytest.mark.parametrize("content", [b'{"ebuio_u_pk": 1}', b"<r><ebuio_u_pk>1</ebuio_u_pk></r>"])
def test_no_blanks_hide_what_a_body_is(blanks: int, content: bytes) -> None:
    """However many stand before it: parsers skip them all, whatever the type says."""
    assert refusal(b"\n" * blanks + content, "text/plain").startswith("reserved field ")


def test_a_large_body_that_mentions_a_name_is_refused_unparsed() -> None:
    """A small one is looked at more closely."""
    mention = b'{"note": "ebuio_u_pk"'
    assert refusal(mention + b" " * (PARSED - len(mention) - 1) + b"}") == ""
    assert refusal(mention + b" " * (PARSED - len(mention)) + b"}") == "reserved field ebuio_"


@pytest.mark.parametrize(
    "content",
    [b'{"a": ' + b"[]," * 8_000_000, b'{"a": "' + b"\\u0065" * 4_000_000, b"<r>" + b"<ebuio" * 4_000_000],
    ids=["lists", "escapes", "tags"],
)
def test_a_large_body_costs_little(content: bytes) -> None:
    """24 MB: no more than a few pieces of memory beyond itself, and a time that grows with its size alone."""
    file = io.BytesIO(content)
    given_environ = {**environ(b"", JSON), "CONTENT_LENGTH": str(len(content)), "wsgi.input": file}
    assert media_type(given_environ) == JSON
    tracemalloc.start()
    started = time.process_time()
    try:
        read_body(given_environ, (), Limits()).close()
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < 20

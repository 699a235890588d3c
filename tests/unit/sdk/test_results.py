"""Results: what the wire gets of them, and what is refused."""

from __future__ import annotations

import datetime
import decimal
import io
import logging
import uuid
from dataclasses import dataclass

import pytest
from markupsafe import Markup
from tests.unit.sdk.support import answering, call, service

from plugit_wsgi import sdk
from plugit_wsgi.sdk import PlugItRedirect, PlugItSendFile, PlugItSetSession


@dataclass
class Point:
    x: int


DATA = [
    ({"a": 1, "b": [True, None, 1.5]}, {"a": 1, "b": [True, None, 1.5]}),
    ({}, {}),
    ({"ключ": "é☃𝄞"}, {"ключ": "é☃𝄞"}),
    ({1: "one"}, {"1": "one"}),
    (
        {"at": datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.timezone.utc)},
        {"at": "Thu, 29 Feb 2024 12:00:00 GMT"},
    ),
    ({"on": datetime.date(2024, 2, 29)}, {"on": "Thu, 29 Feb 2024 00:00:00 GMT"}),
    ({"id": uuid.UUID(int=1)}, {"id": "00000000-0000-0000-0000-000000000001"}),
    ({"sum": decimal.Decimal("1.10")}, {"sum": "1.10"}),
    ({"point": Point(3)}, {"point": {"x": 3}}),
    ({"html": Markup("<b>")}, {"html": "<b>"}),
]


@pytest.mark.parametrize(("result", "expected"), DATA)
def test_data_are_a_json_object(result, expected):
    """A dict arrives as it was; values that Flask's jsonify knew, as it wrote them."""
    answer = call(answering(result))
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json == expected


UNUSABLE = [
    (None, "a dict expected, got NoneType"),
    ([1], "a dict expected, got list"),
    ("text", "a dict expected, got str"),
    (({}, 404), "a dict expected, got tuple"),
    ({"o": object()}, "object is not JSON"),
    ({"n": float("nan")}, "cannot be JSON"),
    ({(1, 2): 3}, "cannot be JSON"),
    (PlugItRedirect("/a\r\nX: y"), "CR, LF and NUL"),
    (PlugItSetSession({}, {"k": "v\n"}), "CR, LF and NUL"),
    (PlugItSetSession({}, {"k": "v\0"}), "CR, LF and NUL"),
    (PlugItSetSession({}, {"k: v": "x"}), "not the name of a header"),
    (PlugItSetSession({}, {"k\r\n": "x"}), "not the name of a header"),
    (PlugItSetSession({}, {"clé": "x"}), "not the name of a header"),
]


@pytest.mark.parametrize(("result", "message"), UNUSABLE, ids=lambda value: repr(value)[:50])
def test_unusable_result_is_a_500_and_a_clear_line_in_the_log(result, message, caplog):
    """The log says which action returned what; the answer says nothing."""
    with caplog.at_level(logging.ERROR, "plugit_wsgi.sdk"):
        answer = call(answering(result))
    assert (answer.status_code, answer.json) == (500, {"error": "Internal Server Error"})
    assert len(caplog.records) == 1
    assert "action answer" in caplog.text
    assert message in caplog.text


@pytest.mark.parametrize("result", [[1], "text", None, 7])
def test_json_only_sends_any_json(result):
    """An action whose answer goes straight to the browser may answer more than objects."""
    assert call(answering(result, sdk.json_only())).json == result


@pytest.mark.parametrize("result", [{"xml": "<a/>"}, "<a/>"])
def test_xml_only_sends_an_object_or_the_bare_text(result):
    """The host accepts both."""
    assert call(answering(result, sdk.xml_only())).json == result


@pytest.mark.parametrize(
    ("result", "url", "no_prefix"),
    [
        (PlugItRedirect("/show/1"), "/show/1", None),
        (PlugItRedirect("http://other/", no_prefix=True), "http://other/", "True"),
        (PlugItRedirect("/é"), "/Ã©", None),  # UTF-8 on the wire, as WSGI's latin-1 shows it
    ],
)
def test_redirect_is_a_control_header(result, url, no_prefix):
    """200 with an empty body; the host makes the redirect."""
    answer = call(answering(result))
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["EbuIo-PlugIt-Redirect"] == url
    assert answer.headers.get("EbuIo-PlugIt-Redirect-NoPrefix") == no_prefix


def test_session_values_are_set_and_deleted():
    """ "" is a value; None takes the key away."""
    answer = call(answering(PlugItSetSession({"a": 1}, {"city": "Zürich", "n": 7, "none": "", "gone": None})))
    assert answer.json == {"a": 1}
    assert answer.headers["EbuIo-PlugIt-SetSession-city"].encode("latin-1").decode("utf-8") == "Zürich"
    assert answer.headers["EbuIo-PlugIt-SetSession-n"] == "7"
    assert answer.headers["EbuIo-PlugIt-SetSession-none"] == ""
    assert "EbuIo-PlugIt-SetSession-gone" not in answer.headers
    assert "EbuIo-PlugIt-DelSession-gone" in answer.headers


def test_session_goes_with_every_result(tmp_path):
    """A redirect and a file can set values too."""
    for base in (PlugItRedirect("/"), PlugItSendFile(io.BytesIO(b"x"), "text/plain")):
        answer = call(answering(PlugItSetSession(base, {"k": "v"})))
        assert answer.headers["EbuIo-PlugIt-SetSession-k"] == "v"


def test_session_default_is_not_shared():
    """Two results without values are two."""
    assert PlugItSetSession({}).things_to_set is not PlugItSetSession({}).things_to_set


def test_file_by_path_is_relative_to_the_service(tmp_path):
    """With its type, length, tag and the name to save it under."""
    (tmp_path / "report.txt").write_bytes(b"0123456789")
    action = answering(PlugItSendFile("report.txt", "text/x-report", True, "Bericht é.txt"))
    answer = service(action, folder=tmp_path).get("/action/")
    assert answer.data == b"0123456789"
    assert answer.headers["EbuIo-PlugIt-ItAFile"]
    assert answer.headers["Content-Type"].startswith("text/x-report")
    assert answer.headers["Content-Length"] == "10"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Bericht%20%C3%A9.txt" in answer.headers["Content-Disposition"]
    assert "ETag" in answer.headers
    assert "Date" not in answer.headers


def test_file_by_path_answers_ranges(tmp_path):
    """A part of it, when that is asked for."""
    (tmp_path / "f").write_bytes(b"0123456789")
    client = service(answering(PlugItSendFile("f", "text/plain")), folder=tmp_path)
    answer = client.get("/action/", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.data) == (206, b"234")
    assert "EbuIo-PlugIt-ItAFile" in answer.headers


def test_open_file_is_sent_from_where_it_stands_and_closed(tmp_path):
    """With its length, so that the host sees when it breaks off."""
    (tmp_path / "name.txt").write_bytes(b"0123456789")
    source = (tmp_path / "name.txt").open("rb")
    source.read(3)
    answer = call(answering(PlugItSendFile(source, "text/plain", as_attachment=True)))
    assert answer.data == b"3456789"
    assert answer.headers["Content-Length"] == "7"
    assert "filename=name.txt" in answer.headers["Content-Disposition"]
    assert source.closed


def test_text_in_memory_is_sent_as_utf_8():
    """Modules of the original's time write tables into a StringIO."""
    answer = call(answering(PlugItSendFile(io.StringIO("é;1\n"), "text/csv", True, "t.csv")))
    assert answer.data == "é;1\n".encode()


def test_head_of_a_file_closes_it(tmp_path):
    """HEAD has no body, and leaves no file open."""
    (tmp_path / "f").write_bytes(b"0123456789")
    source = (tmp_path / "f").open("rb")
    answer = call(answering(PlugItSendFile(source, "text/plain")), method="HEAD")
    assert (answer.data, answer.headers["Content-Length"]) == (b"", "10")
    assert source.closed


def test_file_of_a_refused_answer_is_closed(tmp_path):
    """Nothing is left open by a header that cannot be sent."""
    (tmp_path / "f").write_bytes(b"x")
    source = (tmp_path / "f").open("rb")
    result = PlugItSetSession(PlugItSendFile(source, "text/plain"), {"k": "v\n"})
    assert call(answering(result)).status_code == 500
    assert source.closed


def test_missing_file_is_a_500(tmp_path, caplog):
    """The author's mistake, told to the log."""
    assert (
        service(answering(PlugItSendFile("none", "text/plain")), folder=tmp_path).get("/action/").status_code
        == 500
    )
    assert "action answer" in caplog.text


ETAGS = [
    ("", 200),
    ('"v1"', 304),
    ("v1", 304),
    ('W/"v1"', 304),
    ('"v0", "v1"', 304),
    ("*", 304),
    ('"v2"', 200),
]


@pytest.mark.parametrize("etag", ['"v1"', "v1"])
@pytest.mark.parametrize(("known", "status"), ETAGS)
def test_etag_is_taken_out_of_the_data_and_answered(known, status, etag):
    """304 for a visitor who has it; the action's own dict stays as it was."""
    data = {"a": 1, "_plugit_etag": etag}
    answer = call(
        answering(data, sdk.send_etag()), headers={"X-Plugit-If-None-Match": known} if known else {}
    )
    assert answer.status_code == status
    assert answer.headers["ETag"] == etag
    assert answer.data == (b'{"a":1}' if status == 200 else b"")
    assert data == {"a": 1, "_plugit_etag": etag}


def test_etag_of_a_post_is_no_condition():
    """Something was done: the visitor sees the answer."""
    function = answering({"_plugit_etag": "v1"}, sdk.send_etag(), methods=("POST",))
    assert call(function, method="POST", headers={"X-Plugit-If-None-Match": "v1"}).status_code == 200


@pytest.mark.parametrize("data", [{"a": 1}, {"a": 1, "_plugit_etag": None}, {"a": 1, "_plugit_etag": ""}])
def test_no_etag_is_no_header(data):
    """Without a value there is nothing to send, and nothing is left in the data."""
    answer = call(answering(data, sdk.send_etag()), headers={"X-Plugit-If-None-Match": '""'})
    assert (answer.status_code, answer.json) == (200, {"a": 1})
    assert "ETag" not in answer.headers


def test_without_send_etag_the_key_is_data():
    """Only the decorator makes it special."""
    assert call(answering({"_plugit_etag": "v1"})).json == {"_plugit_etag": "v1"}

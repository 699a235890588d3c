"""The marker of pages mode: where it becomes a token, and what stays as it was stored."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugit_wsgi import Service
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.wire import names
from tests.integration.conftest import MakeHost
from tests.integration.test_rules import read_context

PLAIN = "{~__PLUGIT_CSRF_TOKEN__~}"
NONCE = {"mode": "pages", "csrf_marker": "nonce"}
TOKEN = r"(?<![\w-])[\w-]{43}(?![\w-])"
BARE = (("EbuIo-PlugIt-NoTemplate", ""),)


def form(call: Call) -> Reply:
    """A form with the marker of this request, and what somebody stored: an older one and the plain one."""
    marker = call.headers.get("x-plugit-csrf-marker", "")
    stored = f"stored {PLAIN} {names.csrf_marker('A' * 22)}"
    return Reply(body=f'<input name="csrfmiddlewaretoken" value="{marker}"><p>{stored}</p>', headers=BARE)


def token_in(text: str) -> str:
    (found,) = re.findall(f'value="({TOKEN})"', text)
    return str(found)


def test_a_nonce_marks_the_forms_of_one_request(make_host: MakeHost, service: FakeService) -> None:
    """Stored content that holds a marker stays as it is; the token of the form is good."""
    host = make_host(of_service=NONCE)
    service.answer("/a", form)
    anna = host.visitor("anna")
    first = anna.get("/s/x/a").text
    assert f"stored {PLAIN} {names.csrf_marker('A' * 22)}" in first
    assert len(re.findall(TOKEN, first)) == 1
    assert anna.post("/s/x/a", data={"csrfmiddlewaretoken": token_in(first)}).status_code == 200
    assert host.visitor("anna").post("/s/x/a", data={"csrfmiddlewaretoken": "x"}).status_code == 403
    told = [call.headers["x-plugit-csrf-marker"] for call in service.calls]
    assert len({*told}) == len(told) == 2
    assert all(re.fullmatch(r"\{~__PLUGIT_CSRF_TOKEN__[\w-]{22}__~\}", marker) for marker in told)


def test_the_marker_of_an_older_request_is_text(make_host: MakeHost, service: FakeService) -> None:
    """Whoever saw one cannot plant it for the next visitor."""
    host = make_host(of_service=NONCE)
    service.answer("/a", form)
    host.visitor("anna").get("/s/x/a")
    old = service.calls[-1].headers["x-plugit-csrf-marker"]
    service.answer("/a", Reply(body=f"<p>{old}</p>", headers=BARE))
    assert host.visitor("olga").get("/s/x/a").text == f"<p>{old}</p>"


def test_the_nonce_is_in_the_signed_context(make_host: MakeHost, service: FakeService) -> None:
    """A visitor's own header of that name does not arrive, and the SDK reads the signed one."""
    host = make_host(of_service=NONCE)
    service.answer("/a", form)
    host.visitor("anna").get("/s/x/a", headers={"X-Plugit-Csrf-Marker": "forged"})
    call = service.calls[-1]
    assert call.headers["x-plugit-csrf-marker"] == names.csrf_marker(read_context(call).nonce)


def test_plain_is_the_default(make_host: MakeHost, service: FakeService) -> None:
    """Services of version 1 are told nothing, and their marker becomes the token."""
    host = make_host(of_service={"mode": "pages"})
    service.answer("/a", Reply(body=f'<input value="{PLAIN}">', headers=BARE))
    assert Service("x", "http://127.0.0.1:9").csrf_marker == "plain"
    assert token_in(host.visitor().get("/s/x/a").text)
    assert "x-plugit-csrf-marker" not in service.calls[-1].headers
    assert read_context(service.calls[-1]).nonce == ""


@pytest.mark.parametrize("marker", ["plain", "nonce"])
@pytest.mark.parametrize(
    ("kind", "replaced"),
    [
        ("text/html", True),
        ("text/html; charset=utf-8", True),
        ("TEXT/HTML", True),
        ("application/xhtml+xml", True),
        ("application/json", False),
        ("text/plain", False),
        ("text/css", False),
        ("application/javascript", False),
        ("image/svg+xml", False),
        ("application/xml", False),
        ("application/octet-stream", False),
        ("text/html, application/json", False),
    ],
)
@pytest.mark.parametrize("bare", [False, True])
def test_only_html_holds_tokens(
    make_host: MakeHost, service: FakeService, kind: str, replaced: bool, marker: str, bare: bool
) -> None:
    """Data, scripts and drawings go out as they are: a token in them could be read from elsewhere."""
    host = make_host(of_service={"mode": "pages", "csrf_marker": marker})

    def say(call: Call) -> Reply:
        text = f"<p>{call.headers.get('x-plugit-csrf-marker', PLAIN)}</p>"
        return Reply(body=text, content_type=kind, headers=BARE if bare else ())

    service.answer("/a", say)
    answer = host.visitor().get("/s/x/a")
    assert bool(re.search(f"<p>{TOKEN}</p>", answer.text)) is replaced
    assert ("{~__PLUGIT" in answer.text) is not replaced
    if not replaced:
        assert answer.headers.getlist("Set-Cookie") == []


def test_a_download_is_left_alone(make_host: MakeHost, service: FakeService) -> None:
    """Also one that is HTML."""
    host = make_host(of_service={"mode": "pages"})
    file = (("EbuIo-PlugIt-ItAFile", "1"),)
    service.answer("/a", Reply(body=PLAIN, headers=file, content_type="text/html"))
    assert host.visitor().get("/s/x/a").text == PLAIN


def test_no_token_in_an_answer_that_other_origins_may_read(make_host: MakeHost, service: FakeService) -> None:
    """Of pages mode, with either marker."""
    cors = (*BARE, ("Access-Control-Allow-Origin", "*"))
    for marker in ("plain", "nonce"):
        host = make_host(of_service={"mode": "pages", "csrf_marker": marker})
        service.answer("/a", lambda call: Reply(body=form(call).body + PLAIN, headers=cors))
        answer = host.visitor().get("/s/x/a")
        assert not re.search(TOKEN, answer.text)
        assert answer.headers.getlist("Set-Cookie") == []


pieces = st.lists(
    st.sampled_from(["{~__PLUGIT_CSRF_TOKEN__", "__~}", "~}", "{~", PLAIN, "MARKER", "AAAA", "_", "\xe9"]),
    max_size=10,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces)
def test_nothing_but_the_marker_changes(make_host: Any, service: FakeService, text: str) -> None:
    """Parts of markers, markers in markers: a whole one of this request becomes a token, all else stays."""
    host = _one_host(make_host)
    said: list[str] = []

    def say(call: Call) -> Reply:
        said.append(call.headers["x-plugit-csrf-marker"])
        return Reply(body=text.replace("MARKER", said[-1]), headers=BARE)

    service.answer("/a", say)
    got = host.visitor().get("/s/x/a").text
    before = text.replace("MARKER", said[-1]).split(said[-1])
    pattern = r"([\w-]{43})".join(map(re.escape, before))
    found = re.fullmatch(pattern, got)
    assert found
    assert len({*found.groups()}) == (1 if len(before) > 1 else 0)


_HOSTS: dict[int, Any] = {}


def _one_host(make_host: Any) -> Any:
    key = id(make_host)
    if key not in _HOSTS:
        _HOSTS.clear()
        _HOSTS[key] = make_host(of_service=NONCE)
    return _HOSTS[key]

"""A mount in a sandbox: what its answers say to a browser, and what reaches the service."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from markupsafe import Markup

from plugit_wsgi import BootstrapLayout, CapturedLayout, Service
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.events import Dropped
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import Host, MakeHost

SANDBOX = {"sandbox": True}
POLICY = "Content-Security-Policy"
HOSTILE = (
    "{% extends 'plugIt/base-withBlocks.html' %}{% block title %}<b>{{ name }}</b>{% endblock %}"
    "{% block css %}<script src='{{ ebuio_baseUrl }}media/evil.js'></script>{% endblock %}"
    "{% block menubar %}<li><a href='{{ ebuio_baseUrl }}b'>evil menu</a></li>{% endblock %}"
    "{% block content %}<script>evil()</script> evil {{ name }} {% csrf_token %}{% endblock %}"
)
FILE = (("EbuIo-PlugIt-ItAFile", "1"),)
MODES = pytest.mark.parametrize("mode", ["actions", "pages"])


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """With the service in a sandbox."""
    return make_host(of_service=SANDBOX)


def add_page(service: FakeService, path: str = "/a", meta: Any = None) -> None:
    """A hostile page, in the words of both modes."""
    service.action(path, template=HOSTILE, meta=meta, answer={"name": "Zoë"})
    body = "<title>t</title><script>evil()</script> evil {~__PLUGIT_CSRF_TOKEN__~}"
    links = (("Link", "</media/evil.css>; rel=stylesheet"),)
    service.answer(path, Reply(body=body, headers=links))


def policy(answer: Any) -> list[str]:
    """The parts of all policies."""
    return [part.strip() for line in answer.headers.getlist(POLICY) for part in line.split(";")]


def src(answer: Any) -> str:
    """Where the frame of a page is."""
    found = re.findall(r'<iframe [^>]*src="([^"]*)"', answer.text)
    assert len(found) == 1
    return unescape(found[0])


@MODES
def test_the_page_has_the_frame_and_nothing_else_of_the_service(
    make_host: MakeHost, service: FakeService, mode: str
) -> None:
    """No head, menu or content; the frame has scripts and no other right."""
    add_page(service)
    visitor = make_host(of_service={"mode": mode, **SANDBOX}).visitor("anna")
    page = visitor.get("/s/x/a?q=%3Cb%22%3E&r=1")
    assert page.status_code == 200
    assert "evil" not in page.text
    assert re.findall(r' sandbox="([^"]*)"', page.text) == ["allow-scripts"]
    assert src(page) == "/s/x/ebuio_frame/a?q=%3Cb%22%3E&r=1"
    assert policy(page) == ["frame-src localhost/s/x/"]
    assert " style=" not in page.text, "a strict policy of the host's would forbid it"
    assert re.findall(r"<script(?![^>]* src=)", page.text) == []
    frame = visitor.get(src(page))
    assert "evil()" in frame.text
    assert "Home" not in frame.text
    assert "evil.css" in frame.text or "evil.js" in frame.text


def test_the_title_comes_as_text(host: Host, service: FakeService) -> None:
    """In the page and in the frame's own title."""
    service.action("/a", template="{% block title %}{{ t }}{% endblock %}", answer={"t": '"><script>evil'})
    page = host.visitor().get("/s/x/a")
    assert "<script>evil" not in page.text
    assert 'title="&#34;&gt;&lt;script&gt;evil"' in page.text


def test_the_frame_is_in_any_layout(make_host: MakeHost, service: FakeService) -> None:
    """Of a callable and of a captured page."""
    add_page(service)

    def layout(page: Any, _request: Any) -> str:
        assert isinstance(page.content, Markup)
        return f"<head>{page.head}</head>own {page.title} {page.menu} {page.content}"

    text = make_host(layout=layout, of_service=SANDBOX).visitor().get("/s/x/a").text
    assert "own" in text
    assert "evil" not in text
    assert text.count("<iframe ") == 1
    assert text.count("/s/_assets/plugit-") == 2


@MODES
def test_the_document_of_the_frame_is_confined(make_host: MakeHost, service: FakeService, mode: str) -> None:
    """By its own policy, so also when it is opened by itself."""
    add_page(service)
    frame = make_host(of_service={"mode": mode, **SANDBOX}).visitor().get("/s/x/ebuio_frame/a")
    parts = policy(frame)
    assert parts[0] == "sandbox allow-scripts"
    for part in ("default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'"):
        assert part in parts
    assert "connect-src localhost/s/x/" in parts
    assert not re.search(r"allow-(?!scripts)|[ ]\*|https?:|src 'self'", ";".join(parts))
    assert frame.headers["X-Content-Type-Options"] == "nosniff"
    assert frame.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("name", ["a b", "x;script-src *", "[::1]:80", "x,y", "é.example"])
def test_a_host_name_without_a_form_for_policies_adds_nothing_to_one(
    host: Host, service: FakeService, name: str
) -> None:
    """The name is the visitor's to invent."""
    add_page(service)
    frame = host.visitor().get("/s/x/ebuio_frame/a", headers={"Host": name})
    assert "connect-src 'self'" in policy(frame)
    assert len(policy(frame)) == 11


@pytest.mark.parametrize("dest", ["iframe", "frame", "object", "embed"])
def test_a_link_in_the_frame_to_a_page_is_answered_for_the_frame(
    host: Host, service: FakeService, dest: str
) -> None:
    """Not with one more layout inside of it; in the browser's own words about where it goes."""
    add_page(service)
    visitor = host.visitor()
    inside = visitor.get("/s/x/a", headers={"Sec-Fetch-Dest": dest})
    assert inside.text == visitor.get("/s/x/ebuio_frame/a").text
    assert policy(inside)[0] == "sandbox allow-scripts"
    assert "<iframe" in visitor.get("/s/x/a", headers={"Sec-Fetch-Dest": "document"}).text


@MODES
def test_the_service_writes_its_links_below_the_frame(
    make_host: MakeHost, service: FakeService, mode: str
) -> None:
    """So they stay in it, in browsers too that do not say where they go."""
    service.action("/a", template="{% block content %}{{ ebuio_baseUrl }}b{% endblock %}")
    service.answer("/a", lambda call: Reply(body=call.headers["x-plugit-base-url"] + "b"))
    visitor = make_host(of_service={"mode": mode, **SANDBOX}).visitor()
    assert "/s/x/ebuio_frame/b" in visitor.get("/s/x/ebuio_frame/a").text
    call = service.called("/action/a" if mode == "actions" else "/a")[0]
    assert call.headers["x-forwarded-prefix"] == "/s/x/ebuio_frame"


@MODES
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/s/x/a", "/s/x/ebuio_frame/a", "/s/x/media/m", "/s/x/ebuio_frame/ebuio_setOrga"]
)
def test_nothing_but_reading_reaches_the_service(
    make_host: MakeHost, service: FakeService, mode: str, method: str, path: str
) -> None:
    """A 405 of the host's, also with a good token of another mount of the same visitor."""
    add_page(service)
    host = make_host(of_service={"mode": mode, **SANDBOX})
    answer = host.visitor("anna").open(path, method=method, data=b"" if method == "POST" else None)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "This does not work here" in answer.text
    assert service.calls == []


@MODES
def test_no_token_and_no_cookie(make_host: MakeHost, service: FakeService, mode: str) -> None:
    """Not even session values: the service is told that they were dropped by an event, as those too many."""
    seen: list[Any] = []
    writes = (("EbuIo-PlugIt-SetSession-k", "v"),)
    service.action("/a", template="[{{ csrf_token }}]", answer=Reply(headers=writes))
    service.action("/j", meta={"json_only": True}, answer=Reply(headers=writes))
    service.answer("/a", Reply(body="[{~__PLUGIT_CSRF_TOKEN__~}]", headers=writes))
    service.answer("/j", Reply(body="{}", content_type="application/json", headers=writes))
    host = make_host(of_service={"mode": mode, **SANDBOX}, observe=seen.append)
    for path in ("/s/x/a", "/s/x/ebuio_frame/a", "/s/x/j"):
        answer = host.visitor("anna").get(path)
        assert "Set-Cookie" not in answer.headers
        assert "[]" in answer.text or "frame" not in path
        assert [event.what for event in seen if isinstance(event, Dropped)] == ["session"]
        seen.clear()


@pytest.mark.parametrize("path", ["/s/x/a", "/s/x/ebuio_frame/a"])
def test_rules_hold_for_frame_and_page(host: Host, service: FakeService, path: str) -> None:
    """Before anything is shown; who has the right sees it."""
    add_page(service, meta={"only_member_user": True})
    refused = host.visitor("anna").get(path)
    assert refused.status_code == 403
    assert "evil" not in refused.text
    assert "<iframe" not in refused.text
    assert service.called("/action") == []
    assert host.visitor("max").get(path).status_code == 200


def test_who_has_to_log_in_is_sent_there_by_the_page_alone(make_host: MakeHost, service: FakeService) -> None:
    """In the frame there is no way to the login."""
    add_page(service, meta={"only_logged_user": True})
    visitor = make_host(of_service=SANDBOX, login_url="/login").visitor()
    assert visitor.get("/s/x/a").headers["Location"] == "/login?next=/s/x/a"
    inside = visitor.get("/s/x/ebuio_frame/a")
    assert inside.status_code == 403
    assert "Please log in" in inside.text
    assert "<a " not in inside.text
    assert policy(inside)[0] == "sandbox allow-scripts"


@pytest.mark.parametrize("path", ["/s/x/ebuio_frame", "/s/x/ebuio_FRAME/a", "/s/x/ebuio_frame/ebuio_frame/a"])
def test_the_frame_has_one_address(host: Host, service: FakeService, path: str) -> None:
    """Whatever else begins like it stays reserved."""
    add_page(service)
    assert host.visitor().get(path).status_code == 404
    assert service.calls == []


def test_a_mount_without_a_sandbox_has_no_frame(make_host: MakeHost, service: FakeService) -> None:
    """And its pages no policy of ours."""
    add_page(service)
    visitor = make_host().visitor()
    assert visitor.get("/s/x/ebuio_frame/a").status_code == 404
    answer = visitor.get("/s/x/a", headers={"Sec-Fetch-Dest": "iframe"})
    assert POLICY not in answer.headers
    assert "evil()" in answer.text
    assert "Home" in answer.text


@pytest.mark.parametrize("path", ["/s/x/", "/s/x/ebuio_frame/"])
def test_what_is_no_page_runs_no_scripts(make_host: MakeHost, service: FakeService, path: str) -> None:
    """JSON, XML, pages without layout, files, media, and what the service says of an error."""
    service.action("/json", meta={"json_only": True}, answer=Reply(body={"a": "<script>"}))
    service.action("/xml", meta={"xml_only": True}, answer={"xml": "<a/>"})
    service.action("/bare", template="<script>1</script>", meta={"no_template": True})
    service.action("/file", answer=Reply(body="<script>", headers=FILE, content_type="text/html"))
    service.answer("/media/m.html", Reply(body="<script>", content_type="text/html"))
    service.answer("/media/m.png", Reply(body=b"png", content_type="image/png"))
    visitor = make_host(of_service=SANDBOX).visitor()
    for name in ("json", "xml", "bare", "file", "media/m.html", "media/m.png", "media/none"):
        answer = visitor.get(path + name)
        assert answer.status_code == 404 if name == "media/none" else 200
        expected = "frame-src" if name == "media/none" and "frame" not in path else "sandbox"
        assert policy(answer)[0].startswith(expected), name
        if name != "media/none":
            assert policy(answer) == ["sandbox"], name
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_bare_pages_and_files_of_pages_mode_run_no_scripts(make_host: MakeHost, service: FakeService) -> None:
    """Whatever they call themselves."""
    bare = (("EbuIo-PlugIt-NoTemplate", "1"),)
    service.answer("/bare", Reply(body="<script>1</script>", headers=bare))
    service.answer("/json", Reply(body={}))
    service.answer("/file", Reply(body="<script>", headers=FILE, content_type="text/html"))
    visitor = make_host(of_service={"mode": "pages", **SANDBOX}).visitor()
    for path in ("/s/x/bare", "/s/x/ebuio_frame/bare", "/s/x/json", "/s/x/file"):
        assert policy(visitor.get(path)) == ["sandbox"], path


def test_media_may_be_read_by_the_frame_and_files_not(host: Host, service: FakeService) -> None:
    """Fonts are read as those of another origin; a file of an action may be for one visitor."""
    service.answer("/media/f.woff2", Reply(body=b"font", content_type="font/woff2"))
    service.action("/file", answer=Reply(body="text", headers=FILE, content_type="text/plain"))
    origin = "Access-Control-Allow-Origin"
    assert host.visitor().get("/s/x/media/f.woff2").headers[origin] == "*"
    assert origin not in host.visitor().get("/s/x/file").headers


REDIRECTS = {
    "b?c=1": "b?c=1",
    "/b": "b",
    "ebuio_frame/b": "b",
    "../../admin": "admin",
    "%2e%2e/admin": "admin",
    "..\\admin": None,
}
ABSOLUTE = {
    "/s/x/b": "b",
    "/s/x/ebuio_frame/b": "b",
    "http://localhost/s/x/b": "b",
    "/admin": None,
    "/s/xy": None,
    "/s/x/../y": None,
    "//evil.example/s/x/b": None,
    "http://localhost/admin": None,
    "http://evil.example/s/x/b": None,
    "javascript:1": None,
}
CASES = [
    *((target, False, end) for target, end in REDIRECTS.items()),
    *((t, True, e) for t, e in ABSOLUTE.items()),
]


@pytest.mark.parametrize(("target", "absolute", "end"), CASES)
def test_redirects_stay_on_the_mount(
    host: Host, service: FakeService, target: str, absolute: bool, end: str | None
) -> None:
    """Those of the page lead to pages, those of the frame to frames."""
    headers = [
        ("EbuIo-PlugIt-Redirect", target),
        *([("EbuIo-PlugIt-Redirect-NoPrefix", "True")] if absolute else []),
    ]
    service.action("/a", template="", answer=Reply(headers=tuple(headers)))
    for base in ("/s/x/", "/s/x/ebuio_frame/"):
        answer = host.visitor().get(base + "a")
        assert answer.headers.get("Location") == (None if end is None else base + end)
        assert answer.status_code == (502 if end is None else 302)


@pytest.mark.parametrize(
    ("location", "end"), [("/b", "b"), ("b", "b"), ("/s/x/ebuio_frame/b", "b"), ("//evil.example/", None)]
)
def test_redirects_of_pages_mode_stay_on_the_mount(
    make_host: MakeHost, service: FakeService, location: str, end: str | None
) -> None:
    """By Location, as it is written there."""
    service.answer("/a", Reply(status=302, headers=(("Location", location),)))
    visitor = make_host(of_service={"mode": "pages", **SANDBOX}).visitor()
    for base in ("/s/x/", "/s/x/ebuio_frame/"):
        assert visitor.get(base + "a").headers.get("Location") == (None if end is None else base + end)


def test_a_kept_page_is_one_answer_in_two_shapes(host: Host, service: FakeService) -> None:
    """The data are kept once; page, frame and the page after it are each what they should be."""
    add_page(service, meta={"cache_time": 60})
    visitor = host.visitor("anna")
    page, frame, again = (visitor.get(path).text for path in ("/s/x/a", "/s/x/ebuio_frame/a", "/s/x/a"))
    assert len(service.called("/action")) == 1
    assert "<iframe" in page
    assert page == again
    assert "<iframe" not in frame
    assert "evil()" in frame


def test_the_organization_is_switched_by_the_host(make_host: MakeHost, service: FakeService) -> None:
    """The one form of the page is the layout's; the frame has no token for it."""
    told = "{% block content %}{{ ebuio_orga.name }}{% endblock %}"
    service.action("/a", template=told)
    visitor = make_host(of_service={"organizations": True, **SANDBOX}).visitor("org")
    frame = visitor.get("/s/x/ebuio_frame/a")
    assert "EBU" in frame.text
    assert "Set-Cookie" not in frame.headers
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', visitor.get("/s/x/a").text)
    assert token is not None
    form = {"organization": "2", "csrfmiddlewaretoken": token[1]}
    assert visitor.post("/s/x/ebuio_setOrga", data={"organization": "2"}).status_code == 403
    assert visitor.post("/s/x/ebuio_frame/ebuio_setOrga", data=form).status_code == 405
    assert visitor.post("/s/x/ebuio_setOrga", data=form).status_code == 303
    assert "RTS" in visitor.get("/s/x/ebuio_frame/a").text


def test_no_other_origin_reads_the_page(host: Host, service: FakeService) -> None:
    """Whatever the service says: the frame is another origin, and the layout is the host's."""
    cors = (("Access-Control-Allow-Origin", "null"), ("Access-Control-Allow-Credentials", "true"))
    service.action("/a", template="a", answer=Reply(headers=cors))
    page = host.visitor("anna").get("/s/x/a")
    assert [name for name, _value in page.headers if name.startswith("Access-Control")] == []
    frame = host.visitor("anna").get("/s/x/ebuio_frame/a")
    assert "Access-Control-Allow-Credentials" not in frame.headers


def test_what_stands_in_for_a_service_is_the_services_too(make_host: MakeHost, service: FakeService) -> None:
    """Its fallback page comes in the frame as its other pages do."""
    add_page(service, meta={"fallback": "down"})
    service.answer("/media/down", Reply(body="<script>evil()</script>", content_type="text/html"))
    visitor = make_host(of_service=SANDBOX).visitor()
    visitor.get("/s/x/a")
    service.answer("/action/a", Reply(status=503))
    page = visitor.get("/s/x/a")
    assert "evil" not in page.text
    assert "<iframe" in page.text


def test_a_layout_may_make_the_document_of_the_frame(make_host: MakeHost, service: FakeService) -> None:
    """With a method of that name; the bundled one brings its style, another layout nothing."""
    add_page(service)

    class Own(BootstrapLayout):
        def frame(self, page: Any, request: Any) -> str:
            return f"<html>own {page.content}"

    bundled, own, bare = (
        make_host(layout=layout, of_service=SANDBOX).visitor().get("/s/x/ebuio_frame/a").text
        for layout in (BootstrapLayout(classic=True), Own(), CapturedLayout("/layout"))
    )
    assert "bootstrap-3" in bundled
    assert own.startswith("<html>own <script>evil()")
    assert "bootstrap" not in bare
    assert "evil()" in bare


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("redirect_hosts", ("a.example",)),
        ("cors_credentials", True),
        ("media_login", True),
        ("cookies", True),
        ("partial", True),
    ],
)
def test_what_leads_out_of_a_sandbox_is_refused_by_name(field: str, value: Any) -> None:
    """At construction."""
    with pytest.raises(ConfigError, match=rf"{field}.*sandbox=True"):
        Service("x", "http://127.0.0.1:1", sandbox=True, **{field: value})
    with pytest.raises(ConfigError, match="sandbox"):
        Service("x", "http://127.0.0.1:1", sandbox="yes")  # type: ignore[arg-type]


def test_a_call_tells_nothing_of_the_frame(host: Host, service: FakeService) -> None:
    """Page and frame ask the very same."""
    seen: list[tuple[str, str]] = []

    def answer(call: Call) -> Reply:
        seen.append((call.target, call.headers["x-forwarded-prefix"]))
        return Reply(body={})

    service.action("/a", template="", answer=answer)
    host.visitor("anna").get("/s/x/a?q=1")
    host.visitor("anna").get("/s/x/ebuio_frame/a?q=1")
    assert seen[0] == seen[1]

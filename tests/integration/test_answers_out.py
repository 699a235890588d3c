"""Answers of services on their way to the visitor: how they may be kept, shown and followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.integration.conftest import Host, MakeHost

FILE = ("EbuIo-PlugIt-ItAFile", "1")
SHOWN = ("Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "Content-Disposition")
PUBLIC = (("Cache-Control", "public, max-age=9, s-maxage=9"), ("Last-Modified", "then"), ("Expires", "later"))

# A page that a cache takes for a file ------------------------------------------------

ENDINGS = ("css", "js", "png", "ico", "woff2", "html", "pdf")
DECEIVING = st.builds(
    lambda joint, name, ending: f"{joint}{name}.{ending}",
    st.sampled_from(["/", "/media/", "/static/", ";", ",", "!", "~", "@", "=", "/a;b/"]),
    st.text("abc-_.;,~@!$&'()*+=: ", min_size=1, max_size=6).map(lambda name: name.strip(". ") or "x"),
    st.sampled_from(ENDINGS),
)


def about(host: Host, path: str, user: str) -> tuple[str, str]:
    """The body and Cache-Control of a page."""
    answer = host.visitor(user).get(path)
    assert answer.status_code == 200
    assert "Expires" not in answer.headers
    assert "Last-Modified" not in answer.headers
    return answer.text, answer.headers["Cache-Control"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DECEIVING)
def test_a_page_with_the_name_of_a_file_is_kept_by_no_cache(
    host: Host, service: FakeService, name: str
) -> None:
    """Whatever a service makes of the path: /me/foo.css may be the page of /me."""
    path = "/me" + name
    action = path.replace(";", "%3B").replace(" ", "%20")
    template = "{% if ebuio_u %}for {{ ebuio_u.username }}{% else %}for nobody{% endif %}."
    meta = {"user_info": ["username"], "cache_time": 60, "cache_by_user": True}
    service.action(action, meta=meta, template=template, answer=Reply(body={}, headers=PUBLIC))
    for user in ("anna", "olga"):
        text, said = about(host, "/s/x" + action, user)
        assert f"for {user}." in text
        assert said == "private, no-store"


@pytest.mark.parametrize("meta", [{"json_only": True}, {"xml_only": True}])
@pytest.mark.parametrize("name", ["/foo.css", "%3B/foo.css", ",a.js"])
def test_data_with_the_name_of_a_file_are_private(
    host: Host, service: FakeService, meta: dict[str, Any], name: str
) -> None:
    """JSON and XML too."""
    rules = {**meta, "user_info": ["username"]}
    reply = Reply(body={"xml": "<a/>"}, headers=PUBLIC)
    service.action(f"/me{name}", meta=rules, answer=reply)
    answer = host.visitor("anna").get(f"/s/x/me{name}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, max-age=9")


@pytest.mark.parametrize("name", ["/foo.css", "%3Ba.js"])
def test_a_page_of_pages_mode_with_the_name_of_a_file_is_kept_by_no_cache(
    make_host: MakeHost, service: FakeService, name: str
) -> None:
    """The service sees who asks; nothing else than private may come of it."""
    host = make_host(of_service={"mode": "pages"})
    service.answer(f"/me{name}", Reply(body="mine", headers=PUBLIC))
    assert about(host, f"/s/x/me{name}", "anna")[1] == "private, no-store"
    alone = (*PUBLIC[:1], ("EbuIo-PlugIt-NoTemplate", "1"))
    service.answer(f"/me{name}", Reply(body="mine", headers=alone))
    assert about(host, f"/s/x/me{name}", "anna")[1] == "private, max-age=9"


def test_a_refusal_is_kept_by_no_cache(host: Host, service: FakeService) -> None:
    """Nobody's 403 becomes everybody's."""
    service.action("/me/foo.css", meta={"only_logged_user": True}, template="x", answer={})
    answer = host.visitor().get("/s/x/me/foo.css")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (403, "private, no-store")


# How a browser may show it -----------------------------------------------------------


def shown(host: Host, path: str, method: str) -> list[str | None]:
    answer = host.visitor().open(path, method=method)
    assert answer.status_code == 200
    return [answer.headers.get(name) for name in SHOWN]


@pytest.mark.parametrize(
    ("kind", "sent", "sandbox", "disposition"),
    [
        ("text/css", "text/css", None, None),
        ("image/svg+xml", "image/svg+xml", "sandbox", None),
        ("text/html; charset=utf-8", "text/html; charset=utf-8", "sandbox", None),
        ("application/zip", "application/zip", "sandbox", "attachment"),
        ("text/plain; x=y, text/html", "application/octet-stream", "sandbox", "attachment"),
    ],
)
def test_head_of_a_file_says_what_get_says(
    host: Host, service: FakeService, kind: str, sent: str, sandbox: str | None, disposition: str | None
) -> None:
    """Of media, and of files of actions."""
    service.answer("/media/a", Reply(body=b"x", content_type=kind))
    service.action("/a", answer=Reply(body=b"x", content_type=kind, headers=(FILE,)))
    for path in ("/s/x/media/a", "/s/x/a"):
        for method in ("GET", "HEAD"):
            assert shown(host, path, method) == [sent, sandbox, "nosniff", disposition]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/xml", "application/zip", "text/css"]
)
def test_head_in_pages_mode_says_what_get_says(
    make_host: MakeHost, service: FakeService, kind: str, alone: bool
) -> None:
    """With and without the layout."""
    host = make_host(of_service={"mode": "pages"})
    more = (("EbuIo-PlugIt-NoTemplate", "1"),) if alone else ()
    service.answer("/a", Reply(body="<p>x", content_type=kind, headers=more))
    assert shown(host, "/s/x/a", "HEAD") == shown(host, "/s/x/a", "GET")


@pytest.mark.parametrize(("meta", "sandbox"), [({"json_only": True}, None), ({"xml_only": True}, "sandbox")])
def test_head_of_data_says_what_get_says(
    host: Host, service: FakeService, meta: dict[str, Any], sandbox: str | None
) -> None:
    """XML is a document."""
    service.action("/a", meta=meta, answer={"xml": "<a/>"})
    assert shown(host, "/s/x/a", "GET")[1] == sandbox
    assert shown(host, "/s/x/a", "HEAD") == shown(host, "/s/x/a", "GET")


def test_a_file_name_is_written_anew(host: Host, service: FakeService) -> None:
    """Over the wire, from the bytes that old services send."""
    said = 'inline; filename="../Gr\u00c3\u00b6\u00c3\u009fe.html"; x="\u00ff'
    headers = (FILE, ("Content-Disposition", said))
    service.action("/a", answer=Reply(body=b"x", content_type="text/plain", headers=headers))
    found = host.visitor().get("/s/x/a").headers["Content-Disposition"]
    assert found.startswith('inline; filename="')
    assert "/" not in found.partition("filename*")[0]


# Where a service sends ----------------------------------------------------------------


@pytest.mark.parametrize("target", ["../../admin", "%2e%2e/../admin", "/x/../../../admin", "..\\..\\admin"])
def test_a_redirect_below_the_mount_does_not_climb(host: Host, service: FakeService, target: str) -> None:
    """A service asks for it by name (NoPrefix), or stays at home."""
    service.action("/a", answer=Reply(headers=(("EbuIo-PlugIt-Redirect", target),)))
    found = host.visitor().get("/s/x/a").headers["Location"]
    assert found in ("/s/x/admin", "/s/x/..%5C..%5Cadmin")
    away = (("EbuIo-PlugIt-Redirect", "/admin"), ("EbuIo-PlugIt-Redirect-NoPrefix", "True"))
    service.action("/b", answer=Reply(headers=away))
    assert host.visitor().get("/s/x/b").headers["Location"] == "/admin"


@pytest.mark.parametrize(
    "form",
    ["{}/action/steal", "{}", "//{host}/meta/steal", "\\\\{host}/steal", "@{host}/steal",
     "http:/{host}/steal", "../../{}/steal", "steal#@{host}", "?@{host}", "%2f%2f{host}/steal", ":@{host}/",
     " {}/steal", "\t//{host}/"],
)  # fmt: skip
def test_an_include_asks_nobody_but_the_service(
    host: Host, service: FakeService, serve: Callable[[Any], str], form: str
) -> None:
    """A template names actions of its service; an address in it is a path there, or nothing."""
    other = FakeService()
    for path in ("/action/steal", "/meta/steal", "/template/steal", "/steal", "/", ""):
        other.answer(path, Reply(body="STOLEN"))
    url = serve(other)
    named = form.format(url, host=url.removeprefix("http://"))
    service.action("/a", template="{% load plugit_tags %}[{% plugitInclude name %}]", answer={"name": named})
    answer = host.visitor().get("/s/x/a")
    assert (answer.status_code, "[]" in answer.text) == (200, True)
    assert other.calls == []
    assert all(call.path.startswith(("/meta/", "/template/", "/action/a")) for call in service.calls)
    assert not any("/../" in call.path or "//" in call.path for call in service.calls)


@pytest.mark.parametrize("kind", ["meta", "template", "media", "action"])
def test_no_redirect_of_a_call_leads_to_another_host(
    host: Host, service: FakeService, serve: Callable[[Any], str], kind: str
) -> None:
    """Also not to one that is there and would answer; and its path is no path of the service."""
    other = FakeService()
    url = serve(other)
    service.action("/a", template="x", answer={})
    service.action("/b", template="y", answer={})
    service.answer("/media/b", Reply(body="b"))
    for target in (f"{url}/{kind}/b", f"//{url[7:]}/{kind}/b", f"http://localhost@{url[7:]}/{kind}/b"):
        service.answer(f"/{kind}/a", Reply(status=302, headers=(("Location", target),)))
        path = "/s/x/media/a" if kind == "media" else "/s/x/a"
        assert host.visitor().get(path).status_code == 502
    assert other.calls == []


@pytest.mark.parametrize("place", ["content", "title", "head", "menu"])
def test_half_a_character_of_a_service_is_no_error_of_the_host(
    host: Host, service: FakeService, place: str
) -> None:
    """JSON can name one, UTF-8 cannot carry it."""
    block = {"content": "content", "title": "title", "head": "css", "menu": "menubar"}[place]
    shown = '<link rel="help" title="[{{ x }}]">' if place == "head" else "[{{ x }}]"
    template = (
        '{% extends "plugIt/base-withBlocks.html" %}{% block ' + block + " %}" + shown + "{% endblock %}"
    )
    service.action("/a", template=template, answer=Reply(body='{"x": "a\\ud800b"}'))
    answer = host.visitor().get("/s/x/a")
    assert answer.status_code == 200
    assert "[a?b]" in answer.text


def test_half_a_character_in_xml(host: Host, service: FakeService) -> None:
    """The same."""
    service.action("/a", meta={"xml_only": True}, answer=Reply(body='{"xml": "<a>\\ud800</a>"}'))
    assert host.visitor().get("/s/x/a").data == b"<a>?</a>"

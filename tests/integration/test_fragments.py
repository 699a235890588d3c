"""Fragments on pages of the host: what a mark shows, what counts as one, what goes out with such a page."""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import webob

from plugit_wsgi import CapturedLayout, FragmentMarks, Limits, Service, User
from plugit_wsgi.events import Event, Fault, ServiceCalled
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import PEOPLE, SECRET, Host, MakeHost, identify

plugit_fragment = FragmentMarks(SECRET)
HEAD = '<link rel="stylesheet" href="/shared.css">'
TEMPLATE = (
    "{% extends 'plugIt/base-withBlocks.html' %}"
    "{% block css %}" + HEAD + "<link rel='stylesheet' href='{{ ebuio_baseUrl }}media/{{ name }}.css'>"
    "{% endblock %}{% block content %}<b>{{ name }}</b>{% endblock %}"
)
FORM = "[{% csrf_token %}]"


class Page:
    """A host with one page, whatever is asked for; it remembers what reached it."""

    def __init__(self, body: str = "", **headers: str) -> None:
        self.body: str | bytes = body
        self.status = "200 OK"
        self.headers = {"Content-Type": "text/html; charset=utf-8"}
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value
        self.seen: list[dict[str, Any]] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        self.seen.append(dict(environ))
        body = self.body if isinstance(self.body, bytes) else self.body.encode()
        start_response(self.status, [*self.headers.items()])
        return [body]


def page_of(*targets: str) -> str:
    """A page with signed marks."""
    marks = "|".join(plugit_fragment(target, f"no {target}") for target in targets)
    return f"<html><head><title>host</title></head><body>{marks}</body></html>"


@pytest.fixture
def page() -> Page:
    """With one signed mark."""
    return Page(page_of("/s/x/a"))


@pytest.fixture
def host(make_host: MakeHost, page: Page, service: FakeService) -> Host:
    """With fragments switched on, and a page of the service at /s/x/a."""
    service.action("/a", template=TEMPLATE, answer={"name": "one"})
    return make_host(app=page, fragments=True)


def test_a_mark_becomes_the_fragment(host: Host) -> None:
    """Content in its place, head parts before the end of the head, nothing left of the mark."""
    answer = host.visitor("anna").get("/")
    assert answer.status_code == 200
    assert "<body><b>one</b></body>" in answer.text
    assert re.search(
        r"shared.css\">\s*<link rel='stylesheet' href='/s/x/media/one.css'>\s*</head>", answer.text
    )
    assert "plugit:" not in answer.text
    assert "no /s/x/a" not in answer.text


def test_without_the_setting_nothing_is_looked_at(
    make_host: MakeHost, page: Page, service: FakeService
) -> None:
    """The mark is a comment, as it was."""
    answer = make_host(app=page).visitor().get("/")
    assert answer.text == page.body
    assert service.calls == []


@pytest.mark.parametrize(
    "mark",
    [
        "<!--plugit:/s/x/a-->kept<!--/plugit-->",
        f"<!--plugit:/s/x/a {'A' * 43}-->kept<!--/plugit-->",
        str(FragmentMarks("another secret of the tests, 32+ bytes")("/s/x/a", "kept")),
        str(plugit_fragment("/s/x/b", "kept")).replace("/s/x/b", "/s/x/a"),
        str(plugit_fragment("/s/x/a", "kept")).replace("/s/x/a", "/s/x/a?a=1"),
        str(plugit_fragment("/s/x/a", "kept")).replace("/s/x/a ", "/s/x/a  "),
        str(plugit_fragment("/s/x/a", "kept")).replace("<!--/plugit-->", ""),
        "&lt;!--plugit:/s/x/a--&gt;kept",
    ],
)
def test_a_mark_that_somebody_else_wrote_runs_nothing(
    host: Host, page: Page, service: FakeService, mark: str
) -> None:
    """It stays as it is, byte for byte, and so do the headers."""
    page.body = f"<p>{mark}</p>"
    page.headers.update({"ETag": '"1"', "Cache-Control": "public, max-age=60"})
    answer = host.visitor("anna").get("/")
    assert answer.text == page.body
    assert answer.headers["ETag"] == '"1"'
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert service.calls == []


def test_a_target_on_the_list_counts_unsigned(make_host: MakeHost, service: FakeService) -> None:
    """That very target: no other path, and no query of somebody's choice."""
    service.action("/a", template=TEMPLATE, answer={"name": "one"})
    mark = "<!--plugit:{}-->kept<!--/plugit-->"
    page = Page("".join(mark.format(target) for target in ("/s/x/a", "/s/x/a?q=1", "/s/x/b")))
    answer = make_host(app=page, fragments=["/s/x/a"]).visitor().get("/")
    assert "<b>one</b>" in answer.text
    assert answer.text.endswith(mark.format("/s/x/a?q=1") + mark.format("/s/x/b"))
    assert [call.target for call in service.called("/action")] == ["/action/a"]


def test_what_is_put_in_is_not_looked_at(host: Host, service: FakeService) -> None:
    """A signed mark in the answer of a service is text of that service."""
    signed = str(plugit_fragment("/s/x/secret", "inner"))
    service.action("/a", template="{{ name|safe }}" + signed, answer={"name": signed})
    service.action("/secret", template=TEMPLATE, answer={"name": "secret"})
    answer = host.visitor("root").get("/")
    assert "secret</b>" not in answer.text
    assert service.called("/meta/secret") == []
    assert "<!--plugit:" not in answer.text


def test_such_a_page_is_for_one_visitor(host: Host, page: Page) -> None:
    """Nobody keeps it, and nobody can ask whether it is still the same."""
    page.headers.update(
        {
            "ETag": '"1"',
            "Last-Modified": "Sat, 01 Jan 2000 00:00:00 GMT",
            "Content-Length": str(len(str(page.body))),
            "Accept-Ranges": "bytes",
            "Content-MD5": "x",
            "Expires": "Sat, 01 Jan 2050 00:00:00 GMT",
            "Surrogate-Control": "max-age=60",
            "CDN-Cache-Control": "max-age=60",
            "Cloudflare-CDN-Cache-Control": "max-age=60",
            "X-Accel-Expires": "60",
            "Cache-Control": "public, s-maxage=60, max-age=60",
            "X-Own": "kept",
        }
    )
    answer = host.visitor().get("/")
    assert answer.headers.getlist("Cache-Control") == ["private, no-cache"]
    assert answer.headers.getlist("Content-Length") == [str(len(answer.get_data()))]
    assert answer.headers["X-Own"] == "kept"
    gone = {"etag", "last-modified", "accept-ranges", "content-md5", "expires", "surrogate-control"}
    gone |= {"cdn-cache-control", "cloudflare-cdn-cache-control", "x-accel-expires"}
    assert gone & {name.lower() for name, _value in answer.headers} == set()
    page.headers["Cache-Control"] = "no-store"
    assert host.visitor().get("/").headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("headers", "reaches"),
    [
        ({}, False),
        ({"Accept": "text/html,*/*;q=0.8"}, False),
        ({"Accept": "*/*"}, False),
        ({"Accept": "*/*", "Sec-Fetch-Dest": "empty"}, False),
        ({"Accept": "text/html", "Sec-Fetch-Dest": "document"}, False),
        ({"Accept": "*/*", "Sec-Fetch-Dest": "script"}, True),
        ({"Accept": "image/avif,*/*;q=0.8"}, True),
        ({"Accept": "text/css,*/*;q=0.1"}, True),
    ],
)
def test_conditions_and_ranges_for_a_page_do_not_reach_the_host(
    host: Host, page: Page, headers: dict[str, str], reaches: bool
) -> None:
    """There is no 304 or 206 of a page with marks; what is no page keeps both."""
    asked = {"If-None-Match": '"1"', "If-Modified-Since": "x", "Range": "bytes=0-9", "If-Range": '"1"'}
    host.visitor().get("/page", headers={**asked, **headers})
    keys = {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE", "HTTP_IF_RANGE"}
    assert keys & page.seen[-1].keys() == (keys if reaches else set())


def test_a_film_keeps_its_range(host: Host, page: Page) -> None:
    """Whoever asks for all types, and a file by its name."""
    page.headers["Content-Type"] = "video/mp4"
    host.visitor().get("/film.mp4", headers={"Range": "bytes=0-9", "Accept": "*/*"})
    assert page.seen[-1]["HTTP_RANGE"] == "bytes=0-9"


def test_a_head_request_tells_no_validators(host: Host, page: Page) -> None:
    """They would be those of another page than GET gives."""
    page.headers.update({"ETag": '"1"', "Content-Length": "5"})
    page.body = ""
    answer = host.visitor().open("/", method="HEAD")
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "change",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "text/html; charset=utf-16"},
        {"Content-Type": "text/html; charset=iso-2022-jp"},
        {"Content-Type": "text/html; charset=none-such"},
        {"Content-Encoding": "gzip"},
        {"Content-Disposition": "attachment; filename=a.html"},
        {"Access-Control-Allow-Credentials": "true"},
        {"status": "404 Not Found"},
    ],
)
def test_other_answers_pass_as_they_are(
    host: Host, page: Page, service: FakeService, change: dict[str, str]
) -> None:
    """Head and body, byte for byte."""
    page.headers["ETag"] = '"1"'
    page.status = change.pop("status", page.status)
    page.headers.update(change)
    if "Content-Encoding" in change:
        page.body = gzip.compress(str(page.body).encode())
    answer = host.visitor().get("/")
    assert answer.get_data() == (page.body if isinstance(page.body, bytes) else page.body.encode())
    assert answer.headers["ETag"] == '"1"'
    assert service.calls == []


def test_a_large_page_passes(host: Host, page: Page, service: FakeService) -> None:
    """With a length or without."""
    page.body = "x" * (4 * 1024 * 1024) + str(page.body)
    assert host.visitor().get("/").text == page.body
    page.headers["Content-Length"] = str(len(page.body))
    assert host.visitor().get("/").text == page.body
    assert service.calls == []


@pytest.mark.parametrize("charset", ["iso-8859-1", "windows-1252", "us-ascii", ""])
def test_a_page_in_another_encoding(host: Host, page: Page, service: FakeService, charset: str) -> None:
    """The host's bytes stay; what its encoding cannot say is a character reference."""
    service.action("/a", template="<b>ä ☃</b>", answer={})
    page.headers["Content-Type"] = "text/html" + (f"; charset={charset}" if charset else "")
    page.body = b"\xe4" + str(plugit_fragment("/s/x/a")).encode()
    body = host.visitor().get("/").get_data()
    a_umlaut = b"\xe4" if charset in ("iso-8859-1", "windows-1252") else b"&#228;"
    assert body == b"\xe4<b>" + a_umlaut + b" &#9731;</b>"


def test_rules_are_those_of_the_visitor(host: Host, service: FakeService) -> None:
    """Who may not see the page does not see the fragment, and the service is not asked for it."""
    service.action("/a", template=TEMPLATE, meta={"only_member_user": True}, answer={"name": "members"})
    assert "no /s/x/a" in host.visitor().get("/").text
    assert "no /s/x/a" in host.visitor("anna").get("/").text
    assert service.called("/action") == []
    assert "<b>members</b>" in host.visitor("max").get("/").text


@pytest.mark.parametrize(
    ("path", "answer", "meta"),
    [
        ("/a", Reply(headers=(("EbuIo-PlugIt-Redirect", "b"),)), None),
        ("/a", Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"),), body=b"file"), None),
        ("/a", Reply(body={"name": "x"}), {"json_only": True}),
        ("/a", Reply(status=404), None),
        ("/a", Reply(status=500), None),
        ("/media/a", None, None),
        ("/ebuio_setOrga", None, None),
        ("/../_api/x", None, None),
        ("/%2e%2e/x", None, None),
        ("/%252e%252e/x", None, None),
    ],
)
def test_what_is_no_page_leaves_the_inner_text(
    host: Host, page: Page, service: FakeService, path: str, answer: Reply | None, meta: Any
) -> None:
    """A redirect, a file, data, an error, media; the page of the host is fine."""
    service.action("/a", template=TEMPLATE, meta=meta, answer=answer or {"name": "one"})
    service.action("/media/a", template=TEMPLATE, answer={"name": "one"})
    service.action("/ebuio_setOrga", template=TEMPLATE, answer={"name": "one"})
    page.body = page_of(f"/s/x{path}")
    answer_ = host.visitor("anna").get("/")
    assert answer_.status_code == 200
    assert f"<body>no /s/x{path}</body>" in answer_.text
    assert len(service.called("/action/b")) == 0


@pytest.mark.parametrize("target", ["/none", "/s/none/a", "/s/_assets/bootstrap.css", "/s/_api/x/"])
def test_a_mark_of_what_is_no_service(host: Host, page: Page, target: str) -> None:
    """Shows what it has for that."""
    page.body = page_of(target)
    assert f"no {target}" in host.visitor().get("/").text


def test_a_bare_action_is_a_fragment(host: Host, service: FakeService) -> None:
    """One without a layout is all the more."""
    service.action("/a", template="<i>{{ name }}</i>", meta={"no_template": True}, answer={"name": "bare"})
    assert "<body><i>bare</i></body>" in host.visitor().get("/").text


def test_pages_mode_works_as_well(make_host: MakeHost, page: Page, service: FakeService) -> None:
    """With its head parts."""
    service.answer("/a", Reply(body="<u>pages</u>", headers=(("Link", "</media/p.css>; rel=stylesheet"),)))
    answer = make_host(app=page, fragments=True, of_service={"mode": "pages"}).visitor().get("/")
    assert "<u>pages</u>" in answer.text
    assert re.search(r"p.css\">\s*</head>", answer.text)


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_in_pages_mode_is_none(
    make_host: MakeHost, page: Page, service: FakeService, status: int
) -> None:
    """Though it comes with words of the service."""
    service.answer("/a", Reply(status=status, body="<u>sorry</u>"))
    answer = make_host(app=page, fragments=True, of_service={"mode": "pages"}).visitor().get("/")
    assert "<body>no /s/x/a</body>" in answer.text


def test_what_stands_in_for_a_page_is_no_fragment(
    make_host: MakeHost, page: Page, service: FakeService
) -> None:
    """The host has said what is shown then; nobody is told that the service's own was."""
    events: list[Event] = []
    broken = [Reply(body={"name": "one"})]
    meta = {"fallback": "fallback.html"}
    service.answer("/media/fallback.html", Reply(body="<p>stands in</p>"))
    service.action("/a", template=TEMPLATE, meta=meta, answer=lambda _call: broken[0])
    visitor = make_host(app=page, fragments=True, observe=events.append).visitor()
    visitor.get("/s/x/a")
    broken[0] = Reply(body="{no json")
    assert "stands in" in visitor.get("/s/x/a").text
    events.clear()
    assert "<body>no /s/x/a</body>" in visitor.get("/").text
    assert {type(event) for event in events} == {ServiceCalled, Fault}


class HostTokens:
    """The host's own tokens: a new one for whoever has none."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def issue(self, request: webob.Request) -> tuple[str, list[str]]:
        self.threads.append(threading.get_ident())
        token = request.cookies.get("host_csrf") or f"token{len(self.threads)}"
        return token, [f"host_csrf={token}; Path=/"]

    def is_valid(self, request: webob.Request, token: str) -> bool:
        return bool(request.cookies.get("host_csrf") == token)


def test_tokens_of_the_host_are_one_for_the_page(
    make_host: MakeHost, service: FakeService, serve: Callable[[Any], str]
) -> None:
    """Issued in the visitor's thread; its cookie goes out once."""
    other, tokens = FakeService(), HostTokens()
    for each in (service, other):
        each.action("/f", template=FORM, answer={})
    also = (Service("y", serve(other)),)
    page = Page(page_of("/s/x/f", "/s/y/f"))
    visitor = make_host(app=page, fragments=True, also=also, csrf=tokens).visitor("anna")
    answer = visitor.get("/")
    assert tokens.threads == [threading.get_ident()]
    assert answer.headers.getlist("Set-Cookie").count("host_csrf=token1; Path=/") == 1
    for name in "xy":
        assert visitor.post(f"/s/{name}/f", data={"csrfmiddlewaretoken": "token1"}).status_code == 200


def test_a_service_in_a_sandbox_is_not_put_in(make_host: MakeHost, page: Page, service: FakeService) -> None:
    """Its scripts would run in the host's origin."""
    service.action("/a", template=TEMPLATE, answer={"name": "evil"})
    answer = make_host(app=page, fragments=True, of_service={"sandbox": True}).visitor().get("/")
    assert "no /s/x/a" in answer.text
    assert "evil" not in answer.text


def test_a_mark_is_a_get_whatever_the_page_is(host: Host, service: FakeService) -> None:
    """The query is the mark's, the body the host's alone."""
    host.visitor("anna").post("/?q=page", data={"a": "1"})
    call = service.called("/action")[0]
    assert (call.method, call.body) == ("GET", b"")
    assert "q=page" not in call.target


def test_the_host_is_asked_once_who_it_is(make_host: MakeHost, service: FakeService) -> None:
    """For all marks, in the visitor's thread, of the request as it came."""
    asked = []

    def identify_once(request: webob.Request) -> User | None:
        asked.append((threading.current_thread(), request.path, request.query_string, request.body))
        return PEOPLE["anna"]

    for name in "abc":
        service.action(f"/{name}", template=TEMPLATE, meta={"only_logged_user": True}, answer={"name": name})
    page = Page(page_of("/s/x/a", "/s/x/b", "/s/x/c"))

    def popping(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read(3)
        environ["PATH_INFO"] = "/changed"
        return page(environ, start_response)

    answer = (
        make_host(app=popping, fragments=True, identify=identify_once).visitor().post("/p?q=1", data=b"abc")
    )
    assert asked == [(threading.current_thread(), "/p", "q=1", b"")]
    assert answer.text.count("<b>") == 3


def test_an_identify_that_raises_leaves_the_page(
    make_host: MakeHost, page: Page, service: FakeService
) -> None:
    """Nobody is taken for anonymous, and the host's page is not the worse for it."""

    def broken(request: webob.Request) -> User | None:
        raise RuntimeError("no database")

    service.action("/a", template=TEMPLATE, answer={"name": "one"})
    answer = make_host(app=page, fragments=True, identify=broken).visitor().get("/")
    assert answer.status_code == 200
    assert "no /s/x/a" in answer.text
    assert service.calls == []


def test_forms_of_several_services_work(
    make_host: MakeHost, service: FakeService, serve: Callable[[Any], str]
) -> None:
    """One visitor id for all of them, in one cookie; each form is accepted by its service."""
    other = FakeService()
    for each in (service, other):
        each.action("/f", template=FORM, answer={})
    page = Page(page_of("/s/x/f", "/s/y/f"))
    host = make_host(app=page, fragments=True, also=(Service("y", serve(other)),))
    visitor = host.visitor("anna")
    answer = visitor.get("/")
    names = [line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")]
    assert sorted(names) == ["csrftoken", "csrftoken", "plugit"]
    tokens = re.findall(r"value=['\"]([^'\"]+)['\"]", answer.text)
    assert len(tokens) == 2
    for name, token in zip("xy", tokens, strict=True):
        assert visitor.post(f"/s/{name}/f", data={"csrfmiddlewaretoken": token}).status_code == 200
    assert visitor.post("/s/x/f", data={"csrfmiddlewaretoken": tokens[1]}).status_code == 403


def test_session_values_of_all_marks_are_kept(host: Host, page: Page, service: FakeService) -> None:
    """Two of one service do not overwrite one another's, and a later one counts."""

    def storing(**values: str) -> Reply:
        headers = tuple((f"EbuIo-PlugIt-SetSession-{key}", value) for key, value in values.items())
        return Reply(headers=headers)

    service.action("/a", template="a", answer=storing(one="1", both="first"))
    service.action("/b", template="b", answer=storing(two="2", both="second"))
    service.action("/c", template="c", answer={})
    page.body = page_of("/s/x/a", "/s/x/b")
    visitor = host.visitor("anna")
    visitor.get("/")
    visitor.get("/s/x/c")
    sent = service.called("/action/c")[0].headers
    found = {
        key.removeprefix("x-plugitsession-"): value
        for key, value in sent.items()
        if key.startswith("x-plugitsession-")
    }
    assert found == {"one": "1", "two": "2", "both": "second"}


def test_a_kept_page_and_its_fragment_share_the_cache(host: Host, service: FakeService) -> None:
    """What a visit has fetched, a mark does not fetch again."""
    service.action("/a", template=TEMPLATE, meta={"cache_time": 60}, answer={"name": "kept"})
    visitor = host.visitor()
    visitor.get("/s/x/a")
    assert "<b>kept</b>" in visitor.get("/").text
    assert "<b>kept</b>" in visitor.get("/").text
    assert len(service.called("/action")) == 1


def test_the_same_mark_twice_is_fetched_once(host: Host, page: Page, service: FakeService) -> None:
    """And shown twice."""
    page.body = page_of("/s/x/a", "/s/x/a")
    answer = host.visitor().get("/")
    assert answer.text.count("<b>one</b>") == 2
    assert answer.text.count("shared.css") == 1
    assert len(service.called("/action")) == 1


def test_there_is_a_most_of_marks(host: Host, page: Page, service: FakeService) -> None:
    """The others show what they have for one that fails."""
    for number in range(18):
        service.action(f"/{number}", template=TEMPLATE, answer={"name": "n"})
    page.body = page_of(*(f"/s/x/{number}" for number in range(18)))
    answer = host.visitor().get("/")
    assert answer.text.count("<b>n</b>") == 16
    assert "no /s/x/16|no /s/x/17<" in answer.text


def test_a_captured_layout_may_have_marks(
    make_host: MakeHost, service: FakeService, serve: Callable[[Any], str]
) -> None:
    """They are filled before the page of the service goes in, which is never looked at; of one visitor."""
    asked = []

    def counting(request: webob.Request) -> User | None:
        asked.append(request.path)
        return identify(request)

    other = FakeService()
    other.action("/f", template=FORM + "<!--plugit:content-->", answer={})
    signed = str(plugit_fragment("/s/y/f", "inner"))
    service.action("/a", template=FORM + "<b>{{ name }}</b>" + signed, answer={"name": "page"})
    page = Page(page_of("/s/y/f") + "<p><!--plugit:content--></p>")
    host = make_host(
        app=page,
        fragments=True,
        layout=CapturedLayout("/frame"),
        identify=counting,
        also=(Service("y", serve(other)),),
    )
    visitor = host.visitor("anna")
    answer = visitor.get("/s/x/a")
    assert answer.text.count("<b>page</b>") == 1
    assert asked == ["/s/x/a"]
    assert answer.text.count("csrfmiddlewaretoken") == 2
    assert len(other.called("/action")) == 1
    for name, token in zip("yx", re.findall(r"value=['\"]([^'\"]+)['\"]", answer.text), strict=True):
        assert (
            visitor.post(
                f"/s/{name}/{'f' if name == 'y' else 'a'}", data={"csrfmiddlewaretoken": token}
            ).status_code
            == 200
        )


def helpers() -> int:
    """Threads that help, of all hosts of this process."""
    return sum(thread.name.startswith("plugit-spare") for thread in threading.enumerate())


class Slow:
    """An answer that takes time, or as long as the test."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def hang(self, _call: Call) -> Reply:
        self.over.wait(10)
        return Reply(body={"name": "late"})

    @staticmethod
    def short(_call: Call) -> Reply:
        time.sleep(0.2)
        return Reply(body={"name": "slow"})


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Ends what hangs with the test."""
    made = Slow()
    yield made
    made.over.set()


@pytest.fixture
def four(serve: Callable[[Any], str]) -> tuple[list[FakeService], tuple[Service, ...]]:
    """Four services, and where they are."""
    services = [FakeService() for _ in range(4)]
    return services, tuple(Service(f"f{n}", serve(each)) for n, each in enumerate(services))


FOUR = [f"/s/f{number}/a" for number in range(4)]


def test_one_hangs_one_is_denied_one_is_broken_one_is_fine(
    make_host: MakeHost, four: Any, slow: Slow
) -> None:
    """The page comes within the deadline, with the right four things in it."""
    (hanging, denied, broken, fine), mounts = four
    hanging.action("/a", template=TEMPLATE, answer=slow.hang)
    denied.action("/a", template=TEMPLATE, meta={"only_admin_user": True}, answer={"name": "denied"})
    broken.action("/a", template=TEMPLATE, answer=Reply(body="{no json"))
    fine.action("/a", template=TEMPLATE, answer={"name": "fine"})
    host = make_host(app=Page(page_of(*FOUR)), fragments=True, also=mounts, limits=Limits(page=0.6))
    started = time.monotonic()
    answer = host.visitor("anna").get("/")
    assert time.monotonic() - started < 0.9
    assert "<body>no /s/f0/a|no /s/f1/a|no /s/f2/a|<b>fine</b></body>" in answer.text
    assert "denied" not in answer.text
    assert answer.text.count("shared.css") == 1


def test_four_of_200_ms_take_little_more(make_host: MakeHost, four: Any, slow: Slow) -> None:
    """At the same time, not one after the other."""
    services, mounts = four
    for each in services:
        each.action("/a", template=TEMPLATE, answer=slow.short)
    page = Page(page_of(*FOUR))
    host = make_host(app=page, fragments=True, also=mounts)
    visitor = host.visitor("anna")
    visitor.get("/")  # templates are fetched and compiled once
    times = []
    for _ in range(3):
        started = time.monotonic()
        assert visitor.get("/").text.count("<b>slow</b>") == 4
        times.append(time.monotonic() - started)
    assert 0.2 <= min(times) < 0.3


def test_one_thread_does_it_alone(make_host: MakeHost, four: Any) -> None:
    """A host with one thread has one place, and no helpers: one after the other, and all of them."""
    services, mounts = four
    for each in services:
        each.action("/a", template=TEMPLATE, answer={"name": "fine"})
    host = make_host(app=Page(page_of(*FOUR)), fragments=True, also=mounts, threads=1)
    before = helpers()
    assert host.visitor().get("/").text.count("<b>fine</b>") == 4
    assert helpers() == before


def test_many_marks_of_one_service_find_places(
    make_host: MakeHost, page: Page, service: FakeService, four: Any
) -> None:
    """A page does not take the places that its own marks need."""

    def short(_call: Call) -> Reply:
        time.sleep(0.03)
        return Reply(body={"name": "n"})

    for number in range(12):
        service.action(f"/{number}", template=TEMPLATE, answer=short)
    page.body = page_of(*(f"/s/x/{number}" for number in range(12)))
    host = make_host(app=page, fragments=True, also=four[1])
    assert host.visitor().get("/").text.count("<b>n</b>") == 12


def test_no_thread_before_the_first_page_with_marks(host: Host, page: Page) -> None:
    """A host may fork before that."""
    before = helpers()
    two = str(page.body).replace("</body>", plugit_fragment("/s/x/b") + "</body>")
    page.body = "<p>none</p>"
    host.visitor().get("/")
    assert helpers() == before
    page.body = two
    host.visitor().get("/")
    assert helpers() > before


def test_the_deadline_is_that_of_the_host(make_host: MakeHost, four: Any, slow: Slow) -> None:
    """A service that may take longer on its own pages may not here; the visitor's thread is free."""
    four[0][0].action("/a", template=TEMPLATE, answer=slow.hang)
    patient = replace(four[1][0], limits=Limits(page=8))
    page = Page(page_of("/s/f0/a"))
    host = make_host(app=page, fragments=True, also=(patient,), limits=Limits(page=0.3), threads=1)
    started = time.monotonic()
    assert "no /s/f0/a" in host.visitor().get("/").text
    assert time.monotonic() - started < 0.8


def test_a_captured_layout_has_no_time_of_its_own(
    make_host: MakeHost, service: FakeService, four: Any, slow: Slow
) -> None:
    """Its marks have what the page in it left."""
    four[0][0].action("/a", template=TEMPLATE, answer=slow.hang)
    service.action("/a", template=TEMPLATE, answer=slow.short)
    page = Page(page_of("/s/f0/a") + "<!--plugit:content-->")
    limits = Limits(page=0.5)
    layout = CapturedLayout("/frame")
    host = make_host(app=page, fragments=True, also=four[1], limits=limits, layout=layout)
    started = time.monotonic()
    answer = host.visitor().get("/s/x/a")
    assert time.monotonic() - started < 0.65
    assert "<b>slow</b>" in answer.text
    assert "no /s/f0/a" in answer.text

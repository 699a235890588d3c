"""The thirteen rules of the data path (top of ``pipeline.py``), each with the number it holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from plugit_wsgi import Limits, PlugItMiddleware, Service
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.wire.context import digest, verify
from plugit_wsgi.wire.keys import load_secrets, service_keys
from tests.integration.conftest import SECRET, Host, MakeHost

PAGE = "{% extends 'plugIt/base.html' %}{% block content %}<p>{{ secret }}</p>{% endblock %}"
RULES = (
    "only_logged_user",
    "only_member_user",
    "only_admin_user",
    "only_orga_member_user",
    "only_orga_admin_user",
)


# Rule 1 --------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
def test_rule_1_nothing_is_asked_or_shown_before_access_is_decided(
    host: Host, service: FakeService, rule: str
) -> None:
    """A refused visitor gets a page of ours, and the service hears nothing but meta."""
    service.action("/a", meta={rule: True}, template=PAGE, answer={"secret": "gold"})
    answer = host.visitor().get("/s/x/a")
    assert answer.status_code == 403
    assert rule in answer.text
    assert "gold" not in answer.text
    assert [call.path for call in service.calls] == ["/meta/a"]


def test_rule_1_a_cached_page_is_shown_to_no_one_who_may_not_see_it(host: Host, service: FakeService) -> None:
    """The page cache comes after access, also for an action whose answer all members share."""
    meta = {"only_member_user": True, "cache_time": 60, "cache_by_user": False}
    service.action("/a", meta=meta, template=PAGE, answer={"secret": "gold"})
    assert "gold" in host.visitor("max").get("/s/x/a").text
    assert "gold" in host.visitor("root").get("/s/x/a").text
    for name in ("", "anna"):
        answer = host.visitor(name).get("/s/x/a")
        assert answer.status_code == 403
        assert "gold" not in answer.text


@pytest.mark.parametrize(
    "meta",
    [
        "not json",
        "[]",
        "{}",
        '{"only_member_user": true}',
        '{"template_tag": "t", "only_member_user": "yes"}',
        '{"template_tag": "t", "only_chosen_ones": true}',
        '{"template_tag": "t", "address_in_networks": "127.0.0.1"}',
        '{"template_tag": "t", "address_in_networks": ["nowhere"]}',
        '{"template_tag": null}',
        '{"template_tag": "t", "user_info": "pk"}',
        '{"template_tag": "t", "cache_time": "60"}',
    ],
)
def test_rule_1_meta_that_is_not_understood_refuses(host: Host, service: FakeService, meta: str) -> None:
    """Rules fail closed: an answer that is wrong is never read as "no rule"."""
    service.action("/a", template=PAGE, answer={"secret": "gold"})
    service.answer("/meta/a", Reply(body=meta))
    answer = host.visitor("root").get("/s/x/a")
    assert answer.status_code == 502
    assert service.called("/action") == []


# Rule 2 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/show/1", "/show/1"),
        ("/a%20b", "/a%20b"),
        ("/%C3%A9", "/%C3%A9"),
        ("/who%3Febuio_u_pk=-3", "/who%3Febuio_u_pk=-3"),
        ("/a%23b;c", "/a%23b%3Bc"),
        ("/100%25", "/100%25"),
        ("/a%2Fb", "/a/b"),
    ],
)
def test_rule_2_rules_and_call_see_the_same_path(
    host: Host, service: FakeService, path: str, canonical: str
) -> None:
    """The path in the service's log is, byte for byte, the path whose rules were asked for."""
    service.action(canonical, meta={"json_only": True}, answer={"ok": 1})
    assert host.visitor().get("/s/x" + path).status_code == 200
    assert [call.path for call in service.calls] == ["/meta" + canonical, "/action" + canonical]


@pytest.mark.parametrize(
    "path",
    [
        "/../a",
        "/a/..",
        "/a/./b",
        "/%2e%2e/a",
        "/media/..%2Faction%2Fa",
        "//a",
        "/a//b",
        "/a%5Cb",
        "/a%00b",
        "/a%0Ab",
        "/a%7Fb",
        "/a%252Fb",
        "/%252e%252e/a",
    ],
)
def test_rule_2_a_path_without_one_spelling_is_refused(host: Host, service: FakeService, path: str) -> None:
    """Dot segments, doubled, encoded twice or backward slashes and control bytes reach no service."""
    assert host.visitor("root").get("/s/x" + path).status_code == 404
    assert service.calls == []


# Rule 3 --------------------------------------------------------------------------------


PERSONAL = {
    "user": "<b>{{ ebuio_u.username }}</b>",
    "organization": "<b>{{ ebuio_orga.name }}</b>",
    "token": "{% csrf_token %}",
}


@pytest.mark.parametrize("reads", PERSONAL)
def test_rule_3_a_template_that_reads_the_visitor_is_rendered_for_each_one(
    make_host: MakeHost, service: FakeService, reads: str
) -> None:
    """The data come from the cache, the page is each visitor's own: name, organization, token."""
    host = make_host(of_service={"organizations": reads == "organization"})
    template = f"{{{{ n }}}} {PERSONAL[reads]}"
    service.action(
        "/a",
        meta={"cache_time": 60, "cache_by_user": False, "public": True},
        template=template,
        answer={"n": "data"},
    )
    names = ("org", "anna", "root", "")
    texts = {name: host.visitor(name).get("/s/x/a").text for name in names}
    # Organizations are part of the key; all without one share the data.
    assert len(service.called("/action")) == (2 if reads == "organization" else 1)
    for name in names:
        assert "data" in texts[name]
        if reads == "user":
            assert f"<b>{name}</b>" in texts[name]
        if reads == "organization":
            assert ("<b>EBU</b>" in texts[name]) == (name == "org")
    if reads == "token":
        tokens = [re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text) for text in texts.values()]
        assert len({found.group(1) for found in tokens if found}) == len(names)


def test_rule_3_layout_and_cookies_come_after_the_cache(make_host: MakeHost, service: FakeService) -> None:
    """One call for all, yet each visitor has the layout with their name and a token cookie of their own."""
    host = make_host(layout=lambda page, request: f"{page.user and page.user.username}|{page.content}")
    service.action("/a", meta={"cache_time": 60}, template="same for all", answer={})
    anna, max_ = host.visitor("anna"), host.visitor("max")
    assert anna.get("/s/x/a").text == "anna|same for all"
    assert max_.get("/s/x/a").text == "max|same for all"
    tokens = [anna.cookie("csrftoken", "/s/x/"), max_.cookie("csrftoken", "/s/x/")]
    assert None not in tokens
    assert tokens[0] != tokens[1]
    assert len(service.called("/action")) == 1


# Rule 4 --------------------------------------------------------------------------------


def echo(call: Call) -> Reply:
    """Everything the service was told that could tell visitors apart, without what is new in each call."""
    changing = {"x-plugit-context", "x-plugit-deadline-ms", "x-request-id", "traceparent"}
    told = {name: value for name, value in call.headers.items() if name not in changing}
    return Reply(body={"told": f"{call.target} {sorted(told.items())}"})


VARIED: list[tuple[str, dict[str, Any]]] = [
    ("language", {"headers": {"Accept-Language": "fr"}}),
    ("agent", {"headers": {"User-Agent": "other"}}),
    ("origin", {"headers": {"Origin": "https://elsewhere.example"}}),
    ("etag", {"headers": {"If-None-Match": '"x"'}}),
    ("address", {"environ_overrides": {"REMOTE_ADDR": "10.9.8.7"}}),
    ("host", {"headers": {"Host": "other.example"}}),
    ("scheme", {"base_url": "https://localhost/"}),
    ("query", {"query_string": "a=1"}),
]


@pytest.mark.parametrize(("what", "options"), VARIED, ids=[name for name, _ in VARIED])
def test_rule_4_what_the_service_is_told_is_in_the_key_or_is_not_told(
    host: Host, service: FakeService, what: str, options: dict[str, Any]
) -> None:
    """A visitor who comes second gets, byte for byte, what a call of their own would have given."""
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer=echo)
    host.visitor().get("/s/x/a")
    second = host.visitor().get("/s/x/a", **options).text
    host.clear_cache()
    assert second == host.visitor().get("/s/x/a", **options).text


@pytest.mark.parametrize(
    ("meta", "shared"),
    [
        ({}, True),
        ({"cache_by_user": None}, True),
        ({"cache_by_user": False}, True),
        ({"cache_by_user": True}, False),
        ({"only_logged_user": True}, False),
        ({"only_logged_user": True, "cache_by_user": None}, False),
        ({"only_logged_user": True, "cache_by_user": False}, True),
        ({"user_info": ["pk"]}, False),
        ({"user_info": ["pk"], "cache_by_user": False}, False),
    ],
)
def test_rule_4_the_user_is_in_the_key_where_the_answer_may_depend_on_one(
    host: Host, service: FakeService, meta: dict[str, Any], shared: bool
) -> None:
    """Also with ``cache_by_user`` null, which shared private pages in the original; always with user_info."""
    marked = lambda call: Reply(body={"mark": f"{call.query} {len(service.called('/action'))}"})  # noqa: E731
    service.action("/a", meta={"json_only": True, "cache_time": 60, **meta}, answer=marked)
    first, again, other = (host.visitor(name).get("/s/x/a").text for name in ("anna", "anna", "olga"))
    assert first == again
    assert (first == other) is shared
    assert len(service.called("/action")) == (1 if shared else 2)


def test_rule_4_a_shared_page_is_asked_for_without_the_user(host: Host, service: FakeService) -> None:
    """Its signed context names nobody, so the first visitor's name cannot get into everybody's page."""
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer={"ok": 1})
    host.visitor("root").get("/s/x/a")
    context = read_context(service.called("/action")[0])
    assert (context.subject, context.fields, context.rights, context.address) == (None, {}, (), "")


def test_rule_4_session_values_are_in_the_key(host: Host, service: FakeService) -> None:
    """Two visitors whose sessions differ never share a page."""
    service.action(
        "/set",
        meta={"json_only": True},
        answer=Reply(headers=(("EbuIo-PlugIt-SetSession-k", "marker-of-one"),)),
    )
    service.action(
        "/a", meta={"json_only": True, "cache_time": 60}, answer=lambda call: Reply(body=dict(call.headers))
    )
    one, two = host.visitor(), host.visitor()
    one.get("/s/x/set")
    assert "marker-of-one" in one.get("/s/x/a").text
    assert "marker-of-one" not in two.get("/s/x/a").text


# Rule 5 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (Reply(body={"a": 1}), True),
        (Reply(status=201, body={"a": 1}), False),
        (Reply(status=404), False),
        (Reply(status=500), False),
        (Reply(body={"a": 1}, headers=(("EbuIo-PlugIt-SetSession-k", "v"),)), False),
        (Reply(headers=(("EbuIo-PlugIt-Redirect", "b"),)), False),
        (Reply(headers=(("EbuIo-PlugIt-ItAFile", ""),), body=b"file"), False),
    ],
)
def test_rule_5_only_a_plain_200_is_kept(host: Host, service: FakeService, reply: Reply, kept: bool) -> None:
    """No status, redirect, file or answer with session values is given to a second visitor."""
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer=reply)
    host.visitor().get("/s/x/a")
    host.visitor().get("/s/x/a")
    assert len(service.called("/action")) == (1 if kept else 2)


def test_rule_5_a_post_neither_fills_nor_reads_the_cache(host: Host, service: FakeService) -> None:
    """Each POST is one call, and a GET after it is not answered with the POST's answer."""
    service.action(
        "/a",
        meta={"json_only": True, "cache_time": 60},
        answer=lambda call: Reply(body={"m": call.method}),
    )
    visitor = host.visitor("anna")
    service.action("/page", template="x", answer={})
    token = visitor.token("/s/x/page")
    for _ in range(2):
        assert visitor.post("/s/x/a", headers={"X-CSRFToken": token}).text == '{"m": "POST"}'
    assert visitor.get("/s/x/a").text == '{"m": "GET"}'
    assert visitor.post("/s/x/a", headers={"X-CSRFToken": token}).text == '{"m": "POST"}'
    assert [call.method for call in service.called("/action/a")] == ["POST", "POST", "GET", "POST"]


def test_rule_5_head_never_fills_the_cache(host: Host, service: FakeService) -> None:
    """The GET after a HEAD asks the service."""
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer={"a": 1})
    visitor = host.visitor()
    head = visitor.open("/s/x/a", method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert visitor.get("/s/x/a").text == '{"a": 1}'
    assert [call.method for call in service.called("/action")] == ["HEAD", "GET"]


# Rule 6 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ebuio_u_pk",
        "EBUIO_U_PK",
        "%65buio_u_pk",
        "ebuio.u.pk",
        "ebuio-u-pk",
        "+ebuio_u_pk",
        "ebuio_orgapk",
        "ebuio[u_pk",
    ],
)
def test_rule_6_reserved_parameters_of_the_visitor_are_gone(
    host: Host, service: FakeService, name: str
) -> None:
    """In a query and in a form, in any spelling that a parser might fold; ours are the only ones."""
    service.action("/a", meta={"user_info": ["pk"], "json_only": True}, answer={})
    service.action("/page", template="x", answer={})
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/page")
    visitor.get("/s/x/a", query_string=f"{name}=-3&keep=1")
    visitor.post(
        "/s/x/a",
        data=f"{name}=-3&keep=1",
        content_type="application/x-www-form-urlencoded",
        headers={"X-CSRFToken": token},
    )
    got, posted = service.called("/action/a")
    assert got.query == "keep=1&ebuio_u_pk=7"
    assert posted.body == b"ebuio_u_pk=7&keep=1"


@pytest.mark.parametrize(
    "name", ["X-Plugit-Context", "X-Plugit-User-Pk", "x_plugit_context", "X-PLUGIT-Orga-Pk"]
)
def test_rule_6_reserved_headers_of_the_visitor_are_gone(host: Host, service: FakeService, name: str) -> None:
    """Headers go out by allow-list, so no spelling of ours gets through."""
    service.action("/a", meta={"json_only": True}, answer={})
    anna = host.visitor("anna")
    anna.carry("a", "b")
    anna.get("/s/x/a", headers={name: "forged", "Authorization": "Basic x"})
    (call,) = service.called("/action")
    assert "forged" not in str(call.headers)
    assert not {"cookie", "authorization", "x-test-user", "referer", "accept-encoding"} & set(
        call.headers
    ) - {"accept-encoding"}
    assert call.headers.get("accept-encoding", "identity") == "identity"


# Rule 7 --------------------------------------------------------------------------------


def test_rule_7_headers_come_back_by_allow_list(host: Host, service: FakeService) -> None:
    """What commands a browser or a front server, and Set-Cookie first, is dropped."""
    dropped = (
        "Set-Cookie",
        "X-Accel-Redirect",
        "X-Sendfile",
        "Clear-Site-Data",
        "Strict-Transport-Security",
        "Content-Security-Policy",
        "Refresh",
        "Link",
        "Service-Worker-Allowed",
        "WWW-Authenticate",
        "Server",
        "Location",
    )
    kept = (
        ("ETag", '"e"'),
        ("Vary", "Accept"),
        ("Content-Language", "fr"),
        ("Access-Control-Allow-Origin", "https://a.example"),
    )
    answer = Reply(body={}, headers=(*((name, "evil") for name in dropped), *kept))
    service.action("/a", meta={"json_only": True}, answer=answer)
    service.action("/refused", meta={"json_only": True}, answer=Reply(status=403, headers=answer.headers))
    for path in ("/s/x/a", "/s/x/refused"):
        headers = host.visitor().get(path).headers
        assert "evil" not in str(headers)
        assert headers["ETag"] == '"e"'
        assert headers["Access-Control-Allow-Origin"] == "https://a.example"


# Rule 8 --------------------------------------------------------------------------------


def read_context(call: Call, service: str = "x") -> Any:
    """The context of a call as the service would verify it."""
    return verify(
        call.headers["x-plugit-context"],
        service_keys(load_secrets(SECRET), service),
        audience=service,
        method=call.method,
        path=call.path,
        query=call.query.encode("ascii"),
        body_digest=digest(call.body),
        now=time.time(),
    )


def test_rule_8_each_call_has_a_context_of_its_own(host: Host, service: FakeService) -> None:
    """It names user, rights, method, path, query and body, and no two calls share one."""
    service.action("/a", meta={"json_only": True, "user_info": ["pk"]}, answer={})
    service.action("/page", template="x", answer={})
    visitor = host.visitor("root")
    token = visitor.token("/s/x/page")
    visitor.get("/s/x/a?q=1")
    visitor.get("/s/x/a?q=1")
    visitor.post("/s/x/a", data={"f": "ü"}, headers={"X-CSRFToken": token})
    contexts = [read_context(call) for call in service.called("/action/a")]
    assert len({context.token_id for context in contexts}) == 3
    assert {context.subject for context in contexts} == {"9"}
    assert contexts[0].rights == ("member", "admin")
    assert contexts[0].fields["email"] == "root@example.org"


def test_rule_8_a_context_is_for_one_service_only(host: Host, service: FakeService) -> None:
    """Another service's key does not verify it."""
    service.action("/a", meta={"json_only": True}, answer={})
    host.visitor("root").get("/s/x/a")
    with pytest.raises(Exception, match="signature"):
        read_context(service.called("/action")[0], "y")


# Rule 9 --------------------------------------------------------------------------------


def test_rule_9_one_bad_action_does_not_close_a_service(host: Host, service: FakeService) -> None:
    """After a hundred 500s and 4xxs of one action, another one of the service answers at once."""
    service.action("/bad", meta={"json_only": True}, answer=Reply(status=500))
    service.action("/refused", meta={"json_only": True}, answer=Reply(status=418))
    service.action("/good", meta={"json_only": True}, answer={"ok": 1})
    visitor = host.visitor()
    for _ in range(50):
        assert visitor.get("/s/x/bad").status_code == 500
        assert visitor.get("/s/x/refused").status_code == 418
    assert visitor.get("/s/x/good").status_code == 200


# Rule 10 --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/s", "/s/", "/s/y/", "/s/xx/", "/sx/", "/S/x/", "/s/../s/x", "", "/s//x/"]
)
def test_rule_10_without_a_match_the_host_gets_the_very_same_objects(path: str) -> None:
    """environ and start_response are passed on themselves, unchanged, and so is what comes back."""
    seen: list[Any] = []
    body = [b"host"]

    def app(environ: Any, start_response: Any) -> Any:
        seen.extend((environ, dict(environ), start_response))
        return body

    middleware = PlugItMiddleware(app, services=[Service("x", "http://127.0.0.1:1")], secret_key=SECRET)
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    before = dict(environ)
    start_response = lambda *args: lambda data: None  # noqa: E731
    assert middleware(environ, start_response) is body
    assert seen[0] is environ
    assert seen[1] == before == environ
    assert seen[2] is start_response


# Rule 11 --------------------------------------------------------------------------------


def test_rule_11_a_stream_is_closed_once_also_when_the_visitor_hangs_up(
    make_host: MakeHost, service: FakeService, unjudged: str
) -> None:
    """The place among the streams comes back, and the connection to the service is not kept half read."""
    host = make_host(url=unjudged, limits=Limits(service_streams=1))
    big = b"x" * 3_000_000
    service.action(
        "/f", answer=Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"),), body=big, content_type="text/plain")
    )
    (mounted,) = host.middleware._clients
    for read_all in (False, True, False):
        # Straight at the middleware: a visitor who hangs up is a server that calls close() early.
        body = host.middleware(EnvironBuilder("/s/x/f").get_environ(), lambda *args: lambda data: None)
        pieces = iter(body)
        assert len(next(pieces)) > 0
        assert mounted.exchanges.streams.taken == 1
        if read_all:
            assert sum(map(len, pieces)) > 0
        body.close()  # type: ignore[attr-defined]
        body.close()  # type: ignore[attr-defined]
        assert mounted.exchanges.streams.taken == 0
    assert mounted.exchanges.places.taken == 0


# Rule 12 --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["/meta/a", "/action/a", "/template/a"])
def test_rule_12_the_thread_is_free_at_the_deadline(
    make_host: MakeHost, service: FakeService, where: str
) -> None:
    """A service that hangs, in whichever call, costs a visitor the page's deadline and no more."""
    release = threading.Event()
    host = make_host(limits=Limits(page=0.4, call=0.4, connect=0.2))
    service.action("/a", template="x", answer={})

    def hang(call: Call) -> Reply:
        release.wait(5)
        return Reply()

    service.answer(where, hang)
    started = time.monotonic()
    answer = host.visitor().get("/s/x/a")
    took = time.monotonic() - started
    release.set()
    assert answer.status_code == 504
    assert took < 0.4 + 0.3


def test_rule_12_a_busy_service_refuses_at_once_and_leaves_places_for_others(
    make_host: MakeHost, service: FakeService, serve: Any
) -> None:
    """With all places of one service hanging, it says 503 at once, and another service answers as ever."""
    release = threading.Event()
    other = FakeService()
    other.action("/a", meta={"json_only": True}, answer={"ok": 1})
    host = make_host(also=(Service("y", serve(other)),), threads=8, limits=Limits(page=3.0))
    service.action("/warm", meta={"json_only": True}, answer={})
    service.action("/a", meta={"json_only": True}, answer=lambda call: (release.wait(5), Reply())[1])
    threads = [threading.Thread(target=lambda: host.visitor().get("/s/x/a")) for _ in range(4)]
    for thread in threads:
        thread.start()
    (x, _y) = host.middleware._clients
    until(lambda: len(service.called("/action/a")) == 4)
    assert x.exchanges.places.taken == 4
    started = time.monotonic()
    refused = host.visitor().get("/s/x/warm")
    took = time.monotonic() - started
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert took < 0.05 + 0.2
    assert host.visitor().get("/s/y/a").text == '{"ok": 1}'
    release.set()
    for thread in threads:
        thread.join()


def until(condition: Any, seconds: float = 5.0) -> None:
    """Waits for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


# Rule 13 --------------------------------------------------------------------------------

WATCHED = """
import sys
from plugit_wsgi import PlugItMiddleware, Service
import plugit_wsgi.transport.requests  # urllib3 opens and closes a socket when it is imported
made = []
watch = ("socket.__new__", "_thread.start_new_thread", "_thread.start_joinable_thread", "os.fork")
sys.addaudithook(lambda name, args: made.append(name) if name in watch else None)
PlugItMiddleware(
    lambda e, s: [],
    services=[Service("x", "http://127.0.0.1:1"), Service("y", "https://example.org")],
    secret_key="a secret of the tests, long enough.",
)
print(made)
"""


def test_rule_13_nothing_that_lives_in_a_process_is_made_before_its_first_request() -> None:
    """A host may fork after construction: no socket, no thread, no process yet."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", WATCHED]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"


def test_rule_13_a_host_that_forks_shares_no_connection(host: Host, service: FakeService) -> None:
    """A child's call and its parent's never use one connection, also if the parent called before."""
    service.action("/a", meta={"json_only": True}, answer=lambda call: Reply(body={"q": call.query}))
    assert host.visitor().get("/s/x/a?who=parent").text == '{"q": "who=parent"}'
    child = os.fork()
    if child == 0:
        ok = all(
            host.visitor().get(f"/s/x/a?who=child{n}").text == f'{{"q": "who=child{n}"}}' for n in range(20)
        )
        os._exit(0 if ok else 1)
    good = all(host.visitor().get(f"/s/x/a?who=p{n}").text == f'{{"q": "who=p{n}"}}' for n in range(20))
    assert os.waitpid(child, 0)[1] == 0
    assert good


def test_the_clock_can_be_turned(make_host: MakeHost, service: FakeService) -> None:
    """A kept page is asked for again when its time is over."""
    clock = FakeClock()
    host = make_host(clock=clock)
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer={})
    for seconds, calls in ((0, 1), (59, 1), (2, 2)):
        clock.advance(seconds)
        host.visitor().get("/s/x/a")
        assert len(service.called("/action")) == calls


def test_the_host_app_is_reached_through_the_middleware(host: Host) -> None:
    """The plainest case."""
    assert host.visitor().get("/somewhere").text == "the host at /somewhere"

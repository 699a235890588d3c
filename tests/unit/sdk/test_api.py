"""The API of the host: paths, shapes, the key, and one deadline, on real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from tests.support.servers import serve_in_thread
from tests.unit.sdk.support import KEY, KEYS
from werkzeug.wrappers import Request, Response

from plugit_wsgi.errors import ConfigError, ServiceFailed, ServiceTimeout, ServiceUnreachable, WireError
from plugit_wsgi.sdk import PlugItAPI, api, api_wire
from plugit_wsgi.wire.keys import api_keys, format_service_key, load_secrets, service_keys

USER = {
    "pk": -1,
    "id": "-1",
    "username": "Logged",
    "email": None,
    "ebuio_member": True,
    "subscription_labels": ["gold"],
    "orgas": [{"id": -1, "name": "EBU", "codops": "zzebu", "is_admin": True}],
    "phone": "123",
}


class Host:
    """An API that keeps what it was asked and answers from a table."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.asked.append(request)
        request.seen = (request.method, request.full_path.rstrip("?"), request.form.to_dict(flat=False))
        answer = self.answers.get(request.path, (404, {"error": "none"}))
        response = answer if isinstance(answer, Response) else Response(json.dumps(answer[1]), answer[0])
        return response(environ, start_response)


@contextmanager
def host(answers, key=None):
    app = Host(answers)
    with serve_in_thread(app) as url:
        yield PlugItAPI(url + "/api/", key=key), app


def answered(path, data, status=200):
    return {path: (status, data)}


def test_user_has_its_fields_typed():
    with host(answered("/api/user/-1", USER)) as (plugit, app):
        user = plugit.get_user(-1)
    assert app.asked[0].seen == ("GET", "/api/user/-1", {})
    assert (user.pk, user.id, user.username, user.email) == (-1, "-1", "Logged", "")
    assert (user.ebuio_member, user.ebuio_admin) == (True, False)
    assert user.subscription_labels == ("gold",)
    assert user.orgas[0]["codops"] == "zzebu"
    assert user.phone == "123"
    with pytest.raises(AttributeError, match="the host told no 'fax'"):
        _ = user.fax


CALLS = [
    (lambda a: a.get_user_techgroups(3), "/api/user/3/techgroups/", ["g"], ["g"]),
    (lambda a: a.get_subscription_labels(3), "/api/subscriptions/3", ["gold"], ["gold"]),
    (lambda a: a.get_techgroups(), "/api/techgroups/", [{"name": "x"}], [{"name": "x"}]),
    (
        lambda a: [(o.pk, o.id, o.name, o.codops) for o in a.get_orgas()],
        "/api/orgas/",
        {"data": [{"id": -2, "name": "RTS", "codops": "chrts"}]},
        [(-2, -2, "RTS", "chrts")],
    ),
    (
        lambda a: (lambda o: (o.pk, o.id, o.name, o.codops))(a.get_orga("-2")),
        "/api/orga/-2",
        {"pk": "-2", "name": "RTS", "codops": "chrts"},
        ("-2", "-2", "RTS", "chrts"),
    ),
    (
        lambda a: [u.username for u in a.get_project_members()],
        "/api/members/",
        {"members": [USER]},
        ["Logged"],
    ),
    (
        lambda a: a.forum_topic_get_by_tag_for_user("a b", "me"),
        "/api/ebuio/forum/search/bytag/a b",
        {"data": [1]},
        [1],
    ),
    (lambda a: a.get_user("a/../b?c").id, "/api/user/a/../b?c", {"id": "7"}, "7"),
]


@pytest.mark.parametrize(("ask", "path", "data", "expected"), CALLS)
def test_each_call_has_its_path_and_shape(ask, path, data, expected):
    with host(answered(path, data)) as (plugit, _):
        assert ask(plugit) == expected


MISSING = [
    (lambda a: a.get_user(1), None),
    (lambda a: a.get_user_techgroups(1), []),
    (lambda a: a.get_subscription_labels(1), []),
    (lambda a: a.get_orgas(), None),
    (lambda a: a.get_orga(1), None),
    (lambda a: a.get_project_members(), None),
    (lambda a: a.get_techgroups(), []),
    (lambda a: a.forum_topic_get_by_tag_for_user("x"), None),
    (lambda a: a.forum_topic_get_by_tag_for_user(), None),
    (lambda a: bool(a.send_mail("a@x", "s", ["b@x"], "m")), False),
]


@pytest.mark.parametrize(("ask", "expected"), MISSING)
def test_what_the_host_does_not_tell(ask, expected):
    """404: nothing, or an empty list where the original gave one."""
    with host({}) as (plugit, _):
        assert ask(plugit) == expected


def test_mail_is_a_form():
    with host(answered("/api/mail/", {})) as (plugit, app):
        answer = plugit.send_mail(
            "me@x", "Sübject", ["a@x", "b@x"], "hello", response_id="7", html_message=True
        )
    assert answer
    assert (answer.status_code, answer.json()) == (200, {})
    assert app.asked[0].seen == (
        "POST",
        "/api/mail/",
        {
            "sender": ["me@x"],
            "subject": ["Sübject"],
            "dests": ["a@x", "b@x"],
            "message": ["hello"],
            "html_message": ["True"],
            "response_id": ["7"],
        },
    )


def test_topic_is_a_form():
    with host(answered("/api/ebuio/forum/", {"error": "no-on-ebuio"})) as (plugit, app):
        assert plugit.forum_create_topic("s", "a", "m", "t").json() == {"error": "no-on-ebuio"}
    form = {"subject": ["s"], "author": ["a"], "message": ["m"], "tags": ["t"]}
    assert app.asked[0].seen == ("POST", "/api/ebuio/forum/", form)


def test_key_is_derived_from_the_service_s_and_never_the_key_itself():
    with host(answered("/api/techgroups/", []), key=KEY) as (plugit, app):
        plugit.get_techgroups()
    assert app.asked[0].headers["Authorization"] == f"Bearer {api_keys(KEYS)[0]}"
    assert KEY not in str(app.asked[0].headers)


@pytest.mark.parametrize("join", [list, ",".join, " ".join])
def test_newest_key_is_used_while_they_rotate(join):
    """As a list, or as the text that stands in the environment."""
    newer = service_keys(load_secrets("n" * 32), "polls")
    with host(answered("/api/techgroups/", []), key=join([KEY, format_service_key(newer)])) as (plugit, app):
        plugit.get_techgroups()
    assert app.asked[0].headers["Authorization"] == f"Bearer {api_keys(newer)[0]}"


def test_nothing_of_the_environment_and_no_cookie_goes_along(monkeypatch, tmp_path):
    """No proxy, no ``.netrc``, nothing that an earlier answer set."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    response = Response("[]", headers={"Set-Cookie": "a=1; Path=/"})
    with host({"/api/techgroups/": response}) as (plugit, app):
        plugit.get_techgroups()
        plugit.get_techgroups()
    assert [("Cookie" in one.headers, "Authorization" in one.headers) for one in app.asked] == [
        (False, False)
    ] * 2


def test_redirects_are_not_followed():
    """The key is for the host alone."""
    elsewhere = Response("", 302, {"Location": "/elsewhere"})
    answers = {"/api/user/1": elsewhere, **answered("/elsewhere", USER)}
    with host(answers, key=KEY) as (plugit, app), pytest.raises(WireError):
        plugit.get_user(1)
    assert len(app.asked) == 1


@pytest.mark.parametrize("body", ["not json", "[]", "7", "[" * 100_000])
def test_nonsense_is_a_wire_error(body):
    with host({"/api/user/1": Response(body)}) as (plugit, _), pytest.raises(WireError):
        plugit.get_user(1)


def test_answer_has_a_cap(monkeypatch):
    monkeypatch.setattr(api_wire, "MAXIMUM_BYTES", 1000)
    with (
        host({"/api/user/1": Response("x" * 1001)}) as (plugit, _),
        pytest.raises(WireError, match="too long"),
    ):
        plugit.get_user(1)


@contextmanager
def script(*steps, pause=0.0):
    """A raw server that sends these bytes, one after the other, to each caller."""
    ended = threading.Event()

    def run(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    for step in steps:
                        connection.sendall(step)
                        if ended.wait(pause):
                            break
                except OSError:
                    pass

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=run, args=(listener,))
    thread.start()
    try:
        yield PlugItAPI(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
SLOW = {
    "silent": ([b""], 5.0),
    "head drips": ([bytes([byte]) for byte in HEAD], 0.05),
    "body drips": ([HEAD, *[b"x"] * 1000], 0.05),
}


@pytest.mark.parametrize(("steps", "pause"), SLOW.values(), ids=SLOW.keys())
def test_one_deadline_for_a_call_however_it_drips(steps, pause, monkeypatch):
    """A time-out of requests begins anew with every byte; this one does not."""
    monkeypatch.setattr(api, "DEADLINE", 0.4)
    with script(*steps, pause=pause) as plugit:
        began = time.monotonic()
        with pytest.raises(ServiceTimeout):
            plugit.get_user(1)
        assert 0.3 < time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", HEAD + b"short"], ids=["closed", "not http", "short"]
)
def test_broken_answer_is_unreachable(answer):
    with script(answer) as plugit, pytest.raises(ServiceUnreachable):
        plugit.get_user(1)


def test_nobody_there_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceUnreachable):
        PlugItAPI(f"http://127.0.0.1:{port}/").get_user(1)


@pytest.mark.parametrize("url", ["", "host/api", "ftp://host/", "http://", None, "http://host/?a=1"])
def test_url_must_be_one(url):
    with pytest.raises(ConfigError):
        PlugItAPI(url)


@pytest.mark.parametrize("key", ["", "short", []])
def test_key_must_be_one(key):
    with pytest.raises(ConfigError):
        PlugItAPI("http://host/", key=key)


# Tried once more -----------------------------------------------------------------------


class Counting(Host):
    """Answers one after the other; the last one for ever."""

    def __init__(self, *answers):
        super().__init__({})
        self.left = list(answers)

    def __call__(self, environ, start_response):
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        self.answers = dict.fromkeys([Request(environ).path], answer)
        return super().__call__(environ, start_response)


@contextmanager
def counting(*answers, **options):
    app = Counting(*answers)
    with serve_in_thread(app) as url:
        yield PlugItAPI(url + "/api/", **options), app


def busy(status=503, **headers):
    return Response(json.dumps({"error": "busy"}), status, headers)


@pytest.mark.parametrize("status", [502, 503])
def test_a_busy_host_is_asked_once_more_when_it_says_when(status):
    """After as long as it said."""
    with counting(busy(status, **{"Retry-After": "1"}), (200, USER)) as (plugit, app):
        began = time.monotonic()
        assert plugit.get_user(-1).username == "Logged"
        assert time.monotonic() - began >= 1
    assert len(app.asked) == 2


@pytest.mark.parametrize(
    ("answer", "retry_after"),
    [
        (busy(), None),
        (busy(**{"Retry-After": "9"}), 9.0),
        (busy(**{"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}), None),
        (busy(500, **{"Retry-After": "0"}), 0.0),
        (busy(429, **{"Retry-After": "0"}), 0.0),
    ],
    ids=["not said when", "beyond the deadline", "a date", "an error", "too many calls"],
)
def test_what_is_not_tried_again_is_an_error_and_not_a_no(answer, retry_after):
    """Somebody who takes None for "there is no such user" may delete something."""
    with counting(answer) as (plugit, app):
        with pytest.raises(ServiceFailed, match=f"answered {answer.status_code}") as failed:
            plugit.get_user(1)
        assert failed.value.retry_after == retry_after
    assert len(app.asked) == 1


def test_a_second_try_is_the_last():
    with counting(busy(**{"Retry-After": "0"})) as (plugit, app):
        with pytest.raises(ServiceFailed):
            plugit.get_techgroups()
        assert len(app.asked) == 2


def test_a_mail_is_never_tried_twice():
    """It may have gone out."""
    with counting(busy(**{"Retry-After": "0"})) as (plugit, app):
        answer = plugit.send_mail("a@x", "s", ["b@x"], "m")
        assert (bool(answer), answer.status_code, answer.retry_after) == (False, 503, 0.0)
        assert not plugit.forum_create_topic("s", "a", "m")
    assert [one.seen[0] for one in app.asked] == ["POST", "POST"]


@contextmanager
def breaking(times):
    """A raw server that hangs up on the first callers, then answers a user; counts who came."""
    came = []

    def run(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                came.append(1)
                if len(came) > times:
                    body = json.dumps(USER).encode()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=run, args=(listener,))
    thread.start()
    try:
        yield PlugItAPI(f"http://127.0.0.1:{listener.getsockname()[1]}/"), came
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_connection_that_breaks_is_tried_once_more():
    """A question only."""
    with breaking(1) as (plugit, came):
        assert plugit.get_user(-1).username == "Logged"
        assert len(came) == 2
    with breaking(2) as (plugit, came):
        with pytest.raises(ServiceUnreachable):
            plugit.get_user(-1)
        assert len(came) == 2
    with breaking(1) as (plugit, came):
        with pytest.raises(ServiceUnreachable):
            plugit.send_mail("a@x", "s", ["b@x"], "m")
        assert len(came) == 1


def test_both_tries_have_one_deadline(monkeypatch):
    monkeypatch.setattr(api, "DEADLINE", 0.6)
    answer = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with script(b"", answer, pause=0.4) as plugit:
        began = time.monotonic()
        with pytest.raises(ServiceTimeout):
            plugit.get_user(1)
        assert 0.5 < time.monotonic() - began < 1.0


# Pages, cache, keys --------------------------------------------------------------------


def test_a_list_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(api, "MOST_PAGES", 3)

    class Endless(Host):
        def __call__(self, environ, start_response):
            first = int(Request(environ).args.get("from", 0))
            self.answers = answered("/api/orgas/", {"data": [{"id": first}], "next": first + 1})
            return super().__call__(environ, start_response)

    app = Endless({})
    with serve_in_thread(app) as url, pytest.raises(WireError, match="data without end"):
        PlugItAPI(url + "/api/").get_orgas()
    assert len(app.asked) == 3


def test_a_cache_keeps_good_answers_for_its_time():
    """Of questions, in this object; nobody can change what is kept."""
    with counting((200, ["a"]), cache_seconds=1) as (plugit, app):
        plugit.get_user_techgroups(1).append("mine")
        assert plugit.get_user_techgroups(1) == ["a"]
        assert len(app.asked) == 1
        plugit.get_user_techgroups(2)
        PlugItAPI(plugit.url, cache_seconds=1).get_user_techgroups(1)
        assert len(app.asked) == 3
        time.sleep(1.1)
        plugit.get_user_techgroups(1)
        assert len(app.asked) == 4


def test_a_cache_keeps_nothing_that_is_missing_or_sent():
    with counting((404, {}), (200, USER), cache_seconds=60) as (plugit, app):
        assert plugit.get_user(-1) is None
        assert plugit.get_user(-1).username == "Logged"
        assert plugit.get_user(-1).username == "Logged"
        assert plugit.send_mail("a@x", "s", ["b@x"], "m")
        assert plugit.send_mail("a@x", "s", ["b@x"], "m")
    assert len(app.asked) == 4


def test_a_cache_has_a_bound_and_takes_many_threads(monkeypatch):
    monkeypatch.setattr(api, "CACHE_BYTES", 20_000)

    class Large(Host):
        def __call__(self, environ, start_response):
            request = Request(environ)
            large = request.path.endswith("/99/techgroups/")
            self.answers = {request.path: (200, ["x" * (30_000 if large else 1000)])}
            return super().__call__(environ, start_response)

    with serve_in_thread(Large({})) as url:
        plugit = PlugItAPI(url + "/api/", cache_seconds=60)
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(plugit.get_user_techgroups, [*range(60), 99]))
        assert all(found)
        assert 0 < plugit._cache.currsize <= 20_000


@pytest.mark.parametrize("seconds", [-1, True, "5", None, float("nan"), float("inf"), 86401])
def test_cache_seconds_must_be_seconds(seconds):
    with pytest.raises(ConfigError, match="cache_seconds"):
        PlugItAPI("http://host/", cache_seconds=seconds)


IN_URL = ("/s/_api/key/short/polls/", "/api/4f3c2b1a0987654321abcdef/42/", f"/s/_api/key/{KEY}/polls/")


@pytest.mark.parametrize("path", IN_URL, ids=["short", "version 1", "long"])
def test_a_key_in_the_url_is_in_no_message(path):
    """Hosts of version 1 tell their API so; errors are logged, with what caused them."""
    secret = path.split("/")[-3]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceUnreachable) as unreachable:
        PlugItAPI(f"http://127.0.0.1:{port}{path}").get_user(7)
    with pytest.raises(ConfigError) as config:
        PlugItAPI(f"http://host{path}?a=1")
    for error in (unreachable, config):
        text = "".join(traceback.format_exception(error.value))
        assert secret not in text
        assert "***" in text


def test_a_key_in_the_url_works_without_a_header():
    path = "/s/_api/key/KEY/polls/"
    with serve_in_thread(Host(answered(f"{path}user/-1", USER))) as url:
        plugit = PlugItAPI(url + path)
        assert plugit.get_user(-1).username == "Logged"
        assert "Authorization" not in plugit._headers
    with pytest.raises(ConfigError, match="not both"):
        PlugItAPI(f"http://host{path}", key=KEY)

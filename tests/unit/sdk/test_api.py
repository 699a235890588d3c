"""The API of the host: paths, shapes, the key, and one deadline, on real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from tests.support.servers import serve_in_thread
from tests.unit.sdk.support import KEY, KEYS
from werkzeug.wrappers import Request, Response

from plugit_wsgi.errors import ConfigError, ServiceTimeout, ServiceUnreachable, WireError
from plugit_wsgi.sdk import PlugItAPI, api
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
    monkeypatch.setattr(api, "MAXIMUM_BYTES", 1000)
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

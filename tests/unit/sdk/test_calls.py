"""The calls of the protocol on a service: ping, version, meta, template, action, media, mail."""

from __future__ import annotations

import email.utils
import logging
import os
import time
from types import SimpleNamespace

import pytest
from tests.unit.sdk.support import Browser, answering, call, service
from werkzeug.exceptions import Conflict, abort
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Response

from plugit_wsgi import sdk
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.sdk import ServiceApp


@pytest.fixture
def folder(tmp_path):
    """A service's folder with a template and a medium."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "home.html").write_text("{{ name }} é☃", encoding="utf-8")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "style.css").write_bytes(b"p {}")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return tmp_path


@sdk.action("/", template="home.html")
def home(request):
    return {"name": request.args.get("name", "")}


@sdk.action("/show/<int:number>/", methods=["GET", "POST"])
def show(request, number):
    return {"number": number, "method": request.method, "form": request.form.to_dict()}


@pytest.mark.parametrize(
    ("query", "data"), [("?data=abc", "abc"), ("", ""), ("?data=%C3%A9%E2%98%83", "é☃"), ("?data=", "")]
)
def test_ping_gives_back_what_it_got(query, data):
    assert service().get(f"/ping{query}").json == {"data": data}


def test_version_says_the_protocol():
    """The name is free; extensions of version 1 are told."""
    assert service(config={"PI_API_NAME": "mine"}).get("/version").json == {
        "result": "Ok",
        "version": "1",
        "protocol": "mine",
        "extensions": ["fallback", "only_subscription", "template_language"],
    }


def test_meta_lives_five_minutes(folder):
    """``Expire``, as the protocol spells it, is an HTTP date; Cache-Control says the same."""
    answer = service(home, folder=folder).get("/meta/")
    left = email.utils.parsedate_to_datetime(answer.headers["Expire"]).timestamp() - time.time()
    assert answer.headers["Expire"].endswith(" GMT")
    assert 290 < left <= 300
    assert answer.headers["Cache-Control"] == "public, max-age=300"


def test_meta_is_not_kept_while_debugging(folder):
    answer = service(home, folder=folder, config={"DEBUG": True}).get("/meta/")
    assert answer.headers["Cache-Control"] == "public, max-age=0"
    assert email.utils.parsedate_to_datetime(answer.headers["Expire"]).timestamp() <= time.time()


def test_template_is_its_text(folder):
    answer = service(home, folder=folder).get("/template/")
    assert answer.data.decode("utf-8") == "{{ name }} é☃"
    assert answer.content_type == "text/plain; charset=utf-8"


def test_template_tag_is_of_the_text_and_of_nothing_else(folder):
    """It changes with the text, and comes back with it; the file's name and age do not matter."""
    client = service(home, folder=folder)
    path = folder / "templates" / "home.html"
    text = path.read_bytes()
    first = client.get("/meta/").json["template_tag"]
    path.write_bytes(text + b"!")
    changed = client.get("/meta/").json["template_tag"]
    path.write_bytes(text)
    os.utime(path, (1, 1))
    assert len({first, changed}) == 2
    assert client.get("/meta/").json["template_tag"] == first


def test_template_is_not_read_again_for_each_call(folder):
    """Same time and size: the text that is known. (The test writes another one under them.)"""
    client = service(home, folder=folder)
    path = folder / "templates" / "home.html"
    first = client.get("/meta/").json["template_tag"]
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert client.get("/meta/").json["template_tag"] == first


def test_action_without_a_template():
    """The tag is empty and there is no text."""
    client = service(show)
    assert client.get("/meta/show/1/").json["template_tag"] == ""
    assert client.get("/template/show/1/").status_code == 404


@pytest.mark.parametrize("name", ["none.html", "../secret.txt", "/etc/hostname"])
def test_template_that_is_not_there(name, folder, caplog):
    """A warning at the start; meta is a 500, not an empty tag; nothing outside of the folder is read."""

    @sdk.action("/", template=name)
    def act(request):
        return {}

    client = service(act, folder=folder)
    assert f"there is no templates/{name}" in caplog.text
    assert client.get("/template/").status_code == 404
    assert client.get("/meta/").status_code == 500


def test_template_that_is_not_utf_8_is_a_500(folder):
    (folder / "templates" / "home.html").write_bytes(b"\xff")
    client = service(home, folder=folder)
    assert client.get("/meta/").status_code == client.get("/template/").status_code == 500


@pytest.mark.parametrize("call_name", ["meta", "template", "action"])
def test_unknown_action_is_a_404(call_name, folder):
    answer = service(home, show, folder=folder).get(f"/{call_name}/nothing/here")
    assert answer.status_code == 404
    assert "error" in answer.json


def test_values_of_the_route():
    """As Flask has it: converted, and passed by name."""
    client = service(show)
    assert client.get("/action/show/12/").json["number"] == 12
    assert client.get("/action/show/twelve/").status_code == 404


def test_route_with_any_text():
    """The path arrives decoded, whatever it is made of."""

    @sdk.action("/tag/<name>")
    def tag(request, name):
        return {"name": name}

    assert service(tag).get("/action/tag/%C3%A9%20%3F%26").json == {"name": "é ?&"}


METHODS = [
    ("GET", "/ping", 200),
    ("HEAD", "/ping", 200),
    ("POST", "/ping", 405),
    ("POST", "/version", 405),
    ("POST", "/meta/", 405),
    ("PUT", "/template/", 405),
    ("POST", "/media/style.css", 405),
    ("GET", "/mail", 405),
    ("POST", "/action/", 405),
    ("DELETE", "/action/show/1/", 405),
    ("HEAD", "/action/", 200),
    ("OPTIONS", "/action/", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), METHODS)
def test_methods(method, path, status, folder):
    """Each call has its own; a refusal says which."""
    answer = service(home, show, folder=folder).open(path, method=method)
    assert answer.status_code == status
    assert status != 405 or answer.headers["Allow"]


def test_head_is_get_without_a_body(folder):
    client = service(home, folder=folder)
    assert client.head("/action/").data == b""
    assert (
        client.head("/action/").headers["Content-Length"] == client.get("/action/").headers["Content-Length"]
    )


@pytest.mark.parametrize("call_name", ["meta", "action"])
@pytest.mark.parametrize("below", ["", "/under/it"])
def test_missing_slash_is_a_redirect_below_the_same_service(call_name, below):
    """As Flask does; without a host name, which a service behind a proxy does not know."""
    answer = service(show).get(
        f"/{call_name}/show/7?a=%C3%A9&b=1", environ_overrides={"SCRIPT_NAME": below}, follow_redirects=False
    )
    assert answer.status_code == 308
    assert answer.headers["Location"] == f"{below}/{call_name}/show/7/?a=%C3%A9&b=1"


@pytest.mark.parametrize("base", ["/plugit/", "plugit", "/plugit"])
def test_base_url(base, folder):
    """All calls move there."""
    client = service(home, folder=folder, config={"PI_BASE_URL": base})
    for path in ("ping", "version", "meta/", "template/", "action/", "media/style.css"):
        assert client.get(f"/plugit/{path}").status_code == 200, path
        assert client.get(f"/{path}").status_code == 404, path


def test_below_a_script_name_and_beside_another_app(folder):
    """Mounted as one mounts any WSGI app, in Flask too."""
    outer = DispatcherMiddleware(
        Response("outer"), {"/service": ServiceApp(SimpleNamespace(h=home), folder=folder)}
    )
    client = Browser(outer)
    assert client.get("/service/action/?name=x").json == {"name": "x"}
    assert client.get("/service/media/style.css").data == b"p {}"
    assert client.get("/else").data == b"outer"


# Networks

NETWORKS = [
    (["127.0.0.1/32"], "127.0.0.1", True),
    (["127.0.0.1/32"], "127.0.0.2", False),
    (["10.0.0.0/8"], "10.200.3.4", True),
    (["10.0.0.0/8"], "::ffff:10.200.3.4", True),
    (["10.0.0.0/8"], "::ffff:11.0.0.1", False),
    (["::ffff:10.0.0.0/104"], "10.1.2.3", True),
    (["::ffff:10.0.0.0/104"], "11.1.2.3", False),
    (["0.0.0.0/0"], "203.0.113.9", True),
    (["0.0.0.0/0"], "2001:db8::1", False),
    (["::/0"], "2001:db8::1", True),
    (["2001:db8::/32"], "2001:db8:1::7", True),
    (["2001:db8::/32"], "2001:db9::7", False),
    (["fe80::/10"], "fe80::1%eth0", True),
    (["10.0.0.5"], "10.0.0.5", True),
    (["10.0.0.5/8"], "10.9.9.9", True),
    ([], "127.0.0.1", False),
    (["127.0.0.0/8"], "", False),
    (["127.0.0.0/8"], "localhost", False),
    (["127.0.0.0/8"], None, True),
]


@pytest.mark.parametrize(("networks", "address", "allowed"), NETWORKS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/ping"), ("GET", "/meta/"), ("GET", "/template/"),
                                              ("GET", "/action/"), ("POST", "/mail")])  # fmt: skip
def test_callers_outside_of_the_networks_find_nothing(networks, address, allowed, method, path, folder):
    """404, as the original; IPv6 and mapped IPv4 are understood."""
    client = service(home, folder=folder, config={"PI_ALLOWED_NETWORKS": networks})
    environ = {} if address is None else {"REMOTE_ADDR": address}
    assert client.open(path, method=method, environ_overrides=environ).status_code == (
        200 if allowed else 404
    )


@pytest.mark.parametrize("path", ["/version", "/media/style.css"])
def test_version_and_media_are_for_everybody(path, folder):
    """As the original: a browser may fetch media from the service itself."""
    client = service(home, folder=folder, config={"PI_ALLOWED_NETWORKS": []})
    assert client.get(path, environ_overrides={"REMOTE_ADDR": "203.0.113.9"}).status_code == 200


def test_only_the_loopback_without_a_setting():
    client = service()
    assert client.get("/ping", environ_overrides={"REMOTE_ADDR": "::1"}).status_code == 200
    assert client.get("/ping", environ_overrides={"REMOTE_ADDR": "10.0.0.1"}).status_code == 404


@pytest.mark.parametrize(
    ("use_proxy_ip", "forwarded", "status"),
    [
        (False, "10.0.0.1", 404),
        (True, "10.0.0.1", 200),
        (True, "10.0.0.1, 192.0.2.1", 404),
        (True, "192.0.2.1, 10.0.0.1", 200),
        (True, None, 404),
    ],
)
def test_behind_a_proxy_the_last_forwarded_address_counts(use_proxy_ip, forwarded, status):
    """The one the proxy itself added; what stands before it anybody can write."""
    client = service(config={"PI_ALLOWED_NETWORKS": ["10.0.0.0/8"], "PI_USE_PROXY_IP": use_proxy_ip})
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    environ = {"REMOTE_ADDR": "127.0.0.1"}
    assert client.get("/ping", headers=headers, environ_overrides=environ).status_code == status


# Media


def test_media_are_files_with_ranges_and_tags(folder):
    client = service(folder=folder)
    answer = client.get("/media/style.css")
    assert (answer.data, answer.mimetype) == (b"p {}", "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert (
        client.get("/media/style.css", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )
    assert client.get("/media/style.css", headers={"Range": "bytes=0-0"}).data == b"p"


@pytest.mark.parametrize(
    "path",
    ["none.css", "", ".", "../secret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "/etc/hostname", "a%00"],
)
def test_media_stay_in_their_folder(path, folder):
    assert service(folder=folder).get(f"/media/{path}").status_code == 404


# Mail

MAILS = [
    (None, {"result": "Ok"}),
    ({"result": "Ok", "n": 1}, {"result": "Ok", "n": 1}),
    ({"result": "Error"}, {"result": "Error"}),
    (Response('{"result": "Ok"}', content_type="application/json"), {"result": "Ok"}),
]


@pytest.mark.parametrize(("result", "expected"), MAILS)
def test_mail_goes_to_the_callback(result, expected):
    """It gets the request; what it returns is the answer."""
    got = []

    def mail(request):
        got.append((request.form["response_id"], request.form["message"]))
        return result

    answer = service(mail=mail).post("/mail", data={"response_id": "42", "message": "Grüezi"})
    assert answer.json == expected
    assert got == [("42", "Grüezi")]


def test_mail_without_a_callback_is_taken(caplog):
    """Else the host would offer it for ever; the log says that it went nowhere."""
    assert service().post("/mail", data={"response_id": "42", "message": "x"}).json == {"result": "Ok"}
    assert "no mail callback" in caplog.text


@pytest.mark.parametrize("form", [{}, {"response_id": "", "message": "x"}])
def test_mail_without_a_response_id_is_not(form):
    called = []
    assert service(mail=called.append).post("/mail", data=form).json == {"result": "Error"}
    assert called == []


def test_mail_callback_that_fails_is_a_500():
    """So the host keeps the message."""
    answer = service(mail=lambda request: 1 / 0).post("/mail", data={"response_id": "1", "message": "x"})
    assert answer.status_code == 500


# Errors


def test_exception_is_told_to_the_log_alone(caplog):
    """A plain 500; the traceback is where the author looks."""

    def act(request):
        raise RuntimeError("the password is 123")

    with caplog.at_level(logging.ERROR, "plugit_wsgi.sdk"):
        answer = call(sdk.action("/")(act))
    assert (answer.status_code, answer.json) == (500, {"error": "Internal Server Error"})
    assert "action act" in caplog.text
    assert "RuntimeError: the password is 123" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 418, 429, 500, 503])
def test_abort_keeps_its_status(status):
    answer = call(sdk.action("/")(lambda request: abort(status)))
    assert answer.status_code == status
    assert answer.content_type == "application/json"


def test_abort_with_a_response_is_that_response():
    answer = call(sdk.action("/")(lambda request: abort(Response("", 304, {"ETag": '"x"'}))))
    assert (answer.status_code, answer.headers["ETag"]) == (304, '"x"')


def test_raised_http_exception_tells_its_description():
    def act(request):
        raise Conflict("somebody was faster")

    answer = call(sdk.action("/")(act))
    assert (answer.status_code, answer.json) == (409, {"error": "somebody was faster"})


def test_missing_form_field_is_a_400():
    """``request.form["name"]``, as in Flask."""
    assert (
        call(
            sdk.action("/", methods=["POST"])(lambda request: {"n": request.form["n"]}), method="POST"
        ).status_code
        == 400
    )


def test_environ_of_the_server_stays_as_it_was(folder):
    """It belongs to the server, and to whoever stands between."""
    from werkzeug.test import EnvironBuilder, run_wsgi_app

    environ = EnvironBuilder(path="/action/show/1/", method="POST", data={"a": "1"}).get_environ()
    before = dict(environ)
    run_wsgi_app(ServiceApp(SimpleNamespace(show=show)), environ, buffered=True)
    assert environ == before


# Construction


def make(route="/", name="act", **marks):
    def act(request):
        return {}

    act.__name__ = name
    return sdk.action(route, **marks)(act)


async def later(request):
    return {}


REFUSED = [
    ([make("/a", "one"), make("/a", "two")], "action /a"),
    ([make("/a", "one"), sdk.only_admin_user()(make("/a", "two", methods=["POST"]))], "action /a"),
    ([make("/<int:", "one")], "action one"),
    ([make("/<nothing:x>", "one")], "action one"),
    ([sdk.action("/")(later)], "action later"),
]


@pytest.mark.parametrize(("functions", "field"), REFUSED)
def test_actions_that_cannot_be_served_die_at_the_start(functions, field):
    """By name: two of a kind, different rules on one path, no rule of Werkzeug, a coroutine."""
    with pytest.raises(ConfigError) as caught:
        service(*functions)
    assert caught.value.field == field


def test_two_methods_of_a_path_may_be_two_functions():
    """The first by name gives meta and template, as in the original."""

    @sdk.action("/a")
    def form(request):
        return {"who": "form"}

    @sdk.action("/a", methods=["POST"])
    def save(request):
        return {"who": "save"}

    client = service(form, save)
    assert client.get("/action/a").json == {"who": "form"}
    assert client.post("/action/a").json == {"who": "save"}
    assert client.options("/action/a").headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_action_is_always_of_the_route_whose_meta_was_shown():
    """A method that the route lacks never falls through to another route with other rules."""

    @sdk.action("/item/new", methods=["POST"])
    def new(request):
        return {}

    @sdk.only_admin_user()
    @sdk.action("/item/<name>")
    def item(request, name):
        return {"secret": name}

    client = service(new, item)
    assert client.get("/meta/item/new").json == {"template_tag": ""}
    assert client.get("/action/item/new").status_code == 405


def test_actions_of_a_class():
    """Any object with attributes will do."""

    class Service:
        greeting = "hello"

        @sdk.action("/")
        def home(self, request):
            return {"greeting": self.greeting}

    assert Browser(ServiceApp(Service())).get("/action/").json == {"greeting": "hello"}


def test_attributes_that_bite_are_left_alone():
    """Flask's ``request`` in a module raises when one looks at it out of a request."""

    class Biting:
        def __getattr__(self, name):
            raise RuntimeError("working outside of request context")

    module = SimpleNamespace(request=Biting(), home=answering({"a": 1}))
    assert Browser(ServiceApp(module)).get("/action/").json == {"a": 1}


CONFIGS = [
    ({"PI_ALLOWED_NETWORKS": "127.0.0.1/32"}, "PI_ALLOWED_NETWORKS"),
    ({"PI_ALLOWED_NETWORKS": ["nonsense"]}, "PI_ALLOWED_NETWORKS"),
    ({"PI_BASE_URL": "http://x/"}, "PI_BASE_URL"),
    ({"PI_BASE_URL": "/<x>/"}, "PI_BASE_URL"),
    ({"PI_BASE_URL": None}, "PI_BASE_URL"),
    ({"PI_API_NAME": ""}, "PI_API_NAME"),
    ({"PI_SERVICE_NAME": 7}, "PI_SERVICE_NAME"),
    ({"PI_SERVICE_KEY": ""}, "key"),
    ({"PI_SERVICE_KEY": "too-short"}, "key"),
    ({"PI_SERVICE_KEY": b"bytes"}, "PI_SERVICE_KEY"),
]


@pytest.mark.parametrize("kind", ["mapping", "object"])
@pytest.mark.parametrize(("config", "field"), CONFIGS)
def test_bad_settings_die_at_the_start(config, field, kind):
    """By name, with what was expected."""
    with pytest.raises(ConfigError) as caught:
        service(config=config if kind == "mapping" else SimpleNamespace(**config))
    assert caught.value.field == field


def test_empty_key_in_the_environment_does_not_mean_no_key(monkeypatch):
    """A variable that somebody forgot to fill must not switch the check off."""
    monkeypatch.setenv("PLUGIT_SERVICE_KEY", "")
    with pytest.raises(ConfigError):
        service()

"""The operations page on a host with a real service."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from plugit_wsgi import Service
from plugit_wsgi.people import User
from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.integration.conftest import MakeHost, identify

PAGE = "/s/_operations/"


def is_root(user: User | None) -> bool:
    return user is not None and user.admin


def test_it_is_off_unless_a_host_wants_it(make_host: MakeHost) -> None:
    """The path is the host's."""
    assert make_host().visitor("root").get(PAGE).text == f"the host at {PAGE}"


@pytest.mark.parametrize("path", [PAGE, "/s/_operations", f"{PAGE}x", "/s/_operations/?a=b"])
@pytest.mark.parametrize("name", ["", "anna"])
def test_who_may_not_see_it_does_not_learn_of_it(make_host: MakeHost, name: str, path: str) -> None:
    """The host answers, as to any path of its own, with the same environ."""
    seen: list[dict[str, Any]] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append({key for key in environ if key.startswith("webob")})  # type: ignore[arg-type]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page"]

    def leaves_a_trace(request: Any) -> User | None:
        request.environ["webob.trace"] = True
        return identify(request)

    visitor = make_host(app=app, operations=is_root, identify=leaves_a_trace).visitor(name)
    answer = visitor.get(path)
    assert (answer.status_code, answer.text) == (404, "no such page")
    assert answer.headers == visitor.get("/elsewhere").headers
    assert seen[0] == seen[1]


@pytest.mark.parametrize("path", [f"{PAGE}?a=b", "/s/_operations"])
def test_who_is_not_logged_in_is_sent_to_the_login(make_host: MakeHost, path: str) -> None:
    """With the way back, if the host has a login; programs, users and other paths are not."""
    host = make_host(operations=is_root, login_url="/login")
    answer = host.visitor().get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=/s/_operations")
    assert answer.headers["Cache-Control"] == "private, no-store"
    for name, where, accept in (
        ("anna", path, "text/html"),
        ("", f"{PAGE}x", "text/html"),
        ("", path, "application/json"),
    ):
        answer = host.visitor(name).get(where, headers={"Accept": accept})
        assert answer.text == f"the host at {where.partition('?')[0]}"
    assert host.visitor("root").get(PAGE, headers={"Accept": "text/html"}).status_code == 200


@pytest.mark.parametrize("said", [None, 0, 1, "yes", [1]])
def test_only_true_opens_it(make_host: MakeHost, said: Any) -> None:
    """A forgotten return, or a text, does not."""
    host = make_host(operations=lambda user: said)
    assert host.visitor("root").get(PAGE).text == f"the host at {PAGE}"


@pytest.mark.parametrize("broken", ["operations", "identify"])
def test_a_host_that_fails_is_no_visitor_who_may(make_host: MakeHost, broken: str) -> None:
    """A 500 page without the cause."""

    def fail(_asked: Any) -> Any:
        raise RuntimeError("the cause")

    answer = make_host(**{"operations": is_root, broken: fail}).visitor("root").get(PAGE)
    assert answer.status_code == 500
    assert "the cause" not in answer.text


def test_it_shows_how_services_do(make_host: MakeHost, service: FakeService) -> None:
    """A service that answers, one that fails at times, one that is away; in no cache; without scripts."""
    service.action("/good", meta={"json_only": True})
    service.action("/bad", meta={"json_only": True}, answer=Reply(status=200, body="<b>no JSON"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
    host = make_host(also=(Service("away", away),), operations=is_root)
    visitor = host.visitor("root")
    assert visitor.get("/s/x/good").status_code == 200
    assert visitor.get("/s/x/bad").status_code == 502
    for _ in range(6):
        assert visitor.get("/s/away/").status_code in (502, 503)
    assert visitor.get("/s/_operations").headers["Location"].endswith(PAGE)
    answer = visitor.get(PAGE)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert visitor.open(PAGE, method="HEAD").status_code == 200
    assert visitor.post(PAGE).text == f"the host at {PAGE}"
    text = answer.text
    content = text[text.index('class="plugit-operations"') :]
    x, away_part = content.split('id="service-away"')
    assert "<script" not in content
    assert f"process {os.getpid()}" in x
    assert "pages: 2; errors among them (500 and above): 1" in x
    assert "<strong>WireError</strong> <code" in x
    assert "/bad</code>" in x
    assert "0 of 4 places" in x
    assert "pages: 6; errors among them (500 and above): 6; refused without a call: 1" in away_part
    assert "open: it is not asked for a while" in away_part
    assert away_part.count("<strong>ServiceUnreachable</strong>") == 5


def test_it_is_in_the_layout_of_the_host(make_host: MakeHost) -> None:
    """With who is logged in; below the host's SCRIPT_NAME."""
    host = make_host(
        operations=is_root,
        layout=lambda page, request: f"[{page.title}|{page.user.username}|{page.assets}]{page.content}",
    )
    answer = host.visitor("root").get(PAGE, environ_overrides={"SCRIPT_NAME": "/below"})
    assert answer.text.startswith("[Operations|root|/below/s/_assets/]")
    assert 'href="/below/s/x/"' in answer.text


def test_a_layout_that_fails_does_not_hide_it(make_host: MakeHost) -> None:
    """The bundled one takes its place."""

    def fail(page: Any, request: Any) -> str:
        raise RuntimeError

    answer = make_host(operations=is_root, layout=fail).visitor("root").get(PAGE)
    assert answer.status_code == 200
    assert "No fault since then." in answer.text


def test_it_follows_the_mounts(make_host: MakeHost) -> None:
    """A service that was added is shown, one that was removed is not."""
    host = make_host(operations=is_root)
    host.middleware.mounts.add(Service("new", "http://127.0.0.1:9"))
    host.middleware.mounts.remove("x")
    text = host.visitor("root").get(PAGE).text
    assert 'id="service-new"' in text
    assert 'id="service-x"' not in text

"""F16 to F20, F32, F33: redirects, rules and session values that are not what they should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from plugit_wsgi.testing.fake_service import FakeService
from plugit_wsgi.testing.faults import FAULTS, answer, as_json
from plugit_wsgi.testing.toxic import Close, ToxicServer
from plugit_wsgi.wire.meta import ActionMeta
from tests.faults.conftest import MakeWorld
from tests.faults.world import MARK, World
from tests.integration.test_rules import read_context

AT_ONCE = 0.05


def moved(location: str, status: str = "302 Found") -> bytes:
    """A redirect."""
    return answer(b"", f"Location: {location}", status=status)


def test_f16_redirects_in_a_loop(world: World) -> None:
    """502 after the one time that it is followed."""
    world.suffer("redirect-loop", status=502, within=AT_ONCE, keeps=True)
    assert world.toxic.calls["action/redirect-loop"] == 2


@pytest.mark.parametrize("call", ["meta", "template"])
def test_f16_redirects_meta_and_template_in_a_loop(world: World, call: str) -> None:
    """502 as well."""
    where = f"/{call}/on-{call}/around"
    world.teach("around", lambda _: [moved(where)], on=call)
    world.suffer(f"on-{call}/around", status=502, within=AT_ONCE, keeps=True)
    assert world.toxic.calls[where[1:]] <= 2


def test_f16_two_redirect_to_each_other(world: World) -> None:
    """502."""
    world.teach("to", lambda _: [moved("/action/fro")])
    world.teach("fro", lambda _: [moved("/action/to")])
    world.suffer("to", status=502, within=AT_ONCE, keeps=True)


def test_f16_a_slash_is_followed_once(world: World) -> None:
    """Into the data path again: the new path has its own meta, and its rules hold."""
    world.teach("slash", lambda _: [moved("/action/fine/", "308 Permanent Redirect")])
    world.teach("secret", lambda _: [as_json({"template_tag": "", "only_admin_user": True})], on="meta")
    world.teach("to-secret", lambda _: [moved("/action/secret")])
    assert f"{MARK}fine/" in world.visit("slash").text
    assert world.toxic.calls["meta/fine/"] == 1
    assert world.visit("to-secret").status == 403
    assert "action/secret" not in world.toxic.calls


@pytest.mark.parametrize("call", ["action", "meta", "template", "media"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_f17_redirects_to_another_host(world: World, status: str, call: str) -> None:
    """502; nobody else is called, so that no context ever leaves."""
    with ToxicServer() as other:
        world.teach("away", lambda _: [moved(f"{other.url}/{call}/fine", status)], on=call)
        path = {"action": "away", "media": "media/away"}.get(call, f"on-{call}/away")
        if call == "media":
            world.teach("away", lambda _: [moved(f"{other.url}/media/fine", status)])
        world.suffer(path, status=502, within=AT_ONCE, keeps=True)
        assert other.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "//elsewhere.example/action/fine",
        "http://127.0.0.1:1/action/fine",
        "/meta/fine",
        "/action/../meta/fine",
        "/action/%2e%2e/meta/fine",
        "\\\\elsewhere.example",
        "/action/a%0d%0ab",
        "javascript:alert(1)",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_f17_redirects_out_of_its_actions(world: World, location: str, method: str) -> None:
    """502, or 404 for what no action can be called; the service is not called outside its actions."""
    world.teach("out", lambda _: [moved(location)])
    seen = world.visit("out", method=method)
    assert seen.status == (404 if "%0d" in location else 502), seen.headers
    assert "Location" not in seen.headers


@pytest.mark.parametrize("name", ["meta-not-json", "meta-wrong-type", "meta-only-unknown"])
def test_f18_f19_has_no_meta_that_is_one(world: World, name: str) -> None:
    """502 at once, and the action is not called: wrong rules are never no rules."""
    world.suffer(name, status=502, within=AT_ONCE, keeps=True)
    assert f"action/{name}" not in world.toxic.calls


WRONG_METAS: list[object] = [
    {},
    [],
    None,
    "text",
    {"template_tag": 1},
    {"template_tag": "1", "only_admin_user": "yes"},
    {"template_tag": "1", "only_admin_user": 1},
    {"template_tag": "1", "cache_time": "60"},
    {"template_tag": "1", "cache_time": -1},
    {"template_tag": "1", "user_info": "pk"},
    {"template_tag": "1", "address_in_networks": ["everywhere"]},
    {"template_tag": "1", "only_vip_user": False},
]


@pytest.mark.parametrize("meta", WRONG_METAS, ids=repr)
def test_f19_has_a_meta_that_nobody_understands(world: World, meta: object) -> None:
    """502, and the action is not called."""
    world.teach("odd", lambda _: [as_json(meta, "Cache-Control: max-age=0")], on="meta")
    world.suffer("odd", status=502, within=AT_ONCE, keeps=True)
    assert "action/odd" not in world.toxic.calls


def test_f19_a_wrong_meta_never_falls_back_to_the_last_good_one(world: World) -> None:
    """The rules may have become stricter; only while nobody answers may the last ones serve."""
    world.teach(
        "turn", lambda asked: [as_json(GOOD if asked.turn == 0 else {"template_tag": 1}, OLD)], on="meta"
    )
    assert world.visit("turn").status == 200
    world.suffer("turn", status=502, within=AT_ONCE, keeps=True)


GOOD = {"template_tag": "well"}
OLD = "Cache-Control: max-age=0"


@pytest.mark.parametrize("how", ["hang", "close", "empty"])
def test_f18_the_last_good_meta_serves_while_the_service_cannot_be_reached(world: World, how: str) -> None:
    """For ten minutes, and not a second longer."""
    broken = FAULTS[how].script
    world.teach("gone", lambda asked: [as_json(GOOD, OLD)] if asked.turn == 0 else broken(asked), on="meta")
    assert world.visit("gone").status == 200
    world.clock.ahead += world.client.limits.meta_stale - 5
    assert f"{MARK}gone" in world.visit("gone").text
    world.clock.ahead += 65
    assert world.visit("gone").status in (502, 504)


def test_f18_the_last_good_rules_hold_while_the_service_cannot_be_reached(world: World) -> None:
    """A visitor that was refused is refused."""
    rules = {"template_tag": "", "only_admin_user": True}
    world.teach("gone", lambda asked: [as_json(rules, OLD)] if asked.turn == 0 else [Close()], on="meta")
    assert [world.visit("gone").status for _ in range(2)] == [403, 403]
    assert "action/gone" not in world.toxic.calls


def test_f20_changes_its_rules_between_check_and_action(
    make_world: MakeWorld, serve: Callable[[Any], str]
) -> None:
    """The digest of the rules that were checked is in the context, so that the service can tell."""
    service = FakeService()
    world = make_world(url=serve(service))
    metas: list[dict[str, Any]] = [{}, {"only_logged_user": True}, {"address_in_networks": ["0.0.0.0/0"]}]
    for meta in metas:
        service.action("/a", meta={"json_only": True, **meta}, answer={})
        assert world.visit("a", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status == 200
    told = [read_context(call).rules_digest for call in service.called("/action")]
    said = [
        ActionMeta.from_json(json.dumps({"template_tag": "", "json_only": True, **meta}).encode())
        for meta in metas
    ]
    assert told == [meta.rules_digest for meta in said]
    assert len(set(told)) == 3


def test_f20_changes_its_rules_each_time(make_world: MakeWorld) -> None:
    """Each visitor is judged by the rules of that moment."""
    world = make_world(identify=lambda request: None)
    statuses = [world.visit("meta-changes").status for _ in range(4)]
    assert statuses == [200, 403, 200, 403]
    assert world.toxic.calls["action/meta-changes"] == 2


def test_f32_stores_too_many_session_values(world: World) -> None:
    """3 KiB and 32 values at most, the rest is ignored; the page is shown, and what is stored is sent."""
    seen = world.visit("session-flood")
    assert f"{MARK}session-flood" in seen.text
    cookies = [value for name, value in seen.headers if name == "Set-Cookie"]
    assert max(map(len, cookies)) < 4096
    assert sum(map(len, cookies)) > 3 * 400
    assert len(world.lines) == 1
    world.expect_well()


def test_f32_stores_many_small_session_values(world: World) -> None:
    """32 of them are kept, and sent with the next call."""
    lines = [f"EbuIo-PlugIt-SetSession-k{number}: v" for number in range(50)]
    world.teach("many", lambda asked: [as_json(asked.healthy, *lines)])
    world.visit("many")
    world.visit("fine")
    assert (
        sum(name.startswith(b"x-plugitsession-k") for name, _ in world.heard("action/fine")[0].headers) == 32
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("k" * 65, "v"), ("a.b", "v"), ("k", "v" * 1025), ("key with blanks", "v"), ("\xe9", "v")],
)
def test_f32_stores_what_is_no_session_value(world: World, key: str, value: str) -> None:
    """It is ignored, or broken; nothing is stored, and no page is lost by it."""
    world.teach("odd", lambda asked: [as_json(asked.healthy, f"EbuIo-PlugIt-SetSession-{key}: {value}")])
    seen = world.visit("odd")
    assert seen.status in (200, 502)
    assert not re.search("v{20}", str(seen.headers))


TARGETS = [
    "//elsewhere.example/",
    "///elsewhere.example/",
    "http://elsewhere.example/",
    "https:elsewhere.example",
    "/\\elsewhere.example",
    "\\/elsewhere.example",
    "/%09/elsewhere.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://127.0.0.1@elsewhere.example/",
    "//localhost:80@elsewhere.example/",
    "http://elsewhere.example\\@localhost/",
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_f33_leaves_by_a_redirect(world: World, target: str, method: str) -> None:
    """502, or a path of the host."""
    lines = (f"EbuIo-PlugIt-Redirect: {target}", "EbuIo-PlugIt-Redirect-NoPrefix: True")
    world.teach("leave", lambda _: [as_json({}, *lines)])
    seen = world.visit("leave", method=method)
    location = seen.headers.get("Location", "")
    assert (seen.status, location) == (502, "") or re.match(r"/[^/\\]", location), location


def test_f33_splits_by_a_redirect(world: World) -> None:
    """502, and no header that was not ours."""
    seen = world.suffer("redirect-split", status=502, within=AT_ONCE, keeps=True)
    assert "injected" not in str(seen.headers)


@pytest.mark.parametrize("target", ["/a%0d%0aSet-Cookie:%20injected=1", "/a\tb", "/a b", "/\xe9", "/a%00b"])
def test_f33_what_would_split_stays_in_its_line(world: World, target: str) -> None:
    """The target goes out percent-encoded."""
    world.teach("split", lambda _: [as_json({}, f"EbuIo-PlugIt-Redirect: {target}")])
    seen = world.visit("split")
    assert not re.search(r"[\r\n\t\0 \x80-\xff]", seen.headers.get("Location", ""))
    assert "injected" not in str([item for item in seen.headers if item[0] != "Location"])

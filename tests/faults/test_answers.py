"""F4 to F15, F22 to F25, F30, F31, F36: a service that takes a call, and answers badly, late or never."""

from __future__ import annotations

import time
from typing import Final

import pytest

from plugit_wsgi import Limits
from plugit_wsgi.testing.faults import FAULTS, Asked, answer, as_json
from plugit_wsgi.testing.toxic import Close, Hang, Pause, Received, Script, ToxicServer
from tests.faults.conftest import MakeWorld
from tests.faults.world import BUSY, GRACE, MARK, QUICK, World

#: Seconds for what is refused as soon as it comes.
AT_ONCE: Final = 0.05
DEADLINE: Final = QUICK.page + GRACE
CALL: Final = QUICK.call + GRACE


def test_f04_accepts_and_hangs(world: World) -> None:
    """504 at the deadline."""
    world.suffer("hang", status=504, at_least=QUICK.page, within=DEADLINE)


@pytest.mark.parametrize("call", ["meta", "template"])
def test_f04_accepts_and_hangs_when_asked_for_meta_or_template(world: World, call: str) -> None:
    """504 at the limit of that call, which is shorter than the page's."""
    world.suffer(f"on-{call}/hang", status=504, at_least=QUICK.call, within=CALL)


def test_f04_is_slow_with_every_call(make_world: MakeWorld) -> None:
    """One deadline for meta, template and action together, not one for each."""
    bodies = {
        b"meta": as_json({"template_tag": "1"}),
        b"template": answer(b"{{ text }}"),
        b"action": as_json({"text": f"{MARK}slow"}),
    }

    def respond(request: Received) -> Script:
        return [Pause(0.2), bodies[request.target.split(b"/")[1]]]

    with ToxicServer(respond) as slow:
        world = make_world(url=slow.url, limits=Limits(page=0.5, call=0.4))
        seen = world.visit("slow")
        assert (seen.status, len(slow.requests)) == (504, 3)
        assert 0.5 <= seen.seconds < 0.5 + GRACE + BUSY
        world.expect_nothing_shown(seen)
        world.expect_free()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["drip-head", "drip-body"])
def test_f05_f06_drips(world: World, name: str, method: str) -> None:
    """504 at the deadline, however many bytes have come until then."""
    world.suffer(name, method=method, status=504, at_least=QUICK.page, within=DEADLINE)


@pytest.mark.parametrize("name", ["on-meta/drip-head", "on-template/drip-head", "on-template/drip-body"])
def test_f05_f06_drips_when_asked_for_meta_or_template(world: World, name: str) -> None:
    """504 at the limit of that call."""
    world.suffer(name, status=504, at_least=QUICK.call, within=CALL)


def test_f06_says_that_its_meta_is_large(world: World) -> None:
    """502 at once: what would be over the cap is not waited for."""
    world.suffer("on-meta/drip-body", status=502, within=AT_ONCE)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/", "media/"])
@pytest.mark.parametrize("name", ["close", "reset"])
def test_f07_f08_closes_or_resets_in_mid_body(world: World, name: str, where: str) -> None:
    """502, and nothing of what came is shown."""
    world.suffer(where + name, status=502, within=AT_ONCE)


@pytest.mark.parametrize("end", [Close(), Close(reset=True)])
def test_f07_f08_what_broke_off_is_not_kept(world: World, end: Close) -> None:
    """The next visitor of a page that may be kept gets the whole one."""

    def breaking_once(asked: Asked) -> Script:
        return [asked.page] if asked.turn else [asked.page[:-5], Pause(0.02), end]

    world.teach("hot", breaking_once)
    assert world.visit("hot").status == 502
    whole = world.visit("hot")
    assert (whole.status, f"{MARK}hot" in whole.text) == (200, True)


def test_f09_sends_more_than_it_said(world: World) -> None:
    """502: where one answer ends is not clear. The rest never answers another request."""
    seen = world.suffer("long-body", status=502, within=AT_ONCE)
    assert "stolen" not in seen.text


def test_f09_sends_more_than_it_said_a_moment_later(world: World) -> None:
    """The answer was whole and is shown; what comes behind it answers nobody."""
    late = as_json({"text": "stolen"})
    world.visit("fine")
    world.teach("long", lambda asked: [asked.page, Pause(0.05), late])
    assert world.visit("media/long").status == 200
    time.sleep(0.1)
    connections = world.toxic.server.connections
    for _ in range(3):
        assert f"{MARK}fine" in world.visit("fine").text
    assert world.toxic.server.connections == connections + 1


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/", "media/"])
@pytest.mark.parametrize("name", ["negative-length", "double-length", "te-and-cl"])
def test_f10_says_no_clear_length(world: World, name: str, where: str) -> None:
    """502, on a connection that is not used again."""
    world.suffer(where + name, status=502, within=AT_ONCE)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/"])
@pytest.mark.parametrize("name", ["bad-chunk", "not-http", "empty"])
def test_f11_f12_is_no_http(world: World, name: str, where: str) -> None:
    """502."""
    world.suffer(where + name, status=502, within=AT_ONCE)


@pytest.mark.parametrize("name", ["not-http", "empty"])
def test_f12_has_media_that_are_no_http(world: World, name: str) -> None:
    """502; media in chunks are a stream, which is another matter."""
    world.suffer(f"media/{name}", status=502, within=AT_ONCE)


@pytest.mark.parametrize(
    "chunks",
    [
        b"{}",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"ffffffffffffffffff\r\n{}",
        b"2\r\n{}0\r\n\r\n",
        b"\r\n",
    ],
)
def test_f11_sends_chunks_that_are_none(world: World, chunks: bytes) -> None:
    """502, however they are wrong."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    world.teach("chunks", lambda _: [head + chunks, Close()])
    world.suffer("chunks", status=502, within=AT_ONCE)


def test_f13_answers_500_once(world: World) -> None:
    """500 for whoever met it, then the page; nothing is remembered."""
    world.suffer("500-once", status=500, within=AT_ONCE, keeps=True)
    assert f"{MARK}500-once" in world.visit("500-once").text


def test_f14_always_answers_500(world: World) -> None:
    """The page of that action only: however often, and whoever else is well meanwhile or not."""
    world.suffer("500", status=500, within=AT_ONCE, keeps=True)
    for _ in range(40):
        assert world.visit("500").status == 500
    world.expect_well()
    assert world.client.exchanges.circuits.state == "closed"
    assert world.toxic.calls["action/500"] == 41


@pytest.mark.parametrize("status", [502, 503, 504])
def test_f15_answers_with_a_gateway_error(world: World, status: int) -> None:
    """That status, in our words."""
    seen = world.suffer(str(status), status=status, within=AT_ONCE, keeps=True)
    assert ">no<" not in seen.text


@pytest.mark.parametrize(("said", "passed"), [("7", "7"), ("3600", "60"), ("-1", None), ("soon", None)])
@pytest.mark.parametrize("status", ["429 Too Many", "503 Service Unavailable"])
def test_f15_says_when_to_come_again(world: World, status: str, said: str, passed: str | None) -> None:
    """Retry-After is passed on, 60 s at most; what is no time is not."""
    world.teach("later", lambda _: [answer(b"no", f"Retry-After: {said}", status=status)])
    seen = world.visit("later")
    assert (seen.status, seen.headers.get("Retry-After")) == (int(status[:3]), passed)


def test_f15_a_429_is_for_the_visitor(world: World) -> None:
    """Its status and no fault."""
    world.suffer("429", status=429, within=AT_ONCE, keeps=True, tells=False)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/"])
def test_f22_sends_a_bomb(world: World, where: str) -> None:
    """502 as soon as it says that it is packed; nothing is unpacked."""
    FAULTS["gzip-bomb"].script(Asked(healthy={}))  # packed once, for all
    world.suffer(f"{where}gzip-bomb", status=502, within=AT_ONCE)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/", "media/"])
def test_f23_encodes_strangely(world: World, where: str) -> None:
    """502; we asked for no encoding at all."""
    world.suffer(f"{where}strange-encoding", status=502, within=AT_ONCE, keeps=True)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/", "media/"])
@pytest.mark.parametrize("name", ["headers-5000", "interim-20000", "status-999"])
def test_f24_f25_has_a_head_that_is_too_much(world: World, name: str, where: str) -> None:
    """502 within 50 ms."""
    seen = world.suffer(where + name, status=502, within=0.05)
    assert "X-" not in str(seen.headers).replace("X-Content-Type-Options", "")


@pytest.mark.parametrize("name", ["status-999", "headers-5000", "interim-20000"])
def test_f24_f25_is_refused_within_50_ms(world: World, name: str) -> None:
    """The best of three shows what it costs where the machine does nothing else."""
    world.visit("fine")
    assert min(world.visit(name).seconds for _ in range(3)) < 0.05


def test_f30_sets_cookies(world: World) -> None:
    """They are dropped; the page is shown."""
    seen = world.visit("set-cookie")
    assert (seen.status, f"{MARK}set-cookie" in seen.text) == (200, True)
    assert "stolen" not in str(seen.headers)
    assert "sessionid" not in str(seen.headers)


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/", "media/"])
def test_f31_has_control_characters_in_headers(world: World, where: str) -> None:
    """502, and no header of theirs."""
    seen = world.suffer(f"{where}header-injection", status=502, within=AT_ONCE)
    assert "injected" not in str(seen.headers)


@pytest.mark.parametrize(
    "line",
    [
        "EbuIo-PlugIt-Redirect: /a\rSet-Cookie: injected=1",
        "EbuIo-PlugIt-Redirect: /a\nSet-Cookie: injected=1",
        "EbuIo-PlugIt-SetSession-key: a\0b",
        "ETag: \x01injected",
        "Content-Type: text/plain\x7f",
        " folded: injected",
        "no colon injected",
        "Spa ce: injected",
        "Space : injected",
        ": injected",
    ],
)
def test_f31_has_a_header_that_is_none(world: World, line: str) -> None:
    """502, whatever it was to be."""
    world.teach("odd", lambda asked: [as_json(asked.healthy, line)])
    seen = world.suffer("odd", status=502, within=AT_ONCE)
    assert "injected" not in str(seen.headers) + seen.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_f36_answers_after_the_deadline(world: World, method: str) -> None:
    """504 at the deadline; the answer that comes later is nobody's."""
    world.teach("late", lambda asked: [Hang(QUICK.page + 0.2), asked.page])
    world.suffer("late", method=method, status=504, at_least=QUICK.page, within=DEADLINE)
    ends = time.monotonic() + 0.3
    while time.monotonic() < ends:
        assert f"{MARK}fine" in world.visit("fine").text

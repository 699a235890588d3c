"""The table of faults: whole, and each of its answers wrong in the way it says."""

from __future__ import annotations

import gzip
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from plugit_wsgi.testing import faults
from plugit_wsgi.testing.faults import ELSEWHERE, FAULTS, Asked
from plugit_wsgi.testing.scripts import Close, Drip, Hang, Pause
from plugit_wsgi.testing.toxic import ToxicService

ROWS = [f"F{number}" for number in range(1, 46)]
HEALTHY = {"text": "well", "items": [1, 2]}


def test_every_row_is_shown_by_a_path_or_told_how_else() -> None:
    """F1 to F45, none of them twice over."""
    shown = {fault.row for fault in FAULTS.values()}
    assert sorted(shown | ELSEWHERE.keys(), key=ROWS.index) == ROWS
    assert shown & ELSEWHERE.keys() == set()


def test_names_are_parts_of_a_path() -> None:
    """An action has the name of its fault, and the key is the name."""
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert re.fullmatch(r"[a-z0-9-]+", name)


def test_the_answers_are_statuses_of_http() -> None:
    """What a visitor should get is something one can get."""
    assert {status for fault in FAULTS.values() for status in fault.answers} <= {
        200,
        403,
        429,
        500,
        502,
        503,
        504,
    }


def test_the_manual_tells_the_table() -> None:
    """Line by line, and no fault that is not there."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
    where = {"listen": "whole service"}
    lines = [
        f"| `{fault.name}` | {fault.row} | {fault.what} | {where.get(fault.on, fault.on)} "
        f"| {', '.join(map(str, fault.answers))} |"
        for fault in FAULTS.values()
    ]
    assert [line for line in text.splitlines() if re.match(r"\| `[a-z0-9-]+` \| F\d", line)] == lines
    assert [line for line in text.splitlines() if re.match(r"\| F\d+ \|", line)] == [
        f"| {row} | {how} |" for row, how in ELSEWHERE.items()
    ]


def read(name: str, call: str = "action", *, first: float = 2.0) -> bytes:
    """What comes for a call, until it is quiet; `first` is the patience for the first byte, in seconds."""
    with ToxicService() as service, socket.create_connection(("127.0.0.1", service.server.port)) as peer:
        peer.sendall(f"GET /{call}/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = b""
        while len(got) < 2_000_000:
            peer.settimeout(0.1 if got else first)
            try:
                data = peer.recv(1_000_000)
            except TimeoutError:
                return got + b"<waits>"
            except ConnectionResetError:
                return got + b"<reset>"
            if not data:
                return got + b"<end>"
            got += data
        return got


def length(got: bytes) -> int:
    return int(got.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])


def body(got: bytes) -> bytes:
    return got.partition(b"\r\n\r\n")[2]


WRONG: dict[str, Callable[[bytes], bool]] = {
    "hang": lambda got: got == b"<waits>",
    "drip-head": lambda got: got == b"H<waits>",
    "drip-body": lambda got: body(got) in (b"{ <waits>", b"{<waits>"),
    "close": lambda got: got.endswith(b"<end>") and len(body(got)) < length(got) + 5,
    "reset": lambda got: got.endswith(b"<reset>"),
    "long-body": lambda got: b"stolen" in got[-20:],
    "negative-length": lambda got: length(got) < 0,
    "double-length": lambda got: got.count(b"Content-Length") == 2,
    "te-and-cl": lambda got: b"Transfer-Encoding" in got and b"Content-Length" in got,
    "bad-chunk": lambda got: body(got).startswith(b"0_2\r\n"),
    "not-http": lambda got: not got.startswith(b"HTTP/"),
    "empty": lambda got: got == b"<end>",
    "500-once": lambda got: got.startswith(b"HTTP/1.1 500 "),
    "500": lambda got: got.startswith(b"HTTP/1.1 500 "),
    "502": lambda got: got.startswith(b"HTTP/1.1 502 "),
    "503": lambda got: got.startswith(b"HTTP/1.1 503 "),
    "504": lambda got: got.startswith(b"HTTP/1.1 504 "),
    "429": lambda got: b"Retry-After: 3600" in got,
    "redirect-loop": lambda got: b"Location: /action/redirect-loop\r\n" in got,
    "redirect-away": lambda got: b"Location: http://elsewhere.example/" in got,
    "huge-page": lambda got: length(got) == 100 * faults.MIB,
    "huge-file": lambda got: length(got) == 1024 * faults.MIB and b"ItAFile" in got,
    "gzip-bomb": lambda got: length(got) < 200_000 and b"Content-Encoding: gzip" in got,
    "strange-encoding": lambda got: b"x-rot13" in got,
    "headers-5000": lambda got: got.count(b"\r\nX-") == 5000,
    "interim-20000": lambda got: got.count(b" 100 Continue") > 10_000,
    "status-999": lambda got: got.startswith(b"HTTP/1.1 999 "),
    "set-cookie": lambda got: got.count(b"\r\nSet-Cookie: ") == 2,
    "header-injection": lambda got: b"\rSet-Cookie" in got and b"\0" in got,
    "session-flood": lambda got: got.count(b"EbuIo-PlugIt-SetSession-") == 60,
    "redirect-split": lambda got: b"Redirect: //elsewhere.example/" in got,
    "restart": lambda got: got == b"<end>",
    "idle-close": lambda got: b"Connection: close" not in got and got.endswith(b"}<end>"),
    "late": lambda got: got == b"<waits>",
    "flap": lambda got: got == b"<reset>" or got.endswith(b"}<waits>"),
    "hot": lambda got: got.endswith(b"}<waits>"),
    "api-callback": lambda got: got.startswith(b"HTTP/1.1 500 No API"),
}


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.on == "action"])
def test_an_action_is_wrong_as_it_says(name: str) -> None:
    """On the wire, for each fault of an action."""
    got = read(name, first=0.2 if name in ("hang", "late") else 5.0)
    assert WRONG[name](got), got[:300]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("meta-not-json", b"<html>"),
        ("meta-wrong-type", b'"only_logged_user": "false"'),
        ("meta-only-unknown", b"only_left_handed_user"),
        ("meta-changes", b'"only_logged_user": false'),
    ],
)
def test_a_meta_is_wrong_as_it_says(name: str, word: bytes) -> None:
    """And is not to be kept, or a host would not see it get well."""
    got = read(name, "meta")
    assert word in body(got)
    assert name == "meta-not-json" or b"max-age=0" in got


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("template-syntax", b"{% if %}"),
        ("template-loop", b"{% for a in items %}" * 6),
        ("template-memory", b"ljust"),
        ("template-escape", b"settings.SECRET_KEY"),
    ],
)
def test_a_template_is_wrong_as_it_says(name: str, word: bytes) -> None:
    """The action of the same name is well, and its data feed the loop."""
    assert word in body(read(name, "template"))
    assert b'"items"' in body(read(name))


def test_a_bomb_is_small_and_becomes_large() -> None:
    """100 kB on the wire, 100 MiB unpacked."""
    (wire,) = FAULTS["gzip-bomb"].script(Asked(healthy=HEALTHY))
    assert isinstance(wire, bytes)
    assert len(wire) < 200_000
    assert len(gzip.decompress(body(wire))) == 100 * faults.MIB


@pytest.mark.parametrize(
    ("name", "turn", "broken"),
    [("500-once", 0, True), ("500-once", 1, False), ("restart", 0, True), ("restart", 1, False)],
)
def test_some_are_wrong_only_some_of_the_time(name: str, turn: int, broken: bool) -> None:
    """By how often they were called."""
    asked = Asked(healthy=HEALTHY, turn=turn)
    assert (list(FAULTS[name].script(asked)) != [asked.page]) is broken


@pytest.mark.parametrize(("at", "broken"), [(10.0, False), (10.9, False), (11.0, True), (12.1, False)])
def test_flapping_follows_the_clock(at: float, broken: bool) -> None:
    """Well for a second, broken for a second."""
    asked = Asked(healthy=HEALTHY, time=at)
    assert (list(FAULTS["flap"].script(asked)) != [asked.page]) is broken


def test_what_is_late_is_later_than_a_page_may_be() -> None:
    """And then comes whole."""
    asked = Asked(healthy=HEALTHY)
    assert list(FAULTS["late"].script(asked)) == [Hang(faults.LATE), asked.page]
    assert faults.LATE > 5.0


def test_what_drips_drips_longer_than_a_deadline() -> None:
    """A byte every half second, and enough of them."""
    for name in ("drip-head", "drip-body"):
        drips = [step for step in FAULTS[name].script(Asked(healthy=HEALTHY)) if isinstance(step, Drip)]
        assert [drip.seconds for drip in drips] == [0.5]
        assert len(drips[0].data) * 0.5 > 60


def test_nothing_of_the_table_is_shared_and_changed() -> None:
    """A fault played twice is the same twice."""
    asked = Asked(healthy=HEALTHY)
    for fault in FAULTS.values():
        if fault.name not in ("huge-page", "huge-file"):
            assert list(fault.script(asked)) == list(fault.script(asked)), fault.name


def test_the_steps_are_of_the_kinds_that_a_server_plays() -> None:
    """Bytes, or something with `play`."""
    asked = Asked(healthy=HEALTHY)
    for fault in FAULTS.values():
        first = next(iter(fault.script(asked)))
        assert isinstance(first, (bytes, Close, Drip, Hang, Pause)), fault.name

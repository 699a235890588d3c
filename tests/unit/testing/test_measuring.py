"""What measures isolation: visitors of a process of their own, the watch in the host, the judge."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.servers import serve_in_thread

from plugit_wsgi.testing import isolation
from plugit_wsgi.testing.faults import FAULTS
from plugit_wsgi.testing.isolation import Bench, Setup
from plugit_wsgi.testing.load import Sample, Stream, run_load
from plugit_wsgi.testing.measured import Felt, Phase, Row, percentile
from plugit_wsgi.testing.scripts import HANG, Close, Received, Script, ToxicServer, ok
from plugit_wsgi.testing.toxic import ToxicService
from plugit_wsgi.testing.verdicts import HEADING, MIB, answers_of, judge, line_of
from plugit_wsgi.testing.watched import WATCHED, Process, Watched

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


# Load -------------------------------------------------------------------------------------------------------


def respond(request: Received) -> Script:
    """An answer for each way to be judged."""
    return {
        b"/right": [ok(b"the word")],
        b"/wrong": [ok(b"another word")],
        b"/leak": [ok(b"at 10.9.8.7:5000")],
        b"/short": [ok(b"the word")[:-2], Close()],
        b"/500": [b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"],
        b"/chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nthe word\r\n0\r\n\r\n"],
        b"/broken-chunks": [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nthe word\r\n",
            Close(),
        ],
        b"/hang": [HANG],
    }[request.target]


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[Sample]]:
    """A quarter of a second of everything at once."""
    names = ("right", "wrong", "leak", "short", "500", "chunks", "broken-chunks", "hang")
    with ToxicServer(respond) as server, socket.create_server(("127.0.0.1", 0)) as listener:
        streams = [Stream(name=name, url=f"{server.url}/{name}", rate=20, text="the word") for name in names]
        streams.append(Stream(name="visitors", url=f"{server.url}/right", rate=40, visitors=4, text="word"))
        streams.append(Stream(name="patient", url=f"{server.url}/hang", rate=400, visitors=3))
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        listener.close()
        streams.append(Stream(name="refused", url=nobody, rate=20))
        return run_load(streams, seconds=0.25, grace=0.25, secrets=["10.9.8.7:5000"])


@pytest.mark.parametrize(
    ("name", "status", "right", "leaks"),
    [
        ("right", 200, True, False),
        ("wrong", 200, False, False),
        ("leak", 200, False, True),
        ("short", 0, False, False),
        ("500", 500, False, False),
        ("chunks", 200, True, False),
        ("broken-chunks", 0, False, False),
        ("hang", 0, False, False),
        ("refused", 0, False, False),
    ],
)
def test_every_request_is_judged(
    loaded: dict[str, list[Sample]], name: str, status: int, right: bool, leaks: bool
) -> None:
    """An open stream sends when the time has come; who gets no answer counts too."""
    found = loaded[name]
    assert len(found) == 5
    assert {(item.status, item.right, item.leaks) for item in found} == {(status, right, leaks)}
    assert sorted(item.at for item in found) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2], abs=1e-3)


def test_visitors_take_turns_and_wait(loaded: dict[str, list[Sample]]) -> None:
    """As many a second as was asked for; but who hangs asks no second time, however high the rate."""
    assert 8 <= len(loaded["visitors"]) <= 11
    assert len(loaded["patient"]) == 3


def test_who_is_never_answered_waited_to_the_end(loaded: dict[str, list[Sample]]) -> None:
    """The time is that until the end of the grace."""
    for item in loaded["hang"]:
        assert item.at + item.seconds == pytest.approx(0.5, abs=0.2)


# Watch ------------------------------------------------------------------------------------------------------


class Slow:
    """An app whose answer takes its time when it is read. Remembers what was closed."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.closed = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("503 Busy" if environ["PATH_INFO"].endswith("busy") else "200 OK", [])
        if environ["PATH_INFO"].endswith("broken"):
            raise ValueError("made up")
        return self

    def __iter__(self) -> Iterator[bytes]:
        self.go_on.wait(5)
        yield b"slow"

    def close(self) -> None:
        self.closed += 1


def ask(app: WSGIApplication, path: str) -> bytes:
    answer = app({"PATH_INFO": path}, lambda *_: lambda _data: None)
    try:
        return b"".join(answer)
    finally:
        getattr(answer, "close", lambda: None)()


def watched(app: WSGIApplication) -> dict[str, Any]:
    return dict(json.loads(ask(app, WATCHED)))


def test_a_request_is_watched_until_its_answer_is_closed() -> None:
    """By the prefix of its path; then it is forgotten."""
    slow = Slow()
    app = Watched(slow, {"bad": "/s/bad/"})
    threads = [threading.Thread(target=ask, args=(app, f"/s/bad/{name}")) for name in ("busy", "fine")]
    for thread in threads:
        thread.start()
    while watched(app)["most"].get("bad") != 2:
        pass
    slow.go_on.set()
    for thread in threads:
        thread.join()
    ask(app, "/elsewhere")
    found = watched(app)
    assert sorted((name, status) for name, status, *_ in found["ended"]) == [
        ("", "200"),
        ("bad", "200"),
        ("bad", "503"),
    ]
    assert all(0 <= held < 5 for _, _, held, _ in found["ended"])
    assert slow.closed == 3
    assert watched(app)["ended"] == []


def test_an_app_that_fails_is_watched_too() -> None:
    """Its error goes on to the server."""
    app = Watched(Slow(), {"bad": "/"})
    with pytest.raises(ValueError, match="made up"):
        ask(app, "/broken")
    assert [name for name, *_ in watched(app)["ended"]] == ["bad"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_is_seen_from_outside() -> None:
    """Peak, threads, descriptors; the peak can be forgotten."""
    code = "import sys; x = bytearray(60_000_000); del x; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        process = Process(child.pid)
        peak = process.peak
        process.forget_peak()
        assert peak - process.peak > 50_000_000
        assert process.threads == 1
        assert process.descriptors >= 3
        child.stdin.close()
    assert Process(os.getpid()).threads >= 1


# Judge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "percent", "expected"),
    [([], 50, 0.0), ([1.0], 99, 1.0), ([1.0, 2.0, 3.0, 4.0], 50, 3.0), (list(range(100)), 99, 99)],
)
def test_percentiles_are_by_nearest_rank(times: list[float], percent: float, expected: float) -> None:
    assert percentile(times, percent) == expected


def phase(
    good: float = 0.01, slowest: float = 0.02, host: float = 0.01, right: int = 100, **more: Any
) -> Phase:
    """A hundred requests, most of which take `good` seconds."""
    times = [good] * 90 + [slowest] * 10
    samples = {
        "good": [Sample(0.0, time, 200, number < right, False) for number, time in enumerate(times)],
        "host": [Sample(0.0, host, 200, True, False)] * 5,
        "bad": [
            *[Sample(0.0, 0.001, 502, False, bool(more.pop("leaks", False)))] * more.pop("bad", 7),
            *[Sample(0.0, 0.001, 200, True, False)] * more.pop("well", 0),
        ],
    }
    return Phase(samples=samples, **more)


def row(during: Phase, fault: str = "close", recovery: float | None = 0.5, **more: Any) -> Row:
    without = phase(peak=100 * MIB)
    return Row(
        fault=fault,
        row=FAULTS[fault].row,
        without=without,
        during=during,
        recovery=recovery,
        after=1.0,
        **more,
    )


@pytest.mark.parametrize(
    ("promise", "measured", "kept"),
    [
        ("G1", row(phase()), True),
        ("G1", row(phase(good=0.0119)), True),
        ("G1", row(phase(good=0.0121)), False),
        ("G1", row(phase(slowest=0.029)), True),
        ("G1", row(phase(slowest=0.031)), False),
        ("G1", row(phase(right=99)), False),
        ("G2", row(phase(host=0.059)), True),
        ("G2", row(phase(host=0.061)), False),
        ("G3", row(phase(held=5.09)), True),
        ("G3", row(phase(held=5.11)), False),
        ("G3", row(phase(held=60.0), fault="huge-file"), None),
        ("G3", row(phase()), None),
        ("G4", row(phase(peak=179 * MIB)), True),
        ("G4", row(phase(peak=181 * MIB)), False),
        ("G4", row(phase()), None),
        ("G5", row(phase(calls=10, refusal=0.004)), True),
        ("G5", row(phase(calls=10, refusal=0.006)), False),
        ("G5", row(phase(calls=11, refusal=0.004)), False),
        ("G5", row(phase(calls=900)), False),
        ("G5", row(phase(calls=0, bad=10), fault="refuse"), True),
        ("G5", row(phase(calls=0, bad=11), fault="refuse"), False),
        ("G5", row(phase(calls=21, well=11), fault="flap"), True),
        ("G5", row(phase(calls=21, well=10), fault="flap"), False),
        ("G5", row(phase(calls=900), fault="500"), None),
        ("G5", row(phase(calls=900, refusal=0.05), fault="hang"), None),
        ("G6", row(phase(), recovery=12.9), True),
        ("G6", row(phase(), recovery=13.1), False),
        ("G6", row(phase(), recovery=None), False),
        ("G7", row(phase()), True),
        ("G7", row(phase(leaks=True)), False),
        ("G8", row(phase(lines=1.5)), True),
        ("G8", row(phase(lines=1.6)), False),
        ("G8", row(phase()), None),
        ("G9", row(phase(), descriptors=(10, 18), threads=(9, 17)), True),
        ("G9", row(phase(), descriptors=(10, 19), threads=(9, 9)), False),
        ("G9", row(phase(), descriptors=(10, 10), threads=(9, 18)), False),
        ("G9", row(phase()), None),
    ],
)
def test_a_promise_is_kept_up_to_its_number(promise: str, measured: Row, kept: bool | None) -> None:
    """With four places at the bad service."""
    assert judge(measured, 4)[promise].kept is kept


def test_a_line_says_what_falls_short() -> None:
    """Below the heading; answers that the row does not allow are marked."""
    line = line_of(row(phase(lines=160.0)), 4)
    assert line.startswith("F7    close")
    assert "FAIL 160.0/s" in line
    assert HEADING.split()[:5] == ["row", "fault", "answers", "G1", "G2"]
    assert answers_of(row(phase())) == "502:7"
    assert answers_of(row(phase(), fault="500")) == "502:7!"


def test_two_runs_become_one() -> None:
    """All samples, and the most of what was used."""
    both = phase(peak=3, lines=1.0, calls=2).with_(phase(peak=5, lines=0.5, calls=1))
    assert (len(both.samples["good"]), both.peak, both.lines, both.calls) == (200, 5, 1.0, 3)


def test_a_row_is_json() -> None:
    """To be kept beside those of other days."""
    table = json.loads(json.dumps(row(phase(calls=3), threads=(8, 9)).to_table()))
    assert table["fault"] == "close"
    assert table["threads"] == [8, 9]
    assert table["during"]["calls"] == 3
    assert table["during"]["felt"]["good"]["count"] == len(table["during"]["good"]) == 100


def test_what_is_felt_counts_those_without_an_answer() -> None:
    felt = Felt.of([Sample(0, 1.0, 0, False, False), Sample(0, 0.1, 200, True, False)])
    assert (felt.right, felt.p99, felt.statuses) == (0.5, 1.0, {"0": 1, "200": 1})


# All of it --------------------------------------------------------------------------------------------------


def test_a_row_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a host that hands on what the toxic service says."""
    monkeypatch.setattr(isolation, "GONE_WITHIN", 0.1)

    def host(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status = 200
        if environ["PATH_INFO"].startswith("/bad/"):
            target = environ["PATH_INFO"].replace("/bad/", "/action/")
            status, _ = isolation.ask(service.url + target, timeout=2)
        start_response(f"{status} Said", [("Content-Type", "text/plain")])
        return [b"hello"]

    with ToxicService() as service, serve_in_thread(Watched(host, {"bad": "/bad/"})) as url:
        setup = Setup(
            bad=f"{url}/bad/",
            good=f"{url}/good",
            host=f"{url}/",
            admin=service.admin.url,
            good_text="hello",
            process=Process(os.getpid()),
            watched=url,
        )
        found = Bench(setup, seconds=0.5, grace=1.0).measure(FAULTS["503"])
        assert service.calls != {}
    assert set(found.during.felt["bad"].statuses) == {"503"}
    assert set(found.without.felt["bad"].statuses) == {"200"}
    assert found.during.calls == found.during.felt["bad"].count > 10
    assert found.during.refusal is not None
    assert found.during.held is not None
    assert found.during.felt["good"].right == found.after == 1.0
    assert found.recovery is not None
    assert found.recovery < 1.0

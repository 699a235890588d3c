"""What is large or broken, under every server: bodies stream both ways, and no half is told to be whole.

wsgiref.validate stands around the host's site only: it refuses cheroot's chunked input, and blames the
application when a server meets a connection that is gone.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plugit_wsgi.testing.toxic import Close, Received, Script, ToxicServer, ok
from tests.live.programs import KIB, MIB, Host, forget_peak, peak, run_host
from tests.live.visitor import Visitor
from tests.support.servers import SERVERS

MOUNT = "/s/live/"
#: How much more memory a host may take at its peak while it passes 30 or 50 MiB on.
FLAT = 8 * MIB
#: waitress itself keeps what it has sent already of an answer, 16 MiB (`outbuf_high_watermark`) and
#: more, and lets go of it then.
FLAT_OF_ANSWERS = {"waitress": 32 * MIB}
MANY = 20  # more than a host of eight threads has places for streams
BOUNDARY = b"a-boundary-of-the-tests"


def promised(*lines: bytes) -> bytes:
    """The head of a file."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"EbuIo-PlugIt-ItAFile: True", *lines, b"", b""])


META = b'{"template_tag": ""}'
BREAKS: dict[bytes, Script] = {
    b"small": [promised(b"Content-Length: 1000"), b"x" * 500, Close()],
    b"length": [promised(b"Content-Length: 3000000"), b"x" * 200_000, Close()],
    b"reset": [promised(b"Content-Length: 3000000"), b"x" * 200_000, Close(reset=True)],
    b"chunks": [promised(b"Transfer-Encoding: chunked"), b"30d40\r\n" + b"x" * 200_000 + b"\r\n", Close()],
    b"chunk": [promised(b"Transfer-Encoding: chunked"), b"f4240\r\n" + b"x" * 200_000, Close()],
}


def misbehave(request: Received) -> Script:
    """A service whose files break off."""
    _, call, name = request.target.split(b"?")[0].split(b"/")
    return [ok(META, b"Content-Type: application/json")] if call == b"meta" else BREAKS[name]


@pytest.fixture(scope="module")
def broken() -> Iterator[str]:
    """The URL of that service."""
    with ToxicServer(misbehave) as server:
        yield server.url


@pytest.fixture(scope="module", params=SERVERS)
def host(request: pytest.FixtureRequest, services: dict[str, str], broken: str) -> Iterator[Host]:
    """A host under each server."""
    with run_host(request.param, {**services, "broken": broken}, validate=False) as found:
        yield found


@pytest.fixture
def visitor(host: Host) -> Iterator[Visitor]:
    """Anna."""
    with host.visitor("anna") as found:
        yield found


def upload(visitor: Visitor, content: bytes) -> dict[str, str]:
    """Sends a file with a form; gives what the service got."""
    token = visitor.get(f"{MOUNT}form").token
    body = b"\r\n".join(
        [
            b"--" + BOUNDARY,
            b'Content-Disposition: form-data; name="file"; filename="a.bin"',
            b"Content-Type: application/x-test",
            b"",
            content,
            b"--" + BOUNDARY + b"--",
            b"",
        ]
    )
    headers = [
        ("Content-Type", f"multipart/form-data; boundary={BOUNDARY.decode()}"),
        ("X-CSRFToken", token),
    ]
    answer = visitor.post(f"{MOUNT}upload", headers=headers, body=body)
    assert answer.status == 200, answer.text
    found: dict[str, str] = json.loads(answer.body)
    return found


def test_an_upload_of_30_mib_takes_no_memory(host: Host, visitor: Visitor, files: Path) -> None:
    """It is spooled to disk, and arrives byte for byte, with name and type."""
    with (files / "big").open("rb") as file:
        content = file.read(30 * MIB)
    upload(visitor, b"small")
    before = settled(host)
    found = upload(visitor, content)
    assert found == {
        "name": "a.bin",
        "type": "application/x-test",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert peak(host.running.process.pid) - before < FLAT


def test_a_download_of_50_mib_takes_no_memory(host: Host, visitor: Visitor, files: Path) -> None:
    """Byte for byte, with its length, which is known before it is over."""
    visitor.get(f"{MOUNT}text/a")
    before = settled(host)
    response = visitor.begin("GET", f"{MOUNT}download/big")
    found = hashlib.sha256()
    with response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str((files / "big").stat().st_size)
        assert response.headers["Content-Disposition"] == 'attachment; filename="big"'
        while piece := response.read(256 * KIB):
            found.update(piece)
    assert found.digest() == hashlib.sha256((files / "big").read_bytes()).digest()
    assert peak(host.running.process.pid) - before < FLAT_OF_ANSWERS.get(host.server, FLAT)


def settled(host: Host) -> int:
    """The memory of the host now, from which its peak is counted."""
    forget_peak(host.running.process.pid)
    return peak(host.running.process.pid)


def test_a_part_of_a_large_file_is_a_part(visitor: Visitor, files: Path) -> None:
    """A range in the middle, of an action's file; ranges are the service's to honour."""
    answer = visitor.get(f"{MOUNT}download/big", headers=[("Range", "bytes=40000000-40000009")])
    with (files / "big").open("rb") as file:
        file.seek(40_000_000)
        assert (answer.status, answer.body) == (206, file.read(10))


def test_a_chunked_body_arrives_where_the_server_hands_it_over(host: Host, visitor: Visitor) -> None:
    """wsgiref reads no chunks, and gives no sign of them: it loses the body, as it does for every app."""
    content = bytes(range(256)) * 12_000
    pieces = [content[start : start + 100_000] for start in range(0, len(content), 100_000)]
    token = visitor.get(f"{MOUNT}form").token
    headers = [("Content-Type", "application/octet-stream"), ("X-CSRFToken", token)]
    if host.server == "wsgiref":
        pieces = [b"lost"]  # more would be written to a connection that is closed already
    found = json.loads(visitor.post(f"{MOUNT}body", headers=headers, body=iter(pieces)).body)
    arrived = b"" if host.server == "wsgiref" else content
    assert (found["length"], found["sha256"]) == (len(arrived), hashlib.sha256(arrived).hexdigest())


def test_whoever_hangs_up_in_a_stream_frees_its_place(host: Host) -> None:
    """All places for streams are taken, everybody leaves, and they can be had again."""
    if host.server == "wsgiref":  # one thread, one stream at a time
        assert [begin(host, f"{MOUNT}download/big") for _ in range(MANY)] == [200] * MANY
        return
    with ExitStack() as open_ones:
        streams = take_all(host, open_ones)
        assert streams
        assert [len(stream.read(1000)) for stream in streams] == [1000] * len(streams)
    assert is_free(host, f"{MOUNT}download/big")
    with host.visitor() as visitor:
        assert visitor.get(f"{MOUNT}page/a").status == 200


def take_all(host: Host, open_ones: ExitStack) -> list[http.client.HTTPResponse]:
    """Begins downloads until one is refused."""
    streams: list[http.client.HTTPResponse] = []
    for _ in range(MANY):
        visitor = open_ones.enter_context(host.visitor())
        response = open_ones.enter_context(visitor.begin("GET", f"{MOUNT}download/big"))
        if response.status == 503:
            return streams
        assert response.status == 200
        streams.append(response)
    raise AssertionError(f"{MANY} streams at a time, and none was refused")


def is_free(host: Host, target: str) -> bool:
    """Whether a stream can be had within 10 s: servers notice at their next write that a visitor has left."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        if begin(host, target) == 200:
            return True
        time.sleep(0.05)
    return False


def begin(host: Host, target: str) -> int:
    """The status of a file, whose visitor hangs up at once."""
    with host.visitor() as visitor, visitor.begin("GET", target) as response:
        return response.status


@pytest.mark.parametrize("how", ["length", "reset", "chunks", "chunk"])
def test_a_file_that_breaks_off_is_never_a_short_200(host: Host, how: str) -> None:
    """The visitor's connection breaks off too, wherever the server says how long the body is.

    HTTP/1.0 without a length cannot say it: that is wsgiref, for a service that sends chunks.
    """
    with host.visitor() as visitor:
        response = visitor.begin("GET", f"/s/broken/{how}")
        assert response.status == 200
        if host.server == "wsgiref" and how.startswith("chunk"):
            assert "Content-Length" not in response.headers
            assert len(response.read()) <= 200_000
        else:
            with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
                response.read()
        response.close()
    with host.visitor() as visitor:
        assert visitor.get("/").status == 200


def test_a_small_file_that_breaks_off_is_a_page_that_says_so(visitor: Visitor) -> None:
    """It is read before a byte of it is shown."""
    answer = visitor.get("/s/broken/small")
    assert answer.status == 502
    assert b"xxx" not in answer.body


def test_files_that_broke_off_hold_no_place(host: Host) -> None:
    """Whether the visitor was there to the end or not; many more of them than there are places."""
    for _ in range(MANY):
        assert is_free(host, "/s/broken/length")
        assert is_free(host, "/s/broken/chunks")

"""F38, F39: visitors who upload slowly, too much, or what is no form; the service is not asked at all."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugit_wsgi import Limits
from plugit_wsgi.testing.transport_contract import memory_below
from tests.faults.conftest import MakeWorld
from tests.faults.world import QUICK, World, limits, soon

MIB = 1024 * 1024
BOUNDARY = "a-boundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
FORM = "application/x-www-form-urlencoded"


def part(name: str, content: bytes = b"v", filename: str = "") -> bytes:
    """One part of a form."""
    file = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def spooled() -> int:
    """Temporary files that are open; they have no name, or are deleted already."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # the one of the listing itself
            continue
    return sum(link.startswith(tempfile.gettempdir()) for link in links)


class Upload:
    """A POST that a visitor sends bit by bit.

    Args:
        world: with its token.
        address: of the host.
        length: that is announced.
        content_type: of the body.
    """

    def __init__(self, world: World, address: str, length: int, content_type: str = MULTIPART) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        cookies = "; ".join(
            f"{cookie.key}={cookie.value}" for cookie in world.visitor._client._cookies.values()
        )
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        lines = (
            "POST /s/x/fine HTTP/1.1",
            f"Host: {host}:{port}",
            "X-Test-User: anna",
            f"Cookie: {cookies}",
            f"X-CSRFToken: {world.token()}",
            f"Content-Type: {content_type}",
            f"Content-Length: {length}",
            "Connection: close",
            "",
            "",
        )
        self.send("\r\n".join(lines).encode())

    def send(self, content: bytes) -> None:
        """A bit."""
        self.socket.sendall(content)

    def status(self) -> int:
        """Of the answer."""
        with self.socket.makefile("rb") as answer:
            return int(answer.readline().split()[1])

    def close(self) -> None:
        """Leaves."""
        self.socket.close()


@pytest.fixture
def address(world: World, serve: Callable[[Any], str]) -> str:
    """The host on a socket of its own; the visitor has a token."""
    world.expect_well()
    return serve(world.host.middleware)


def test_f38_uploads_slowly(world: World, address: str) -> None:
    """No place is held while it comes, longer than any deadline; then it is the service's."""
    file = part("file", b"x" * (2 * MIB), "a.bin")
    before = spooled()
    upload = Upload(world, address, len(file) + len(END))
    world.toxic.reset()
    for piece in range(4):
        upload.send(file[piece * MIB // 2 : (piece + 1) * MIB // 2])
        time.sleep(QUICK.page / 3)
        assert (world.places.taken, world.streams.taken) == (0, 0)
    assert world.toxic.calls == {}
    soon(lambda: spooled() > before)
    world.expect_well()
    upload.send(file[2 * MIB :] + END)
    assert upload.status() == 200
    upload.close()
    assert world.toxic.calls["action/fine"] == 2
    soon(lambda: spooled() == before)


def test_f38_slow_uploads_take_no_place_from_pages(world: World, address: str) -> None:
    """Twelve of them, at a host of eight threads."""
    uploads = [Upload(world, address, 10 * MIB) for _ in range(12)]
    for upload in uploads:
        upload.send(part("file", b"x" * 1000, "a.bin"))
    for _ in range(3):
        assert world.places.taken == 0
        world.expect_well()
    for upload in uploads:
        upload.close()


def test_f38_f39_hangs_up_in_mid_upload(world: World, address: str) -> None:
    """What was spooled is gone, and nothing reached the service."""
    before = spooled()
    upload = Upload(world, address, 10 * MIB)
    upload.send(part("file", b"x" * (2 * MIB), "a.bin"))
    soon(lambda: spooled() > before)
    world.toxic.reset()
    upload.close()
    soon(lambda: spooled() == before)
    assert world.toxic.calls == {}
    world.expect_free()


@pytest.mark.parametrize("content_type", [MULTIPART, FORM, "application/octet-stream"])
def test_f39_says_that_it_uploads_10_gb(world: World, address: str, content_type: str) -> None:
    """413 before a byte of it is read."""
    upload = Upload(world, address, 10 * 1024**3, content_type)
    started = time.monotonic()
    assert upload.status() == 413
    assert time.monotonic() - started < 0.5
    upload.close()


@pytest.mark.parametrize("content_type", [MULTIPART, "application/octet-stream"])
def test_f39_uploads_more_than_is_taken(make_world: MakeWorld, content_type: str) -> None:
    """413, also where the length is not told: at the cap, and on no more memory than a few pieces."""
    world = make_world(limits=limits(upload_size=8 * MIB))
    world.expect_well()
    before = spooled()
    body = Endless(part("file", b"", "a.bin")[:-2])
    world.toxic.reset()
    given = {**CHUNKED, "CONTENT_TYPE": content_type, "wsgi.input": body}
    with memory_below(4 * MIB):
        seen = world.visit("fine", method="POST", environ_overrides=given)
    assert seen.status == 413
    assert body.read_so_far < 9 * MIB
    assert world.toxic.calls == {}
    assert spooled() == before
    world.expect_well()


CHUNKED = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


class Endless:
    """A body without end, after a start."""

    def __init__(self, start: bytes) -> None:
        self._start = start
        self.read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        """A piece."""
        assert size > 0
        piece, self._start = self._start[:size] or b"x" * size, self._start[size:]
        self.read_so_far += len(piece)
        return piece

    def readline(self, size: int = -1) -> bytes:
        """As `read`."""
        return self.read(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        """As `read`."""
        return [self.read(hint)]

    def __iter__(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"".join(part(f"f{number}") for number in range(10_000)) + END, MULTIPART, 413),
        (b"".join(part(f"f{number}", b"v", "a.txt") for number in range(10_000)) + END, MULTIPART, 413),
        (b"&".join(b"f%d=v" % number for number in range(10_000)), FORM, 413),
        (b"&" * 1_000_000, FORM, 413),
        (b"text=" + b"x" * (5 * MIB), FORM, 413),
        (part("a"), MULTIPART, 400),
        (part("a") + END[:-4], MULTIPART, 400),
        (part("a", b"x" * (2 * MIB), "a.bin"), MULTIPART, 400),
        (part("a")[:20], MULTIPART, 400),
        (b"nothing of a form", MULTIPART, 400),
        (b"x" * (2 * MIB), MULTIPART, 400),
        (b"--" + b"-" * 100_000, MULTIPART, 400),
        (part("a") + END, "multipart/form-data", 400),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_f39_uploads_what_is_too_much_or_no_form(
    world: World, content: bytes, content_type: str, status: int
) -> None:
    """10 000 parts 413, no final boundary 400; quickly, nothing reaches the service, and nothing is left."""
    world.expect_well()
    before = spooled()
    world.toxic.reset()
    with memory_below(16 * MIB):
        seen = world.visit("fine", method="POST", data=content, content_type=content_type)
    assert seen.status == status
    assert seen.seconds < 2
    assert world.toxic.calls == {}
    assert spooled() == before
    world.expect_nothing_shown(seen)
    world.expect_free()
    world.expect_well()


def test_f39_a_full_disk_is_the_host_s_fault(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A page of the host that says so; no place is lost, and the service is not asked."""
    world.expect_well()
    content = part("a", b"x" * MIB, "a.bin") + END
    world.toxic.reset()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not-there"))
    seen = world.visit("fine", method="POST", data=content, content_type=MULTIPART)
    monkeypatch.undo()
    assert (seen.status, world.toxic.calls) == (500, {})
    world.expect_free()
    world.expect_well()


def test_f39_limits_are_those_of_the_promise() -> None:
    """2 GiB of files, 4 MiB of a form, 1000 parts."""
    found = Limits()
    assert (found.upload_size, found.form_size, found.form_parts) == (2 * 1024 * MIB, 4 * MIB, 1000)

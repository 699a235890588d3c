"""A service on a real socket: streams keep the memory flat, and what is signed is what arrives."""

from __future__ import annotations

import hashlib
import http.client
import threading
import time
import tracemalloc
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from tests.support.servers import serve_in_thread
from tests.unit.sdk.support import KEY, sign

from plugit_wsgi import sdk
from plugit_wsgi.sdk import PlugItSendFile, ServiceApp
from plugit_wsgi.wire.context import digest

LARGE = 48 * 1024 * 1024
MEMORY = 14 * 1024 * 1024  # of which Werkzeug's server itself takes 10 MB to drain a connection
PIECE = b"0123456789abcdef" * 4096


@sdk.action("/take", methods=["PUT"])
def take(request):
    body = hashlib.sha256()
    while piece := request.stream.read(65536):
        body.update(piece)
    return {"sha256": body.hexdigest()}


@sdk.action("/upload", methods=["POST"])
def upload(request):
    body = hashlib.sha256()
    while piece := request.files["u"].stream.read(65536):
        body.update(piece)
    return {"sha256": body.hexdigest(), "name": request.files["u"].filename}


@sdk.action("/give")
def give(request):
    return PlugItSendFile("large", "application/octet-stream")


def pieces(head=b"", tail=b""):
    yield head
    for _ in range(LARGE // len(PIECE)):
        yield PIECE
    yield tail


def sha256(parts):
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


@pytest.fixture
def folder(tmp_path):
    """Holds a large file."""
    with (tmp_path / "large").open("wb") as file:
        for piece in pieces():
            file.write(piece)
    return tmp_path


@pytest.fixture(params=["with a key", "without a key"])
def url(request, folder):
    """A service on a socket."""
    module = SimpleNamespace(take=take, upload=upload, give=give)
    key = KEY if request.param == "with a key" else None
    with serve_in_thread(ServiceApp(module, folder=folder, key=key)) as base:
        yield base


@pytest.fixture
def peak():
    """Python's peak of memory in bytes since the test began."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exchange(url, method, path, body=None, headers=None, chunked=False):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, body=body, headers=headers or {}, encode_chunked=chunked)
        answer = connection.getresponse()
        found = hashlib.sha256()
        kept = b""
        while piece := answer.read(65536):
            found.update(piece)
            kept = piece
        return answer, found.hexdigest(), kept
    finally:
        connection.close()


def context(method, path, body_digest=None):
    claims = {} if body_digest is None else {"body_digest": body_digest}
    now = time.time()
    return {"X-Plugit-Context": sign(method, path, issued=now, expires=now + 60, **claims)}


def test_large_body_is_streamed(url, peak):
    """48 MiB through, a few MiB of memory."""
    expected = sha256(pieces())
    headers = {"Content-Length": str(LARGE), **context("PUT", "/action/take", expected)}
    answer, _, body = exchange(url, "PUT", "/action/take", pieces(), headers)
    assert (answer.status, body) == (200, b'{"sha256":"%s"}' % expected.encode())
    assert peak() < MEMORY


def test_large_chunked_body_is_streamed(url, peak):
    """The same without a length."""
    expected = sha256(pieces())
    headers = {"Transfer-Encoding": "chunked", **context("PUT", "/action/take", expected)}
    answer, _, body = exchange(url, "PUT", "/action/take", filter(None, pieces()), headers, chunked=True)
    assert (answer.status, body) == (200, b'{"sha256":"%s"}' % expected.encode())
    assert peak() < MEMORY


def test_large_upload_is_streamed(url, peak):
    """A form with a file, parsed after it was hashed."""
    head = (
        b'--BOUND\r\nContent-Disposition: form-data; name="u"; filename="\xc3\xa9.bin"\r\n'
        b"Content-Type: application/x-thing\r\n\r\n"
    )
    tail = b"\r\n--BOUND--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=BOUND",
        "Content-Length": str(LARGE + len(head) + len(tail)),
        **context("POST", "/action/upload", sha256(pieces(head, tail))),
    }
    answer, _, body = exchange(url, "POST", "/action/upload", pieces(head, tail), headers)
    assert answer.status == 200
    assert sha256(pieces()).encode() in body
    assert rb"\u00e9.bin" in body
    assert peak() < MEMORY


def test_large_file_is_streamed(url, peak):
    answer, found, _ = exchange(url, "GET", "/action/give", headers=context("GET", "/action/give"))
    assert (answer.status, answer.headers["Content-Length"], found) == (200, str(LARGE), sha256(pieces()))
    assert peak() < MEMORY


def test_headers_are_there_once(url):
    """Werkzeug's file answers bring a Date of their own."""
    answer, _, _ = exchange(url, "GET", "/action/give", headers=context("GET", "/action/give"))
    assert len(answer.headers.get_all("Date")) == 1


def test_many_visitors_at_once_get_their_own(folder):
    """32 threads; what an action sees is its own request."""

    @sdk.action("/who", methods=["POST"])
    def who(request):
        before = (request.plugit.user.id, request.form["n"], request.args["n"])
        time.sleep(0.002)  # so that the others come in between
        assert before == (request.plugit.user.id, request.form["n"], request.args["n"])
        return {"seen": before}

    failures = []

    def visit(url, number):
        for turn in range(5):
            body = f"n={number}".encode()
            query = f"n={number}".encode()
            now = time.time()
            token = sign(
                "POST", "/action/who", query, body, subject=f"{number}", issued=now, expires=now + 60,
                token_id=f"{number}-{turn}",
            )  # fmt: skip
            headers = {"X-Plugit-Context": token, "Content-Type": "application/x-www-form-urlencoded"}
            _, found, _ = exchange(url, "POST", f"/action/who?n={number}", body, headers)
            if found != digest(f'{{"seen":["{number}","{number}","{number}"]}}'.encode()):
                failures.append(number)

    with serve_in_thread(ServiceApp(SimpleNamespace(who=who), key=KEY)) as url:
        threads = [threading.Thread(target=visit, args=(url, number)) for number in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []

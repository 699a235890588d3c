"""The test tools themselves: a tool that can not fail hides what it should show."""

from __future__ import annotations

import os
import socket
import struct
import threading
import urllib.error
import urllib.request
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.support.imports import PACKAGE, read_imports, read_package
from tests.support.servers import SERVERS, run_app, serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from selenium.webdriver import Chrome

ECHO = """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield repr((environ["SCRIPT_NAME"], environ["PATH_INFO"])).encode()
"""
BROKEN = """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ["text, where WSGI wants bytes"]
"""


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def status(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=5)
    with caught.value as answer:
        return answer.code


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("Set-Cookie", "seen=yes")])
    return [b"<title>hello</title><p id=cookie>%s" % environ.get("HTTP_COOKIE", "none").encode()]


def test_imports_are_read_as_python_means_them(tmp_path: Path) -> None:
    """Relative, absolute, aliased, lazy; a name of a module is that module; the library is the top name."""
    files = {
        "__init__.py": "from .errors import E",
        "errors.py": "",
        "wire/__init__.py": "from . import names",
        "wire/names.py": "from ..errors import E\nfrom .. import errors as e\nimport os.path",
        "client.py": "import plugit_wsgi.wire.names as n\ndef f():\n    from django.template import Engine",
    }
    for name, text in files.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = read_imports(read_package(tmp_path))
    assert {(str(imp).replace(PACKAGE, "P"), imp.library, imp.lazy) for imp in found} == {
        ("P:1 imports P.errors", None, False),
        ("P.wire:1 imports P.wire.names", None, False),
        ("P.wire.names:1 imports P.errors", None, False),
        ("P.wire.names:2 imports P.errors", None, False),
        ("P.wire.names:3 imports os.path", None, False),
        ("P.client:1 imports P.wire.names", None, False),
        ("P.client:3 imports django.template", "django", True),
    }


@pytest.mark.parametrize("server", SERVERS)
def test_an_app_file_runs_under_each_server(server: str, tmp_path: Path) -> None:
    """`run_app` waits until the app answers, at the root and below a SCRIPT_NAME."""
    app = tmp_path / "app.py"
    app.write_text(dedent(ECHO))
    with run_app(server, app) as running:
        assert get(running.url + "/a") == "('', '/a')"
    with run_app(server, app, below="/under/here") as running:
        assert get(running.url + "/under/here/a") == "('/under/here', '/a')"
    with pytest.raises(ProcessLookupError):
        os.killpg(running.process.pid, 0)


def test_a_breach_of_wsgi_in_a_server_process_fails_the_test(tmp_path: Path) -> None:
    """What wsgiref.validate says in another process is an AssertionError here."""
    app = tmp_path / "app.py"
    app.write_text(dedent(BROKEN))
    with pytest.raises(AssertionError, match="validate"), run_app("waitress", app) as running:
        assert status(running.url) == 500


def test_an_app_that_does_not_start_fails_the_test_with_its_output(tmp_path: Path) -> None:
    """The reader of the report sees the traceback of the app."""
    app = tmp_path / "app.py"
    app.write_text("raise RuntimeError('out of cheese')")
    with pytest.raises(AssertionError, match="out of cheese"), run_app("wsgiref", app):
        pass


def test_a_breach_of_wsgi_in_a_thread_fails_the_test() -> None:
    """The findings of wsgiref.validate inside `serve` come out when the server ends."""

    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Status", "200")])
        return [b""]

    with pytest.raises(AssertionError, match="status"), serve_in_thread(broken) as url:
        assert status(url) == 500


def test_the_answer_to_a_visitor_who_resets_the_connection_is_closed() -> None:
    """Werkzeug's server does not; an unclosed answer would be blamed on the app."""
    gone, closed = threading.Event(), threading.Event()

    class Piece:
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"
            gone.wait(5)

        def close(self) -> None:
            closed.set()

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1")])
        return Piece()

    with serve_in_thread(slow) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as visitor:
            visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            visitor.recv(1)
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        assert closed.wait(5)


def test_the_browser_forgets_between_tests(browser: Chrome, serve: Callable[[WSGIApplication], str]) -> None:
    """The first half leaves a cookie behind; after a reset the server is not told it."""
    from tests.support.browser import forget_everything

    url = serve(hello)
    browser.get(url)
    assert browser.title == "hello"
    browser.get(url)
    assert browser.find_element("id", "cookie").text == "seen=yes"
    forget_everything(browser)
    browser.get(url)
    assert browser.find_element("id", "cookie").text == "none"

"""How much is done for one request, counted and not timed: `python -m bench.counts`.

For each kind of page, on a warm process: bytecode instructions in the library's own code, and calls of Python
functions in all other code (the template engine and the like). Neither depends on the machine or on what else
runs there; both depend on the version of Python, which is noted beside them. A test compares them with
bench/counts.json; `python -m bench.counts --write` replaces that file.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from wsgiref.util import setup_testing_defaults

import plugit_wsgi
from bench.service import Handler
from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.testing.clock import FakeClock

KEPT = Path(__file__).with_name("counts.json")
OURS = str(Path(plugit_wsgi.__file__).parent)
WRITTEN = "<service template>"
"""What the code comes from that is written for templates in Jinja's language; it counts as ours."""
KINDS = {
    "full page": "/s/bench/page",
    "full page, Jinja": "/s/bench/jinja",
    "page from the cache": "/s/bench/cached",
    "JSON action": "/s/bench/json",
    "media file": "/s/bench/media/picture.png",
    "passing request": "/about",
}
BROWSER = {
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
    "HTTP_ACCEPT_LANGUAGE": "en,de;q=0.5",
    "HTTP_CACHE_CONTROL": "max-age=0",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_COOKIE": "theme=dark; consent=yes",
    "HTTP_REFERER": "http://127.0.0.1/",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_SITE": "same-origin",
    "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}
TRIES = 5
Counts = dict[str, dict[str, int]]


def main() -> None:
    """Prints what is counted, beside what was kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"replace {KEPT.name}")
    options = parser.parse_args()
    found = measure()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for kind, counts in found.items():
        for what, count in counts.items():
            print(f"{kind:20} {what:24} {count:7} {kept.get('counts', {}).get(kind, {}).get(what, '')}")
    if options.write:
        KEPT.write_text(json.dumps({"python": python(), "counts": found}, indent=2) + "\n")


def python() -> str:
    """The version that instructions are of."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def measure() -> Counts:
    """Kind of page -> what is counted -> how often, the least of some tries."""
    with _service() as url, _quiet():
        app = PlugItMiddleware(
            _host,
            [Service("bench", url)],
            "for counting instructions, nothing else",
            identify=lambda _request: User("7", "zoe"),
            clock=FakeClock(),
        )
        try:
            return {kind: _least(lambda path=path: _visit(app, path)) for kind, path in KINDS.items()}  # type: ignore[misc]
        finally:
            app.close()


def _least(call: Callable[[], None]) -> dict[str, int]:
    for _ in range(3):
        call()
    tries = [_count(call) for _ in range(TRIES)]
    return {what: min(each[what] for each in tries) for what in ("instructions of ours", "calls of others")}


def _count(call: Callable[[], None]) -> Counter[str]:
    counts: Counter[str] = Counter()

    def ours(frame: FrameType, event: str, _argument: Any) -> Any:
        counts["instructions of ours"] += event == "opcode"
        return ours

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename.startswith((OURS, WRITTEN)):
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            return ours
        counts["calls of others"] += 1
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return counts


def _visit(app: PlugItMiddleware, path: str) -> None:
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1", **BROWSER}
    setup_testing_defaults(environ)
    told: list[str] = []

    def start_response(status: str, _headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told.append(status)

    body = app(environ, start_response)
    for _piece in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()
    if told != ["200 OK"]:
        raise RuntimeError(f"{path} answers {told}")


def _host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@contextmanager
def _service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


if __name__ == "__main__":
    main()

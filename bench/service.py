"""The service that `make bench` mounts: the least that speaks the protocol over kept-alive HTTP/1.1.

Runs as a process of its own, so that its CPU time is nobody else's; prints `Serving http://127.0.0.1:PORT`.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

ROWS = [{"name": f"Poll {number}", "votes": number * 7, "open": number % 2 == 0} for number in range(20)]

TEMPLATE = """{% extends "plugIt/base.html" %}
{% block title %}Polls{% endblock %}
{% block content %}<h1>Polls</h1><table class="table">
{% for row in rows %}<tr><td><a href="{{ ebuio_baseUrl }}show/{{ forloop.counter }}">{{ row.name }}</a></td>
<td>{{ row.votes }}</td><td>{% if row.open %}open{% else %}closed{% endif %}</td></tr>
{% endfor %}</table>{% endblock %}
"""

JINJA = TEMPLATE.replace("forloop.counter", "loop.index")

META = {
    "page": {"template_tag": "1"},
    "jinja": {"template_tag": "jinja-1", "template_language": "jinja"},
    "cached": {"template_tag": "1", "cache_time": 3600},
    "json": {"template_tag": "", "json_only": True},
}


def _json(value: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()


def _whole_page() -> str:
    """What proxies hand on: the page that others make of data and template, about 4 kB."""
    rows = "".join(
        f'<tr><td><a href="/show/{number}">{row["name"]}</a></td>\n<td>{row["votes"]}</td>'
        f'<td>{"open" if row["open"] else "closed"}</td><td class="text-muted small">since last week</td>'
        f'<td><a class="btn btn-default" href="/vote/{number}">Vote</a></td></tr>\n'
        for number, row in enumerate(ROWS, 1)
    )
    head = "<!doctype html><html><head><title>Polls</title></head><body><h1>Polls</h1>"
    return f'{head}<table class="table">\n{rows}</table></body></html>\n'


ANSWERS: dict[str, tuple[str, bytes]] = {
    "/version": _json({"result": "Ok", "version": "1", "protocol": "bench"}),
    "/ping": _json({"data": ""}),
    "/page.html": ("text/html; charset=utf-8", _whole_page().encode()),
    "/media/picture.png": ("image/png", bytes(16 * 1024)),
    "/media/large.bin": ("application/octet-stream", bytes(1024 * 1024)),
    "/meta/file": _json({"template_tag": "", "no_template": True}),
    "/action/file": ("application/octet-stream", bytes(1024 * 1024)),
    **{f"/meta/{action}": _json(meta) for action, meta in META.items()},
    **{f"/action/{action}": _json({"rows": ROWS}) for action in META},
    **{
        f"/template/{action}": ("text/plain; charset=utf-8", TEMPLATE.encode())
        for action in ("page", "cached")
    },
    "/template/jinja": ("text/plain; charset=utf-8", JINJA.encode()),
}
ETAG = '"1"'
#: The table of bench/scaling.py, by the milliseconds that its action takes.
SLOW = re.compile(r"/(meta|template|action)/slow-(\d+)")


class Handler(BaseHTTPRequestHandler):
    """Answers from the table. One per connection."""

    #: How often each path was asked for.
    asked: ClassVar[Counter[str]] = Counter()
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Look the path up."""
        path = self.path.partition("?")[0]
        slow = SLOW.fullmatch(path)
        if slow:
            path = f"/{slow[1]}/page"
            time.sleep(int(slow[2]) / 1000 if slow[1] == "action" else 0)
        self.asked[path] += 1
        kind, body = ANSWERS.get(path, ("text/plain", b""))
        if path == "/asked":
            kind, body = _json(self.asked)
        if path == "/media/large.bin":
            self._send_part(kind, body)
            return
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.path.startswith("/meta/"):
            self.send_header("Expire", "Fri, 01 Jan 2100 00:00:00 GMT")
        if path == "/action/file":
            self.send_header("EbuIo-PlugIt-ItAFile", "True")
            self.send_header("Content-Disposition", "attachment; filename=large.bin")
        self.end_headers()
        self.wfile.write(body)

    def _send_part(self, kind: str, body: bytes) -> None:
        """A file that may be kept for an hour: whole, a range of it, or the word that it is as it was."""
        part = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        same = self.headers["If-None-Match"] == ETAG
        self.send_response(304 if same else 206 if part else 200)
        if part:
            first, last = int(part[1]), int(part[2])
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            body = body[first : last + 1]
        body = b"" if same else body
        if not same:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "public, max-age=3600")
        self.send_header("ETag", ETAG)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"Serving http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()

"""The service of the ledger: keeps what is posted, and is killed while it does.

A script of its own that imports nothing of the package, so that it is back quickly::

    python ledger_service.py FILE PORT SEED
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

TEMPLATE = '{% extends "plugIt/base.html" %}{% block content %}<p>{{ text }}</p>{% endblock %}'
ANSWERS = {
    "/meta/page": {"template_tag": "1"},
    "/meta/append": {"template_tag": "", "json_only": True},
    "/action/page": {"text": "the ledger"},
}


class Ledger(BaseHTTPRequestHandler):
    """One connection. The server has the file and the dice."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: LedgerServer

    def do_GET(self) -> None:
        """Everything but the action that counts."""
        path = self.path.partition("?")[0]
        if path == "/template/page":
            self._answer(TEMPLATE.encode(), "text/html")
        elif path in ANSWERS:
            self._answer(json.dumps(ANSWERS[path]).encode(), "application/json")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Writes the id down, for good, then says so; dawdles around it."""
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode("ascii"))
        self._dawdle()
        os.write(self.server.file, f"{form['id'][0]}\n".encode("ascii"))
        os.fsync(self.server.file)
        self._dawdle()
        self._answer(b'{"stored": true}', "application/json")

    def _dawdle(self) -> None:
        if self.server.dice.random() < 0.5:
            time.sleep(self.server.dice.random() * 0.01)

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Not said beforehand: the next request may already be on its way.
        self.close_connection = self.server.dice.random() < 0.1

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class LedgerServer(ThreadingHTTPServer):
    """Holds the file that all connections write to. Thread-safe.

    Args:
        path: of the file.
        port: on 127.0.0.1.
        seed: of the dice.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, port: int, seed: int) -> None:
        super().__init__(("127.0.0.1", port), Ledger)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.dice = random.Random(seed)


if __name__ == "__main__":
    LedgerServer(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).serve_forever()

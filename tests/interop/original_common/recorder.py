# -*- coding: utf-8 -*-
"""A threaded Werkzeug server that writes down every request as it came over the wire.

One JSON object a line: ``method``, ``target`` (the request line's, undecoded), ``headers`` (pairs, in order,
bytes as latin-1) and ``body`` (bytes as latin-1). The line is on disk before the application sees the request.
"""

import io
import json
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

LOCK = threading.Lock()


class Handler(WSGIRequestHandler):
    """Keeps the raw request line and headers, which the environ no longer shows."""

    def make_environ(self):
        environ = WSGIRequestHandler.make_environ(self)
        environ["recorder.target"] = self.path
        environ["recorder.headers"] = [split_line(line) for line in self.headers.headers]
        return environ

    def log(self, type, message, *args):
        pass


def split_line(line):
    name, _, value = line.rstrip("\r\n").partition(":")
    return [name.decode("latin-1"), value.strip().decode("latin-1")]


def record(app, path):
    """Wrap a WSGI application: what it is asked is appended to the file at ``path``."""

    def recording(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        line = json.dumps({
            "method": environ["REQUEST_METHOD"],
            "target": environ["recorder.target"].decode("latin-1"),
            "headers": environ["recorder.headers"],
            "body": body.decode("latin-1"),
        })
        with LOCK, open(path, "ab") as calls:
            calls.write(line + b"\n")
        return app(environ, start_response)

    return recording


def serve(app, path):
    """Serve for ever on a free port of the loopback; say which one."""
    server = make_server("127.0.0.1", 0, record(app, path), threaded=True, request_handler=Handler)
    sys.stdout.write("Serving http://127.0.0.1:%d/\n" % server.socket.getsockname()[1])
    sys.stdout.flush()
    server.serve_forever()
